// What a person does: clicks on rows, keys, buttons, boxes. Each leads to one of the page's parts.

import { byId, setText, toast } from "./dom.js";
import { listen } from "./keyboard.js";
import { closeMenu } from "./menu.js";
import { isFetchable } from "./store.js";
import { valueAt } from "./summary.js";
import { parseTime, TIME_FORMS } from "./time.js";

/** Pixels of a page that stay in sight when the next one comes. */
const PAGE_OVERLAP = 40;
/** The widest that counts as a phone, as in the style sheets. */
const PHONE_WIDTH_MAX = 720;

export const isPhone = () => innerWidth <= PHONE_WIDTH_MAX;

/** Joins elements with the parts of the page (`app.js` makes it). */
export class Controls {
  constructor(page) {
    this.page = page;
    this.#rows();
    this.#keys();
    this.#buttons();
    this.#boxes();
  }

  // -- Rows

  #rows() {
    const { reading } = this.page;
    byId("window").addEventListener("click", ({ target }) => this.#clicked(target));
    // Whoever takes the mouse to a row wants it to stay.
    byId("window").addEventListener("pointerdown", ({ pointerType, button, target }) => {
      if (pointerType === "mouse" && button === 0 && target.closest(".event")) reading.pause("scroll");
    });
    // On a phone tags lie over the list, until it is touched.
    byId("list").addEventListener("pointerdown", () => document.body.classList.contains("tags-open") && this.#toggleTags());
  }

  #clicked(target) {
    const { list, actions, columns, highlight } = this.page;
    const row = target.closest(".item")?.row;
    if (row?.kind !== "event" || target.closest(".detail") || !document.getSelection().isCollapsed) return;
    list.select(row);
    const [tag, level, cell] = [".tag", ".level", ".cell"].map((name) => target.closest(name));
    if (tag) return actions.tagMenu(row, tag);
    if (level?.textContent) return actions.levelMenu(row, level);
    if (cell?.textContent) {
      const path = columns.paths[[...cell.parentElement.children].indexOf(cell)];
      return actions.value("menu", path, valueAt(row.record, path), cell);
    }
    list.toggle(row);
    highlight.paint();
  }

