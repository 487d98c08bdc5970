// How many events each second had, by tag and by level: what the graph draws. Pure, bounded in seconds and names.

import { GRAPH_SECONDS_MAX, GRAPH_SERIES_MAX } from "./limits.js";
import { LEVELS } from "./summary.js";

/** Names counted in one second; the rest go together. */
const NAMES_MAX = 64;
export const OTHER = "other";
export const LEFT_OUT = "left out";

export class Rates {
  /** From second to `{ tag: Map, level: Map, total, leftOut }`. */
  #seconds = new Map();
  #newest = 0;
  /** From when on all is counted, in seconds; null while nothing came. What was before is not known. */
  knownFrom = null;

  /** Forgets all. */
  clear() {
    this.#seconds.clear();
    this.#newest = 0;
    this.knownFrom = null;
  }

  /** Counts an event of that time. What is older than the graph, or far in the future, is not in it. */
  add(time, tag, level, now) {
    const second = Math.floor(time);
    this.knownFrom ??= Math.min(time, now);
    if (second <= now - GRAPH_SECONDS_MAX || second > now + 5) return;
    const bucket = this.#bucket(second, now);
    bucket.total += 1;
    bump(bucket.tag, tag);
    bump(bucket.level, level);
  }

  /** Counts events that were left out about now. */
  leftOut(count, now) {
    this.#bucket(Math.floor(now), now).leftOut += count;
  }

  #bucket(second, now) {
    let bucket = this.#seconds.get(second);
    if (!bucket) {
      this.#seconds.set(second, (bucket = { total: 0, leftOut: 0, tag: new Map(), level: new Map() }));
      if (second > this.#newest) this.#forget(now - GRAPH_SECONDS_MAX);
      this.#newest = Math.max(second, this.#newest);
    }
    return bucket;
  }

  #forget(before) {
    for (const second of this.#seconds.keys()) if (second < before) this.#seconds.delete(second);
  }

  /** How many events there are from one second to another. */
  between(from, to) {
    let total = 0;
    for (const [second, bucket] of this.#seconds) if (second >= from && second <= to) total += bucket.total;
    return total;
  }

  /**
   * The last `span` seconds in steps of `step`: `{ times, series: [{ name, values }] }`, values in events per second,
   * `by` "tag" or "level". Names in a fixed order, so that colours and places stay.
   */
  series(by, span, step, now) {
    const end = Math.floor(now / step) * step;
    const steps = Math.ceil(span / step);
    const start = end - (steps - 1) * step;
    const times = Array.from({ length: steps }, (_, i) => start + i * step);
    const names = this.#names(by, start);
    const lines = new Map([...names, OTHER, LEFT_OUT].map((name) => [name, new Array(steps).fill(0)]));
    for (const [second, bucket] of this.#seconds) {
      const at = Math.floor((second - start) / step);
      if (at < 0 || at >= steps) continue;
      for (const [name, count] of bucket[by]) (lines.get(name) ?? lines.get(OTHER))[at] += count / step;
      lines.get(LEFT_OUT)[at] += bucket.leftOut / step;
    }
    const series = [...lines].map(([name, values]) => ({ name, values }));
    return { times, series: series.filter(({ name, values }) => names.includes(name) || values.some(Boolean)) };
  }

  #names(by, from) {
    const totals = new Map();
    for (const [second, bucket] of this.#seconds) {
      if (second >= from) for (const [name, count] of bucket[by]) totals.set(name, (totals.get(name) ?? 0) + count);
    }
    totals.delete(OTHER);
    if (by === "level") return [...LEVELS, "none"].filter((level) => totals.has(level));
    return [...totals].sort((a, b) => b[1] - a[1]).slice(0, GRAPH_SERIES_MAX).map(([name]) => name).sort();
  }
}

function bump(counts, name) {
  const key = counts.has(name) || counts.size < NAMES_MAX ? name : OTHER;
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Lines piled up on each other: what a stacked graph draws, the topmost first. */
export function stacked(series) {
  let below = null;
  const piled = series.map(({ values }) => (below = values.map((value, i) => value + (below ? below[i] : 0))));
  return piled.reverse();
}
