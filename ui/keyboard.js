// Keys for everything, and the sheet that lists them.

import { byId, make } from "./dom.js";

/** Keys as they are shown, what they do in words, and the name of the action. */
const KEYS = [
  ["Reading", [
    [["End", "G"], "follow what is live", "follow"],
    [[" "], "pause, or resume", "pause"],
    [["j", "ArrowDown"], "next event", "down"],
    [["k", "ArrowUp"], "previous event", "up"],
    [["PageDown"], "a page down", "pageDown"],
    [["PageUp"], "a page up", "pageUp"],
    [["Home"], "the first event here", "first"],
    [["Enter", "o"], "open or close the event; fetch a gap", "open"],
    [["Escape"], "close, leave, clear", "escape"],
  ]],
  ["An event", [
    [["m"], "what can be done with it", "menu"],
    [["y"], "copy it as JSON", "copy"],
    [["l"], "copy a link to it", "link"],
    [["ArrowRight"], "into its fields", "into"],
  ]],
  ["Finding", [
    [["/"], "filter on the server", "filter"],
    [["f"], "highlight", "find"],
    [["n"], "next highlight", "next"],
    [["N"], "previous highlight", "previous"],
    [["]"], "next place where events are missing", "nextGap"],
    [["["], "previous one", "previousGap"],
    [["t"], "go to a time", "jump"],
    [["x"], "all tags, no filter", "clear"],
  ]],
  ["View", [
    [["c"], "columns", "columns"],
    [["z"], "local, UTC or relative times", "time"],
    [["g"], "graph", "graph"],
    [["b"], "tags", "tags"],
    [["d"], "download", "download"],
    [["?"], "this sheet", "help"],
  ]],
];

/** In a record's fields, told in the sheet; `tree.js` has them. */
const FIELD_KEYS = [
  ["↑ ↓ ← →", "from field to field, open and close"],
  ["=", "only events with this value"],
  ["!", "all but these"],
  ["c", "copy the value"],
  ["p", "copy the path"],
  ["o", "as a column"],
  ["Enter", "all of these, as a menu"],
];

const SHOWN = { " ": "space", ArrowDown: "↓", ArrowUp: "↑", ArrowRight: "→", PageDown: "Page ↓", PageUp: "Page ↑", Escape: "Esc" };

/** Calls `actions[name]()` for keys that nobody else takes. */
export function listen(actions) {
  const names = new Map(KEYS.flatMap(([, keys]) => keys).flatMap(([keys, , name]) => keys.map((key) => [key, name])));
  document.addEventListener("keydown", (event) => {
    const name = names.get(event.key);
    if (!name || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const { target } = event;
    const isTyping = target.matches("input, textarea, select");
    if (isTyping && event.key !== "Escape") return;
    // Buttons keep the keys that press them.
    if (target.matches("button, a, [role=menuitem]") && (event.key === "Enter" || event.key === " ")) return;
    if (actions[name]() === false) return;
    event.preventDefault();
  });
}

/** Fills the sheet. */
export function drawSheet() {
  const line = (keys, text) => make("div", { class: "help-line" }, make("dt", {}, ...keys.map((key) => make("kbd", {}, key))), make("dd", {}, text));
  const groups = KEYS.map(([title, keys]) => {
    return make("section", {}, make("h3", {}, title), make("dl", {}, ...keys.map(([names, text]) => line(names.map((key) => SHOWN[key] ?? key), text))));
  });
  const fields = make("section", {}, make("h3", {}, "In its fields"), make("dl", {}, ...FIELD_KEYS.map(([key, text]) => line([key], text))));
  byId("help-keys").replaceChildren(...groups, fields);
}
