// The live page: makes its parts and joins them.

import { Actions } from "./actions.js";
import { fromHash, toHash } from "./address.js";
import { Columns } from "./columns.js";
import { Controls, isPhone } from "./controls.js";
import { Download } from "./download.js";
import { byId, button, make, setText, toast } from "./dom.js";
import { drawEmpty } from "./empty.js";
import { Fetcher } from "./fetcher.js";
import { Fields } from "./fields.js";
import { FilterBox } from "./filter.js";
import { Graph } from "./graph.js";
import { Highlight } from "./highlight.js";
import { drawSheet } from "./keyboard.js";
import { BACKLOG, BACKLOG_FILTERED, BUSY_RATE, DRAW_INTERVAL_BUSY } from "./limits.js";
import { List } from "./list.js";
import { Rates } from "./rates.js";
import { Reading } from "./reading.js";
import { Announcer, StateBar, troubleOf } from "./state.js";
import { Store } from "./store.js";
import { Stream } from "./stream.js";
import { levelName } from "./summary.js";
import { rowLine } from "./row.js";
import { TagTree } from "./tags.js";
import { TagCounts, withExcluded, withIncluded } from "./tagtree.js";
import { clipped, count } from "./text.js";
import { Token } from "./token.js";

/** Milliseconds between drawings while somebody reads: only what is out of sight changes. */
const DRAW_INTERVAL_READING = 250;
/** Milliseconds between words to screen readers. */
const ANNOUNCE_INTERVAL = 5000;
/** Characters of a chosen tag. */
const CHIP_LENGTH_MAX = 80;
/** Seconds after which the lag of the last event says nothing any more. */
const LAG_SECONDS = 10;

const token = new Token({ given: () => open() });
const state = fromHash(location.hash);
const store = new Store();
const rates = new Rates();
const fields = new Fields();
const tagCounts = new TagCounts();
const announcer = new Announcer();
const bar = new StateBar();
/** The highest number counted by tag in an epoch: a tag counts an event once, whatever filter shows it again. */
let counted = { epoch: "", seq: 0 };
let lag = null;
let viewVersion = 0;
let lastDraw = 0;
let isDrawing = false;
let writtenHash = location.hash;
/** Whether something came that figures do not say yet; else they are drawn once a second. */
let isNew = true;

const stream = new Stream({
  token: () => token.value,
  events: takeEvents,
  gap: (gap) => store.appendGap(gap),
  leftOut: (left) => {
    store.leftOut(left);
    rates.leftOut(left, Date.now() / 1000);
  },
  unsampled: () => store.closeNote(),
  hello: (hello) => store.hello(hello),
  reset: begin,
  state: stateChanged,
  taken: () => requestDraw(),
});

const list = new List({
  scroller: byId("list"),
  canvas: byId("canvas"),
  window: byId("window"),
  store,
  on: {
    pause: (why) => reading.pause(why),
    atEnd: () => reading.why === "scroll" && reading.resume(),
    scrolled: () => requestDraw(true),
    fetch: (row, side) => {
      reading.pause("scroll");
      fetcher.gap(row, side);
    },
    detail: (row) => actions.detail(row),
    view: () => ({ time: state.time, now: Date.now() / 1000, columns: columns.paths, version: viewVersion }),
    marked: (element, isHit = highlight.isHit(element.row)) => element.classList.toggle("hit", isHit),
  },
});

const fetcher = new Fetcher(store, {
  history: (options) => stream.history(options),
  wants,
  keep: () => list.inSight(),
  changed: () => requestDraw(true),
  added: (rows) => {
    highlight.added(rows);
    for (const { record } of rows) if (record) fields.add(record, Date.now() / 1000);
  },
});

const graph = new Graph(rates, {
  jump: (from) => reading.jump(from),
  choose: (by) => {
    state.by = by;
    graph.choose(by);
  },
  time: () => state.time,
});

const reading = new Reading({ store, list, fetcher, graph, on: { changed: drawFigures } });

const highlight = new Highlight(store, list, {
  changed: drawFinds,
  marked: (element, isHit) => element.classList.toggle("hit", isHit),
});

const columns = new Columns({
  changed: () => {
    state.columns = columns.paths;
    viewVersion += 1;
    requestDraw(true);
  },
  fields: () => fields.list(),
});

