// Server-sent events: where WebSockets do not get through, and where there are none.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, ServerError } from "../fluentcast.js";
import { EPOCH, recorder, scripted } from "./scripted.mjs";

/** The head of an answer that streams, and its hello. */
function begin(response, seq = 10) {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  const data = JSON.stringify({ epoch: EPOCH, seq, oldest: 1, version: "0.1.0" });
  response.write(`event: hello\nid: ${EPOCH}:${seq}\ndata: ${data}\n\n`);
}

const event = (n) => `id: ${EPOCH}:${n}\ndata: {"tag":"a","time":5.5,"record":{"n":${n},"text":"größe 🚀"}}\n\n`;

/** As the server does, answers the question why with the end of an empty history. */
const isQuestion = (request) => request.url.includes("$follow=false");
const answerQuestion = (response) => response.writeHead(200, { "content-type": "application/x-ndjson" }).end();

async function connected(t, { onSocket, onRequest }, options = {}) {
  let streams = 0;
  const server = await scripted(t, {
    onSocket,
    onRequest: (request, response) => {
      if (isQuestion(request)) answerQuestion(response, request);
      else onRequest(response, request, streams++);
    },
  });
  const seen = recorder();
  const connection = connect(server.url, { ...seen.options, ...options });
  t.after(() => connection.close());
  return { server, seen, connection };
}

test("takes over when WebSockets fail twice and HTTP does not", async (t) => {
  const { server, seen, connection } = await connected(t, { onRequest: (response) => (begin(response), response.write(event(11))) });
  await seen.until(() => seen.seqs().length === 1);
  assert.deepEqual(connection.state, { name: "connected", transport: "sse" });
  assert.deepEqual(server.asked.map(({ kind }) => kind), ["websocket", "http", "websocket", "http", "http"]);
});

test("when they end, a WebSocket has another chance", async (t) => {
  let isOpen = false;
  const { seen, connection } = await connected(t, {
    onSocket: (peer) => (isOpen ? peer.say({ hello: { epoch: EPOCH, seq: 10, oldest: 1, version: "" } }) : peer.cut()),
    onRequest: (response) => {
      begin(response);
      isOpen = true;
      response.end();
    },
  });
  await seen.until(() => connection.state.transport === "websocket");
});

test("is what there is where there is no WebSocket", async (t) => {
  const { seen, connection } = await connected(t, { onRequest: (response) => begin(response) }, {
    WebSocket: undefined,
    transport: globalThis.WebSocket ? "sse" : "auto",
  });
  await seen.until(() => connection.state.transport === "sse");
});

test("events, gaps and what was left out, however the bytes are cut", async (t) => {
  const gap = `event: gap\nid: ${EPOCH}:15\ndata: {"from":12,"to":15,"events":2,"reason":"slow"}\n\n`;
  const text = `${event(11)}:\n\n${gap}event: left_out\ndata: 37\n\nevent: news\ndata: {}\n\n${event(16)}${event(17)}`;
  const bytes = Buffer.from(text);
  for (const size of [1, 7, bytes.length]) {
    const texts = new Set();
    const { server, seen, connection } = await connected(t, {
      onRequest: async (response, _, n) => {
        begin(response);
        if (n > 0) return;
        for (let at = 0; at < bytes.length; at += size) {
          await new Promise((resolve) => response.write(bytes.subarray(at, at + size), resolve));
        }
        response.end();
      },
    }, { transport: "sse", token: "secret", tag: "a", onEvent: ({ record }) => texts.add(record.text) });
    await seen.until((log) => log.filter(({ hello }) => hello).length === 2);
    assert.deepEqual(seen.seqs(), [11, 16, 17]);
    assert.deepEqual([...texts], ["größe 🚀"]);
    const told = seen.log.filter(({ gap, leftOut }) => gap || leftOut);
    assert.deepEqual(told, [{ gap: { epoch: EPOCH, from: 12, to: 15, events: 2, reason: "slow" } }, { leftOut: 37 }]);
    const [first, second] = server.asked;
    assert.equal(first.path, "/events");
    assert.equal(first.headers.authorization, "Bearer secret");
    assert.deepEqual([...first.query], [["$tag", "a"]]);
    assert.deepEqual([...second.query], [["$tag", "a"], ["$since", `${EPOCH}:17`]]);
    assert.equal(seen.log.find(({ state }) => state?.name === "waiting").state.reason, "the server ended the stream");
    connection.close();
  }
});

