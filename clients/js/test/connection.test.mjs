// The connection against a server that says what the test wants.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, ServerError } from "../fluentcast.js";
import { EPOCH, WebSocket, events, hello, range, recorder, scripted } from "./scripted.mjs";

const OTHER = "00000000000000bb";

/** A gap as the server tells it. */
const gap = (from, to, reason, more = {}) => ({ gap: { from, to, reason, ...more } });

/** Connects to a server with a script for each WebSocket, and closes with the test. */
async function connected(t, scripts, options = {}) {
  const server = await scripted(t, {
    onSocket: (peer, request, n) => scripts[n]?.(peer, request),
    onRequest: (_, response) => response.writeHead(503).end("not now"),
  });
  const seen = recorder();
  const connection = connect(server.url, { ...seen.options, ...options });
  t.after(() => connection.close());
  return { server, seen, connection };
}

/** What the n-th WebSocket was asked for. */
const query = (server, n) => server.asked.filter(({ kind }) => kind === "websocket")[n]?.query;

test("what is wanted stands in the URL, and the token does not", async (t) => {
  const server = await scripted(t, { onSocket: (peer) => peer.say(hello(5)) });
  const seen = recorder();
  const connection = connect(`${server.url}a/events?level=error&user&$tag=x.**&$fields=a`, {
    ...seen.options,
    tag: ["app.**", "!app.debug"],
    filter: 'record.code >= 500 && tag != "a&b"',
    where: { level: ["error", "fatal"], user: null, code: 5, ok: true, "a b": "" },
    maxRate: 7,
    slowClient: "sample",
    last: 0,
    token: async () => "sécret/+?",
  });
  t.after(() => connection.close());
  await seen.until((log) => log.some(({ hello }) => hello));
  const [{ path, url, headers }] = server.asked;
  assert.equal(path, "/a/");
  const expected = "$fields=a&$tag=app.**&$tag=!app.debug&$filter=record.code%20%3E%3D%20500%20%26%26%20tag%20!%3D%20%22a%26b%22"
    + "&$max_rate=7&$slow_client=sample&level=error&level=fatal&user&code=5&ok=true&a%20b=&$last=0";
  assert.deepEqual(url.split("?")[1].split("&").sort(), expected.split("&").sort());
  const [protocol, token] = headers["sec-websocket-protocol"].split(/, ?/);
  assert.equal(protocol, "fluentcast.v1.json");
  assert.equal(Buffer.from(token.replace("bearer.", ""), "base64url").toString(), "sécret/+?");
});

test("mistakes that need no server are told at once", () => {
  const bad = [
    ["ftp://x/", {}, /no scheme of a stream/],
    ["ws://x/", { since: "5m", last: 1 }, /give one of them/],
    ["ws://x/?$follow=false", {}, /use history\(\)/],
    ["ws://x/", { format: "xml" }, /`format` must be one of json, msgpack/],
    ["ws://x/", { transport: "udp" }, /`transport` must be one of/],
    ["ws://x/", { pending: 0 }, /`pending` must be/],
    [undefined, {}, /needs a URL/],
  ];
  for (const [url, options, message] of bad) assert.throws(() => connect(url, options), { name: "TypeError", message });
  if (!globalThis.WebSocket) {
    assert.throws(() => connect("ws://x/", { transport: "websocket" }), /there is no WebSocket here/);
  }
});

test("resumes after the last event, with the same filters", async (t) => {
  const { server, seen } = await connected(t, [
    (peer) => {
      peer.say(hello(10), events(11, 12), events(15));
      peer.close(1001, "stopping");
    },
    (peer) => peer.say(hello(20), events(16)),
  ], { last: 0, tag: "app.*" });
  await seen.until(() => seen.seqs().length === 4);
  assert.deepEqual(seen.seqs(), [11, 12, 15, 16]);
  assert.equal(query(server, 0).get("$last"), "0");
  assert.equal(query(server, 1).get("$last"), null);
  assert.equal(query(server, 1).get("$since"), `${EPOCH}:15`);
  assert.equal(query(server, 1).get("$tag"), "app.*");
  const waiting = seen.log.find(({ state }) => state?.name === "waiting").state;
  assert.equal(waiting.reason, "stopping");
  assert.equal(waiting.attempt, 1);
  assert.deepEqual(seen.states(), ["connecting", "connected", "waiting", "connecting", "connected"]);
});

