// `for await` over a connection: what waits, what happens when too much does, and what ends it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, ServerError } from "../fluentcast.js";
import { EPOCH, WebSocket, events, hello, range, scripted } from "./scripted.mjs";

const options = { WebSocket, delayMin: 1, delayMax: 2 };

/** What the server sends whoever resumes after a number: one message of all that follow, up to `last`. */
function serve(last) {
  return (peer, request) => {
    const since = new URL(request.url, "http://x").searchParams.get("$since");
    const from = since ? Number(since.split(":")[1]) + 1 : 1;
    peer.say(hello(0));
    if (from <= last) peer.say(events(...range(from, last)));
  };
}

/** The next so many values of an iterator. */
async function take(iterator, count) {
  const taken = [];
  while (taken.length < count) taken.push((await iterator.next()).value);
  return taken;
}

test("events that come before anybody asks are kept", async (t) => {
  const server = await scripted(t, { onSocket: (peer) => peer.say(hello(), events(1, 2), events(3)) });
  const states = [];
  const connection = connect(server.url, { ...options, onState: ({ name }) => states.push(name) });
  t.after(() => connection.close());
  const events_ = await take(connection[Symbol.asyncIterator](), 3);
  assert.deepEqual(events_[0], { epoch: EPOCH, seq: 1, position: `${EPOCH}:1`, tag: "app.web", time: 1_700_000_000.25, record: { n: 1 } });
  assert.deepEqual(events_.map(({ seq }) => seq), [1, 2, 3]);
});

test("no more wait than may, and none is missing or comes twice", async (t) => {
  const server = await scripted(t, { onSocket: serve(1000) });
  const connection = connect(server.url, { ...options, pending: 64, last: 0 });
  t.after(() => connection.close());
  const seqs = [];
  let most = 0;
  for await (const { seq } of connection) {
    most = Math.max(most, connection.pending);
    seqs.push(seq);
    if (seq === 1000) break;
  }
  assert.deepEqual(seqs, range(1, 1000));
  assert.ok(most < 64, `${most} waited`);
  // Each connection brings half of what may wait, the first all of it.
  const count = server.asked.length;
  assert.ok(count > 10 && count < 40, `${count} connections`);
});

test("with room for one, one comes at a time", async (t) => {
  const server = await scripted(t, { onSocket: serve(5) });
  const connection = connect(server.url, { ...options, pending: 1, last: 0 });
  t.after(() => connection.close());
  assert.deepEqual((await take(connection[Symbol.asyncIterator](), 5)).map(({ seq }) => seq), range(1, 5));
});

test("while events wait for the program, the state says so", async (t) => {
  const server = await scripted(t, { onSocket: serve(5) });
  const states = [];
  let isFull;
  const full = new Promise((resolve) => (isFull = resolve));
  const connection = connect(server.url, { ...options, pending: 2, onState: (state) => {
    states.push(state);
    if (state.name === "waiting") isFull();
  } });
  t.after(() => connection.close());
  await full;
  assert.deepEqual(states.at(-1), { name: "waiting", reason: "events wait for this program" });
  assert.equal(connection.pending, 2);
});

test("a gap is told between the events where it is", async (t) => {
  const server = await scripted(t, {
    onSocket: (peer) => peer.say(hello(), events(1, 2), { gap: { from: 3, to: 7, reason: "lost" } }, events(8)),
  });
  const seen = [];
  const connection = connect(server.url, { ...options, onGap: ({ from, to }) => seen.push([from, to]) });
  for await (const { seq } of connection) {
    seen.push(seq);
    if (seq === 8) break;
  }
  assert.deepEqual(seen, [1, 2, [3, 7], 8]);
});

test("the position is after what is done with, not after what waits", async (t) => {
  const server = await scripted(t, {
    onSocket: (peer) => peer.say(hello(4), events(5, 6), { gap: { from: 7, to: 9, reason: "lost" } }, events(10)),
  });
  const connection = connect(server.url, { ...options, last: 0 });
  t.after(() => connection.close());
  const iterator = connection[Symbol.asyncIterator]();
  const positions = [];
  for (let i = 0; i < 3; i++) {
    await iterator.next();
    positions.push(connection.position);
  }
  assert.deepEqual(positions, [`${EPOCH}:4`, `${EPOCH}:5`, `${EPOCH}:9`]);
  await iterator.return();
  // Whether the tenth was done with, nobody knows.
  assert.equal(connection.position, `${EPOCH}:9`);
});

test("break, return and throw close the connection", async (t) => {
  for (const leave of ["break", "throw"]) {
    let closed;
    const server = await scripted(t, { onSocket: (peer) => (closed = peer.closed, peer.say(hello(), events(1, 2, 3))) });
    const connection = connect(server.url, options);
    const loop = async () => {
      for await (const event of connection) {
        if (leave === "throw") throw new Error(`at ${event.seq}`);
        break;
      }
    };
    await (leave === "throw" ? assert.rejects(loop, /at 1/) : loop());
    assert.equal(await connection.closed, undefined);
    assert.equal(connection.pending, 0);
    await closed;
  }
});

test("close() ends a loop that waits", async (t) => {
  const server = await scripted(t, { onSocket: (peer) => peer.say(hello()) });
  const connection = connect(server.url, options);
  const next = connection[Symbol.asyncIterator]().next();
  connection.close();
  assert.deepEqual(await next, { done: true, value: undefined });
});

test("what came before a refusal is had before it is thrown", async (t) => {
  const server = await scripted(t, {
    onSocket: (peer, _, n) => (n === 0 ? (peer.say(hello(), events(1, 2)), peer.close(1001)) : peer.cut()),
    onRequest: (_, response) => response.writeHead(401).end("This stream needs a token."),
  });
  const connection = connect(server.url, options);
  const error = await connection.closed;
  assert.ok(error instanceof ServerError);
  const seqs = [];
  await assert.rejects(async () => {
    for await (const { seq } of connection) seqs.push(seq);
  }, error);
  assert.deepEqual(seqs, [1, 2]);
});
