import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHash, PLAIN, takeToken, toHash } from "../address.js";
import { complete, mistakeAt } from "../complete.js";
import { Csv, csvField, toNdjson } from "../csv.js";
import { Fields } from "../fields.js";
import { Governor } from "../governor.js";
import { matcher } from "../matcher.js";
import { LEFT_OUT, OTHER, Rates, stacked } from "../rates.js";
import { levelOf, lineOf, summaryOf, valueAt } from "../summary.js";
import { hueOf, patternOf, TagCounts, withExcluded, withIncluded } from "../tagtree.js";
import { bytes, clipped, duration, rate, short, visible } from "../text.js";
import { parseTime, relative, rowTime } from "../time.js";
import { weigh } from "../weigh.js";

test("nothing in a text stays invisible", () => {
  assert.equal(visible("a\nb\tc\u0000\u001b[31m\u202eevil\u200b\ufeff\ud800"), "a⏎b⇥c⟨NUL⟩⟨ESC⟩[31m⟨202E⟩evil⟨ZWSP⟩⟨BOM⟩⟨D800⟩");
  assert.equal(visible("<b>é 日本 😀</b>"), "<b>é 日本 😀</b>");
  assert.equal(clipped("😀😀", 3), "😀…");
});

test("figures for people", () => {
  assert.deepEqual([short(999), short(1234), short(45_678), short(999_600)], ["999", "1.23k", "45.7k", "1.00M"]);
  assert.deepEqual([rate(0), rate(0.42), rate(3), rate(12.4)], ["0", "0.4", "3", "12"]);
  assert.deepEqual([bytes(100), bytes(2048), bytes(64 * 1024 * 1024)], ["100 B", "2.0 KB", "64 MB"]);
  assert.deepEqual([duration(0.34), duration(42.2), duration(240), duration(7200)], ["0.3 s", "42 s", "4 min", "2 h"]);
});

test("times in their forms", () => {
  const noon = Date.UTC(2026, 0, 31, 12, 0, 0) / 1000;
  assert.equal(rowTime(noon + 0.25, "utc", noon), "12:00:00.250");
  assert.equal(rowTime(noon - 86_400, "utc", noon), "01-30 12:00:00.000");
  assert.equal(relative(noon - 3, noon), "3 s ago");
  assert.equal(relative(noon + 120, noon), "in 2 min");
  assert.equal(rowTime(1e300, "local", noon), "1e+300");
  assert.equal(parseTime("5m", "utc", noon), noon - 300);
  assert.equal(parseTime("11:30", "utc", noon), noon - 1800);
  assert.equal(parseTime("12:30:10", "utc", noon), noon + 1810 - 86_400);
  assert.equal(parseTime("2026-01-31 10:00", "utc", noon), noon - 7200);
  assert.equal(parseTime("2026-01-31T12:00:00+01:00", "local", noon), noon - 3600);
  assert.ok(Number.isNaN(parseTime("soon", "utc", noon)));
});

test("levels by their many names", () => {
  for (const [record, level] of [
    [{ level: "ERROR" }, "error"], [{ severity: "Warning" }, "warn"], [{ level: 50 }, "error"], [{ priority: 3 }, "error"],
    [{ priority: 0 }, "fatal"], [{ "log.level": "notice" }, "info"], [{ level: "odd" }, null],
  ]) {
    assert.equal(levelOf(record)?.level, level, JSON.stringify(record));
  }
  assert.equal(levelOf({ level: {} }), null);
  assert.equal(levelOf({ priority: "high" }), null);
});

