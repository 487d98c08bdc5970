import assert from "node:assert/strict";
import { test } from "node:test";
import { Store, isFetchable } from "../store.js";

const EPOCH = "00000000000000aa";

const event = (seq, bytes = 100) => ({ seq, tag: "t", time: seq, record: { n: seq }, bytes });
const events = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => event(from + i));

/** What a store shows: numbers, and gaps as `[from, to, reason]`. */
const shown = (store) => store.rows.map((row) => (row.kind === "event" ? row.seq : row.kind === "gap" ? [row.from, row.to, row.reason] : row.kind));

function started(limits, hello = {}) {
  const store = new Store({ rowsMax: 10, rowsFollowed: 6, bytesMax: 1e9, bytesFollowed: 1e9, ...limits });
  store.hello({ epoch: EPOCH, seq: 0, oldest: 1, ...hello });
  return store;
}

test("what is older than the first row is told while the server may have it", () => {
  const store = started({}, { seq: 41, oldest: 17 });
  assert.deepEqual(shown(store), [[17, 41, "older"]]);
  store.append(EPOCH, events(40, 42));
  assert.deepEqual(shown(store), [[17, 39, "older"], 40, 41, 42]);
  const fresh = started({}, { seq: 0, oldest: 1 });
  assert.deepEqual(shown(fresh), []);
});

test("while following the oldest rows go, and stay within reach", () => {
  const store = started();
  store.append(EPOCH, events(1, 20));
  assert.deepEqual(shown(store), [[1, 14, "older"], 15, 16, 17, 18, 19, 20]);
  assert.equal(store.bytes, 200 + 600);
  assert.equal(store.events, 6);
});

test("an event comes once, however often it is sent", () => {
  const store = started();
  store.append(EPOCH, events(1, 3));
  store.append(EPOCH, events(2, 4));
  assert.deepEqual(shown(store), [1, 2, 3, 4]);
});

