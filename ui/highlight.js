// Highlights a text or a regular expression without filtering: marks what is in sight, counts all rows, goes from one
// to the next. What a row shows in its line is searched. Marks are the browser's own, so no element changes.

import { MATCH_ROWS, MATCH_TIMEOUT } from "./limits.js";
import { matcher } from "./matcher.js";
import { compare } from "./store.js";
import { lineOf, summaryOf } from "./summary.js";

/** Milliseconds of a turn for searching rows for a plain text. */
const TURN_MS = 4;
/** Text nodes of open rows that are searched, and characters of each. */
const NODES_MAX = 400;
const NODE_LENGTH_MAX = 20_000;

const NAME = "found";

export class Highlight {
  pattern = "";
  isRegex = false;
  /** What is wrong with the pattern, or null. */
  trouble = null;
  #hits = new Set();
  #waiting = [];
  #worker = null;
  #asked = null;
  #generation = 0;
  #isTurning = false;

  /** `on`: `{ changed(), marked(element, isHit) }`. */
  constructor(store, list, on) {
    Object.assign(this, { store, list, on });
  }

  get isOn() {
    return this.pattern !== "" && this.trouble === null;
  }

  /** Whether rows are still to be searched. */
  get isSearching() {
    return this.isOn && (this.#waiting.length > 0 || this.#asked !== null);
  }

  /** Rows with a find, those that are gone not counted. */
  get count() {
    for (const row of this.#hits) if (row.isGone) this.#hits.delete(row);
    return this.#hits.size;
  }

  isHit(row) {
    return this.#hits.has(row);
  }

  /** Looks for something else. */
  look(pattern, isRegex) {
    this.#generation += 1;
    Object.assign(this, { pattern, isRegex, trouble: null });
    this.#hits.clear();
    this.#stopWorker();
    this.#waiting = [];
    if (pattern) {
      try {
        this.match = matcher(pattern, isRegex);
        // Those in sight first.
        this.#waiting = [...this.store.rows];
      } catch (error) {
        this.trouble = error.message;
      }
    }
    this.paint();
    this.#turn();
    this.on.changed();
  }

  /** New rows are searched, too. */
  added(rows) {
    if (!this.isOn) return;
    for (const row of rows) this.#waiting.push(row);
    this.#later();
  }

  #later() {
    if (this.#isTurning) return;
    this.#isTurning = true;
    setTimeout(() => {
      this.#isTurning = false;
      this.#turn();
    }, 30);
  }

  #turn() {
    if (!this.isOn || this.#asked) return;
    if (this.isRegex) this.#askWorker();
    else this.#search();
    if (this.#waiting.length > 0 && !this.isRegex) this.#later();
    this.on.changed();
  }

  #search() {
    const end = performance.now() + TURN_MS;
    let searched = 0;
    for (const row of this.#waiting) {
      searched += 1;
      if (!row.isGone && row.kind === "event" && textsOf(row).some((text) => this.match(text).length)) this.#hit(row);
      if (searched % 50 === 0 && performance.now() > end) break;
    }
    this.#waiting.splice(0, searched);
  }

  #hit(row) {
    this.#hits.add(row);
    const element = this.list.element(row);
    if (element) this.on.marked(element, true);
  }

  // -- Regular expressions

  #askWorker() {
    const rows = this.#waiting.splice(0, MATCH_ROWS).filter((row) => !row.isGone && row.kind === "event");
    if (rows.length === 0) return this.#waiting.length > 0 ? this.#later() : undefined;
    this.#ask(rows.flatMap(textsOf), (finds) => {
      rows.forEach((row, i) => (finds[2 * i].length || finds[2 * i + 1].length) && this.#hit(row));
      this.#later();
    });
  }

  /** Has texts searched by the worker, which is ended when that takes too long. */
  #ask(texts, take) {
    this.#worker ??= new Worker(new URL("./match-worker.js", import.meta.url), { type: "module" });
    const generation = this.#generation;
    // A worker takes a moment to begin.
    const timer = setTimeout(() => this.#giveUp("takes too long: make it simpler"), this.#worker.isWarm ? MATCH_TIMEOUT : 4 * MATCH_TIMEOUT);
    this.#asked = timer;
    this.#worker.onmessage = ({ data: { finds, error } }) => {
      this.#worker.isWarm = true;
      clearTimeout(timer);
      this.#asked = null;
      if (generation !== this.#generation) return;
      if (error) this.#giveUp(error);
      else take(finds);
    };
    this.#worker.onerror = () => this.#giveUp("regular expressions cannot be searched here");
    this.#worker.postMessage({ id: generation, pattern: this.pattern, texts });
  }

  #giveUp(trouble) {
    this.trouble = trouble;
    this.#stopWorker();
    this.#hits.clear();
    this.#waiting = [];
    this.paint();
    this.on.changed();
  }

  #stopWorker() {
    clearTimeout(this.#asked);
    this.#asked = null;
    this.#worker?.terminate();
    this.#worker = null;
  }

  // -- Marks

  /** Marks what is in sight. */
  paint() {
    if (!globalThis.CSS?.highlights) return;
    for (const element of this.list.elements()) this.on.marked(element, this.#hits.has(element.row));
    if (!this.isOn) return CSS.highlights.delete(NAME);
    const groups = this.#textGroups();
    if (!this.isRegex) return this.#set(groups, groups.map(({ text }) => this.match(text)));
    // A worker that searches rows is not asked for marks meanwhile; the next drawing asks again.
    if (this.#asked) return;
    this.#ask(groups.map(({ text }) => text), (finds) => {
      this.#set(groups, finds);
      this.#turn();
    });
  }

  /** Texts in sight, each made of one or more text nodes. */
  #textGroups() {
    const groups = [];
    for (const element of this.list.elements()) {
      if (element.row.kind !== "event") continue;
      const { tag, cells, summary } = element.parts;
      for (const part of [tag, summary, ...cells.children]) groups.push(group(part));
      if (element.detail) for (const part of element.detail.querySelectorAll(".node-key, .value")) groups.push(group(part));
      if (groups.length > NODES_MAX) break;
    }
    return groups.filter(({ text }) => text && text.length <= NODE_LENGTH_MAX);
  }

  #set(groups, finds) {
    const marks = new globalThis.Highlight();
    groups.forEach((group, i) => {
      for (const [from, to] of finds[i]) {
        const range = rangeIn(group, from, to);
        if (range) marks.add(range);
      }
    });
    CSS.highlights.set(NAME, marks);
  }

  // -- From one to the next

  /** The next (1) or previous (-1) row with a find, seen from a row; round at the ends. Null when there is none. */
  next(from, direction) {
    const hits = this.#sorted();
    if (hits.length === 0) return null;
    const place = from ?? (direction > 0 ? { era: -1, at: 0 } : { era: Infinity, at: 0 });
    if (direction > 0) return hits.find((row) => compare(row, place) > 0) ?? hits[0];
    return hits.findLast((row) => compare(row, place) < 0) ?? hits.at(-1);
  }

  /** Which of the rows with a find this is, from 1; 0 if it is none. */
  number(row) {
    return row && this.#hits.has(row) ? this.#sorted().indexOf(row) + 1 : 0;
  }

  #sorted() {
    return [...this.#hits].filter((row) => !row.isGone).sort(compare);
  }
}

const textsOf = (row) => [row.tag, lineOf(summaryOf(row.record))];

function group(element) {
  const nodes = [];
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) nodes.push(walker.currentNode);
  return { nodes, text: nodes.map(({ data }) => data).join("") };
}

/** A range over the text nodes of a group. */
function rangeIn({ nodes }, from, to) {
  const range = new Range();
  let passed = 0;
  let hasStart = false;
  for (const node of nodes) {
    const { length } = node.data;
    if (!hasStart && from < passed + length) {
      range.setStart(node, from - passed);
      hasStart = true;
    }
    if (hasStart && to <= passed + length) {
      range.setEnd(node, to - passed);
      return range;
    }
    passed += length;
  }
  return null;
}
