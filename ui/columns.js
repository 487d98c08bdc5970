// Fields as columns: which ones, in which order, and their headings above the list.

import { byId, button, make } from "./dom.js";
import { pathText } from "./expression.js";
import { COLUMNS_MAX } from "./limits.js";
import { clipped } from "./text.js";

/** Fields that are listed to choose from. */
const LISTED_MAX = 200;
const NAME_LENGTH_MAX = 60;

const isSame = (a, b) => a.length === b.length && a.every((step, i) => String(step) === String(b[i]));

export class Columns {
  /** Paths of fields. */
  paths = [];

  /** `on`: `{ changed(), fields() }`. */
  constructor(on) {
    this.on = on;
    this.dialog = byId("columns-dialog");
    byId("columns-find").addEventListener("input", () => this.#list());
    byId("columns-none").addEventListener("click", () => this.set([]));
  }

  open() {
    byId("columns-find").value = "";
    this.#list();
    this.dialog.showModal();
  }

  has(path) {
    return this.paths.some((other) => isSame(other, path));
  }

  set(paths) {
    this.paths = paths.slice(0, COLUMNS_MAX);
    this.drawHeads();
    if (this.dialog.open) this.#list();
    this.on.changed();
  }

  /** Adds a column, or takes it away. */
  toggle(path) {
    this.set(this.has(path) ? this.paths.filter((other) => !isSame(other, path)) : [...this.paths, path]);
  }

  #move(path, by) {
    const at = this.paths.findIndex((other) => isSame(other, path));
    const paths = this.paths.toSpliced(at, 1);
    paths.splice(Math.max(0, at + by), 0, path);
    this.set(paths);
  }

  drawHeads() {
    const heads = byId("heads");
    heads.hidden = this.paths.length === 0;
    document.documentElement.style.setProperty("--columns", this.paths.length);
    document.documentElement.classList.toggle("has-columns", this.paths.length > 0);
    const names = this.paths.map((path) => {
      const name = clipped(path.join("."), NAME_LENGTH_MAX);
      return make("span", { class: "head" }, make("span", { title: pathText(path) }, name), button("×", () => this.toggle(path), { tabindex: "-1", title: `Remove ${name}` }));
    });
    const cells = make("span", { class: "cells" }, ...names);
    heads.replaceChildren(make("span", {}), make("span", {}, "time"), make("span", {}, "level"), make("span", {}, "tag"), cells, make("span", {}, "event"));
  }

  #list() {
    const wanted = byId("columns-find").value.toLowerCase();
    const fields = this.on.fields().filter(({ name }) => name.toLowerCase().includes(wanted) && !this.has(name.path ?? []));
    const chosen = this.paths.map((path) => this.#line(path, true));
    const others = fields.filter(({ path }) => !this.has(path)).slice(0, LISTED_MAX).map(({ path }) => this.#line(path, false));
    const none = chosen.length + others.length === 0 ? [make("p", { class: "dim" }, "No fields seen yet.")] : [];
    byId("columns-list").replaceChildren(...chosen, ...others, ...none);
  }

  #line(path, isChosen) {
    const name = clipped(path.join("."), NAME_LENGTH_MAX);
    const box = make("input", { type: "checkbox", onchange: () => this.toggle(path) });
    box.checked = isChosen;
    const line = make("div", { class: "column-line" }, make("label", {}, box, make("code", {}, name)));
    if (isChosen && this.paths.length > 1) {
      line.append(
        button("↑", () => this.#move(path, -1), { class: "small", "aria-label": `${name} further to the left` }),
        button("↓", () => this.#move(path, 1), { class: "small", "aria-label": `${name} further to the right` }),
      );
    }
    return line;
  }
}
