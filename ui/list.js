// The list: thousands of rows, of which only those in sight are in the document.
//
// All rows have one height, but those that are open. Nothing jumps: while somebody reads, the row at the top of
// the list stays where it is, whatever comes before or behind it. While following, the end stays in sight.

import { SELECTED_ROWS_MAX } from "./limits.js";
import { fillEventRow, fillTime, makeEventRow, makeGapRow, makeNoteRow, noteText, rowLine } from "./row.js";
import { setText } from "./dom.js";

/** Rows drawn above and below what is in sight. */
const OVERSCAN = 6;
/** Elements kept to be filled again. */
const SPARE_MAX = 80;
/** Drawings at a time, until heights are right. */
const DRAWS_MAX = 4;
/** Pixels from the end that still are the end. */
const END_SLACK = 8;

export class List {
  following = true;
  /** The row that keys act on. */
  selected = null;
  #elements = new Map();
  #spare = [];
  #open = new Map();
  #anchor = null;
  #lastTop = 0;
  #drawnView = null;

  /** `on`: `{ pause(why), atEnd(), scrolled(), fetch(row, end), detail(row), view(), marked(element) }`. */
  constructor({ scroller, canvas, window, store, on }) {
    Object.assign(this, { scroller, canvas, window, store, on });
    this.measure();
    this.sizes = new ResizeObserver((entries) => this.#resized(entries));
    new ResizeObserver(() => {
      this.measure();
      this.draw();
    }).observe(scroller);
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    scroller.addEventListener("wheel", ({ deltaY }) => this.wheel(deltaY), { passive: true });
    scroller.addEventListener("copy", (event) => this.#copy(event));
    document.addEventListener("selectionchange", () => this.following && this.#selectedRows() && this.on.pause("scroll"));
  }

  measure() {
    this.rowHeight = parseFloat(getComputedStyle(this.scroller).getPropertyValue("--row-height")) || 26;
    this.viewHeight = this.scroller.clientHeight;
  }

  // -- Where rows are

  /** Open rows in order, with what they are higher than others. */
  #extras() {
    const extras = [];
    for (const [id, { row, height }] of this.#open) {
      const index = this.store.indexOf(row);
      if (index < 0) this.#open.delete(id);
      else extras.push({ index, extra: height - this.rowHeight });
    }
    return extras.sort((a, b) => a.index - b.index);
  }

  #top(index, extras) {
    let top = index * this.rowHeight;
    for (const open of extras) if (open.index < index) top += open.extra;
    return top;
  }

  /** The row at a height, as an index. */
  #indexAt(y, extras) {
    let shift = 0;
    for (const { index, extra } of extras) {
      const top = index * this.rowHeight + shift;
      if (y < top) break;
      if (y < top + this.rowHeight + extra) return index;
      shift += extra;
    }
    return Math.max(0, Math.min(this.store.length - 1, Math.floor((y - shift) / this.rowHeight)));
  }

