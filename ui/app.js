// The live page: makes its parts and joins them.

import { Actions } from "./actions.js";
import { fromHash, toHash } from "./address.js";
import { Columns } from "./columns.js";
import { Download } from "./download.js";
import { byId, button, make, setText, toast } from "./dom.js";
import { Fetcher } from "./fetcher.js";
import { Fields } from "./fields.js";
import { FilterBox } from "./filter.js";
import { Graph } from "./graph.js";
import { Highlight } from "./highlight.js";
import { drawSheet, listen } from "./keyboard.js";
import { BACKLOG, BACKLOG_FILTERED, BUSY_RATE, DRAW_INTERVAL_BUSY } from "./limits.js";
import { List } from "./list.js";
import { closeMenu } from "./menu.js";
import { Rates } from "./rates.js";
import { Reading } from "./reading.js";
import { Announcer, StateBar, troubleOf } from "./state.js";
import { isFetchable, Store } from "./store.js";
import { Stream } from "./stream.js";
import { levelName } from "./summary.js";
import { rowLine } from "./row.js";
import { TagTree } from "./tags.js";
import { TagCounts, withExcluded, withIncluded } from "./tagtree.js";
import { parseTime, TIME_FORMS } from "./time.js";
import { count } from "./text.js";
import { Token } from "./token.js";

/** Milliseconds between drawings while somebody reads: only what is out of sight changes. */
const DRAW_INTERVAL_READING = 250;
/** Milliseconds between words to screen readers. */
const ANNOUNCE_INTERVAL = 5000;
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
    drawEmpty();
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
    const text = tag.startsWith("!") ? `not ${tag.slice(1)}` : tag;
    return button(`${text} ×`, () => setTags(state.tags.filter((other) => other !== tag)), { class: "chip", "aria-label": `No longer ${text}` });
  });
  byId("chips").replaceChildren(make("span", { class: "dim" }, "tags"), ...chips);
  byId("chips").hidden = chips.length === 0;
  byId("tags-clear").hidden = chips.length === 0;
  tagTree.draw(state.tags);
}

function drawEmpty() {
  const empty = byId("empty");
  empty.hidden = store.events > 0 || stream.hello === null;
  if (empty.hidden || empty.dataset.filter === state.filter + state.tags) return;
  empty.dataset.filter = state.filter + state.tags;
  const isFiltered = state.filter || state.tags.length;
  empty.replaceChildren(...(isFiltered ? nothingMatches() : nothingYet()));
}

const nothingMatches = () => [
  make("h2", {}, "Nothing matches yet"),
  make("p", {}, `None of the last ${count(BACKLOG_FILTERED)} events did. What comes and matches is shown here.`),
  button("Show everything", clear, { class: "primary" }),
];

const nothingYet = () => [
  make("div", { class: "waves", "aria-hidden": "true" }, make("i", {}), make("i", {}), make("i", {})),
  make("h2", {}, "Waiting for events"),
  make("p", {}, "What is sent to this stream is shown here as it comes. To try it:"),
  make("pre", {}, `curl -X POST -d 'json={"action":"login","user":6}' http://${location.hostname}:8888/foo/bar`),
];

function clear() {
  filterBox.set("");
  choose({ filter: "", tags: [] }).then(() => filterBox.apply(), (error) => toast(error.message));
}

// -- Rows and keys

byId("window").addEventListener("click", ({ target }) => {
  const row = target.closest(".item")?.row;
  if (!row || target.closest(".detail") || !document.getSelection().isCollapsed) return;
  if (row.kind !== "event") return;
  list.select(row);
  if (target.closest(".tag")) return actions.tagMenu(row, target.closest(".tag"));
  if (target.closest(".level")?.textContent) return actions.levelMenu(row, target.closest(".level"));
  const cell = target.closest(".cell");
  const path = cell && columns.paths[[...cell.parentElement.children].indexOf(cell)];
  if (cell?.textContent) return actions.value("menu", path, path.reduce((value, step) => value?.[step], row.record), cell);
  list.toggle(row);
  highlight.paint();
});

// Whoever takes the mouse to a row wants it to stay.
byId("window").addEventListener("pointerdown", ({ pointerType, button: pressed, target }) => {
  if (pointerType === "mouse" && pressed === 0 && target.closest(".event")) reading.pause("scroll");
});

/** Selects the row that many rows further. */
function step(by) {
  if (store.length === 0) return;
  const sight = list.inSight();
  const at = list.selected && store.indexOf(list.selected) >= 0 ? store.indexOf(list.selected) + by : store.indexOf(by > 0 && reading.isOn ? sight[0] : sight[1]);
  reading.pause("scroll");
  list.select(store.at(Math.max(0, Math.min(store.length - 1, at))), "nearest");
  drawFinds();
}

function page(direction) {
  const list = byId("list");
  if (direction < 0) reading.pause("scroll");
  list.scrollBy({ top: direction * (list.clientHeight - 40) });
}

function goToFind(direction) {
  const row = highlight.next(list.selected, direction);
  if (!row) return;
  reading.pause("scroll");
  list.select(row, "middle");
  highlight.paint();
  drawFinds();
}

