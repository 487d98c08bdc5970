// The filter box: completion while typing, the server's word on a mistake below the place where it is.

import { byId, make } from "./dom.js";
import { complete, mistakeAt } from "./complete.js";

/** Milliseconds after the last key until the server is asked what it thinks. */
const CHECK_DELAY = 350;

export class FilterBox {
  /** The filter in force. */
  applied = "";
  #items = [];
  #from = 0;
  #chosen = -1;
  #timer = 0;
  #checked = 0;

  /** `on`: `{ apply(text) → promise, check(text) → promise, known() }`. */
  constructor(on) {
    this.on = on;
    this.input = byId("filter");
    this.list = byId("completions");
    this.error = byId("filter-error");
    byId("filter-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.apply();
    });
    byId("filter-clear").addEventListener("click", () => {
      this.set("");
      this.apply();
      this.input.focus();
    });
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("keydown", (event) => this.#onKey(event));
    this.input.addEventListener("click", () => this.#offer());
    this.input.addEventListener("blur", () => this.#close());
    this.input.addEventListener("scroll", () => this.#placeCaret());
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) this.#take([...this.list.children].indexOf(option));
    });
    this.error.addEventListener("click", () => this.#goToMistake());
  }

  get text() {
    return this.input.value.trim();
  }

  set(text) {
    this.input.value = text;
    this.#look();
  }

  focus() {
    this.input.focus();
    this.#offer();
  }

  /** Puts the filter in force; the server may refuse it. */
  async apply() {
    this.#close();
    clearTimeout(this.#timer);
    const { text } = this;
    try {
      await this.on.apply(text);
      this.accept(text);
    } catch (error) {
      this.mistake(error.message);
    }
    this.#look();
  }

  /** This is in force now. */
  accept(text) {
    this.applied = text;
    if (this.text === text) this.mistake(null);
    this.#look();
  }

  /** Shows what is wrong, or nothing. */
  mistake(message) {
    this.error.hidden = message === null;
    this.input.setAttribute("aria-invalid", String(message !== null));
    this.column = message === null ? null : mistakeAt(message);
    this.error.textContent = message === null ? "" : message.replace(/^`\$filter`: /, "");
    this.#placeCaret();
  }

  #placeCaret() {
    const caret = byId("filter-caret");
    caret.hidden = this.column === null || this.column === undefined;
    if (caret.hidden) return;
    const units = [...this.input.value].slice(0, this.column).join("").length;
    caret.style.setProperty("--column", units);
    caret.style.setProperty("--scrolled", `${this.input.scrollLeft}px`);
  }

  #goToMistake() {
    this.input.focus();
    const units = [...this.input.value].slice(0, this.column ?? 0).join("").length;
    this.input.setSelectionRange(units, units + 1);
    this.#close();
  }

  /** What surrounds the text: whether it can be cleared, or is not in force yet. */
  #look() {
    byId("filter-clear").hidden = this.input.value === "";
    byId("filter-apply").hidden = this.text === this.applied;
    this.input.form.classList.toggle("applied", this.applied !== "" && this.text === this.applied);
  }

  #typed() {
    this.#look();
    this.mistake(null);
    this.#offer();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#check(), CHECK_DELAY);
  }

  /** Asks the server about what is written, without changing what it sends. */
  async #check() {
    const { text } = this;
    const turn = ++this.#checked;
    if (!text || text === this.applied) return;
    try {
      await this.on.check(text);
    } catch (error) {
      // Something is always missing at the end of what is being written.
      const isUnfinished = mistakeAt(error.message) !== null && mistakeAt(error.message) >= [...text].length;
      if (turn === this.#checked && this.text === text && error.status === 400 && !isUnfinished) this.mistake(error.message);
    }
  }

  // -- Completion

  #offer() {
    const { from, items } = complete(this.input.value, this.input.selectionStart ?? 0, this.on.known());
    this.#from = from;
    this.#items = items;
    this.#chosen = -1;
    this.list.replaceChildren(...items.map(({ label, detail }, i) => {
      return make("li", { role: "option", id: `completion-${i}`, "aria-selected": "false" }, make("code", {}, label), make("span", {}, detail));
    }));
    const isOpen = items.length > 0 && document.activeElement === this.input;
    this.list.hidden = !isOpen;
    this.input.setAttribute("aria-expanded", String(isOpen));
    this.input.removeAttribute("aria-activedescendant");
  }

  #close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  #choose(index) {
    const options = this.list.children;
    this.#chosen = (index + options.length + 1) % (options.length + 1);
    if (this.#chosen === options.length) this.#chosen = -1;
    for (const [i, option] of [...options].entries()) option.setAttribute("aria-selected", String(i === this.#chosen));
    if (this.#chosen < 0) return this.input.removeAttribute("aria-activedescendant");
    options[this.#chosen].scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", `completion-${this.#chosen}`);
  }

  #take(index) {
    const { value, selectionStart } = this.input;
    const { insert } = this.#items[index];
    // The quote that ends a string is there already.
    const rest = value.slice(selectionStart).replace(/^"/, insert.includes('" ') ? "" : '"');
    this.input.value = value.slice(0, this.#from) + insert + rest;
    const at = this.#from + insert.length;
    this.input.setSelectionRange(at, at);
    this.#typed();
  }

  #onKey(event) {
    const isOpen = !this.list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!isOpen) this.#offer();
      this.#choose(this.#chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (isOpen && event.key === "Tab" && !event.shiftKey && this.text !== this.applied) {
      this.#take(Math.max(0, this.#chosen));
    } else if (isOpen && event.key === "Enter" && this.#chosen >= 0) {
      this.#take(this.#chosen);
    } else if (event.key === " " && event.ctrlKey) {
      this.#offer();
    } else if (event.key === "Escape") {
      if (isOpen) this.#close();
      else this.input.blur();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