test("a record is what it is", async (t) => {
  const records = [];
  const { seen } = await connected(t, { onRequest: (response) => (begin(response), response.write(event(11))) }, {
    transport: "sse",
    onEvent: ({ record, time }) => records.push([record, time]),
  });
  await seen.until(() => seen.seqs().length === 1);
  assert.deepEqual(records, [[{ n: 11, text: "größe 🚀" }, 5.5]]);
});

test("a token that no header can carry goes into the URL", async (t) => {
  const { server, seen } = await connected(t, { onRequest: (response) => begin(response) }, { transport: "sse", token: "größe &" });
  await seen.until((log) => log.some(({ hello }) => hello));
  assert.equal(server.asked[0].query.get("token"), "größe &");
  assert.equal(server.asked[0].headers.authorization, undefined);
});

test("an answer that is no stream is waited out: it may be a proxy's", async (t) => {
  const { seen, connection } = await connected(t, {
    onRequest: (response, _, n) => {
      if (n > 0) begin(response);
      else response.writeHead(200, { "content-type": "text/html" }).end("<h1>Back soon</h1>");
    },
  }, { transport: "sse" });
  await seen.until(() => connection.state.name === "connected");
  assert.equal(seen.log.find(({ state }) => state?.name === "waiting").state.reason, "no stream answers here, but text/html");
});

test("while enough events wait, nothing is read", async (t) => {
  const { connection } = await connected(t, {
    onRequest: (response) => {
      begin(response);
      for (let n = 11; n <= 1010; n++) response.write(event(n));
    },
  }, { transport: "sse", pending: 16, onEvents: undefined });
  const seqs = [];
  let most = 0;
  for await (const { seq } of connection) {
    most = Math.max(most, connection.pending);
    seqs.push(seq);
    if (seq === 1010) break;
  }
  assert.deepEqual(seqs, Array.from({ length: 1000 }, (_, i) => 11 + i));
  assert.ok(most <= 16, `${most} waited`);
});

test("subscribe asks whether it may, and connects anew from where it is", async (t) => {
  const { server, seen, connection } = await connected(t, {
    onRequest: (response, _, n) => {
      begin(response, 10 + 10 * n);
      if (n === 0) response.write(event(12));
    },
  }, { transport: "sse", tag: "old", where: { level: "x" } });
  await seen.until(() => seen.seqs().length === 1);
  const answer = await connection.subscribe({ tag: ["a", "b"], where: null });
  assert.equal(answer.seq, 20);
  const [, question, second] = server.asked;
  assert.deepEqual([...question.query], [["$tag", "a"], ["$tag", "b"], ["$last", "0"], ["$follow", "false"]]);
  assert.deepEqual([...second.query], [["$tag", "a"], ["$tag", "b"], ["$since", `${EPOCH}:12`]]);
  assert.deepEqual(seen.states(), ["connecting", "connected", "connecting", "connected"]);
  await connection.subscribe({ since: "5m" });
  // As long ago as five minutes were when it was asked.
  assert.match(server.asked.at(-1).query.get("$since"), /^(5m|30\ds)$/);
});

test("a subscribe that is refused changes nothing", async (t) => {
  const server = await scripted(t, {
    onRequest: (request, response) => {
      if (isQuestion(request)) response.writeHead(400).end("Unknown parameter `$tags`.");
      else begin(response);
    },
  });
  const seen = recorder();
  const connection = connect(server.url, { ...seen.options, transport: "sse" });
  t.after(() => connection.close());
  await assert.rejects(connection.subscribe({ tags: "a" }), (error) => {
    return error instanceof ServerError && error.status === 400 && error.message === "Unknown parameter `$tags`.";
  });
  assert.equal(connection.state.name, "connected");
  assert.deepEqual(seen.states(), ["connecting", "connected"]);
});
