// The events that the page has, in the order of their numbers, with what it knows to be missing. Pure.
//
// A list of rows: events, gaps (missing numbers, some of which can be fetched) and notes. Rows are ordered by their
// epoch (`era` counts those) and their number `at`. Bounded in rows and bytes. What must never happen: a number that
// is neither here, nor in a gap, nor held, nor before the first row. While somebody reads (`reading`), rows are
// not taken away: what does not fit is *held*, remembered by its numbers only, until `resume`.

import { ROWS_MAX, ROWS_FOLLOWED, BYTES_MAX, BYTES_FOLLOWED } from "./limits.js";
import { weighEvent } from "./weigh.js";

/** Gaps with these reasons may still be in the server's history. */
const FETCHABLE = new Set(["slow", "held", "unloaded", "older", "behind"]);
/** What a gap weighs. */
const GAP_BYTES = 200;
/** Rows that one note counts for, at most. */
const NOTE_ROWS_MAX = 5000;

/** Whether the history may have what is missing. */
export const isFetchable = (row) => row.kind === "gap" && FETCHABLE.has(row.reason) && row.to !== null;

/** Which of two rows comes first: negative if `a` does. */
export const compare = (a, b) => a.era - b.era || a.at - b.at;

export class Store {
  constructor(limits = {}) {
    this.limits = { rowsMax: ROWS_MAX, rowsFollowed: ROWS_FOLLOWED, bytesMax: BYTES_MAX, bytesFollowed: BYTES_FOLLOWED, ...limits };
    this.reading = false;
    this.nextId = 1;
    this.epochs = [];
    this.clear();
  }

  /** Forgets all rows. Epochs keep their order. */
  clear() {
    for (const row of this.rows ?? []) row.isGone = true;
    this.rows = [];
    this.bytes = 0;
    this.events = 0;
    this.held = null;
    this.oldest = 1;
    /** From which number on everything is here or told of; the epoch that comes in. */
    this.start = null;
    this.endEra = null;
    this.note = null;
  }

  get length() {
    return this.rows.length;
  }

  at(index) {
    return this.rows[index];
  }

  /** The place of an epoch among the others: the newest that came is last, an older one found later is before them. */
  era(epoch, isOlder = false) {
    const known = this.epochs.lastIndexOf(epoch);
    if (known >= 0) return known;
    if (!isOlder) return this.epochs.push(epoch) - 1;
    this.epochs.unshift(epoch);
    for (const place of [...this.rows, this.held, this.start].filter(Boolean)) place.era += 1;
    this.endEra += 1;
    return 0;
  }

  /** The row of an event, if it is here. */
  find(epoch, seq) {
    const era = this.epochs.lastIndexOf(epoch);
    return era < 0 ? null : (this.#find(era, seq) ?? null);
  }

  /** The stream begins, or goes on: where the server is. */
  hello({ epoch, seq, oldest }) {
    const era = this.era(epoch);
    this.oldest = oldest;
    this.endEra = era;
    this.start ??= { era, from: seq + 1 };
    this.#tellOlder();
  }

  /** Begins in an epoch after a number: what came before is older. */
  beginAfter(epoch, seq) {
    this.start = { era: this.era(epoch), from: seq + 1 };
    this.#tellOlder();
  }

  /** Takes new events of an epoch, in order. Returns the rows that were added. */
  append(epoch, events) {
    const era = this.era(epoch);
    const added = [];
    for (const event of events) {
      if (event.seq <= this.#last(era)) continue;
      const row = this.#event(era, event);
      // What a stream begins with is older than where the server says it is.
      if (this.start === null || (this.events === 0 && this.start.era === era && event.seq < this.start.from)) {
        this.start = { era, from: event.seq };
        this.#tellOlder();
      }
      if (this.#isFull(row.bytes)) {
        this.#hold(row, row, 1);
      } else {
        this.#push(row);
        added.push(row);
      }
    }
    if (!this.reading) this.trim();
    return added;
  }

  /** The last number of an era that is here, held, or told as missing at the end. */
  #last(era) {
    if (this.held && this.held.era === era) return this.held.to;
    const row = this.rows.at(-1);
    if (row?.era !== era || row.reason === "older") return 0;
    return row.kind === "event" ? row.seq : row.kind === "gap" ? (row.to ?? 0) : row.at;
  }

  /** Takes what the server, or the page itself, says is missing at the end. */
  appendGap({ epoch, from, to, events, reason }) {
    const era = this.era(epoch);
    const row = this.#gap(era, from, to, reason, events);
    if (this.held) {
      if (era === this.held.era && to !== null) return this.#hold(row, { seq: to }, events ?? 0);
      this.#heldToGap();
    }
    this.#push(row);
    if (!this.reading) this.trim();
  }

  /** So many events were left out before what comes next. */
  leftOut(count) {
    const note = this.note;
    if (note && note.isOpen && this.rows.length - note.index < NOTE_ROWS_MAX && this.indexOf(note) >= 0) {
      note.count += count;
      return;
    }
    if (this.held || this.endEra === null) return;
    const era = this.endEra;
    this.note = { kind: "note", id: this.nextId++, era, at: this.#last(era) + 0.25, count, bytes: GAP_BYTES, isOpen: true };
    this.note.index = this.rows.length;
    this.#push(this.note);
  }

  /** Nothing is left out any more. */
  closeNote() {
    if (this.note) this.note.isOpen = false;
  }

  /** Whoever was reading follows again: what was held becomes a gap, which is returned. */
  resume() {
    this.reading = false;
    const gap = this.held ? this.#heldToGap() : null;
    this.trim();
    return gap;
  }

  #heldToGap() {
    const { era, from, to, events } = this.held;
    const row = this.#gap(era, from, to, "held", events);
    this.held = null;
    this.#push(row);
    return row;
  }

  #isFull(bytes) {
    const { rowsMax, bytesMax } = this.limits;
    if (this.held) return true;
    // One event that is larger than everything is still shown.
    return this.reading && this.rows.length > 0 && (this.rows.length >= rowsMax || this.bytes + bytes > bytesMax);
  }

