// What can be done with an event, a value, a tag: the open row, its menus, the clipboard.

import { excluded, having, included, literal, pathText } from "./expression.js";
import { button, copyText, make, toast } from "./dom.js";
import { showMenu } from "./menu.js";
import { brief, makeTree } from "./tree.js";
import { levelOf } from "./summary.js";
import { withExcluded } from "./tagtree.js";
import { clipped } from "./text.js";
import { fullTime } from "./time.js";

const TAG_LENGTH_MAX = 200;

export class Actions {
  /**
   * `page`: `{ filterText(), setFilter(text), tags(), setTags(tags), columns, time(), link(row), epoch(row), find(text) }`.
   */
  constructor(page) {
    this.page = page;
  }

  // -- The open row

  /** What an open row shows below its line. */
  detail(row) {
    const form = this.page.time() === "utc" ? "utc" : "local";
    const meta = make("div", { class: "meta" },
      make("span", { class: "meta-time" }, fullTime(row.time, form)),
      make("span", { class: "meta-tag" }, clipped(row.tag, TAG_LENGTH_MAX)),
      make("span", { class: "dim" }, `#${row.seq}`),
      make("span", { class: "spacer" }),
      button("Copy JSON", () => this.copyEvent(row), { class: "small" }),
      button("Copy link", () => this.copyLink(row), { class: "small" }),
    );
    return make("div", { class: "detail" }, meta, makeTree(row.record, (name, path, value, anchor) => this.value(name, path, value, anchor)));
  }

  copyEvent(row) {
    const { seq, tag, time, record } = row;
    this.#copy(JSON.stringify({ seq, tag, time, record }, null, 2), "The event");
  }

  copyLink(row) {
    this.#copy(this.page.link(row), "A link to the event");
  }

  async #copy(text, what) {
    await copyText(text);
    toast(`${what} is copied.`);
  }

  // -- Values

  /** Does by name what a person wants with a value of a record. */
  value(name, path, value, anchor) {
    switch (name) {
      case "menu": return this.#valueMenu(path, value, anchor);
      case "include": return this.#filter(included(this.page.filterText(), path, value));
      case "exclude": return this.#filter(excluded(this.page.filterText(), path, value));
      case "copy": return this.#copy(typeof value === "string" ? value : JSON.stringify(value), "The value");
      case "path": return this.#copy(pathText(path), "The path");
      case "column": return this.page.columns.toggle(path);
      default: return undefined;
    }
  }

  #filter(text) {
    if (text === null) toast("A filter cannot compare with this value.");
    else this.page.setFilter(text);
  }

  #valueMenu(path, value, anchor) {
    const act = (name) => () => this.value(name, path, value);
    const isComparable = literal(value) !== null;
    showMenu(anchor, [
      ...(isComparable ? [
        { label: "Only this value", code: `== ${brief(value)}`, key: "=", run: act("include") },
        { label: "All but this value", code: `!= ${brief(value)}`, key: "!", run: act("exclude") },
      ] : []),
      { label: "Only events that have it", code: "has", run: () => this.#filter(having(this.page.filterText(), path)) },
      null,
      { label: this.page.columns.has(path) ? "No longer a column" : "As a column", key: "o", run: act("column") },
      ...(typeof value === "string" && value ? [{ label: "Highlight", run: () => this.page.find(value.slice(0, 200)) }] : []),
      null,
      { label: "Copy value", key: "c", run: act("copy") },
      { label: "Copy path", code: pathText(path), key: "p", run: act("path") },
    ]);
  }

  // -- Tags and whole rows

  #tagItems(row) {
    return [
      { label: "Only this tag", code: brief(row.tag), run: () => this.page.setTags([row.tag]) },
      { label: "All but this tag", code: brief(row.tag), run: () => this.page.setTags(withExcluded(this.page.tags(), row.tag)) },
    ];
  }

  tagMenu(row, anchor) {
    showMenu(anchor, [...this.#tagItems(row), null, { label: "Copy tag", run: () => this.#copy(row.tag, "The tag") }]);
  }

  levelMenu(row, anchor) {
    const level = levelOf(row.record);
    if (level) this.#valueMenu([level.key], row.record[level.key], anchor);
  }

  rowMenu(row, anchor) {
    const level = levelOf(row.record);
    const value = level && row.record[level.key];
    showMenu(anchor, [
      ...this.#tagItems(row),
      ...(level ? [
        { label: "Only this level", code: brief(value), run: () => this.value("include", [level.key], value) },
        { label: "All but this level", code: brief(value), run: () => this.value("exclude", [level.key], value) },
      ] : []),
      null,
      { label: "Copy JSON", key: "y", run: () => this.copyEvent(row) },
      { label: "Copy link", key: "l", run: () => this.copyLink(row) },
    ]);
  }
}
