// How long the client waits for a word, with a clock of the test's.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect } from "../fluentcast.js";
import { EPOCH, events, hello, recorder, scripted, stoppedClock } from "./scripted.mjs";

/** Lets what the server and the client have to say to each other be said; their sockets know no clock of a test. */
async function until(seen, isSo, tick) {
  while (!isSo(seen.log)) {
    tick(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const waits = (log) => log.flatMap(({ state }) => (state?.name === "waiting" ? [state.reason] : []));
const isGreeted = (log) => log.some(({ hello }) => hello);

async function connected(t, script, transport) {
  const server = await scripted(t, script);
  const seen = recorder();
  const tick = stoppedClock(t, "setTimeout");
  const connection = connect(server.url, { ...seen.options, transport, delayMin: 1e6, delayMax: 1e6 });
  t.after(() => connection.close());
  return { seen, connection, tick };
}

function begin(response) {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(`event: hello\ndata: ${JSON.stringify(hello(10).hello)}\n\n`);
}

test("a server that takes the connection and says nothing is not waited for", async (t) => {
  for (const transport of ["websocket", "sse"]) {
    await t.test(transport, async (t) => {
      let isAsked = false;
      const ask = () => (isAsked = true);
      const { seen, tick } = await connected(t, { onSocket: ask, onRequest: (_, response) => {
        if (transport === "sse") ask();
        else response.writeHead(503).end("busy");
      } }, transport);
      await until(seen, () => isAsked, () => {});
      assert.deepEqual(waits(seen.log), []);
      tick(10_000);
      await until(seen, (log) => waits(log).length, tick);
      assert.deepEqual(waits(seen.log), [transport === "sse" ? "the server cannot be reached" : "busy"]);
    });
  }
});

test("over HTTP 45 seconds without a sign of life are enough, and with one are not", async (t) => {
  let response;
  const { seen, tick, connection } = await connected(t, { onRequest: (_, answer) => begin((response = answer)) }, "sse");
  await until(seen, isGreeted, tick);
  let last = 10;
  for (let i = 0; i < 3; i++) {
    tick(40_000);
    last += 1;
    response.write(`:\n\nid: ${EPOCH}:${last}\ndata: {"tag":"a","time":1,"record":{}}\n\n`);
    await until(seen, () => seen.seqs().at(-1) === last, () => {});
  }
  assert.equal(connection.state.name, "connected");
  tick(45_000);
  await until(seen, (log) => waits(log).length, tick);
  assert.deepEqual(waits(seen.log), ["the connection was cut (no sign of life)"]);
});

/** With WebSockets, and no clock but that of looks. */
async function connectedBySocket(t, onSocket) {
  const server = await scripted(t, { onSocket });
  const seen = recorder();
  const connection = connect(server.url, seen.options);
  t.after(() => connection.close());
  return { seen, connection };
}

test("a WebSocket that says nothing is asked for a word", async (t) => {
  const tick = stoppedClock(t, "setInterval");
  const look = () => tick(15_000);
  const questions = [];
  let hear;
  const heard = () => new Promise((resolve) => (hear = resolve));
  const { seen, connection } = await connectedBySocket(t, async (peer) => {
    peer.say(hello(10));
    for (;;) {
      const message = await peer.next();
      questions.push(Object.keys(message)[0]);
      hear(message);
          const answer = message.subscribe ? { subscribed: hello(12).hello } : { error: { message: "A message must be ..." } };
      peer.say(answer, events(11 + questions.length));
    }
  });
  await seen.until((log) => log.some(({ hello }) => hello));
  for (let i = 0; i < 2; i++) {
    look();
    const question = heard();
    look();
    await question;
    // The error is the answer to the question, not to what was asked after it.
    if (i === 1) assert.equal((await connection.subscribe({ tag: "a" })).seq, 12);
    else await seen.until(() => seen.seqs().length === 1);
  }
  assert.deepEqual(questions, ["are you there", "are you there", "subscribe"]);
});

test("a WebSocket that stays silent is given up", async (t) => {
  const tick = stoppedClock(t, "setInterval");
  const { seen } = await connectedBySocket(t, (peer) => peer.say(hello(10)));
  await seen.until((log) => log.some(({ hello }) => hello));
  for (let i = 0; i < 4; i++) tick(15_000);
  await seen.until((log) => log.filter(({ hello }) => hello).length === 2);
  assert.equal(seen.log.find(({ state }) => state?.name === "waiting").state.reason, "no sign of life");
});