const withRow = (act) => () => {
  if (list.selected?.kind === "event") act(list.selected);
};

function nextTimeForm() {
  state.time = TIME_FORMS[(TIME_FORMS.indexOf(state.time) + 1) % TIME_FORMS.length];
  viewVersion += 1;
  drawTimeForm();
  graph.draw();
  requestDraw(true);
}

function drawTimeForm() {
  setText(byId("time-form"), { local: "Local time", utc: "UTC", relative: "Relative" }[state.time]);
  document.documentElement.dataset.time = state.time;
}

function toggleGraph() {
  graph.show(!graph.isShown);
  byId("open-graph").setAttribute("aria-pressed", String(graph.isShown));
}

function toggleTags() {
  const isShown = document.body.classList.toggle("tags-open");
  document.body.classList.toggle("tags-closed", !isShown && innerWidth > 720);
  byId("open-tags").setAttribute("aria-expanded", String(isShown));
}

function openJump() {
  byId("jump-wrong").hidden = true;
  byId("jump-dialog").showModal();
}

listen({
  follow: () => reading.resume(),
  pause: () => (reading.isOn ? reading.resume() : reading.pause("pause")),
  down: () => step(1),
  up: () => step(-1),
  pageDown: () => page(1),
  pageUp: () => page(-1),
  first: () => {
    reading.pause("scroll");
    if (store.length) list.show(store.at(0), "top");
  },
  open: () => {
    const row = list.selected;
    if (!row) return false;
    if (isFetchable(row)) fetcher.gap(row, row.reason === "older" ? "end" : "start");
    else list.toggle(row);
    return true;
  },
  escape: () => {
    if (document.activeElement !== document.body) document.activeElement.blur();
    else if (list.selected && list.isOpen(list.selected)) list.toggle(list.selected);
    else list.select(null);
    closeMenu();
  },
  menu: withRow((row) => actions.rowMenu(row, list.element(row)?.firstChild ?? byId("list"))),
  copy: withRow((row) => actions.copyEvent(row)),
  link: withRow((row) => actions.copyLink(row)),
  into: withRow((row) => {
    if (!list.isOpen(row)) list.toggle(row);
    list.element(row)?.querySelector(".node[tabindex='0']")?.focus();
  }),
  filter: () => filterBox.focus(),
  find: () => byId("find").select(),
  next: () => goToFind(1),
  previous: () => goToFind(-1),
  jump: openJump,
  clear,
  columns: () => columns.open(),
  time: nextTimeForm,
  graph: toggleGraph,
  tags: toggleTags,
  download: () => download.open(),
  help: () => byId("help-dialog").showModal(),
});

// -- Buttons and boxes

for (const [id, act] of Object.entries({
  "open-columns": () => columns.open(),
  "open-download": () => download.open(),
  "open-help": () => byId("help-dialog").showModal(),
  "open-graph": toggleGraph,
  "open-tags": toggleTags,
  "open-jump": openJump,
  "time-form": nextTimeForm,
  "tags-clear": () => setTags([]),
  "find-next": () => goToFind(1),
  "find-previous": () => goToFind(-1),
  "find-regex": () => setFind(byId("find").value, !state.findsRegex),
  state: () => {
    if (stream.state.name === "connected") reading.isOn ? reading.resume() : reading.pause("pause");
    else if (stream.state.status === 401) token.ask();
    else if (stream.isOpen) stream.retry();
    else open();
  },
})) byId(id).addEventListener("click", act);

byId("find").addEventListener("input", () => setFind(byId("find").value, state.findsRegex));
byId("find").addEventListener("keydown", (event) => {
  if (event.key === "Escape") setFind("", state.findsRegex);
  if (event.key === "Enter") goToFind(event.shiftKey ? -1 : 1);
});
byId("find-form").addEventListener("submit", (event) => event.preventDefault());
byId("jump-form").addEventListener("submit", (event) => {
  const seconds = parseTime(byId("jump").value, state.time, Date.now() / 1000);
  if (!Number.isNaN(seconds)) return void reading.jump(seconds);
  event.preventDefault();
  byId("jump-wrong").hidden = false;
  byId("jump-wrong").textContent = "This is no time: such as 5m, 12:03 or 2026-01-31 12:03:55.";
});
for (const cancel of document.querySelectorAll("dialog .cancel")) cancel.addEventListener("click", () => cancel.closest("dialog").close());

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
drawTimeForm();
columns.set(state.columns);
graph.choose(state.by);
filterBox.set(state.filter);
filterBox.applied = state.filter;
filterBox.set(state.filter);
setFind(state.find, state.findsRegex);
drawChips();
drawState();
// On a phone the list comes first.
if (innerWidth <= 720) toggleGraph();
open();
setInterval(() => {
  drawFigures();
  drawFinds();
  tagTree.draw(state.tags);
  list.drawTimes();
  writeAddress();
}, 1000);
setInterval(() => announcer.tell((row) => rowLine(row, state.time)), ANNOUNCE_INTERVAL);