const filterBox = new FilterBox({
  apply: (text) => choose({ filter: text, tags: state.tags }),
  check: async (text) => {
    // Ends at once: it is asked for nothing.
    for await (const _ of stream.history({ filter: text, last: 0 })) break;
  },
  known: () => ({ fields: fields.list(), values: (name) => fields.values(name), tags: tagCounts.names() }),
});

const tagTree = new TagTree(tagCounts, {
  include: (pattern) => setTags(withIncluded(state.tags, pattern)),
  exclude: (pattern) => setTags(withExcluded(state.tags, pattern)),
  folded: () => tagTree.draw(state.tags),
});

const actions = new Actions({
  filterText: () => filterBox.text,
  setFilter: (text) => {
    filterBox.set(text);
    filterBox.apply();
  },
  tags: () => state.tags,
  setTags,
  columns,
  time: () => state.time,
  link: (row) => `${location.href.replace(/#.*$/, "")}#${toHash({ ...state, at: place(row) })}`,
  find: (text) => setFind(text, false),
});

const download = new Download({
  rows: () => store.rows.filter(({ kind }) => kind === "event"),
  gaps: () => store.rows.filter(({ kind, reason }) => kind === "gap" && reason !== "older").length,
  history: (options) => stream.history({ ...wants(), ...options }),
  columns: () => columns.paths,
  keys: () => [...new Set(fields.list().map(({ path }) => path[0]))],
  time: () => state.time,
});

// -- What comes

function takeEvents(epoch, events) {
  const now = Date.now() / 1000;
  if (epoch !== counted.epoch) counted = { epoch, seq: 0 };
  for (const { seq, tag, time, record } of events) {
    rates.add(time, tag, levelName(record), now);
    fields.add(record, now);
    if (seq > counted.seq) tagCounts.add(tag);
  }
  const last = events.at(-1);
  counted.seq = Math.max(counted.seq, last.seq);
  if (last.seq > stream.hello.seq) lag = { seconds: now - last.time, at: now };
  reading.came(events.length);
  const added = store.append(epoch, events);
  highlight.added(added);
  announcer.add(added);
}

/** All begins anew: connected for the first time, or with another filter. */
function begin(hello) {
  fetcher.cancel();
  rates.clear();
  store.clear();
  store.hello(hello);
  reading.reset();
  highlight.look(highlight.pattern, highlight.isRegex);
  isNew = true;
  if (state.at) goTo(state.at);
  requestDraw(true);
}

/** Shows the place that a link names. */
async function goTo(at) {
  state.at = null;
  const [epoch, seq] = [at.slice(0, 16), Number(at.slice(17))];
  reading.pause("pause");
  try {
    const row = await fetcher.place(epoch, seq);
    if (row) list.select(row, "top");
    else toast("The place that the link names is not in the history any more.");
  } catch (error) {
    toast(error.message);
  }
  requestDraw(true);
}

const place = (row) => `${store.epochs[row.era]}:${row.seq}`;

// -- What is asked for

function wants() {
  return { filter: state.filter || null, tag: state.tags.length ? state.tags : null };
}

const start = () => ({ last: state.filter || state.tags.length ? BACKLOG_FILTERED : BACKLOG });

function open() {
  stream.open(wants(), state.at ? { last: 0 } : start());
}

/** Asks for other events; throws when the server refuses, and then all stays. */
async function choose({ filter, tags }) {
  const before = { filter: state.filter, tags: state.tags };
  Object.assign(state, { filter, tags });
  drawChips();
  try {
    await stream.choose(wants(), start());
  } catch (error) {
    Object.assign(state, before);
    drawChips();
    throw error;
  }
}

function setTags(tags) {
  choose({ filter: state.filter, tags }).catch((error) => toast(error.message));
}

function setFind(pattern, isRegex) {
  Object.assign(state, { find: pattern, findsRegex: isRegex });
  byId("find").value = pattern;
  byId("find-regex").setAttribute("aria-pressed", String(isRegex));
  highlight.look(pattern, isRegex);
}

function stateChanged(now) {
  if (now.name === "closed" && now.status === 401) token.ask();
  if (now.name === "closed" && now.status === 400) filterBox.mistake(now.reason);
  drawState();
}

// -- Drawing

