// MessagePack, as docs/protocol.md has it and as a broken server might.

import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeMessagePack } from "../fluentcast.js";

const bytes = (...parts) => {
  return new Uint8Array(parts.flatMap((part) => (typeof part === "string" ? [...new TextEncoder().encode(part)] : part)));
};
const hex = (text) => new Uint8Array(text.match(/[0-9a-f]{2}/g).map((digits) => parseInt(digits, 16)));

/** The message of events in docs/protocol.md. */
const EVENTS = hex(`81 a6 65 76 65 6e 74 73 dd 00 00 00 01 94 02 a7 61 70 70 2e 77 65 62 c7 0c ff 00 00 00 00
  00 00 00 00 65 53 f1 01 82 a5 6c 65 76 65 6c a4 69 6e 66 6f a4 63 6f 64 65 cc c8`);

test("the message of the protocol's page", () => {
  const expected = { events: [[2, "app.web", 1_700_000_001, { level: "info", code: 200 }]] };
  assert.deepEqual(decodeMessagePack(EVENTS), expected);
});

test("every kind of value", () => {
  const long = "x".repeat(300);
  for (const [packed, value] of [
    [[0xc0], null],
    [[0xc2], false],
    [[0xc3], true],
    [[0x7f], 127],
    [[0xff], -1],
    [[0xe0], -32],
    [[0xcc, 0xff], 255],
    [[0xcd, 0x01, 0x00], 256],
    [[0xce, 0xff, 0xff, 0xff, 0xff], 2 ** 32 - 1],
    [[0xcf, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Number.MAX_SAFE_INTEGER],
    [[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 2 ** 64],
    [[0xd0, 0x80], -128],
    [[0xd1, 0x80, 0x00], -32768],
    [[0xd2, 0x80, 0, 0, 0], -(2 ** 31)],
    [[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], -(2 ** 63)],
    [[0xca, 0x40, 0, 0, 0], 2],
    [[0xcb, 0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a], 0.1],
    [[0xa0], ""],
    [bytes([0xa7], "grüße"), "grüße"],
    [bytes([0xa4], "🚀"), "🚀"],
    [bytes([0xa3, 0xef, 0xbb, 0xbf]), "\ufeff"],
    [bytes([0xa2, 0x61, 0xff]), "a\ufffd"],
    [bytes([0xd9, 40], "y".repeat(40)), "y".repeat(40)],
    [bytes([0xda, 1, 44], long), long],
    [bytes([0xdb, 0, 0, 1, 44], long), long],
    // Binary is text where it can be.
    [bytes([0xc4, 2], "hi"), "hi"],
    [bytes([0xc5, 0, 2], "hi"), "hi"],
    [bytes([0xc6, 0, 0, 0, 2], "hi"), "hi"],
    [[0xc4, 2, 0x76, 0xff], new Uint8Array([0x76, 0xff])],
    [[0x90], []],
    [[0xdc, 0, 1, 5], [5]],
    [[0xdd, 0, 0, 0, 1, 0x91, 5], [[5]]],
    [[0x80], {}],
    [bytes([0xde, 0, 1, 0xa1], "k", [0x80]), { k: {} }],
    [bytes([0xdf, 0, 0, 0, 1, 0xa1], "k", [1]), { k: 1 }],
    [[0x81, 0x05, 0x06], { 5: 6 }],
    // Timestamps: MessagePack's three, Fluentd's.
    [[0xd6, 0xff, 0x59, 0x68, 0x2f, 0x01], 1_500_000_001],
    [[0xd7, 0xff, 0x77, 0x35, 0x94, 0x00, 0x59, 0x68, 0x2f, 0x01], 1_500_000_001.5],
    [[0xc7, 12, 0xff, 0x0e, 0xe6, 0xb2, 0x80, 0, 0, 0, 0, 0x59, 0x68, 0x2f, 0x01], 1_500_000_001.25],
    [[0xc7, 12, 0xff, 0x1d, 0xcd, 0x65, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], -0.5],
    [[0xd7, 0x00, 0x59, 0x68, 0x2f, 0x01, 0x1d, 0xcd, 0x65, 0x00], 1_500_000_001.5],
    [bytes([0xc7, 3, 5], "abc"), { type: 5, data: bytes("abc") }],
    [[0xd4, 0x85, 9], { type: -123, data: new Uint8Array([9]) }],
    [[0xc8, 0, 1, 7, 9], { type: 7, data: new Uint8Array([9]) }],
    [[0xc9, 0, 0, 0, 0, 7], { type: 7, data: new Uint8Array() }],
  ]) {
    assert.deepEqual(decodeMessagePack(new Uint8Array(packed)), value, `${packed}`);
  }
});

test("a field named __proto__ is a field", () => {
  const value = decodeMessagePack(bytes([0x81, 0xa9], "__proto__", [0x81, 0xa5], "admin", [0xc3]));
  assert.deepEqual(Object.keys(value), ["__proto__"]);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal(value.admin, undefined);
  assert.equal({}.admin, undefined);
  assert.equal(JSON.stringify(value), '{"__proto__":{"admin":true}}');
});

test("whatever breaks off, or goes on, is an error", () => {
  for (let length = 0; length < EVENTS.length; length++) {
    assert.throws(() => decodeMessagePack(EVENTS.subarray(0, length)), /MessagePack breaks off/, `${length} bytes`);
  }
  assert.throws(() => decodeMessagePack(bytes([...EVENTS, 0])), /1 bytes too many/);
  assert.throws(() => decodeMessagePack(new Uint8Array([0xc1])), /0xc1/);
});

test("lengths that cannot be make no room", () => {
  for (const packed of [
    [0xdd, 0xff, 0xff, 0xff, 0xff, 1],
    [0xdf, 0xff, 0xff, 0xff, 0xff, 1],
    [0xdb, 0xff, 0xff, 0xff, 0xff, 1],
    [0xc6, 0xff, 0xff, 0xff, 0xff, 1],
    [0xc9, 0xff, 0xff, 0xff, 0xff, 1],
  ]) {
    assert.throws(() => decodeMessagePack(new Uint8Array(packed)), /breaks off/, `${packed}`);
  }
});

test("depth is bounded", () => {
  const nested = (depth) => new Uint8Array([...Array(depth).fill(0x91), 0xc0]);
  assert.ok(decodeMessagePack(nested(200)));
  assert.throws(() => decodeMessagePack(nested(100_000)), /more than 256 levels/);
});

test("a part of a larger buffer is read as such", () => {
  assert.deepEqual(decodeMessagePack(bytes([9, 9, ...EVENTS, 9]).subarray(2, 2 + EVENTS.length)), decodeMessagePack(EVENTS));
});