  /** The first and the last row in sight, or null. */
  inSight() {
    if (this.store.length === 0) return null;
    const extras = this.#extras();
    const { scrollTop } = this.scroller;
    return [this.#indexAt(scrollTop, extras), this.#indexAt(scrollTop + this.viewHeight - 1, extras)].map((index) => this.store.at(index));
  }

  // -- Drawing

  /** Puts what is in sight into the document; again when open rows turn out to be higher than was thought. */
  draw(again = DRAWS_MAX) {
    const view = this.on.view();
    const extras = this.#extras();
    const count = this.store.length;
    const height = this.#top(count, extras);
    this.canvas.style.height = `${height}px`;
    let top = this.following ? Math.max(0, height - this.viewHeight) : this.#anchoredTop(extras);
    top = Math.max(0, Math.min(top, height - this.viewHeight));
    if (Math.abs(top - this.scroller.scrollTop) >= 1) this.scroller.scrollTop = top;
    this.#lastTop = this.scroller.scrollTop;
    const range = this.#range(top, count, extras);
    this.#place(range, view);
    this.window.style.transform = `translateY(${this.#top(range[0], extras)}px)`;
    this.#drawnView = view;
    if (this.#measureOpen() && again > 1) return this.draw(again - 1);
    if (!this.following) this.#setAnchor();
  }

  #range(top, count, extras) {
    if (count === 0) return [0, 0];
    let first = Math.max(0, this.#indexAt(top, extras) - OVERSCAN);
    let last = Math.min(count, this.#indexAt(top + this.viewHeight, extras) + 1 + OVERSCAN);
    // Rows of a selection stay, or it would be lost.
    const selected = this.#selectedRows();
    if (selected) {
      const [from, to] = selected.map((row) => this.store.indexOf(row));
      if (from >= 0 && to >= 0 && Math.max(last, to + 1) - Math.min(first, from) <= SELECTED_ROWS_MAX) {
        first = Math.min(first, from);
        last = Math.max(last, to + 1);
      }
    }
    return [first, last];
  }

  #place([first, last], view) {
    const wanted = new Set();
    for (let i = first; i < last; i++) wanted.add(this.store.at(i).id);
    for (const [id, element] of this.#elements) if (!wanted.has(id)) this.#retire(id, element);
    const changed = this.#drawnView === null || view.version !== this.#drawnView.version;
    let before = null;
    for (let i = first; i < last; i++) {
      const element = this.#element(this.store.at(i), view, changed);
      const place = before ? before.nextSibling : this.window.firstChild;
      if (element !== place) this.window.insertBefore(element, place);
      before = element;
    }
  }

  #element(row, view, changed) {
    let element = this.#elements.get(row.id);
    if (row.kind !== "event") return this.#otherElement(row, element);
    if (!element) {
      element = this.#spare.pop() ?? makeEventRow();
      element.row = row;
      this.#elements.set(row.id, element);
      fillEventRow(element, row, view);
      this.#mark(element);
      if (this.#open.has(row.id)) this.#unfold(element);
    } else if (changed) {
      fillEventRow(element, row, view);
    }
    return element;
  }

  #otherElement(row, element) {
    const state = `${row.from}-${row.to} ${row.reason} ${row.isFetching ?? ""} ${row.trouble ?? ""}`;
    if (element && (row.kind === "note" || element.state === state)) {
      if (row.kind === "note") setText(element.parts.text, noteText(row));
      element.row = row;
      return element;
    }
    const fresh = row.kind === "note" ? makeNoteRow(row) : makeGapRow(row, this.on.fetch);
    fresh.state = state;
    fresh.row = row;
    if (element) this.#retire(row.id, element);
    this.#elements.set(row.id, fresh);
    this.#mark(fresh);
    return fresh;
  }

  #retire(id, element) {
    if (element.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
    this.#elements.delete(id);
    element.remove();
    if (element.row.kind !== "event" || this.#spare.length >= SPARE_MAX) return;
    this.#fold(element);
    this.#spare.push(element);
  }

  /** New times in sight, as a second has passed. */
  drawTimes() {
    const view = this.on.view();
    if (view.time !== "relative" || this.#selectedRows()) return;
    for (const element of this.#elements.values()) if (element.row.kind === "event") fillTime(element, element.row, view);
  }

  /** The elements in the document. */
  elements() {
    return this.#elements.values();
  }

  // -- Open rows

  isOpen(row) {
    return this.#open.has(row.id);
  }

  toggle(row) {
    if (row.kind !== "event") return;
    const element = this.#elements.get(row.id);
    if (this.#open.delete(row.id)) {
      if (element) this.#fold(element);
    } else {
      this.on.pause("scroll");
      this.#open.set(row.id, { row, height: this.rowHeight });
      if (element) this.#unfold(element);
    }
    this.draw();
  }

  #unfold(element) {
    element.detail = this.on.detail(element.row);
    element.append(element.detail);
    element.classList.add("open");
    element.parts.twist.setAttribute("aria-expanded", "true");
    this.sizes.observe(element);
  }

  #fold(element) {
    this.sizes.unobserve(element);
    element.detail?.remove();
    element.detail = null;
    element.classList.remove("open", "selected", "hit");
    element.parts.twist.setAttribute("aria-expanded", "false");
    this.#mark(element);
  }

  /** Whether an open row turned out to have another height than was thought. */
  #measureOpen() {
    let isOther = false;
    for (const [id, open] of this.#open) {
      const element = this.#elements.get(id);
      if (!element) continue;
      const height = element.offsetHeight;
      if (Math.abs(height - open.height) >= 1) {
        open.height = height;
        isOther = true;
      }
    }
    return isOther;
  }

  #resized(entries) {
    if (entries.some(({ target }) => Math.abs((this.#open.get(target.row?.id)?.height ?? target.offsetHeight) - target.offsetHeight) >= 1)) this.draw();
  }

  // -- Scrolling

  #scrolled() {
    const { scrollTop } = this.scroller;
    const end = this.canvas.offsetHeight - this.viewHeight;
    if (this.following && scrollTop < this.#lastTop - 1 && end - scrollTop > END_SLACK) this.on.pause("scroll");
    // The browser scrolls, too, to what gets the focus: that is no wish to follow.
    else if (!this.following && scrollTop > this.#lastTop && end - scrollTop <= 1 && !this.window.contains(document.activeElement)) this.on.atEnd();
    if (this.following) return;
    this.#lastTop = scrollTop;
    this.#setAnchor();
    this.on.scrolled();
  }

  /** A wheel that turns up while everything moves: the first notch already counts. So does one down at the end. */
  wheel(deltaY) {
    const end = this.canvas.offsetHeight - this.viewHeight;
    if (deltaY < 0 && this.following && end > 0) this.on.pause("scroll");
    else if (deltaY > 0 && !this.following && end - this.scroller.scrollTop <= 1) this.on.atEnd();
  }

  #setAnchor() {
    if (this.store.length === 0) return (this.#anchor = null);
    const extras = this.#extras();
    const index = this.#indexAt(this.scroller.scrollTop, extras);
    this.#anchor = { row: this.store.at(index), inset: this.scroller.scrollTop - this.#top(index, extras) };
  }

  #anchoredTop(extras) {
    if (!this.#anchor) return this.scroller.scrollTop;
    const { row, inset } = this.#anchor;
    const index = this.store.indexOf(row);
    // What stood in its place, if it is gone.
    return this.#top(index < 0 ? this.store.indexAt(row.era, row.at) : index, extras) + inset;
  }

  follow() {
    this.following = true;
    this.#anchor = null;
    this.draw();
  }

  stopFollowing() {
    this.following = false;
    this.#setAnchor();
  }

  /** Scrolls so that the row is in sight: at the top, in the middle, or wherever it is nearest. */
  show(row, where = "nearest") {
    const index = this.store.indexOf(row);
    if (index < 0) return;
    const extras = this.#extras();
    const top = this.#top(index, extras);
    const height = this.#open.get(row.id)?.height ?? this.rowHeight;
    let target = this.scroller.scrollTop;
    if (where === "top") target = top;
    else if (where === "middle") target = top - this.viewHeight / 3;
    else if (top < target) target = top;
    else if (top + Math.min(height, this.viewHeight) > target + this.viewHeight) target = top + Math.min(height, this.viewHeight) - this.viewHeight;
    const offset = Math.max(0, target);
    const first = this.#indexAt(offset, extras);
    this.#anchor = { row: this.store.at(first), inset: offset - this.#top(first, extras) };
    this.draw();
  }

  // -- The selected row, and selected text

  select(row, where) {
    const before = this.selected;
    this.selected = row;
    for (const { id } of [before, row].filter(Boolean)) if (this.#elements.has(id)) this.#mark(this.#elements.get(id));
    if (row && where) this.show(row, where);
  }

  #mark(element) {
    element.classList.toggle("selected", element.row.id === this.selected?.id);
    this.on.marked?.(element);
  }

  element(row) {
    return this.#elements.get(row.id);
  }

  /** The first and the last row of a selection of text in the list, or null. */
  #selectedRows() {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed || !this.window.contains(selection.anchorNode) || !this.window.contains(selection.focusNode)) return null;
    const rows = [selection.anchorNode, selection.focusNode].map((node) => (node instanceof Element ? node : node.parentElement)?.closest(".item")?.row);
    if (rows.includes(undefined)) return null;
    return rows.sort((a, b) => a.era - b.era || a.at - b.at);
  }

  /** Several rows are copied as lines; a piece of one as it is. */
  #copy(event) {
    const selected = this.#selectedRows();
    if (!selected || selected[0] === selected[1]) return;
    const [from, to] = selected.map((row) => this.store.indexOf(row));
    const lines = [];
    for (let i = from; i <= to && lines.length < SELECTED_ROWS_MAX; i++) lines.push(rowLine(this.store.at(i), this.on.view().time));
    event.clipboardData.setData("text/plain", `${lines.filter(Boolean).join("\n")}\n`);
    event.preventDefault();
  }
}
