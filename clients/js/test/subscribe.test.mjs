// subscribe(): over a WebSocket and by asking anew, refused, cut, and remembered.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, ServerError } from "../fluentcast.js";
import { EPOCH, WebSocket, events, hello, recorder, scripted } from "./scripted.mjs";

const subscribed = (seq) => ({ subscribed: hello(seq).hello });

async function connected(t, onSocket, options = {}) {
  const server = await scripted(t, { onSocket });
  const seen = recorder();
  const connection = connect(server.url, { ...seen.options, ...options });
  t.after(() => connection.close());
  return { server, seen, connection };
}

const sockets = (server) => server.asked.filter(({ kind }) => kind === "websocket");

test("what it changes is asked for in the protocol's words, and remembered", async (t) => {
  const asked = [];
  const { server, seen, connection } = await connected(t, async (peer, _, n) => {
    peer.say(hello(10));
    if (n > 0) return peer.say(events(21));
    asked.push(await peer.next());
    peer.say(events(11), subscribed(20));
    return peer.close(1001);
  }, { filter: "record.a == 1", where: { level: "x" }, maxRate: 5 });
  const answer = await connection.subscribe({
    tag: ["a.*", "!a.b"],
    where: { level: ["error", 5], gone: null },
    fields: ["a", "b"],
    filter: null,
    maxRate: null,
  });
  assert.deepEqual(asked, [{
    subscribe: { tag: ["a.*", "!a.b"], where: { level: ["error", 5], gone: null }, fields: ["a", "b"], filter: null, max_rate: null },
  }]);
  assert.deepEqual(answer, { epoch: EPOCH, seq: 20, oldest: 1, version: "0.1.0" });
  await seen.until(() => seen.seqs().length === 2);
  assert.deepEqual(seen.seqs(), [11, 21]);
  const query = sockets(server)[1].url.split("?")[1].split("&").sort();
  const expected = ["$tag=a.*", "$tag=!a.b", "$fields=a%2Cb", "level=error", "level=5", "gone", `$since=${EPOCH}%3A20`];
  assert.deepEqual(query, expected.sort());
});

test("hears what the server says of a mistake, and everything stays as it was", async (t) => {
  const { server, seen, connection } = await connected(t, async (peer, _, n) => {
    peer.say(hello(10));
    if (n > 0) return peer.say(events(12));
    await peer.next();
    peer.say({ error: { message: "column 14: unknown name `levl`" } }, events(11));
    return peer.close(1001);
  }, { filter: "true" });
  await assert.rejects(connection.subscribe({ filter: "levl" }), (error) => {
    return error instanceof ServerError && error.message === "column 14: unknown name `levl`";
  });
  await seen.until(() => seen.seqs().length === 2);
  assert.equal(sockets(server)[1].query.get("$filter"), "true");
  assert.equal(sockets(server)[1].query.get("$since"), `${EPOCH}:11`);
});

test("cut before the answer, it asks again on the next connection, which begins as before", async (t) => {
  const { server, connection } = await connected(t, async (peer, _, n) => {
    peer.say(hello(10));
    await peer.next();
    if (n < 3) peer.cut();
    else peer.say(subscribed(30));
  }, { tag: "old" });
  assert.equal((await connection.subscribe({ tag: "new" })).seq, 30);
  assert.deepEqual(sockets(server).map(({ query }) => query.get("$tag")), ["old", "old", "old", "old"]);
});

test("several are asked for one after the other", async (t) => {
  const tags = [];
  const { connection } = await connected(t, async (peer) => {
    peer.say(hello(10));
    for (let i = 0; i < 3; i++) {
      tags.push((await peer.next()).subscribe.tag);
      peer.say(tags.at(-1) === "b" ? { error: { message: "no" } } : subscribed(10 + i));
    }
  });
  const answers = await Promise.allSettled(["a", "b", "c"].map((tag) => connection.subscribe({ tag })));
  assert.deepEqual(answers.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert.deepEqual(tags, ["a", "b", "c"]);
});

test("begins where it says, and asks for that again while nothing has come", async (t) => {
  const { server, seen, connection } = await connected(t, async (peer, _, n) => {
    peer.say(hello(10));
    if (n === 1) return peer.say(events(7));
    await peer.next();
    peer.say(subscribed(20));
    return peer.close(1001);
  });
  await connection.subscribe({ last: 5 });
  await seen.until(() => seen.seqs().length === 1);
  assert.equal(sockets(server)[1].query.get("$last"), "5");
  assert.equal(connection.position, `${EPOCH}:7`);
});

test("a number is one of the present epoch", async (t) => {
  const { server, seen, connection } = await connected(t, async (peer, _, n) => {
    peer.say(hello(10));
    if (n === 1) return;
    await peer.next();
    peer.say(subscribed(20));
    peer.close(1001);
  });
  await connection.subscribe({ since: 4 });
  assert.equal(connection.position, `${EPOCH}:4`);
  await seen.until(() => sockets(server).length === 2);
  assert.equal(sockets(server)[1].query.get("$since"), `${EPOCH}:4`);
});

test("what the server would cut it for is refused here", async (t) => {
  const { connection } = await connected(t, (peer) => peer.say(hello(10)));
  await assert.rejects(connection.subscribe({ where: { a: "x".repeat(70_000) } }), /at most 65536 bytes/);
});

for (const transport of ["websocket", "sse"]) {
  test(`within a loop that is behind, over ${transport}, it does not wait for the loop`, async (t) => {
    const many = Array.from({ length: 20 }, (_, i) => i + 1);
    const server = await scripted(t, {
      onSocket: (peer, request) => {
        const isNew = request.url.includes("$tag=new");
        peer.say(hello(20), isNew ? events(21) : events(...many));
      },
      onRequest: (request, response) => {
        if (request.url.includes("$follow=false")) return response.writeHead(200, { "content-type": "application/x-ndjson" }).end();
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(`event: hello\ndata: ${JSON.stringify(hello(20).hello)}\n\n`);
        const numbers = request.url.includes("$tag=new") ? [21] : many;
        for (const n of numbers) response.write(`id: ${EPOCH}:${n}\ndata: {"tag":"a","time":1,"record":{"n":${n}}}\n\n`);
      },
    });
    const connection = connect(server.url, { WebSocket, transport, delayMin: 1, delayMax: 2, pending: 10, last: 0 });
    const seqs = [];
    for await (const { seq } of connection) {
      seqs.push(seq);
      if (seq === 2) await connection.subscribe({ tag: "new" });
      if (seq === 21) break;
    }
    // What waited comes first.
    assert.deepEqual(seqs, [...many.slice(0, seqs.length - 1), 21]);
    assert.ok(seqs.length > 10 && seqs.length < 15, `${seqs}`);
    assert.equal(server.asked.at(-1).query.get("$since"), `${EPOCH}:${seqs.length - 1}`);
  });
}

test("one that is under way when the connection is closed is rejected", async (t) => {
  let isAsked;
  const asked = new Promise((resolve) => (isAsked = resolve));
  const { connection } = await connected(t, async (peer) => {
    peer.say(hello(10));
    await peer.next();
    isAsked();
  });
  const under = connection.subscribe({ tag: "a" });
  const behind = connection.subscribe({ tag: "b" });
  await asked;
  connection.close();
  await assert.rejects(under, /the connection is closed/);
  await assert.rejects(behind, /the connection is closed/);
});
