// Following and reading: who reads pauses the list, never the stream. What came meanwhile is there on resuming, or is
// fetched, or is a gap that says so.

import { FETCH_UNASKED_MAX } from "./limits.js";
import { byId, setText, toast } from "./dom.js";
import { plural } from "./text.js";

export class Reading {
  /** Why it is paused: "scroll" ends by itself at the end of the list, "pause" does not. Null while following. */
  why = null;
  /** Events since then. */
  missed = 0;

  /** `on`: `{ changed() }`. */
  constructor({ store, list, fetcher, graph, on }) {
    Object.assign(this, { store, list, fetcher, graph, on });
    byId("pill").addEventListener("click", () => this.resume());
    // It lies over the list, but is no reason not to scroll.
    byId("pill").addEventListener("wheel", ({ deltaY }) => {
      list.wheel(deltaY);
      list.scroller.scrollBy({ top: deltaY });
    }, { passive: true });
    byId("back-to-live").addEventListener("click", () => this.resume());
  }

  get isOn() {
    return this.why !== null;
  }

  pause(why) {
    if (this.why !== null) return void (this.why = why === "pause" ? why : this.why);
    this.why = why;
    this.missed = 0;
    this.store.reading = true;
    this.list.stopFollowing();
    this.draw();
    this.on.changed();
  }

  resume() {
    if (this.why === null) return;
    this.why = null;
    const gap = this.store.resume();
    document.getSelection().removeAllRanges();
    this.graph.clear();
    this.list.select(null);
    this.list.follow();
    this.draw();
    this.on.changed();
    if (gap && gap.events <= FETCH_UNASKED_MAX) this.fetcher.gap(gap, "start", FETCH_UNASKED_MAX);
  }

  toggle() {
    if (this.isOn) this.resume();
    else this.pause("pause");
  }

  /** Begins anew: what was read is gone. */
  reset() {
    this.why = null;
    this.missed = 0;
    this.store.reading = false;
    this.list.follow();
    this.draw();
  }

  /** Events came. */
  came(count) {
    if (this.why !== null) this.missed += count;
  }

  /** Goes to a time in the history. */
  async jump(seconds) {
    this.pause("pause");
    try {
      const row = await this.fetcher.jump(seconds);
      if (row) this.list.select(row, "top");
      else toast("There is nothing of that time or later in the history.");
    } catch (error) {
      toast(error.message);
    }
    this.draw();
    this.on.changed();
  }

  draw() {
    const pill = byId("pill");
    pill.hidden = !this.isOn;
    byId("back-to-live").hidden = !this.isOn;
    pill.dataset.new = String(this.missed > 0);
    setText(byId("pill-text"), this.missed > 0 ? `${plural(this.missed, "new event")} ↓` : "Paused · resume ↓");
    document.body.classList.toggle("reading", this.isOn);
  }
}
