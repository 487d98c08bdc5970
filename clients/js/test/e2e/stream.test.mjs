// Against the built binary: what is asked for, refused, waited for and read back.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Worker } from "node:worker_threads";

import { poll, startServer } from "../../../../tests/node/server.mjs";
import { tool } from "../../../../tests/node/tools.mjs";
import { connect, history, ServerError } from "../../fluentcast.js";

const { WebSocket } = tool("ws");

const TRANSPORTS = { websocket: { WebSocket }, msgpack: { WebSocket, format: "msgpack" }, sse: { transport: "sse" } };

const numbers = (first, count) => Array.from({ length: count }, (_, i) => first + i);
const records = (first, count) => numbers(first, count).map((n) => ({ n }));

async function connected(t, server, options) {
  const seen = [];
  const connection = connect(server.url, { delayMin: 1, delayMax: 20, onEvents: (events) => seen.push(...events), ...options });
  t.after(() => connection.close());
  await poll("the connection", () => connection.state.name === "connected");
  return { connection, seen };
}

for (const [name, how] of Object.entries(TRANSPORTS)) {
  test(`an event is the same over ${name}`, async (t) => {
    const server = await startServer(t);
    const { seen, connection } = await connected(t, server, how);
    const record = { text: "größe 🚀 \u0000", list: [1, [2.5, { deep: null }]], yes: true, big: 2 ** 40, minus: -7, empty: {} };
    await server.send("app.web?time=1700000000.25", [record]);
    await poll("the event", () => seen.length === 1);
    const { epoch } = connection.hello;
    assert.deepEqual(seen, [{ epoch, seq: 1, position: `${epoch}:1`, tag: "app.web", time: 1_700_000_000.25, record }]);
  });

  test(`subscribe changes the stream over ${name}, and mistakes do not`, async (t) => {
    const server = await startServer(t);
    const { seen, connection } = await connected(t, server, { ...how, tag: "app.**" });
    await assert.rejects(connection.subscribe({ filter: "record.a == levl" }), (error) => {
      return error instanceof ServerError && /unknown name `levl`/.test(error.message);
    });
    await assert.rejects(connection.subscribe({ tags: "a" }), /tags`/);
    await assert.rejects(connection.subscribe({ maxRate: 0 }), /max_rate/);
    await server.send("app.a", records(0, 1));
    await server.send("db.a", records(1, 1));
    await poll("an event of the former choice", () => seen.length === 1);
    await connection.subscribe({ tag: "db.**", where: { n: [3, 4, 5] } });
    await server.send("app.a", records(2, 2));
    await server.send("db.a", records(2, 2));
    await poll("an event of the present one", () => seen.length === 2);
    assert.deepEqual(seen.map(({ tag, record }) => `${tag} ${record.n}`), ["app.a 0", "db.a 3"]);
  });

  test(`what is chosen by subscribe over ${name} is asked for after a restart`, async (t) => {
    const server = await startServer(t, { history: "disk" });
    const { seen, connection } = await connected(t, server, { ...how, tag: "app.**" });
    await connection.subscribe({ tag: "db.**", fields: "n" });
    await server.kill();
    await server.start();
    await server.send("app.a", records(0, 1));
    await server.send("db.a", [{ n: 1, other: 2 }]);
    await poll("the event", () => seen.length === 1);
    assert.deepEqual(seen.map(({ tag, record }) => [tag, record]), [["db.a", { n: 1 }]]);
  });

  test(`a token is needed over ${name}`, async (t) => {
    const server = await startServer(t, { parameters: "token größe&geheim" });
    for (const token of [undefined, "falsch"]) {
      const { closed } = connect(server.url, { ...how, token });
      const error = await closed;
      assert.equal(error?.status, 401);
      assert.match(error.message, /This stream needs a token/);
    }
    const { connection } = await connected(t, server, { ...how, token: () => "größe&geheim" });
    connection.close();
  });

  test(`a mistake in what is asked for is told over ${name}`, async (t) => {
    const server = await startServer(t);
    for (const [options, message] of [
      [{ filter: "record.a ==" }, /`\$filter`: column/],
      [{ since: "yesterday" }, /say where to begin/],
      [{ since: 17 }, /a number needs its epoch/],
    ]) {
      const error = await connect(server.url, { ...how, ...options }).closed;
      assert.equal(error?.status, 400);
      assert.match(error.message, message);
    }
    const { status } = await connect(`${server.url}?$tags=a`, how).closed;
    assert.equal(status, 400);
  });

  test(`leaving the loop over ${name} leaves the server`, async (t) => {
    const server = await startServer(t);
    const connection = connect(server.url, how);
    await poll("the client", async () => (await server.metric("fluentcast_websocket_clients")) === 1);
    await server.send("app.web", records(0, 3));
    for await (const { record } of connection) {
      assert.equal(record.n, 0);
      break;
    }
    await poll("the client to be gone", async () => (await server.metric("fluentcast_websocket_clients")) === 0);
  });

  test(`who takes slowly gets everything over ${name}`, async (t) => {
    const server = await startServer(t, { parameters: "<history>\n  events 100000\n</history>" });
    const count = 20_000;
    const connection = connect(server.url, { ...how, last: 0, pending: 500, delayMin: 1, onGap: (gap) => assert.fail(gap.reason) });
    t.after(() => connection.close());
    await poll("the connection", () => connection.hello);
    for (let first = 0; first < count; first += 1000) await server.send("app.web", records(first, 1000));
    const got = [];
    let most = 0;
    for await (const { record } of connection) {
      most = Math.max(most, connection.pending);
      got.push(record.n);
      if (got.length === count) break;
      // Others have their turn, so that more comes than is taken.
      if (got.length % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(got, numbers(0, count));
    assert.ok(most <= 500, `${most} waited`);
  });
}

test("a client at the limit is let in when there is room", async (t) => {
  const server = await startServer(t, { parameters: "connection_limit 1" });
  const first = await connected(t, server, { WebSocket });
  for (const how of Object.values(TRANSPORTS)) {
    const states = [];
    const connection = connect(server.url, { ...how, delayMin: 1, delayMax: 20, onState: (state) => states.push(state) });
    await poll("the refusal", () => states.find(({ status }) => status === 503));
    assert.match(states.find(({ status }) => status).reason, /Too many clients/);
    connection.close();
  }
  first.connection.close();
  await connected(t, server, { transport: "sse" });
});

test("the server answers the question whether it is there, and nothing changes", async (t) => {
  const server = await startServer(t);
  const [, question] = /^const ARE_YOU_THERE = '(.*)';$/m.exec(await readFile(new URL("../../fluentcast.js", import.meta.url), "utf8"));
  const socket = new WebSocket(`${server.url.replace("http", "ws")}?$tag=app.*`, "fluentcast.v1.json");
  const heard = [];
  socket.on("message", (data) => heard.push(JSON.parse(data)));
  t.after(() => socket.terminate());
  await poll("the hello", () => heard.length === 1);
  socket.send(question);
  await poll("the answer", () => heard.length === 2);
  await server.send("db.a", records(0, 1));
  await server.send("app.a", records(1, 1));
  await poll("the event", () => heard.length === 3);
  assert.deepEqual(heard.map((message) => Object.keys(message)[0]), ["hello", "error", "events"]);
  assert.equal(heard[2].events[0][1], "app.a");
});

test("sends thinned out are counted", async (t) => {
  const server = await startServer(t);
  let leftOut = 0;
  const { seen } = await connected(t, server, { WebSocket, maxRate: 10, onLeftOut: (count) => (leftOut += count) });
  await server.send("app.web", records(0, 1000));
  await poll("all events, sent or counted", () => seen.length + leftOut === 1000);
  assert.ok(leftOut > 900, `${leftOut} left out`);
});

test("a hostile record is harmless", async (t) => {
  const server = await startServer(t);
  const text = '{"__proto__":{"polluted":true},"constructor":1,"hasOwnProperty":null,"toString":{}}';
  for (const how of Object.values(TRANSPORTS)) {
    const { seen, connection } = await connected(t, server, how);
    await server.send("app.web", JSON.parse(`[${text}]`));
    await poll("the event", () => seen.length === 1);
    assert.equal(JSON.stringify(seen[0].record), text);
    assert.equal({}.polluted, undefined);
    assert.equal(Object.getPrototypeOf(seen[0].record), Object.prototype);
    connection.close();
  }
});

test("history: all of it, a part of it, what has gone", async (t) => {
  const server = await startServer(t, { parameters: "<history>\n  events 100\n</history>" });
  for (let first = 0; first < 1000; first += 100) await server.send("app.web", records(first, 100));
  const read = async (options) => {
    const items = [];
    for await (const item of history(server.url, options)) items.push(item);
    return items;
  };
  const everything = await read();
  const first = everything[0].seq;
  assert.ok(everything.length >= 100 && everything.at(-1).seq === 1000, `${everything.length} events`);
  assert.deepEqual(everything.map(({ record }) => record.n), numbers(first - 1, 1001 - first));
  const { epoch } = everything[0];
  const [gone, next] = await read({ since: `${epoch}:10`, until: first });
  assert.deepEqual(gone, { gap: { epoch, from: 11, to: first - 1, reason: "expired" } });
  assert.equal(next.seq, first);
  const part = await read({ since: `${epoch}:989`, until: `${epoch}:995`, where: { n: [990, 994, 996] } });
  assert.deepEqual(part.map(({ seq }) => seq), [991, 995]);
  assert.deepEqual((await read({ last: 3 })).map(({ seq }) => seq), [998, 999, 1000]);
  await assert.rejects(read({ filter: "x" }), ServerError);
});

test("runs in a worker thread", async (t) => {
  const server = await startServer(t);
  const worker = new Worker(
    `import(${JSON.stringify(new URL("../../fluentcast.js", import.meta.url).href)}).then(async ({ connect }) => {
      const { parentPort } = await import("node:worker_threads");
      const connection = connect(${JSON.stringify(server.url)}, { onHello: () => parentPort.postMessage("hello") });
      for await (const { record } of connection) {
        parentPort.postMessage(record.n);
        break;
      }
    });`,
    { eval: true },
  );
  const heard = [];
  worker.on("message", (message) => heard.push(message));
  const ended = new Promise((resolve, reject) => worker.once("exit", resolve).once("error", reject));
  await poll("the worker's connection", () => heard.length === 1);
  await server.send("app.web", records(7, 1));
  // By itself: nothing of the client keeps it alive.
  assert.equal(await ended, 0);
  assert.deepEqual(heard, ["hello", 7]);
});