  /** Selects the row that many rows further. */
  #step(by) {
    const { store, list, reading } = this.page;
    const sight = list.inSight();
    if (!sight) return;
    const at = list.selected ? store.indexOf(list.selected) : -1;
    const next = at >= 0 ? at + by : store.indexOf(by > 0 && reading.isOn ? sight[0] : sight[1]);
    reading.pause("scroll");
    list.select(store.at(Math.max(0, Math.min(store.length - 1, next))), "nearest");
    this.page.drawFinds();
  }

  #turnPage(direction) {
    const { scroller } = this.page.list;
    if (direction < 0) this.page.reading.pause("scroll");
    scroller.scrollBy({ top: direction * (scroller.clientHeight - PAGE_OVERLAP) });
  }

  #goToFind(direction) {
    const { highlight, list, reading, drawFinds } = this.page;
    const row = highlight.next(list.selected, direction);
    if (!row) return;
    reading.pause("scroll");
    list.select(row, "middle");
    highlight.paint();
    drawFinds();
  }

  /** Goes to the next (1) or previous (-1) place where events are missing. */
  #goToGap(direction) {
    const { store, list, reading } = this.page;
    const sight = list.inSight();
    if (!sight) return;
    const selected = list.selected ? store.indexOf(list.selected) : -1;
    let at = selected >= 0 ? selected : store.indexOf(sight[direction > 0 ? 0 : 1]) + (direction > 0 ? -1 : 1);
    do at += direction;
    while (store.at(at)?.kind === "event");
    const row = store.at(at);
    if (!row) return toast(`No events are missing ${direction > 0 ? "behind" : "before"} this.`);
    reading.pause("scroll");
    list.select(row, "middle");
  }

  #open() {
    const { list, fetcher } = this.page;
    const row = list.selected;
    if (!row) return false;
    if (isFetchable(row)) fetcher.gap(row, row.reason === "older" ? "end" : "start");
    else list.toggle(row);
    return true;
  }

  #leave() {
    const { list } = this.page;
    if (document.activeElement !== document.body) document.activeElement.blur();
    else if (list.selected && list.isOpen(list.selected)) list.toggle(list.selected);
    else list.select(null);
    closeMenu();
  }

  #intoFields(row) {
    const { list } = this.page;
    if (!list.isOpen(row)) list.toggle(row);
    list.element(row)?.querySelector(".node[tabindex='0']")?.focus();
  }

  // -- Keys and buttons

  #keys() {
    const { reading, store, list, actions, filterBox, columns, download, clear } = this.page;
    const withRow = (act) => () => (list.selected?.kind === "event" ? void act(list.selected) : false);
    listen({
      follow: () => reading.resume(),
      pause: () => reading.toggle(),
      down: () => this.#step(1),
      up: () => this.#step(-1),
      pageDown: () => this.#turnPage(1),
      pageUp: () => this.#turnPage(-1),
      first: () => {
        reading.pause("scroll");
        if (store.length) list.show(store.at(0), "top");
      },
      open: () => this.#open(),
      escape: () => this.#leave(),
      menu: withRow((row) => actions.rowMenu(row, list.element(row)?.firstChild ?? list.scroller)),
      copy: withRow((row) => actions.copyEvent(row)),
      link: withRow((row) => actions.copyLink(row)),
      into: withRow((row) => this.#intoFields(row)),
      filter: () => filterBox.focus(),
      find: () => byId("find").select(),
      next: () => this.#goToFind(1),
      previous: () => this.#goToFind(-1),
      nextGap: () => this.#goToGap(1),
      previousGap: () => this.#goToGap(-1),
      jump: () => this.#openJump(),
      clear,
      columns: () => columns.open(),
      time: () => this.#nextTimeForm(),
      graph: () => this.toggleGraph(),
      tags: () => this.#toggleTags(),
      download: () => download.open(),
      help: () => byId("help-dialog").showModal(),
    });
  }

  #buttons() {
    const { columns, download, setTags, setFind, state } = this.page;
    const acts = {
      "open-columns": () => columns.open(),
      "open-download": () => download.open(),
      "open-help": () => byId("help-dialog").showModal(),
      "open-graph": () => this.toggleGraph(),
      "open-tags": () => this.#toggleTags(),
      "open-jump": () => this.#openJump(),
      "time-form": () => this.#nextTimeForm(),
      "tags-clear": () => setTags([]),
      "find-next": () => this.#goToFind(1),
      "find-previous": () => this.#goToFind(-1),
      "find-regex": () => setFind(byId("find").value, !state.findsRegex),
      "figure-gaps": () => this.#goToGap(-1),
      "figure-left-out": () => this.#goToGap(-1),
      state: () => this.#pressState(),
    };
    for (const [id, act] of Object.entries(acts)) byId(id).addEventListener("click", act);
    for (const cancel of document.querySelectorAll("dialog .cancel")) cancel.addEventListener("click", () => cancel.closest("dialog").close());
  }

  #pressState() {
    const { stream, reading, token, open } = this.page;
    if (stream.state.name === "connected") reading.toggle();
    else if (stream.state.status === 401) token.ask();
    else if (stream.isOpen) stream.retry();
    else open();
  }

  #boxes() {
    const { setFind, state } = this.page;
    byId("find").addEventListener("input", () => setFind(byId("find").value, state.findsRegex));
    byId("find").addEventListener("keydown", (event) => {
      if (event.key === "Escape") setFind("", state.findsRegex);
      if (event.key === "Enter") this.#goToFind(event.shiftKey ? -1 : 1);
    });
    byId("find-form").addEventListener("submit", (event) => event.preventDefault());
    byId("jump-form").addEventListener("submit", (event) => this.#jump(event));
  }

  #openJump() {
    byId("jump-wrong").hidden = true;
    byId("jump-dialog").showModal();
  }

  #jump(event) {
    const seconds = parseTime(byId("jump").value, this.page.state.time, Date.now() / 1000);
    if (!Number.isNaN(seconds)) return void this.page.reading.jump(seconds);
    event.preventDefault();
    byId("jump-wrong").hidden = false;
    byId("jump-wrong").textContent = "This is no time. Write it as 5m, 12:03 or 2026-01-31 12:03:55.";
  }

  // -- What is shown, and how

  #nextTimeForm() {
    const { state, graph, redraw } = this.page;
    state.time = TIME_FORMS[(TIME_FORMS.indexOf(state.time) + 1) % TIME_FORMS.length];
    this.drawTimeForm();
    graph.draw();
    redraw();
  }

  drawTimeForm() {
    const { time } = this.page.state;
    setText(byId("time-form"), { local: "Local time", utc: "UTC", relative: "Relative" }[time]);
    document.documentElement.dataset.time = time;
  }

  toggleGraph() {
    const { graph } = this.page;
    graph.show(!graph.isShown);
    byId("open-graph").setAttribute("aria-pressed", String(graph.isShown));
  }

  #toggleTags() {
    const isShown = document.body.classList.toggle(isPhone() ? "tags-open" : "tags-closed") === isPhone();
    byId("open-tags").setAttribute("aria-expanded", String(isShown));
  }
}
