// When the page asks the server for less, and when for more again. Pure: a clock is handed in.
//
// The measure is how far the page lags behind: how long events wait, or the page's turn comes late. Once that is more
// than a second, twice in a row (a machine that slept is late once), the server is asked to choose: half of what has
// been taken in each second. After some quiet time twice as much, until no bound is needed.

/** Seconds of lag that are too many, and few enough to ask for more. */
const LAG_MAX = 1;
const LAG_FINE = 0.1;
/** Seconds between two changes downwards, and of quiet before one upwards. */
const PATIENCE_DOWN = 2;
const PATIENCE_UP = 10;
/** Looks in a row that find too much lag. */
const LOOKS_MIN = 2;
/** Events per second that any page can take, and those at which the server need not choose any more. */
const RATE_MIN = 50;
const RATE_MAX = 50_000;

export class Governor {
  /** The bound that is asked for, or null. */
  maxRate = null;
  #changed = -Infinity;
  #fineSince = null;
  #lates = 0;

  /**
   * What to ask for now, or undefined when nothing changes. `lag` in seconds, `taken` in events per second,
   * `isBehind` when events had to be dropped.
   */
  look(now, { lag, taken, isBehind }) {
    this.#lates = lag > LAG_MAX || isBehind ? this.#lates + 1 : 0;
    if (this.#lates >= LOOKS_MIN && now - this.#changed >= PATIENCE_DOWN) {
      this.#fineSince = null;
      this.#lates = 0;
      const less = Math.max(RATE_MIN, Math.round(Math.min(taken, this.maxRate ?? Infinity) / 2));
      return less === this.maxRate ? undefined : this.#change(now, less);
    }
    if (this.maxRate === null) return undefined;
    if (lag > LAG_FINE) {
      this.#fineSince = null;
      return undefined;
    }
    this.#fineSince ??= now;
    if (now - Math.max(this.#fineSince, this.#changed) < PATIENCE_UP) return undefined;
    this.#fineSince = now;
    const more = this.maxRate * 2;
    return this.#change(now, more > RATE_MAX ? null : more);
  }

  #change(now, rate) {
    this.#changed = now;
    this.maxRate = rate;
    return rate;
  }
}
