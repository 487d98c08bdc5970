// The page's connection: what comes is queued, and taken in frame by frame within a budget of time, so that whoever
// scrolls or types is answered. What comes faster than it can be taken is asked for less of, and told.

import { connect, history } from "../fluentcast.js";
import { Governor } from "./governor.js";
import { INTAKE_BYTES_MAX, INTAKE_EVENTS_MAX, INTAKE_FRAME_MS } from "./limits.js";
import { weighEvent } from "./weigh.js";

/** Events taken in before the clock is looked at again. */
const SLICE = 200;
/** Milliseconds between two turns, and for one, while the page is hidden: nobody waits. */
const HIDDEN_PAUSE = 250;
const HIDDEN_BUDGET = 50;
/** Events that wait for a turn of a hidden page. */
const HIDDEN_EVENTS_MAX = 5000;
/** Seconds over which the rate is measured. */
const RATE_SECONDS = 3;
/** Milliseconds between two looks at whether less, or more, should be asked for. */
const GOVERN_INTERVAL = 500;
/** Milliseconds between attempts to reconnect, at most: people wait. */
const DELAY_MAX = 15_000;

const seconds = () => performance.now() / 1000;

export class Stream {
  state = { name: "connecting" };
  hello = null;
  received = 0;
  leftOut = 0;
  #connection = null;
  #queue = [];
  #queued = { events: 0, bytes: 0 };
  #isScheduled = false;
  /** Whether the next hello begins all anew, and how many choices are on their way, of which each does. */
  #isOpening = false;
  #choosing = 0;
  #asking = Promise.resolve();
  #governor = new Governor();
  #wasBehind = false;
  #slots = new Map();
  /** When there was a look last: the next one may be late. */
  #governed = performance.now();

  /**
   * `on`: `{ events(epoch, events), gap(gap), leftOut(count), hello(hello), reset(hello), state(state), taken(), unsampled() }`, all
   * in the order in which things came; `token()` says the token, if there is one.
   */
  constructor(on) {
    this.on = on;
    this.url = new URL(".", location.href).href.replace(/[?#].*$/, "");
    document.addEventListener("visibilitychange", () => {
      this.#isScheduled = false;
      this.#governed = performance.now();
      this.#schedule();
    });
    setInterval(() => this.#govern(), GOVERN_INTERVAL);
  }

  get maxRate() {
    return this.#governor.maxRate;
  }

  /** Seconds that the oldest event that waits has waited. */
  get lag() {
    return this.#queue.length ? seconds() - this.#queue[0].at : 0;
  }

  /** Events per second, over the last seconds. */
  get rate() {
    return this.#sum(this.#slots, "came");
  }

  #sum(slots, name) {
    const now = Math.floor(seconds());
    let total = 0;
    for (const [slot, counts] of slots) {
      if (slot < now - RATE_SECONDS) slots.delete(slot);
      else if (slot < now) total += counts[name];
    }
    return total / RATE_SECONDS;
  }

  #count(name, events) {
    const slot = Math.floor(seconds());
    const counts = this.#slots.get(slot) ?? { came: 0, taken: 0 };
    counts[name] += events;
    this.#slots.set(slot, counts);
  }

  // -- Connecting

  /** Connects anew. `start`: `{ since }` or `{ last }`; `wants`: `{ filter, tag }`. */
  open(wants, start) {
    this.#connection?.close();
    this.#queue = [];
    this.#queued = { events: 0, bytes: 0 };
    this.#isOpening = true;
    const connection = connect(this.url, {
      ...wants,
      ...start,
      ...(this.maxRate && { maxRate: this.maxRate }),
      token: () => this.on.token(),
      delayMax: DELAY_MAX,
      onEvents: (events) => this.#came(events),
      onGap: (gap) => this.#push({ gap }),
      onLeftOut: (leftOut) => this.#push({ leftOut }),
      onHello: (hello) => this.#greeted(hello),
      onState: (state) => connection === this.#connection && this.#enter(state),
      onError: () => {},
    });
    this.#connection = connection;
  }

  #enter(state) {
    this.state = state;
    this.on.state(state);
  }

  #greeted(hello) {
    this.hello = hello;
    if (!this.#isOpening && this.#choosing === 0) return this.#push({ hello });
    this.#isOpening = false;
    this.#queue = [];
    this.#queued = { events: 0, bytes: 0 };
    this.on.reset(hello);
  }

