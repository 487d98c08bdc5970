// history(): what there is, as fast as it is taken, and no more.

import assert from "node:assert/strict";
import { test } from "node:test";

import { history, ServerError } from "../fluentcast.js";
import { EPOCH, range, scripted } from "./scripted.mjs";

const line = (n) => `{"seq":${n},"tag":"a","time":5.5,"record":{"n":${n}}}\n`;

async function answering(t, text, finish = (response) => response.end()) {
  const server = await scripted(t, {
    onRequest: (request, response) => {
      response.writeHead(200, { "content-type": "application/x-ndjson; charset=utf-8", "fluentcast-epoch": EPOCH });
      response.write(text);
      finish(response, request);
    },
  });
  return server;
}

async function all(items) {
  const list = [];
  for await (const item of items) list.push(item.gap ? [item.gap.epoch, item.gap.from, item.gap.to] : item.seq);
  return list;
}

test("events and gaps, in their order", async (t) => {
  const server = await answering(t, `${line(3)}\n{"gap":{"from":4,"to":6,"reason":"lost"}}\n{"left_out":5}\n{"news":1}\n${line(7)}`);
  const items = [];
  const options = { since: `${EPOCH}:2`, tag: "a", where: { n: [1, null] }, token: () => "secret" };
  for await (const item of history(server.url, options)) items.push(item);
  assert.deepEqual(items, [
    { epoch: EPOCH, seq: 3, position: `${EPOCH}:3`, tag: "a", time: 5.5, record: { n: 3 } },
    { gap: { epoch: EPOCH, from: 4, to: 6, reason: "lost" } },
    { epoch: EPOCH, seq: 7, position: `${EPOCH}:7`, tag: "a", time: 5.5, record: { n: 7 } },
  ]);
  const [{ url, headers }] = server.asked;
  assert.equal(url, `/events?$tag=a&n=1&n&$since=${EPOCH}%3A2&$follow=false`);
  assert.equal(headers.authorization, "Bearer secret");
});

test("ends at the number it was told, without waiting for more", async (t) => {
  // The answer never ends; the client has to.
  const server = await answering(t, range(3, 5).map(line).join(""), () => {});
  assert.deepEqual(await all(history(server.url, { until: 5 })), [3, 4, 5]);
  assert.deepEqual(await all(history(server.url, { until: `${EPOCH}:5` })), [3, 4, 5]);
  assert.deepEqual(await all(history(server.url, { until: 4 })), [3, 4]);
  assert.deepEqual(await all(history(server.url, { since: `${EPOCH}:2`, until: 2 })), []);
  assert.deepEqual(await all(history(server.url, { until: "00000000000000bb:5" })), []);
});

test("of a former epoch, the gap at its end is the last", async (t) => {
  const former = "00000000000000bb";
  const server = await answering(t, `{"gap":{"epoch":"${former}","from":4,"to":null,"reason":"epoch"}}\n${line(1)}`, () => {});
  const options = { since: `${former}:3`, until: `${former}:9` };
  assert.deepEqual(await all(history(server.url, options)), [[former, 4, null]]);
});

test("leaving the loop, and aborting, end the request", async (t) => {
  for (const leave of ["break", "abort"]) {
    let ended;
    const server = await answering(t, line(3), (response) => {
      ended = new Promise((resolve) => response.on("close", resolve));
    });
    const abort = new AbortController();
    const loop = async () => {
      for await (const { seq } of history(server.url, { signal: abort.signal })) {
        assert.equal(seq, 3);
        if (leave === "break") break;
        abort.abort();
      }
    };
    await (leave === "break" ? loop() : assert.rejects(loop, { name: "AbortError" }));
    await ended;
  }
});

test("a refusal, and an answer that breaks off, are thrown", async (t) => {
  const refusing = await scripted(t, { onRequest: (_, response) => response.writeHead(401).end("No token.") });
  await assert.rejects(all(history(refusing.url)), (error) => {
    return error instanceof ServerError && error.status === 401 && error.message === "No token.";
  });
  const cutting = await answering(t, line(3), (response) => setImmediate(() => response.destroy()));
  await assert.rejects(all(history(cutting.url)), TypeError);
});
