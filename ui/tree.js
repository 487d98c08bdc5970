// A record as a tree, built as far as it is opened: large texts, maps and lists come in pieces.

import { DEPTH_INDENTED, DEPTH_OPEN, KEYS_SHOWN, STRING_MORE, STRING_SHOWN, SUMMARY_VALUE_LENGTH_MAX } from "./limits.js";
import { button, make } from "./dom.js";
import { compact } from "./summary.js";
import { bytes, clipped, count, head, visible } from "./text.js";

const KEY_LENGTH_MAX = 200;
const PREVIEW_LENGTH = 80;

/** The tree of a record. `act(name, path, value, line)` is called for what a person wants with a value. */
export function makeTree(record, act) {
  const tree = make("div", { class: "tree", role: "tree", "aria-label": "Fields" });
  addChildren(tree, record, [], 0, 0);
  if (tree.firstChild) tree.firstChild.tabIndex = 0;
  else tree.append(make("div", { class: "dim" }, "no fields"));
  tree.addEventListener("keydown", (event) => onKey(event, tree, act));
  tree.addEventListener("click", (event) => onClick(event, act));
  return tree;
}

const isBranch = (value) => value !== null && typeof value === "object" && !ArrayBuffer.isView(value) && size(value) > 0;

const size = (value) => (Array.isArray(value) ? value.length : Object.keys(value).length);

/** Adds children from `from` on, as many as are shown at once. */
function addChildren(group, value, path, depth, from) {
  const keys = Array.isArray(value) ? null : Object.keys(value);
  const total = keys ? keys.length : value.length;
  const to = Math.min(total, from + KEYS_SHOWN);
  for (let i = from; i < to; i++) {
    const step = keys ? keys[i] : i;
    group.append(makeLine(step, value[step], [...path, step], depth));
  }
  if (to === total) return;
  const more = button(`Show ${count(Math.min(KEYS_SHOWN, total - to))} more of ${count(total - to)}`, () => {
    more.remove();
    addChildren(group, value, path, depth, to);
  }, { class: "small more-keys" });
  group.append(more);
}

function makeLine(step, value, path, depth) {
  const line = make("div", { class: "node", role: "treeitem", tabindex: "-1" });
  Object.assign(line, { path, value, depth });
  line.style.setProperty("--indent", depth > 0 && depth <= DEPTH_INDENTED ? 1 : 0);
  const label = make("div", { class: "node-line" });
  if (depth > DEPTH_INDENTED) label.append(make("span", { class: "dim" }, `${depth} `));
  label.append(make("span", { class: "node-key" }, clipped(String(step), KEY_LENGTH_MAX)), make("span", { class: "colon", "aria-hidden": "true" }, ":"));
  line.append(label);
  if (isBranch(value)) {
    line.setAttribute("aria-expanded", "false");
    line.classList.add("branch");
    label.append(make("span", { class: "preview" }, preview(value)));
    if (depth + 1 < DEPTH_OPEN && size(value) <= KEYS_SHOWN) open(line);
  } else {
    label.append(makeValue(value));
  }
  return line;
}

function preview(value) {
  const kind = Array.isArray(value) ? `[${count(value.length)}]` : `{${count(size(value))}}`;
  return `${kind} ${clipped(compact(value, PREVIEW_LENGTH), PREVIEW_LENGTH)}`;
}

function makeValue(value) {
  if (typeof value === "string") return makeString(value);
  if (ArrayBuffer.isView(value)) return make("span", { class: "value bytes", tabindex: "-1" }, `${bytes(value.byteLength)} of binary data`);
  const type = value === null ? "null" : typeof value;
  const text = type === "object" ? (Array.isArray(value) ? "[]" : "{}") : String(value);
  return make("span", { class: `value ${type}` }, text);
}

/** A text, its beginning first. Line breaks break lines here. */
function makeString(text) {
  const shown = make("span", { class: "value string" });
  const put = (length) => {
    shown.textContent = visible(head(text, length)).replaceAll("⏎", "⏎\n") || "\u201c\u201d";
  };
  put(STRING_SHOWN);
  if (text.length <= STRING_SHOWN) return shown;
  let length = STRING_SHOWN;
  const more = button("", () => {
    length += STRING_MORE;
    put(length);
    tell();
  }, { class: "small" });
  const tell = () => {
    more.textContent = `show more (${count(text.length)} characters)`;
    if (length >= text.length) more.remove();
  };
  tell();
  return make("span", {}, shown, more);
}

function open(line) {
  if (!line.group) {
    line.group = make("div", { class: "group", role: "group" });
    addChildren(line.group, line.value, line.path, line.depth + 1, 0);
    line.append(line.group);
  }
  line.group.hidden = false;
  line.setAttribute("aria-expanded", "true");
}

function close(line) {
  if (line.group) line.group.hidden = true;
  line.setAttribute("aria-expanded", "false");
}

const isOpen = (line) => line.getAttribute("aria-expanded") === "true";

function onClick(event, act) {
  if (event.target.closest("button")) return;
  const line = event.target.closest(".node");
  if (!line || !document.getSelection().isCollapsed) return;
  if (event.target.closest(".value, .node-key")) act("menu", line.path, line.value, event.target.closest(".value, .node-key"));
  else if (isBranch(line.value)) (isOpen(line) ? close : open)(line);
}

const KEYS = { "=": "include", "!": "exclude", c: "copy", p: "path", o: "column", Enter: "menu" };

function onKey(event, tree, act) {
  const line = event.target.closest(".node");
  if (!line || event.target !== line || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!move(event.key, line, tree)) {
    const name = KEYS[event.key];
    if (!name) return;
    act(name, line.path, line.value, line.firstChild);
  }
  event.preventDefault();
  event.stopPropagation();
}

/** Moves as trees do; whether the key was one for that. */
function move(key, line, tree) {
  const inSight = () => [...tree.querySelectorAll(".node")].filter((node) => node.offsetParent);
  if (key === "ArrowRight" && isBranch(line.value)) {
    if (isOpen(line)) focus(line.group.firstChild);
    else open(line);
  } else if (key === "ArrowLeft") {
    if (isBranch(line.value) && isOpen(line)) close(line);
    else focus(line.parentElement.closest(".node"));
  } else if (key === "ArrowDown" || key === "ArrowUp") {
    const lines = inSight();
    const next = lines[lines.indexOf(line) + (key === "ArrowDown" ? 1 : -1)];
    if (!next) return false;
    focus(next);
  } else {
    return key === "ArrowRight";
  }
  return true;
}

function focus(line) {
  if (!line) return;
  line.closest(".tree").querySelector('.node[tabindex="0"]')?.setAttribute("tabindex", "-1");
  line.tabIndex = 0;
  line.focus();
}

/** Short text of a value for a menu. */
export const brief = (value) => clipped(typeof value === "string" ? value : compact(value, SUMMARY_VALUE_LENGTH_MAX), 40);
