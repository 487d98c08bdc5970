// One row of the list as elements: made once, filled again and again. Strangers' text goes into text nodes only.

import { isFetchable } from "./store.js";
import { button, make, setText } from "./dom.js";
import { FETCH_PAGE } from "./limits.js";
import { cellText, levelOf, summaryOf, valueAt } from "./summary.js";
import { hueOf } from "./tagtree.js";
import { clipped, count, plural } from "./text.js";
import { fullTime, rowTime } from "./time.js";

const TAG_LENGTH_MAX = 200;

/** What a gap is called. */
const GAPS = {
  slow: (many) => `${many} passed over: this page did not keep up`,
  behind: (many) => `${many} came faster than this page could take them`,
  held: (many) => `${many} came while you were reading`,
  unloaded: (many) => `${many} not loaded`,
  older: () => "Older events are in the history",
  expired: (many) => `${many} gone: the server's history does not reach back so far`,
  lost: (many) => `${many} lost by the server's history`,
  epoch: () => "The server began anew here: what it had sent after this, if anything, is not known",
};

/** Makes the elements of an event's row. */
export function makeEventRow() {
  const twist = make("button", { type: "button", class: "twist", tabindex: "-1" });
  const when = make("time", { class: "when" });
  const level = make("span", { class: "level" });
  const tag = make("span", { class: "tag" });
  const cells = make("span", { class: "cells" });
  const summary = make("span", { class: "summary" });
  const line = make("div", { class: "row" }, twist, when, level, tag, cells, summary);
  const element = make("div", { class: "item event" }, line);
  element.parts = { twist, when, level, tag, cells, summary, line };
  return element;
}

/** Fills an event's row. `view`: `{ time, now, columns }`. */
export function fillEventRow(element, row, view) {
  const { twist, when, level, tag, cells, summary } = element.parts;
  const found = levelOf(row.record);
  element.dataset.level = found?.level ?? "none";
  element.style.setProperty("--hue", hueOf(row.tag));
  twist.setAttribute("aria-label", `Event ${row.seq}`);
  fillTime(element, row, view);
  when.title = fullTime(row.time, view.time === "utc" ? "utc" : "local");
  setText(level, found ? clipped(String(row.record[found.key]), 8) : "");
  setText(tag, clipped(row.tag, TAG_LENGTH_MAX));
  tag.title = tag.textContent;
  fillCells(cells, row, view.columns);
  fillSummary(summary, row.record, view.columns);
}

/** Fills the time only, which changes by itself when it is relative. */
export function fillTime(element, row, view) {
  setText(element.parts.when, rowTime(row.time, view.time, view.now));
}

function fillCells(cells, row, columns) {
  while (cells.children.length > columns.length) cells.lastChild.remove();
  while (cells.children.length < columns.length) cells.append(make("span", { class: "cell" }));
  columns.forEach((path, i) => {
    const value = valueAt(row.record, path);
    const cell = cells.children[i];
    setText(cell, cellText(value));
    cell.dataset.type = value === null ? "null" : typeof value;
  });
}

/** One text node for each part: what is copied and searched is the line as it stands. */
function fillSummary(summary, record, columns) {
  const parts = summaryOf(record, columns);
  let i = 0;
  for (const { kind, text } of parts) {
    const span = summary.children[i] ?? summary.appendChild(make("span"));
    span.className = kind;
    setText(span, kind === "key" ? `${i ? "  " : ""}${text}=` : text);
    i += 1;
  }
  while (summary.children.length > i) summary.lastChild.remove();
}

/** How many events a gap stands for, in words. */
export function gapCount(row) {
  if (row.events !== undefined) return plural(row.events, "event");
  if (row.to === null) return "Events";
  const numbers = row.to - row.from + 1;
  return numbers === 1 ? "1 event" : `Up to ${count(numbers)} events`;
}

/** Makes the row of a gap. `fetch(row, end)` fetches from its "start" or "end". */
export function makeGapRow(row, fetch) {
  const told = (GAPS[row.reason] ?? ((many) => `${many} missing (${row.reason})`))(gapCount(row));
  const line = make("div", { class: "row" }, make("span", { class: "gap-mark", "aria-hidden": "true" }), make("span", { class: "gap-text" }, told));
  const element = make("div", { class: "item gap", "data-reason": row.reason }, line);
  if (row.isFetching) line.append(make("span", { class: "gap-busy" }, "fetching…"));
  else if (row.trouble) line.append(make("span", { class: "gap-trouble" }, row.trouble));
  if (isFetchable(row) && !row.isFetching) line.append(...gapButtons(row, fetch));
  return element;
}

function gapButtons(row, fetch) {
  if (row.reason === "older") return [button(`Load ${count(FETCH_PAGE)} before`, () => fetch(row, "end"), { class: "small" })];
  if (row.to - row.from < FETCH_PAGE) return [button("Fetch", () => fetch(row, "start"), { class: "small" })];
  const page = count(FETCH_PAGE);
  return [
    button(`First ${page} ↓`, () => fetch(row, "start"), { class: "small" }),
    button(`Last ${page} ↑`, () => fetch(row, "end"), { class: "small" }),
  ];
}

/** Makes the row of a note: how many events were left out from here on. */
export function makeNoteRow(row) {
  const text = make("span", { class: "gap-text" }, noteText(row));
  const line = make("div", { class: "row" }, make("span", { class: "gap-mark", "aria-hidden": "true" }), text);
  const element = make("div", { class: "item note" }, line);
  element.parts = { text };
  return element;
}

/** What a note says, which changes while it is open. */
export const noteText = (row) => `Sampled from here on: ${plural(row.count, "event")} left out${row.isOpen ? " so far" : ""}`;

/** A row as text, for the clipboard. */
export function rowLine(row, time) {
  if (row.kind !== "event") return "";
  const level = levelOf(row.record);
  const parts = [rowTime(row.time, time === "relative" ? "local" : time, Date.now() / 1000), level ? String(row.record[level.key]) : null, row.tag];
  const summary = summaryOf(row.record).map(({ kind, text }, i) => (kind === "key" ? `${i ? "  " : ""}${text}=` : text));
  return [...parts.filter(Boolean), summary.join("")].join("  ");
}