/** Draws the list with the next frame, or a little later when nobody could follow anyway. */
function requestDraw(isUrgent = false) {
  if (isDrawing) return;
  const pause = isUrgent ? 0 : reading.isOn ? DRAW_INTERVAL_READING : stream.rate > BUSY_RATE ? DRAW_INTERVAL_BUSY : 0;
  const wait = lastDraw + pause - performance.now();
  if (wait > 0) {
    drawTimer ??= setTimeout(() => {
      drawTimer = null;
      requestDraw(true);
    }, wait);
    return;
  }
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    lastDraw = performance.now();
    list.draw();
    highlight.paint();
    reading.draw();
    drawEmpty(store.events === 0 && stream.hello !== null, state, clear);
    if (isNew && store.events) drawSlowly();
  });
}
let drawTimer = null;

function drawState() {
  bar.drawState(stream.state, reading.isOn);
  const trouble = troubleOf(stream.state);
  byId("trouble").hidden = trouble === null;
  setText(byId("trouble"), trouble ?? "");
}

function drawFigures() {
  const now = Date.now() / 1000;
  const gaps = store.rows.filter(({ kind, reason }) => kind === "gap" && !["older", "unloaded"].includes(reason)).length;
  const isFresh = lag && now - lag.at < LAG_SECONDS;
  bar.draw({ stream, store, lag: isFresh ? Math.max(0, lag.seconds, stream.lag) : null, gaps, hello: stream.hello });
  drawState();
  const sight = reading.isOn ? list.inSight() : null;
  graph.readingAt = sight?.find(({ kind }) => kind === "event")?.time ?? null;
  graph.draw();
}

/** What changes all the time, and is read now and then. */
function drawSlowly() {
  isNew = false;
  drawFigures();
  drawFinds();
  tagTree.draw(state.tags);
  list.drawTimes();
  writeAddress();
}

function drawFinds() {
  const { pattern, trouble } = highlight;
  const told = byId("find-count");
  told.classList.toggle("wrong", trouble !== null);
  byId("find").setAttribute("aria-invalid", String(trouble !== null));
  if (trouble !== null) return setText(told, trouble);
  const number = highlight.number(list.selected);
  const total = highlight.isOn ? `${number ? `${count(number)}/` : ""}${count(highlight.count)}${highlight.isSearching ? "…" : ""}` : "";
  setText(told, pattern ? total : "");
}

function drawChips() {
  const chips = state.tags.map((tag) => {
    const text = clipped(tag.startsWith("!") ? `not ${tag.slice(1)}` : tag, CHIP_LENGTH_MAX);
    return button(`${text} ×`, () => setTags(state.tags.filter((other) => other !== tag)), { class: "chip", "aria-label": `No longer ${text}` });
  });
  byId("chips").replaceChildren(make("span", { class: "dim" }, "tags"), ...chips);
  byId("chips").hidden = chips.length === 0;
  byId("tags-clear").hidden = chips.length === 0;
  tagTree.draw(state.tags);
}

function clear() {
  filterBox.set("");
  choose({ filter: "", tags: [] }).then(() => filterBox.accept(""), (error) => toast(error.message));
}

const controls = new Controls({
  store, stream, list, reading, highlight, fetcher, graph, columns, filterBox, actions, download, token, state,
  setTags, setFind, clear, open, drawFinds,
  redraw: () => {
    viewVersion += 1;
    requestDraw(true);
  },
});

// -- The address

function writeAddress() {
  const first = reading.isOn ? list.inSight()?.find(({ kind }) => kind === "event") : null;
  const hash = toHash({ ...state, at: state.at ?? (first ? place(first) : null) });
  const wanted = hash ? `#${hash}` : "";
  if (wanted === writtenHash) return;
  writtenHash = wanted;
  history.replaceState(null, "", wanted || location.pathname + location.search);
}

addEventListener("hashchange", () => {
  if (location.hash !== writtenHash) location.reload();
});

// -- Begin

const name = decodeURIComponent(location.pathname).replace(/\/$/, "");
setText(byId("stream-name"), name);
document.title = name ? `Fluentcast ${name}` : "Fluentcast";
drawSheet();
controls.drawTimeForm();
columns.set(state.columns);
graph.choose(state.by);
filterBox.set(state.filter);
filterBox.accept(state.filter);
setFind(state.find, state.findsRegex);
drawChips();
drawState();
// On a phone the list comes first.
if (isPhone()) {
  controls.toggleGraph();
  byId("filter").placeholder = "Filter on the server";
}
open();
setInterval(drawSlowly, 1000);
setInterval(() => announcer.tell((row) => rowLine(row, state.time)), ANNOUNCE_INTERVAL);