  /**
   * Changes what comes, and begins anew with it. Throws what the server has against it; then all stays.
   */
  async choose(wants, start) {
    if (this.state.name === "closed") return this.open(wants, start);
    // A hello that answers something else must not be taken for this one's.
    await this.#asking;
    this.#choosing += 1;
    try {
      await this.#connection.subscribe({ ...wants, ...start });
    } finally {
      this.#choosing -= 1;
    }
  }

  /** Whether there is a connection that can be asked. */
  get isOpen() {
    return this.state.name !== "closed";
  }

  retry() {
    this.#connection?.retry();
  }

  /** What the history has, as the client gives it. */
  history(options) {
    return history(this.url, { ...options, token: () => this.on.token() });
  }

  // -- Taking in

  #came(events) {
    const kept = [];
    let bytes = 0;
    for (const { seq, tag, time, record } of events) {
      const weight = weighEvent(record);
      bytes += weight;
      kept.push({ seq, tag, time, record, bytes: weight });
    }
    this.received += events.length;
    // What the history gives first says nothing of how busy it is now.
    this.#count("came", events[0].seq > this.hello.seq ? events.length : 0);
    this.#push({ epoch: events[0].epoch, events: kept, bytes });
  }

  #push(item) {
    item.at = seconds();
    this.#queue.push(item);
    this.#queued.events += item.events?.length ?? 0;
    this.#queued.bytes += item.bytes ?? 0;
    while (this.#queue.length > 1 && (this.#queued.events > INTAKE_EVENTS_MAX || this.#queued.bytes > INTAKE_BYTES_MAX)) {
      if (!this.#skip()) break;
    }
    this.#schedule();
    // Hidden pages have their timers for minutes, but still hear what comes.
    if (document.hidden && this.#queued.events > HIDDEN_EVENTS_MAX) this.#turn(HIDDEN_BUDGET);
  }

  /** Makes a gap of the first events that wait; whether there were any. */
  #skip() {
    const index = this.#queue.findIndex(({ events }) => events);
    if (index < 0 || index === this.#queue.length - 1) return false;
    const { epoch, events, bytes, at } = this.#queue[index];
    this.#queued.events -= events.length;
    this.#queued.bytes -= bytes;
    this.#wasBehind = true;
    const before = this.#queue[index - 1]?.gap;
    if (before?.reason === "behind" && before.epoch === epoch) {
      Object.assign(before, { to: events.at(-1).seq, events: before.events + events.length });
      this.#queue.splice(index, 1);
    } else {
      const gap = { epoch, from: events[0].seq, to: events.at(-1).seq, events: events.length, reason: "behind" };
      this.#queue[index] = { gap, at };
    }
    return true;
  }

  #schedule() {
    if (this.#isScheduled || this.#queue.length === 0) return;
    this.#isScheduled = true;
    if (document.hidden) setTimeout(() => this.#turn(HIDDEN_BUDGET), HIDDEN_PAUSE);
    else requestAnimationFrame(() => this.#turn(INTAKE_FRAME_MS));
  }

  #turn(budget) {
    if (!this.#isScheduled) return;
    this.#isScheduled = false;
    const end = performance.now() + budget;
    while (this.#queue.length > 0) {
      this.#take(this.#queue[0]);
      if (performance.now() > end) break;
    }
    this.on.taken();
    this.#schedule();
  }

  /** Takes in an item, or the beginning of it. */
  #take(item) {
    if (item.events) {
      const slice = item.events.splice(0, SLICE);
      const weight = slice.reduce((sum, { bytes }) => sum + bytes, 0);
      item.bytes -= weight;
      this.#queued.events -= slice.length;
      this.#queued.bytes -= weight;
      this.#count("taken", slice.length);
      if (item.events.length === 0) this.#queue.shift();
      return this.on.events(item.epoch, slice);
    }
    this.#queue.shift();
    if (item.gap) this.on.gap(item.gap);
    else if (item.hello) this.on.hello(item.hello);
    else {
      this.leftOut += item.leftOut;
      this.on.leftOut(item.leftOut);
    }
  }

  #govern() {
    const now = performance.now();
    const late = (now - this.#governed - GOVERN_INTERVAL) / 1000;
    this.#governed = now;
    if (this.state.name !== "connected" || this.#choosing || document.hidden) return;
    const taken = this.#sum(this.#slots, "taken");
    const asked = this.#governor.look(seconds(), { lag: Math.max(this.lag, late), taken, isBehind: this.#wasBehind });
    this.#wasBehind = false;
    if (asked === undefined) return;
    this.#asking = this.#connection.subscribe({ maxRate: asked }).catch(() => {});
    if (asked === null) this.on.unsampled();
  }
}