test("resumes after the hello where nothing came, and after a gap", async (t) => {
  const { server, seen, connection } = await connected(t, [
    (peer) => (peer.say(hello(10)), peer.close(1001)),
    (peer) => (peer.say(hello(30), gap(11, 25, "slow", { events: 3 })), peer.close(1013)),
    (peer) => peer.say(hello(30), events(26)),
  ]);
  await seen.until(() => seen.seqs().length === 1);
  assert.deepEqual([...query(server, 0).keys()], []);
  assert.equal(query(server, 1).get("$since"), `${EPOCH}:10`);
  assert.equal(query(server, 2).get("$since"), `${EPOCH}:25`);
  assert.deepEqual(seen.log.filter(({ gap }) => gap), [
    { gap: { epoch: EPOCH, from: 11, to: 25, events: 3, reason: "slow" } },
  ]);
  assert.equal(connection.position, `${EPOCH}:26`);
});

test("a numbering that was broken off is told once, and the position stays until something comes", async (t) => {
  const broken = gap(13, null, "epoch", { epoch: EPOCH });
  const { server, seen, connection } = await connected(t, [
    (peer) => (peer.say(hello(10), events(12)), peer.close(1001)),
    (peer) => (peer.say(hello(0, OTHER), broken), peer.close(1001)),
    (peer) => (peer.say(hello(0, OTHER), broken), peer.close(1001)),
    (peer) => (peer.say(hello(0, OTHER), broken, events(1)), peer.close(1001)),
    (peer) => peer.say(hello(2, OTHER), events(2)),
  ]);
  await seen.until(() => seen.seqs().length === 3);
  for (const n of [1, 2, 3]) assert.equal(query(server, n).get("$since"), `${EPOCH}:12`);
  assert.equal(query(server, 4).get("$since"), `${OTHER}:1`);
  assert.deepEqual(seen.log.filter(({ gap }) => gap), [{ gap: { epoch: EPOCH, from: 13, to: null, reason: "epoch" } }]);
  assert.equal(connection.position, `${OTHER}:2`);
});

test("asks for the same again while it has no position, and for as long ago as it was", async (t) => {
  const now = t.mock.method(Date, "now", () => 1_000_000);
  const { server, seen } = await connected(t, [
    (peer) => {
      now.mock.mockImplementation(() => 1_090_500);
      peer.say(hello(10));
      peer.close(1001);
    },
    (peer) => peer.say(hello(10), events(4)),
  ], { since: "5m" });
  await seen.until(() => seen.seqs().length === 1);
  assert.equal(query(server, 0).get("$since"), "5m");
  assert.equal(query(server, 1).get("$since"), "391s");

  for (const start of [{ last: 3 }, { since: "2026-01-31T12:00:00Z" }]) {
    const again = await connected(t, [(peer) => (peer.say(hello(10)), peer.close(1001)), (peer) => peer.say(hello(10))], start);
    await again.seen.until(() => again.seen.states().filter((name) => name === "connected").length === 2);
    assert.equal(query(again.server, 1).toString(), query(again.server, 0).toString());
    assert.equal(again.connection.position, null);
  }
});

test("waits twice as long each time, half of it by chance", async (t) => {
  t.mock.method(Date, "now", () => 5000);
  const random = t.mock.method(Math, "random", () => 1);
  const server = await scripted(t, {});
  const seen = recorder();
  const connection = connect(server.url, { ...seen.options, delayMin: 2, delayMax: 9 });
  t.after(() => connection.close());
  const waits = () => seen.log.flatMap(({ state }) => (state?.name === "waiting" ? [state.retryAt - 5000] : []));
  await seen.until(() => waits().length === 4);
  random.mock.mockImplementation(() => 0);
  const count = waits().length;
  await seen.until(() => waits().length > count);
  assert.deepEqual(waits().slice(0, 4), [2, 4, 8, 9]);
  assert.equal(waits().at(-1), 4.5);
});

test("503 is waited out, with its word", async (t) => {
  let isFull = true;
  const server = await scripted(t, {
    onSocket: (peer) => (isFull ? peer.cut() : peer.say(hello())),
    onRequest: (_, response) => {
      isFull = false;
      response.writeHead(503).end("Too many clients (connection_limit).\n");
    },
  });
  const seen = recorder();
  const connection = connect(server.url, seen.options);
  t.after(() => connection.close());
  await seen.until(() => connection.state.name === "connected");
  const { reason, status } = seen.log.find(({ state }) => state?.name === "waiting").state;
  assert.deepEqual({ reason, status }, { reason: "Too many clients (connection_limit).", status: 503 });
});

