// What the address holds: filter, tags, columns, place and how it is shown, so that a link shows the same. Pure.
//
// It stands behind the `#`, which browsers send to nobody. A token never stands there: one that somebody was given in
// a link is taken out at once.

import { COLUMNS_MAX } from "./limits.js";
import { TIME_FORMS } from "./time.js";

const PLACE = /^[0-9a-f]{16}:\d+$/i;

/** What nothing says otherwise. */
export const PLAIN = { filter: "", tags: [], columns: [], time: "local", by: "level", find: "", findsRegex: false, at: null };

/** A column is the path of a field, or as text its steps. */
const columnText = (path) => path.map((step) => String(step).replace(/[\\.,]/g, "\\$&")).join(".");

function columnPath(text) {
  return text.match(/(?:[^\\.]|\\.)+/g)?.map((step) => step.replace(/\\(.)/g, "$1")) ?? [];
}

/** The part of an address behind `#`, for a state; empty for the plain one. */
export function toHash(state) {
  const pairs = [];
  if (state.filter) pairs.push(["filter", state.filter]);
  for (const tag of state.tags) pairs.push(["tag", tag]);
  for (const path of state.columns) pairs.push(["column", columnText(path)]);
  if (state.time !== PLAIN.time) pairs.push(["time", state.time]);
  if (state.by !== PLAIN.by) pairs.push(["by", state.by]);
  if (state.find) pairs.push([state.findsRegex ? "find-regex" : "find", state.find]);
  if (state.at) pairs.push(["at", state.at]);
  return pairs.map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%3A", ":").replaceAll("%20", "+")}`).join("&");
}

/** The state that such a part names; what makes no sense is as if it were not there. */
export function fromHash(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const choice = (name, choices, otherwise) => (choices.includes(given.get(name)) ? given.get(name) : otherwise);
  return {
    filter: given.get("filter") ?? "",
    tags: given.getAll("tag").filter(Boolean).slice(0, 64),
    columns: given.getAll("column").map(columnPath).filter((path) => path.length).slice(0, COLUMNS_MAX),
    time: choice("time", TIME_FORMS, PLAIN.time),
    by: choice("by", ["tag", "level"], PLAIN.by),
    find: given.get("find-regex") ?? given.get("find") ?? "",
    findsRegex: given.has("find-regex"),
    at: PLACE.test(given.get("at") ?? "") ? given.get("at") : null,
  };
}

/** Takes a token out of an address: `{ token, url }`, with null when there is none. */
export function takeToken(href) {
  const url = new URL(href);
  const hash = new URLSearchParams(url.hash.slice(1));
  const token = url.searchParams.get("token") ?? hash.get("token");
  if (token === null) return { token: null, url: href };
  url.searchParams.delete("token");
  hash.delete("token");
  url.hash = hash.toString();
  return { token, url: url.href };
}
