// Against the built binary: cut, killed, restarted. No event is missing and none comes twice.

import assert from "node:assert/strict";
import { test } from "node:test";

import { poll, startServer } from "../../../../tests/node/server.mjs";
import { startProxy } from "../../../../tests/node/proxy.mjs";
import { tool } from "../../../../tests/node/tools.mjs";
import { connect } from "../../fluentcast.js";

const { WebSocket } = tool("ws");

const CUTS = 50;
const KILLS = 3;
/** Events between two cuts, and in all. */
const PART = 200;

const FORMS = { json: { format: "json" }, msgpack: { format: "msgpack" }, sse: { transport: "sse" } };
const WANTED = [
  [{}, () => true],
  [{ filter: "record.n >= 100", where: { odd: true } }, (n) => n >= 100 && n % 2 === 1],
];

const records = (first, count) => Array.from({ length: count }, (_, i) => ({ n: first + i, odd: (first + i) % 2 === 1 }));

/** A client of every form and filter, which keeps what it gets. */
function watch(t, url, options = {}) {
  return Object.entries(FORMS).flatMap(([form, how]) => WANTED.map(([wants, passes]) => {
    const client = { name: `${form} ${JSON.stringify(wants)}`, passes, got: [], gaps: [], connected: 0 };
    client.connection = connect(url, {
      WebSocket,
      delayMin: 1,
      delayMax: 20,
      last: 0,
      ...how,
      ...wants,
      ...options,
      onEvents: (events) => client.got.push(...events.map(({ record }) => record.n)),
      onGap: (gap) => client.gaps.push(gap),
      onState: ({ name }) => (client.connected += name === "connected"),
    });
    t.after(() => client.connection.close());
    return client;
  }));
}

const all = (clients, what, holds) => poll(what, () => clients.every(holds));
const isConnected = ({ connection }) => connection.state.name === "connected";

/** Every event up to `count` that passes, once and in order. */
function assertComplete(clients, count) {
  for (const { name, got, gaps, passes } of clients) {
    const due = Array.from({ length: count }, (_, n) => n).filter(passes);
    assert.deepEqual(got, due, name);
    assert.deepEqual(gaps, [], name);
  }
}

test(`a server that is killed ${KILLS} times, with its history on disk`, async (t) => {
  const server = await startServer(t, { history: "disk" });
  const clients = watch(t, server.url);
  await all(clients, "the clients", isConnected);
  let sent = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    for (let part = 0; part < 3; part++, sent += PART) await server.send("app.web", records(sent, PART));
    // While events are on their way.
    await server.kill();
    await server.start();
    // Before the clients are there again, as far as chance has it.
    await server.send("app.web", records(sent, PART));
    sent += PART;
    await all(clients, "the clients to come back", ({ connected }) => connected >= kill + 2);
  }
  const complete = ({ got, passes }) => got.length >= Array.from({ length: sent }, (_, n) => n).filter(passes).length;
  await all(clients, "all events", complete);
  await server.send("app.web", records(sent, 2));
  await all(clients, "the last event", ({ got }) => got.at(-1) === sent + 1);
  assertComplete(clients, sent + 2);
});

test("without a history, what cannot be known is told", async (t) => {
  const server = await startServer(t);
  const clients = watch(t, server.url);
  await all(clients, "the clients", isConnected);
  await server.send("app.web", records(100, 6));
  await all(clients, "the events", ({ got }) => got.at(-1) === 105);
  const [{ connection }] = clients;
  const { epoch } = connection.hello;
  await server.kill();
  await server.start();
  await all(clients, "the clients to come back", ({ connected }) => connected === 2);
  await server.send("app.web", records(106, 2));
  await all(clients, "what came later", ({ got }) => got.at(-1) === 107);
  for (const { name, gaps, got, passes } of clients) {
    assert.deepEqual(got, [100, 101, 102, 103, 104, 105, 106, 107].filter(passes), name);
    assert.equal(gaps.length, 1, name);
    assert.deepEqual({ ...gaps[0], from: 0 }, { epoch, from: 0, to: null, reason: "epoch" }, name);
    assert.ok(gaps[0].from <= 7, name);
  }
});

test(`${CUTS} cuts by chance`, async (t) => {
  const server = await startServer(t, { parameters: "<history>\n  events 100000\n</history>" });
  const proxy = await startProxy(t, server.ports.websocket);
  const clients = watch(t, proxy.url);
  await all(clients, "the clients", isConnected);
  let sent = 0;
  for (let cut = 0; cut < CUTS; cut++) {
    await server.send("app.web", records(sent, PART));
    sent += PART;
    // At any moment of connecting, resuming and reading.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
    proxy.cut();
  }
  await server.send("app.web", records(sent, 2));
  await all(clients, "the last event", ({ got }) => got.at(-1) === sent + 1);
  assertComplete(clients, sent + 2);
  for (const { name, connected } of clients) assert.ok(connected > 1, `${name} was never cut`);
});

test("a server that stops and starts is no loss to `for await`", async (t) => {
  const server = await startServer(t, { history: "disk" });
  for (const how of Object.values(FORMS)) {
    const connection = connect(server.url, { WebSocket, delayMin: 1, delayMax: 20, last: 0, pending: 50, ...how });
    t.after(() => connection.close());
    const got = [];
    const reading = (async () => {
      for await (const { record } of connection) {
        got.push(record.n);
        if (record.n === 599) break;
      }
    })();
    await poll("the connection", () => connection.hello);
    await server.send("app.web", records(0, 300));
    await server.stop();
    await server.start();
    await server.send("app.web", records(300, 300));
    await reading;
    assert.deepEqual(got, Array.from({ length: 600 }, (_, n) => n), JSON.stringify(how));
  }
});