test("a summary begins with the message and is bounded", () => {
  const parts = summaryOf({ level: "info", user: 6, message: "hello\n", path: { a: [1, "x"] } });
  assert.equal(lineOf(parts), 'hello  user=6  path.a=[1,"x"]');
  assert.equal(lineOf(summaryOf({ message: "m", a: 1, b: { c: 2, d: 3 } }, [["a"], ["b", "c"]])), "m  b.d=3");
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key${i}`, "v".repeat(5000)]));
  assert.ok(lineOf(summaryOf(many)).length < 1000);
  assert.ok(lineOf(summaryOf({ message: "x".repeat(1_000_000) })).length < 600);
  let deep = 1;
  for (let i = 0; i < 120; i++) deep = { deep };
  assert.ok(lineOf(summaryOf(deep)).length < 300);
  assert.equal(lineOf(summaryOf({})), "{}");
  assert.equal(valueAt({ a: { "b.c": [7] } }, ["a", "b.c", "0"]), 7);
  assert.equal(valueAt({}, ["constructor"]), undefined);
});

test("tags make a tree with counts", () => {
  const tags = new TagCounts();
  for (const tag of ["app.web", "app.web", "app.db", "sys.kern.log"]) tags.add(tag);
  const tree = tags.tree().map(({ name, count, children }) => [name, count, children.map(({ name, count }) => [name, count])]);
  assert.deepEqual(tree, [["app", 3, [["db", 1], ["web", 2]]], ["sys.kern.log", 1, []]]);
  assert.equal(patternOf(tags.tree()[0]), "app.**");
  assert.deepEqual(withIncluded(["!a"], "a"), ["a"]);
  assert.deepEqual(withIncluded(["a"], "a"), []);
  assert.deepEqual(withExcluded(["a", "b"], "a"), ["b", "!a"]);
  for (let i = 0; i < 5000; i++) tags.add(`t${i}`);
  assert.ok(tags.size <= 2000 && tags.others > 0);
  assert.equal(hueOf("app.web"), hueOf("app.web"));
  const hues = new Set(Array.from({ length: 50 }, (_, i) => hueOf(`app.part${i}`)));
  assert.ok(hues.size > 35);
});

test("rates by level and tag, bounded", () => {
  const rates = new Rates();
  const now = 1000.5;
  for (let i = 0; i < 4; i++) rates.add(999, "a", "info", now);
  rates.add(1000, "b", "error", now);
  rates.add(1, "old", "info", now);
  rates.add(5000, "new", "info", now);
  rates.leftOut(7, now);
  const { times, series } = rates.series("level", 10, 1, now);
  assert.equal(times.at(-1), 1000);
  assert.deepEqual(series.map(({ name, values }) => [name, values.slice(-2)]), [
    ["error", [0, 1]], ["info", [4, 0]], [LEFT_OUT, [0, 7]],
  ]);
  assert.deepEqual(stacked([{ values: [1, 2] }, { values: [3, 4] }]), [[4, 6], [1, 2]]);
  assert.equal(rates.between(998, 1000), 5);
  assert.equal(rates.knownFrom, 999);
  for (let i = 0; i < 300; i++) rates.add(1000, `t${i}`, "info", now);
  const byTag = rates.series("tag", 10, 2, now).series;
  assert.ok(byTag.length <= 10 && byTag.some(({ name }) => name === OTHER));
});

test("an address says what is shown, and never a token", () => {
  const state = { ...PLAIN, filter: 'record.a == "b&c"', tags: ["app.**", "!x"], columns: [["a", "b.c"], ["d,e"]], time: "utc", by: "tag", find: "x+", findsRegex: true, at: "00000000000000aa:17" };
  assert.deepEqual(fromHash(`#${toHash(state)}`), state);
  assert.equal(toHash(PLAIN), "");
  assert.deepEqual(fromHash("#time=odd&at=x&column=&by=z"), PLAIN);
  assert.deepEqual(takeToken("http://h/?token=s%20x&a=1#filter=y"), { token: "s x", url: "http://h/?a=1#filter=y" });
  assert.equal(takeToken("http://h/#token=abc").token, "abc");
  assert.equal(takeToken("http://h/#token=abc").url.includes("abc"), false);
  assert.equal(takeToken("http://h/#a=1").token, null);
});

test("files that other programs read", () => {
  const event = { seq: 1, tag: "t", time: 0, record: { a: 'say "hi"', b: { c: [1] }, d: "=1+1", e: -5 } };
  assert.equal(toNdjson(event), '{"seq":1,"tag":"t","time":0,"record":{"a":"say \\"hi\\"","b":{"c":[1]},"d":"=1+1","e":-5}}\n');
  const csv = new Csv([["a"], ["d"], ["e"]], true);
  assert.equal(csv.head(), "time,tag,seq,a,d,e,other fields\r\n");
  assert.equal(csv.line(event), '1970-01-01T00:00:00.000Z,t,1,"say ""hi""",\'=1+1,-5,"{""b"":{""c"":[1]}}"\r\n');
  assert.equal(csvField("a\nb"), '"a\nb"');
});