for (const status of [400, 401, 404, 405, 406]) {
  for (const transport of ["auto", "sse"]) {
    test(`${status} over ${transport} ends the connection with the server's word`, async (t) => {
      const server = await scripted(t, { onRequest: (_, response) => response.writeHead(status).end("No, because.\n") });
      const seen = recorder();
      const connection = connect(server.url, { ...seen.options, transport });
      const error = await connection.closed;
      assert.ok(error instanceof ServerError);
      assert.deepEqual([error.message, error.status], ["No, because.", status]);
      assert.deepEqual(connection.state, { name: "closed", reason: "No, because.", status });
      assert.equal(seen.log.at(-1).error, error);
      await assert.rejects(connection[Symbol.asyncIterator]().next(), error);
      await assert.rejects(connection.subscribe({ tag: "a" }), error);
    });
  }
}

test("a retry does not wait", async (t) => {
  const { seen, connection } = await connected(t, [(peer) => (peer.say(hello()), peer.close(1001)), (peer) => peer.say(hello())], {
    delayMin: 3_600_000,
    delayMax: 3_600_000,
  });
  await seen.until(() => connection.state.name === "waiting");
  connection.retry();
  await seen.until(() => connection.state.name === "connected");
});

test("closes when aborted, and while waiting", async (t) => {
  const abort = new AbortController();
  const { seen, connection } = await connected(t, [(peer) => (peer.say(hello()), peer.close(1001))], {
    delayMin: 3_600_000,
    delayMax: 3_600_000,
    signal: abort.signal,
  });
  await seen.until(() => connection.state.name === "waiting");
  abort.abort();
  assert.equal(await connection.closed, undefined);
  assert.equal(connection.state.name, "closed");
  const dead = connect("ws://127.0.0.1:1/", { WebSocket, signal: AbortSignal.abort() });
  assert.equal(await dead.closed, undefined);
});

test("messages and members that it does not know are ignored; nonsense is a reason to connect again", async (t) => {
  const { server, seen } = await connected(t, [
    (peer) => peer.say({ ...hello(10), more: 1 }, { news: {} }, { events: [[11, "a", 1, {}, "more"]], more: 1 }, { events: 5 }),
    (peer) => peer.say(hello(10), events(12)),
  ]);
  await seen.until(() => seen.seqs().length === 2);
  assert.deepEqual(seen.seqs(), [11, 12]);
  assert.equal(query(server, 1).get("$since"), `${EPOCH}:11`);
  assert.match(seen.log.find(({ state }) => state?.name === "waiting").state.reason, /a message that makes no sense/);
});

test("what is left out is counted", async (t) => {
  const { seen } = await connected(t, [(peer) => peer.say(hello(), { ...events(5), left_out: 4 }, { events: [], left_out: 37 })]);
  await seen.until((log) => log.some(({ leftOut }) => leftOut === 37));
  assert.deepEqual(seen.log.flatMap(({ leftOut }) => leftOut ?? []), [4, 37]);
});

test("what is left out is counted even if no room is left for the events beside it", async (t) => {
  let leftOut = 0;
  const { seen, connection } = await connected(t, [
    (peer) => peer.say(hello(), { ...events(5, 6, 7), left_out: 4 }),
  ], { pending: 2, onEvents: undefined, onLeftOut: (count) => (leftOut += count) });
  await seen.until(() => connection.state.name === "waiting");
  assert.deepEqual([connection.pending, leftOut], [2, 4]);
});

test("a callback's mistake is reported, and nothing is lost by it", async (t) => {
  const reported = [];
  globalThis.reportError = (error) => reported.push(error.message);
  t.after(() => delete globalThis.reportError);
  const seqs = [];
  const { seen, connection } = await connected(t, [(peer) => peer.say(hello(), events(1, 2), events(3))], {
    onEvent: ({ seq }) => {
      seqs.push(seq);
      if (seq === 1) throw new Error("mine");
    },
  });
  await seen.until(() => seen.seqs().length === 3);
  assert.deepEqual(seqs, [1, 2, 3]);
  assert.deepEqual(reported, ["mine"]);
  assert.equal(connection.position, `${EPOCH}:3`);
});

test("a callback that closes is called no more", async (t) => {
  const seqs = [];
  const { connection } = await connected(t, [(peer) => peer.say(hello(), events(...range(1, 9)))], {
    onEvent: ({ seq }) => {
      seqs.push(seq);
      if (seq === 4) connection.close();
    },
    onEvents: undefined,
  });
  await connection.closed;
  assert.deepEqual(seqs, [1, 2, 3, 4]);
  assert.equal(connection.position, `${EPOCH}:4`);
});
