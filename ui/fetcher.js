// Fetches from the history what the page knows to be missing, a page at a time, and puts it in its place.

import { FETCH_PAGE } from "./limits.js";

/** Looks further and further back for events that match, until so many steps found none. */
const STEPS_BACK_MAX = 14;

export class Fetcher {
  #stop = new AbortController();

  /** `on`: `{ history(options), wants(), keep(), added(rows), changed() }`. */
  constructor(store, on) {
    Object.assign(this, { store, on });
  }

  /** Drops what is on its way: the page shows something else now. */
  cancel() {
    this.#stop.abort();
    this.#stop = new AbortController();
  }

  /** Fetches the beginning ("start") or the end of a gap. */
  async gap(row, side, page = FETCH_PAGE) {
    if (row.isFetching) return;
    row.isFetching = true;
    row.trouble = undefined;
    this.on.changed();
    const { signal } = this.#stop;
    try {
      const epoch = this.store.epochs.at(row.era);
      if (side === "start") await this.#forwards(epoch, row, page, signal);
      else await this.#backwards(epoch, row, page, signal);
    } catch (error) {
      if (!signal.aborted) row.trouble = error.message;
    }
    row.isFetching = false;
    if (!signal.aborted) this.on.changed();
  }

  async #forwards(epoch, { from, to }, page, signal) {
    const { items, isWhole } = await this.#read({ since: `${epoch}:${from - 1}`, until: `${epoch}:${to}`, signal }, page);
    const reached = isWhole ? to : items.at(-1).seq;
    if (!signal.aborted) this.#fill(epoch, from, reached, items);
  }

  /** The last events of a gap that match. Where few do, ever longer pieces of it are looked at. */
  async #backwards(epoch, { from, to }, page, signal) {
    let end = to;
    let length = page;
    for (let step = 0; step < STEPS_BACK_MAX && end >= from; step++) {
      const begin = Math.max(from, end - length + 1);
      const { items, dropped } = await this.#read({ since: `${epoch}:${begin - 1}`, until: `${epoch}:${end}`, signal }, page, true);
      if (signal.aborted) return;
      const reached = dropped ? items[0].seq : begin;
      this.#fill(epoch, reached, end, items);
      if (items.length > 0) return;
      end = begin - 1;
      length *= 2;
    }
  }

  /**
   * Goes to a time (in seconds): the events from then on, put in their place. The first row, or null when there is
   * nothing of that time or later.
   */
  jump(seconds) {
    return this.#goTo(new Date(Math.floor(seconds * 1000)).toISOString());
  }

  /** Goes to a place: the row of that event, or of the first behind it; null when all that is gone. */
  place(epoch, seq) {
    return this.#goTo(`${epoch}:${seq - 1}`, seq);
  }

  async #goTo(since, from) {
    const { signal } = this.#stop;
    const { items, isWhole } = await this.#read({ since, signal }, FETCH_PAGE);
    const first = items.find(({ gap }) => !gap);
    if (signal.aborted || !first) return null;
    // One epoch at a time: what comes behind is fetched when it is asked for.
    const { epoch } = first;
    const ofEpoch = items.filter((item) => (item.gap?.epoch ?? item.epoch) === epoch);
    const last = ofEpoch.filter(({ gap }) => !gap).at(-1).seq;
    const { start, epochs } = this.store;
    const joins = isWhole && start && epochs[start.era] === epoch;
    this.#fill(epoch, Math.min(from ?? first.seq, first.seq), joins ? Math.max(last, start.from - 1) : last, ofEpoch);
    this.on.changed();
    return this.store.find(epoch, first.seq);
  }

  #fill(epoch, from, to, items) {
    this.on.added(this.store.fill(epoch, from, to, items, this.on.keep()));
  }

  /** At most so many events, the first or the last of what there is. */
  async #read(options, page, wantsLast = false) {
    const items = [];
    let dropped = 0;
    for await (const item of this.on.history({ ...this.on.wants(), ...options })) {
      if (!wantsLast && items.length >= page) return { items, isWhole: false, dropped };
      items.push(item.gap ? { gap: item.gap } : item);
      if (wantsLast && items.length > page) {
        items.shift();
        dropped += 1;
      }
    }
    return { items, isWhole: true, dropped };
  }
}