test("completion knows fields, values, tags, operators and functions", () => {
  const fields = new Fields();
  for (let i = 0; i < 3; i++) fields.add({ level: i ? "info" : "error", "a-b": 1, user: { id: 6, name: "x" } }, 1);
  const known = { fields: fields.list(), values: (name) => fields.values(name), tags: ["app.web", "app.db"] };
  const offered = (text) => complete(text, text.length, known).items.map(({ insert }) => insert);
  const done = (text, at = 0) => {
    const { from, items } = complete(text, text.length, known);
    return text.slice(0, from) + items[at]?.insert;
  };
  assert.ok(offered("").includes("record.level"));
  assert.equal(done("lev"), "record.level");
  assert.equal(done("!record.us"), "!record.user.id");
  assert.deepEqual(offered("record.level ").slice(0, 2), ["== ", "!= "]);
  assert.equal(done("record.level == "), 'record.level == "info" ');
  assert.equal(done('record.level == "er'), 'record.level == "error" ');
  assert.equal(done('tag == "we'), 'tag == "app.web" ');
  assert.equal(done('record.level in ["info", "er'), 'record.level in ["info", "error" ');
  assert.deepEqual(offered('record.level == "x" '), ["&& ", "|| "]);
  assert.ok(offered("record.level.con").includes('record.level.contains("'));
  assert.ok(offered("record").includes('record["a-b"]'));
  assert.deepEqual(offered('record.message.contains("x'), []);
  assert.deepEqual([offered("record.user.id == 1"), offered('record.level == "x"')], [[], []]);
  assert.equal(mistakeAt("`$filter`: column 14: unknown name"), 13);
  assert.equal(mistakeAt("something else"), null);
});

test("fields are a bounded sample", () => {
  const fields = new Fields();
  for (let second = 0; second < 100; second++) {
    fields.add(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${second}-${i}`, i])), second);
  }
  assert.equal(fields.list().length, 500);
  for (let i = 0; i < 1000; i++) fields.add({ "k0-0": `v${i}` }, 200);
  assert.ok(fields.values('record["k0-0"]').length <= 30);
});

test("finds, plain and by regular expression", () => {
  assert.deepEqual(matcher("Ab", false)("xABab"), [[1, 3], [3, 5]]);
  assert.deepEqual(matcher("a+", true)("baAb"), [[1, 3]]);
  assert.deepEqual(matcher("A", true)("aA"), [[1, 2]]);
  assert.deepEqual(matcher("x*", true)("ab"), []);
  assert.throws(() => matcher("(", true));
  assert.ok(matcher("a", false)("a".repeat(1000)).length <= 50);
});

test("the server is asked for less under lag, and for more after some quiet", () => {
  const governor = new Governor();
  assert.equal(governor.look(0, { lag: 0, taken: 9000 }), undefined);
  assert.equal(governor.look(0.5, { lag: 1.5, taken: 9000 }), undefined, "once is an accident");
  assert.equal(governor.look(1, { lag: 1.5, taken: 9000 }), 4500);
  assert.equal(governor.look(2, { lag: 1.5, taken: 9000 }), undefined);
  assert.equal(governor.look(2.5, { lag: 0.5, taken: 9000, isBehind: true }), undefined, "too soon");
  assert.equal(governor.look(4, { lag: 1.5, taken: 4400 }), 2200);
  assert.equal(governor.look(5, { lag: 0, taken: 2200 }), undefined);
  assert.equal(governor.look(16, { lag: 0, taken: 2200 }), 4400);
  let now = 16;
  while (governor.maxRate !== null && now < 200) governor.look((now += 11), { lag: 0, taken: 1 });
  assert.equal(governor.maxRate, null);
  const low = new Governor();
  for (let t = 0; t < 100; t += 3) low.look(t, { lag: 5, taken: 10 });
  assert.equal(low.maxRate, 50);
});

test("weights grow with what is held", () => {
  assert.ok(weigh("x".repeat(1e6)) > 1e6);
  assert.ok(weigh({ a: [1, 2, { b: "c" }] }) > weigh({ a: 1 }));
});