  #hold(first, last, events) {
    const { era } = first;
    const from = first.kind === "gap" ? first.from : first.seq;
    if (this.held && this.held.era !== era) this.#heldToGap();
    const before = this.#last(era);
    this.held ??= { era, from: before > 0 ? Math.min(from, Math.floor(before) + 1) : from, to: from, events: 0 };
    this.held.to = Math.max(this.held.to, last.seq);
    this.held.events += events;
  }

  #event(era, { seq, tag, time, record, bytes }) {
    return { kind: "event", id: this.nextId++, era, at: seq, seq, tag, time, record, bytes: bytes ?? weighEvent(record) };
  }

  #gap(era, from, to, reason, events) {
    return { kind: "gap", id: this.nextId++, era, at: from - 0.5, from, to, reason, events, bytes: GAP_BYTES };
  }

  #push(row) {
    this.rows.push(row);
    this.#count(row, 1);
  }

  #gone(row) {
    this.#count(row, -1);
    row.isGone = true;
  }

  #count(row, sign) {
    this.bytes += sign * row.bytes;
    if (row.kind === "event") this.events += sign;
  }

  /** Takes away the oldest rows that are more than are kept while following. */
  trim() {
    const { rowsFollowed, bytesFollowed } = this.limits;
    let count = 0;
    let bytes = this.bytes;
    while (count < this.rows.length - 1 && (this.rows.length - count > rowsFollowed || bytes > bytesFollowed)) {
      bytes -= this.rows[count++].bytes;
    }
    this.#dropFirst(count);
  }

  #dropFirst(count) {
    if (count === 0) return;
    const dropped = this.rows.splice(0, count);
    for (const row of dropped) this.#gone(row);
    const next = this.rows[0];
    const last = dropped.at(-1);
    const follows = last.era === next.era && last.reason !== "older";
    const from = follows ? lastNumber(last) + 1 : Math.ceil(next.at);
    this.start = { era: next.era, from: Math.max(1, from) };
    this.#tellOlder();
  }

  /** Keeps the first row true: a gap when the server has, or may have, something before `start`. */
  #tellOlder() {
    const before = this.rows[0]?.reason === "older" ? this.rows.shift() : null;
    if (before) this.#count(before, -1);
    if (this.start === null || this.start.from <= this.oldest) return;
    const { era, from } = this.start;
    const row = { ...this.#gap(era, Math.max(1, this.oldest), from - 1, "older"), at: -1 };
    // The same row as before, for whoever has it on the screen.
    if (before) row.id = before.id;
    this.rows.unshift(row);
    this.#count(row, 1);
  }

  /** Where a row is, or -1. */
  indexOf(row) {
    const index = this.indexAt(row.era, row.at);
    for (let i = index; i < this.rows.length && compare(this.rows[i], row) === 0; i++) {
      if (this.rows[i].id === row.id) return i;
    }
    return -1;
  }

  /** The first row at or behind a place. */
  indexAt(era, at) {
    const place = { era, at };
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.rows[middle], place) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Puts in what the history says of the numbers `from` to `to` of an epoch: events and gaps, in order. Gaps
   * that were here for these numbers shrink or go. `keep` are the first and the last row that somebody looks at.
   */
  fill(epoch, from, to, items, keep = null) {
    const era = this.era(epoch, true);
    const behind = this.#splitHeld(era, from, to);
    if (this.start && era < this.start.era) this.#beginEarlier(era, from);
    const added = [];
    for (const item of items) {
      const row = item.gap ? this.#gap(era, item.gap.from, item.gap.to ?? to, item.gap.reason, item.gap.events) : this.#event(era, item);
      if (item.gap || this.#find(era, item.seq) === undefined) added.push(row);
    }
    const kept = [];
    const rests = [];
    for (const row of this.rows) {
      const overlaps = isFetchable(row) && row.era === era && row.from <= to && row.to >= from;
      if (overlaps && row.reason !== "older") rests.push(...this.#rests(row, from, to));
      else if (overlaps) {
        if (row.to > to) rests.push(this.#gap(era, to + 1, row.to, "unloaded"));
        this.start = { era, from: Math.min(from, this.start.from) };
      }
      if (!overlaps || row.reason === "older") kept.push(row);
    }
    this.rows = [...kept, ...rests, ...added].sort(compare);
    this.#recount();
    this.#tellOlder();
    if (behind) this.held = behind;
    this.#evict(keep);
    return added;
  }

  /** Rows of an older epoch come before all: what lay before the first one is a gap like others now. */
  #beginEarlier(era, from) {
    const older = this.rows[0]?.reason === "older" ? this.rows.shift() : null;
    if (older) this.rows.unshift(this.#gap(older.era, older.from, older.to, "unloaded"));
    this.start = { era, from };
  }

  #rests(row, from, to) {
    const rests = [];
    if (row.from < from) rests.push({ ...row, to: from - 1, events: undefined });
    if (row.to > to) rests.push(this.#gap(row.era, to + 1, row.to, row.reason));
    return rests;
  }

  /** Makes a gap of what is held before `from`; returns what is held behind `to`. */
  #splitHeld(era, from, to) {
    const held = this.held;
    if (!held || held.era !== era || held.from > to || held.to < from) return held;
    this.held = null;
    if (held.from < from) this.#push(this.#gap(era, held.from, from - 1, "held"));
    return held.to > to ? { ...held, from: to + 1 } : null;
  }

  #find(era, seq) {
    const row = this.rows[this.indexAt(era, seq)];
    return row?.era === era && row.seq === seq ? row : undefined;
  }

  #recount() {
    this.bytes = this.events = 0;
    for (const row of this.rows) this.#count(row, 1);
  }

  /** Back to the caps, by taking away what is farthest from where somebody looks. */
  #evict(keep) {
    if (!this.reading || keep === null) {
      if (!this.reading) this.trim();
      return;
    }
    const { rowsMax, bytesMax } = this.limits;
    const isOver = () => this.rows.length > rowsMax || this.bytes > bytesMax;
    let above = Math.max(0, this.indexOf(keep[0]));
    let below = this.rows.length - 1 - Math.max(0, this.indexOf(keep[1]));
    while (isOver() && above + below > 0) {
      if (below >= above && this.#unload(this.rows.at(-1))) {
        this.#gone(this.rows.pop());
        below -= 1;
      } else {
        below = 0;
        // In steps: each removal at the front moves all others.
        const count = Math.min(above, Math.max(1, this.rows.length - rowsMax));
        this.#dropFirst(count);
        above -= count;
      }
    }
  }

  /** Whether the last row can go: then its numbers are held. */
  #unload(row) {
    if (row.kind === "gap" && !isFetchable(row)) return false;
    if (this.held && this.held.era !== row.era) return false;
    const from = row.kind === "gap" ? row.from : Math.ceil(row.at);
    this.held ??= { era: row.era, from, to: lastNumber(row), events: 0 };
    this.held.from = Math.min(this.held.from, from);
    this.held.events += row.kind === "event" ? 1 : 0;
    return true;
  }
}

/** The last number that a row speaks of. */
function lastNumber(row) {
  if (row.kind === "gap") return row.to ?? row.from;
  return Math.floor(row.at);
}