test("nothing is taken away from a reader; what does not fit is held and becomes a gap", () => {
  const store = started();
  store.append(EPOCH, events(1, 5));
  store.reading = true;
  const added = store.append(EPOCH, events(6, 25));
  assert.equal(added.length, 5);
  assert.deepEqual(shown(store), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual(store.held, { era: 0, from: 11, to: 25, events: 15 });
  const gap = store.resume();
  assert.deepEqual([gap.from, gap.to, gap.events, isFetchable(gap)], [11, 25, 15, true]);
  assert.equal(shown(store).at(-1)[2], "held");
  store.append(EPOCH, events(26, 26));
  assert.deepEqual(shown(store).slice(-2), [[11, 25, "held"], 26]);
});

test("bytes bound as rows do, and one event over the bound is still shown", () => {
  const store = started({ bytesMax: 1000, bytesFollowed: 500 });
  store.append(EPOCH, [event(1, 5000)]);
  assert.deepEqual(shown(store), [1]);
  store.append(EPOCH, events(2, 9));
  assert.ok(store.bytes <= 500 + 200);
  store.reading = true;
  store.append(EPOCH, [event(10, 5000)]);
  assert.equal(store.held.from, 10);
});

test("a fetched page takes the place of the beginning of its gap", () => {
  const store = started({ rowsMax: 100, rowsFollowed: 100 });
  store.append(EPOCH, events(1, 2));
  store.appendGap({ epoch: EPOCH, from: 3, to: 50, events: 48, reason: "slow" });
  store.append(EPOCH, events(51, 52));
  store.fill(EPOCH, 3, 5, events(3, 5));
  assert.deepEqual(shown(store), [1, 2, 3, 4, 5, [6, 50, "slow"], 51, 52]);
  store.fill(EPOCH, 48, 50, events(48, 50));
  assert.deepEqual(shown(store).slice(5), [[6, 47, "slow"], 48, 49, 50, 51, 52]);
  store.fill(EPOCH, 20, 30, events(20, 20));
  assert.deepEqual(shown(store).slice(5, 9), [[6, 19, "slow"], 20, [31, 47, "slow"], 48]);
  store.fill(EPOCH, 6, 47, [{ gap: { from: 6, to: 30, reason: "expired" } }, event(31)]);
  assert.deepEqual(shown(store).slice(5, 9), [[6, 30, "expired"], 20, 31, 48]);
});

test("a jump into the past puts a page of it before a gap", () => {
  const store = started({ rowsMax: 100, rowsFollowed: 100 }, { seq: 900, oldest: 1 });
  store.append(EPOCH, events(901, 903));
  store.fill(EPOCH, 100, 102, events(100, 102));
  assert.deepEqual(shown(store), [[1, 99, "older"], 100, 101, 102, [103, 900, "unloaded"], 901, 902, 903]);
  // Further back by a page in which nothing matched.
  store.fill(EPOCH, 50, 99, []);
  assert.deepEqual(shown(store)[0], [1, 49, "older"]);
  store.fill(EPOCH, 1, 49, []);
  assert.deepEqual(shown(store)[0], 100);
});

test("a page for a reader makes room far from where they look", () => {
  const store = started();
  store.append(EPOCH, events(1, 2));
  store.reading = true;
  store.appendGap({ epoch: EPOCH, from: 3, to: 9, reason: "slow" });
  store.append(EPOCH, events(10, 16));
  assert.equal(store.length, 10);
  const keep = [store.at(1), store.at(2)];
  store.fill(EPOCH, 3, 6, events(3, 6), keep);
  assert.equal(store.length, 10);
  assert.deepEqual(shown(store).slice(0, 7), [1, 2, 3, 4, 5, 6, [7, 9, "slow"]]);
  assert.deepEqual([store.held.from, store.held.to], [13, 16]);
  store.append(EPOCH, events(17, 18));
  assert.deepEqual([store.held.from, store.held.to, store.held.events], [13, 18, 6]);
});

test("a page out of what is held leaves the rest held", () => {
  const store = started();
  store.reading = true;
  store.append(EPOCH, events(1, 30));
  store.fill(EPOCH, 20, 21, events(20, 21), [store.at(0), store.at(0)]);
  assert.equal(store.length, 10);
  assert.equal(store.held.to, 30);
  assert.ok(store.held.from <= 11);
});

test("a new epoch begins behind the old one, told by its gap", () => {
  const store = started();
  store.append(EPOCH, events(1, 3));
  store.appendGap({ epoch: EPOCH, from: 4, to: null, reason: "epoch" });
  store.hello({ epoch: "bb", seq: 0, oldest: 1 });
  store.append("bb", events(1, 2));
  assert.deepEqual(shown(store), [1, 2, 3, [4, null, "epoch"], 1, 2]);
  assert.equal(isFetchable(store.at(3)), false);
  assert.equal(store.indexOf(store.at(4)), 4);
});

test("a jump into an older epoch goes before everything", () => {
  const store = started({ rowsMax: 100, rowsFollowed: 100 }, { seq: 50, oldest: 1 });
  store.append(EPOCH, events(51, 52));
  store.fill("0b", 7, 8, events(7, 8));
  assert.deepEqual(shown(store), [[1, 6, "older"], 7, 8, [1, 50, "unloaded"], 51, 52]);
  assert.deepEqual(store.epochs, ["0b", EPOCH]);
  store.append(EPOCH, events(53, 53));
  assert.deepEqual(store.find(EPOCH, 53), store.at(5 + 1));
});

test("what was left out is one note that counts, until it is closed", () => {
  const store = started({ rowsMax: 100, rowsFollowed: 100 });
  store.append(EPOCH, events(1, 1));
  store.leftOut(5);
  store.append(EPOCH, events(7, 7));
  store.leftOut(6);
  assert.deepEqual(shown(store), [1, "note", 7]);
  assert.equal(store.at(1).count, 11);
  store.closeNote();
  store.leftOut(1);
  assert.deepEqual(shown(store), [1, "note", 7, "note"]);
});

test("no number is ever unaccounted for, whatever happens", () => {
  let seed = 7;
  const random = (n) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
  for (let round = 0; round < 200; round++) {
    const store = started();
    let next = 1;
    for (let step = 0; step < 60; step++) {
      const choice = random(6);
      if (choice < 3) {
        const count = 1 + random(8);
        store.append(EPOCH, events(next, next + count - 1));
        next += count;
      } else if (choice === 3) {
        store.reading ? store.resume() : (store.reading = true);
      } else if (next > 1) {
        const from = 1 + random(next - 1);
        const to = Math.min(next - 1, from + random(6));
        const place = store.at(random(store.length));
        store.fill(EPOCH, from, to, events(from, to), [place, place]);
      }
      const seen = new Map();
      for (const row of store.rows) {
        for (let n = row.kind === "event" ? row.seq : row.from; n <= (row.kind === "event" ? row.seq : row.to); n++) {
          assert.ok(!seen.has(n), `${n} twice in round ${round} step ${step}: ${JSON.stringify(shown(store))}`);
          seen.set(n, row);
        }
      }
      for (let n = 1; n < next; n++) {
        const isHeld = store.held && store.held.from <= n && n <= store.held.to;
        assert.ok(seen.has(n) || isHeld, `${n} of ${next} is missing in round ${round} step ${step}: ${JSON.stringify([shown(store), store.held])}`);
      }
      assert.ok(store.length <= 11, `${store.length} rows`);
    }
  }
});
