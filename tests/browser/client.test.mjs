// The JavaScript client in a real page: its WebSocket, its origin, its worker.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { ROOT } from "../node/tools.mjs";
import { newPage, poll, startServer } from "./support.mjs";

const MODULE = await readFile(`${ROOT}clients/js/fluentcast.js`, "utf8");

/** A page of the server's that knows the client as `fluentcast`, and nothing else. */
async function pageOf(t, server) {
  const page = await newPage(t);
  // The healthy answer is a page without any policy or script. What follows its name is the page's business.
  await page.goto(`${server.url}healthz?level=none#here`);
  await page.evaluate(async (code) => {
    const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    globalThis.moduleUrl = url;
    globalThis.fluentcast = await import(url);
  }, MODULE);
  return page;
}

/** Connects in the page; `globalThis.seen` says what came. */
const watch = (page, options) => page.evaluate((options) => {
  globalThis.seen = { numbers: [], gaps: [], states: [] };
  const { numbers, gaps, states } = globalThis.seen;
  globalThis.connection = globalThis.fluentcast.connect(undefined, {
    delayMin: 50,
    delayMax: 200,
    ...options,
    onEvents: (events) => numbers.push(...events.map(({ record }) => record.n)),
    onGap: (gap) => gaps.push(gap),
    onState: ({ name, transport }) => states.push(transport ?? name),
  });
}, options);

const seen = (page) => page.evaluate(() => globalThis.seen);
const isConnected = (page) => page.waitForFunction(() => globalThis.connection.state.name === "connected");
const numbers = (first, count) => Array.from({ length: count }, (_, i) => first + i);
const records = (first, count) => numbers(first, count).map((n) => ({ n }));

for (const [options, transport] of [
  [{ format: "json" }, "websocket"],
  [{ format: "msgpack" }, "websocket"],
  [{ transport: "sse" }, "sse"],
]) {
  test(`a page goes on after its server was killed: ${JSON.stringify(options)}`, async (t) => {
    const server = await startServer(t, { history: "disk" });
    const page = await pageOf(t, server);
    await watch(page, options);
    await isConnected(page);
    await server.send("app.web", records(0, 100));
    await poll("the events", async () => (await seen(page)).numbers.length === 100);
    await server.kill();
    await page.waitForFunction(() => globalThis.connection.state.name === "waiting");
    await server.start();
    await server.send("app.web", records(100, 100));
    await poll("the events after the restart", async () => (await seen(page)).numbers.length === 200);
    const { numbers: got, gaps, states } = await seen(page);
    assert.deepEqual(got, numbers(0, 200));
    assert.deepEqual(gaps, []);
    assert.deepEqual([states[0], states[1], states.at(-1)], ["connecting", transport, transport]);
  });
}

test("a page is told why it is refused", async (t) => {
  const server = await startServer(t, { parameters: "token secret" });
  const page = await pageOf(t, server);
  for (const transport of ["auto", "sse"]) {
    await watch(page, { token: "wrong", transport });
    const error = await page.evaluate(async () => {
      const { message, status, name } = await globalThis.connection.closed;
      return { message, status, name };
    });
    assert.equal(error.status, 401, error.message);
    assert.match(error.message, /needs a token/);
    await watch(page, { token: "secret", transport });
    await isConnected(page);
    await page.evaluate(() => globalThis.connection.close());
  }
});

test("the client runs in a worker", async (t) => {
  const server = await startServer(t);
  const page = await pageOf(t, server);
  await page.evaluate((url) => {
    const code = `
      import { connect } from ${JSON.stringify(globalThis.moduleUrl)};
      const connection = connect(${JSON.stringify(url)}, { onHello: () => postMessage("hello") });
      for await (const { record } of connection) postMessage(record.n);
    `;
    globalThis.heard = [];
    globalThis.worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), { type: "module" });
    globalThis.worker.onmessage = ({ data }) => globalThis.heard.push(data);
    globalThis.worker.onerror = ({ message }) => globalThis.heard.push(message);
  }, server.url);
  await page.waitForFunction(() => globalThis.heard.length === 1);
  await server.send("app.web", records(7, 1));
  await page.waitForFunction(() => globalThis.heard.length === 2);
  assert.deepEqual(await page.evaluate(() => globalThis.heard), ["hello", 7]);
});
