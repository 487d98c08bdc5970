// The tags seen, as a tree with counts: a click shows only these, another button all but these.

import { byId, make, setText } from "./dom.js";
import { hueOf, patternOf } from "./tagtree.js";
import { clipped, count, short } from "./text.js";

/** Nodes drawn; a tree of more is no help. */
const NODES_MAX = 400;
const NAME_LENGTH_MAX = 80;

export class TagTree {
  #closed = new Set();
  #drawn = new Map();

  /** `on`: `{ include(pattern), exclude(pattern), folded() }`. */
  constructor(counts, on) {
    Object.assign(this, { counts, on });
    this.root = byId("tag-tree");
    this.note = make("p", { class: "dim" });
    this.root.addEventListener("click", (event) => this.#clicked(event));
  }

  /** Draws counts as they are; `chosen` are the patterns in force. Elements stay, so that nobody's focus is lost. */
  draw(chosen) {
    const wanted = [];
    const walk = (nodes, depth) => {
      for (const node of nodes) {
        if (wanted.length >= NODES_MAX) return;
        wanted.push({ node, depth });
        if (!this.#closed.has(node.tag)) walk(node.children, depth + 1);
      }
    };
    walk(this.counts.tree(), 0);
    const keys = new Set(wanted.map(({ node }) => node.tag));
    for (const [tag, line] of this.#drawn) {
      if (keys.has(tag)) continue;
      line.remove();
      this.#drawn.delete(tag);
    }
    let at = this.root.firstChild;
    for (const { node, depth } of wanted) {
      const line = this.#line(node, depth, chosen);
      if (line === at) at = at.nextSibling;
      else this.root.insertBefore(line, at);
    }
    this.#told();
  }

  /** What is to say below the tree. */
  #told() {
    const { others, size } = this.counts;
    setText(this.note, size === 0 ? "No events yet." : others ? `${short(others)} events of further tags` : "");
    this.root.append(this.note);
  }

  #line(node, depth, chosen) {
    const line = this.#drawn.get(node.tag) ?? this.#make(node);
    const pattern = patternOf(node);
    line.node = node;
    line.style.setProperty("--depth", depth);
    line.style.setProperty("--hue", hueOf(node.tag));
    const { twist, name, number, exclude } = line.parts;
    twist.classList.toggle("none", node.children.length === 0);
    twist.setAttribute("aria-expanded", String(!this.#closed.has(node.tag)));
    twist.setAttribute("aria-label", `Tags below ${node.tag}`);
    setText(name.firstChild, clipped(node.name, NAME_LENGTH_MAX));
    setText(number, short(node.count));
    number.title = `${count(node.count)} events on this page`;
    name.setAttribute("aria-pressed", String(chosen.includes(pattern)));
    exclude.setAttribute("aria-pressed", String(chosen.includes(`!${pattern}`)));
    line.classList.toggle("leaf", node.children.length === 0);
    return line;
  }

  #make(node) {
    const twist = make("button", { type: "button", class: "twist" });
    const label = make("span", { class: "tag-name" });
    const number = make("span", { class: "tag-count" });
    const name = make("button", { type: "button", class: "tag-choose", title: `Only ${clipped(node.tag, NAME_LENGTH_MAX)}` }, label, number);
    const exclude = make("button", { type: "button", class: "tag-exclude", title: "Leave out", "aria-label": `Leave out ${clipped(node.tag, NAME_LENGTH_MAX)}` }, "−");
    const line = make("div", { class: "tag-line" }, twist, name, exclude);
    line.parts = { twist, name, number, exclude };
    this.#drawn.set(node.tag, line);
    return line;
  }

  #clicked({ target }) {
    const line = target.closest(".tag-line");
    const pressed = target.closest("button");
    if (!line || !pressed) return;
    const { node } = line;
    if (pressed.classList.contains("twist")) {
      if (!this.#closed.delete(node.tag)) this.#closed.add(node.tag);
      this.on.folded();
    } else if (pressed.classList.contains("tag-choose")) {
      this.on.include(patternOf(node));
    } else {
      this.on.exclude(patternOf(node));
    }
  }
}
