import assert from "node:assert/strict";
import { test } from "node:test";
import { excluded, having, included, joined, literal, pathText, terms } from "../expression.js";

test("paths are written as the language has them", () => {
  for (const [path, text] of [
    [["a"], "record.a"],
    [["a", "b"], "record.a.b"],
    [["a-b"], 'record["a-b"]'],
    [["a.b", "c"], 'record["a.b"].c'],
    [["in"], 'record["in"]'],
    [["list", 0, "x"], "record.list[0].x"],
    [['q"\\'], 'record["q\\"\\\\"]'],
    [["ä"], 'record["ä"]'],
    [["1a"], 'record["1a"]'],
  ]) {
    assert.equal(pathText(path), text);
  }
});

test("literals", () => {
  for (const [value, text] of [
    ["x", '"x"'], ["a\nb\u202e", '"a\\nb\\u202e"'], [5, "5"], [-0.5, "-0.5"], [1e21, "1e+21"], [true, "true"], [null, "null"],
    [{}, null], [[], null], [Number.NaN, null], ["x".repeat(2000), null],
  ]) {
    assert.equal(literal(value), text);
  }
});

test("terms are found past strings and brackets", () => {
  assert.deepEqual(terms('record.a == "x && y" && (record.b || record.c) && tag.matches(r"\\")'), [
    'record.a == "x && y"', "(record.b || record.c)", 'tag.matches(r"\\")',
  ]);
  for (const none of ["a || b", "a && ", '"open', "a)", "(a", "a // b"]) assert.equal(terms(none), null, none);
});

test("a click on a value includes it, and another one of the same field comes beside it", () => {
  let filter = included("", ["level"], "error");
  assert.equal(filter, 'record.level == "error"');
  assert.equal(included(filter, ["level"], "error"), filter);
  filter = included(filter, ["level"], "fatal");
  assert.equal(filter, 'record.level in ["error", "fatal"]');
  filter = included(filter, ["code"], 500);
  assert.equal(filter, 'record.level in ["error", "fatal"] && record.code == 500');
  assert.equal(included(filter, ["level"], "warn"), 'record.level in ["error", "fatal", "warn"] && record.code == 500');
  assert.equal(included("a || b", ["x"], null), "(a || b) && record.x == null");
  assert.equal(included("", ["m"], {}), null);
});

test("a click excludes a value, and lets pass what has no such field", () => {
  assert.equal(excluded("", ["level"], "debug"), '(!has(record.level) || record.level != "debug")');
  assert.equal(
    excluded("", ["a", "b-c"], 1),
    '(!has(record.a) || !("b-c" in record.a) || record.a["b-c"] != 1)',
  );
  assert.equal(excluded("", [], "app.x", "tag"), 'tag != "app.x"');
  const both = 'record.level in ["error", "fatal"] && record.code == 500';
  assert.equal(excluded(both, ["level"], "fatal"), 'record.level == "error" && record.code == 500');
  assert.equal(excluded('record.level == "error"', ["level"], "error"), '(!has(record.level) || record.level != "error")');
  const out = excluded("", ["level"], "debug");
  assert.equal(included(out, ["level"], "debug"), 'record.level == "debug"');
});

test("a term joins once", () => {
  assert.equal(joined("  ", "a"), "a");
  assert.equal(joined("a && b", "b"), "a && b");
  assert.equal(having("", ["a", "b"]), "has(record.a.b)");
  assert.equal(having("", ["a", "b c"]), '"b c" in record.a');
});
