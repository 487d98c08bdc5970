// A token that ends: asked for anew before it does, presented on the open connection, and after a cut.

import assert from "node:assert/strict";
import { test } from "node:test";

import { connect, ServerError } from "../fluentcast.js";
import { EPOCH, events, hello, recorder, scripted, stoppedClock } from "./scripted.mjs";

const ending = (seq, expires_in) => ({ hello: { ...hello(seq).hello, expires_in } });

const authenticate = (token) => ({ authenticate: { token } });

/** Lets sockets, which know no clock of a test, say what they have to say. */
async function until(what, isSo) {
  const end = Date.now() + 60_000;
  while (!isSo()) {
    assert.ok(Date.now() < end, `in vain: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function connected(t, script, options) {
  const server = await scripted(t, script);
  const seen = recorder();
  const tick = stoppedClock(t, "setTimeout");
  const connection = connect(server.url, { ...seen.options, ...options });
  t.after(() => connection.close());
  return { server, seen, connection, tick };
}

const bearer = (token) => `bearer.${Buffer.from(token).toString("base64url")}`;

/** What is said, and an answer to each. */
function listening(answer) {
  const heard = [];
  const onSocket = async (peer, request, n) => {
    peer.say(...answer.begin(n));
    for (;;) {
      const message = await peer.next();
      heard.push(message);
      answer.to(peer, message, heard.length);
    }
  };
  return { heard, onSocket };
}

test("a token is renewed in the last quarter of its time, again and again, and the stream goes on", async (t) => {
  const { heard, onSocket } = listening({
    begin: () => [ending(10, 40), events(11)],
    to: (peer, _, n) => peer.say({ authenticated: { expires_in: n === 1 ? 3600 : 40 } }, events(11 + n)),
  });
  let count = 0;
  const { server, seen, tick } = await connected(t, { onSocket }, { token: () => `token-${count++}` });
  await until("the first event", () => seen.seqs().length === 1);
  tick(29_900);
  assert.equal(count, 1);
  tick(150);
  await until("the first renewal", () => seen.seqs().length === 2);
  // A long one: a minute before.
  tick(3_539_000);
  assert.equal(count, 2);
  tick(1500);
  await until("the second renewal", () => seen.seqs().length === 3);
  assert.deepEqual(heard, [authenticate("token-1"), authenticate("token-2")]);
  assert.deepEqual(seen.seqs(), [11, 12, 13]);
  assert.deepEqual(seen.states(), ["connecting", "connected"]);
  assert.equal(server.asked[0].headers["sec-websocket-protocol"], `fluentcast.v1.json,${bearer("token-0")}`);
});

test("the same token, or none, is not sent again; another is, as soon as there is one", async (t) => {
  const { heard, onSocket } = listening({
    begin: () => [ending(10, 8)],
    to: (peer) => peer.say({ authenticated: {} }),
  });
  let asked = 0;
  const tokens = ["a", "a", undefined, new Error("not now"), "b"];
  const token = () => {
    const next = tokens[asked++];
    if (next instanceof Error) throw next;
    return next;
  };
  const { seen, tick } = await connected(t, { onSocket }, { token });
  await until("the hello", () => seen.states().includes("connected"));
  for (let tries = 1; tries < tokens.length; tries++) {
    await until(`try ${tries}`, () => {
      tick(100);
      return asked > tries;
    });
  }
  await until("the token", () => heard.length === 1);
  assert.deepEqual(heard, [authenticate("b")]);
  // The next one has no end: nobody is asked.
  await new Promise((resolve) => setImmediate(resolve));
  tick(1e9);
  assert.equal(asked, tokens.length);
});

test("a token that is a text is not renewed", async (t) => {
  const { heard, onSocket } = listening({ begin: () => [ending(10, 1)], to: () => {} });
  const { seen, tick } = await connected(t, { onSocket }, { token: "a" });
  await until("the hello", () => seen.states().includes("connected"));
  tick(1e6);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(heard, []);
});

for (const [name, expires_in] of [["without an end", undefined], ["that ends in weeks", 4_000_000]]) {
  test(`a token ${name} is not renewed yet`, async (t) => {
    const { heard, onSocket } = listening({ begin: () => [ending(10, expires_in)], to: () => {} });
    const { seen, tick } = await connected(t, { onSocket }, { token: () => "a" });
    await until("the hello", () => seen.states().includes("connected"));
    // Node fires at once what is further away than a timer can be.
    tick(2 ** 31 - 2);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(heard, []);
  });
}

test("closed with 3000, it asks for another token and resumes", async (t) => {
  const server = await scripted(t, {
    onSocket: (peer, _, n) => {
      peer.say(hello(10), events(...(n === 0 ? [11, 12] : [13])));
      if (n === 0) peer.close(3000, "the token has expired");
    },
  });
  let count = 0;
  const seen = recorder();
  const connection = connect(server.url, { ...seen.options, token: async () => `token-${count++}`, last: 0 });
  t.after(() => connection.close());
  await seen.until(() => seen.seqs().length === 3);
  assert.deepEqual(seen.seqs(), [11, 12, 13]);
  const [first, second] = server.asked;
  assert.equal(first.headers["sec-websocket-protocol"], `fluentcast.v1.json,${bearer("token-0")}`);
  assert.equal(second.headers["sec-websocket-protocol"], `fluentcast.v1.json,${bearer("token-1")}`);
  assert.equal(second.query.get("$since"), `${EPOCH}:12`);
  assert.ok(seen.log.some(({ state }) => state?.reason === "the token has expired"));
});

test("authenticate() presents another one at once, and a refusal is thrown", async (t) => {
  const { heard, onSocket } = listening({
    begin: () => [hello(10)],
    to: (peer, { authenticate: { token } }) => {
      if (token !== "wrong") return peer.say({ authenticated: {} });
      peer.say({ error: { message: "This token has expired" } });
      return peer.close(3000, "the token is not valid");
    },
  });
  const server = await scripted(t, { onSocket });
  const seen = recorder();
  let token = "first";
  const connection = connect(server.url, { ...seen.options, token: () => token });
  t.after(() => connection.close());
  await seen.until(() => seen.states().includes("connected"));
  token = "second";
  await connection.authenticate();
  await connection.authenticate("third");
  await assert.rejects(connection.authenticate("wrong"), (error) => {
    return error instanceof ServerError && error.message === "This token has expired";
  });
  assert.deepEqual(heard, [authenticate("second"), authenticate("third"), authenticate("wrong")]);
  await seen.until(() => seen.states().filter((name) => name === "connected").length === 2);
  assert.equal(server.asked[1].headers["sec-websocket-protocol"], `fluentcast.v1.json,${bearer("wrong")}`);
});

test("authenticate() over server-sent events asks anew, where it was", async (t) => {
  const server = await scripted(t, {
    onRequest: (_, response, n) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const id = `${EPOCH}:${11 + n}`;
      const event = JSON.stringify({ tag: "a", time: 1, record: {} });
      response.write(`event: hello\ndata: ${JSON.stringify(hello(10).hello)}\n\nid: ${id}\ndata: ${event}\n\n`);
    },
  });
  const seen = recorder();
  const connection = connect(server.url, { ...seen.options, transport: "sse", token: "a" });
  t.after(() => connection.close());
  await seen.until(() => seen.seqs().length === 1);
  await connection.authenticate("b");
  await seen.until(() => seen.seqs().length === 2);
  assert.deepEqual(server.asked.map(({ headers }) => headers.authorization), ["Bearer a", "Bearer b"]);
  assert.equal(server.asked[1].query.get("$since"), `${EPOCH}:11`);
});

test("a server that asks for a token is not waited for", async (t) => {
  const server = await scripted(t, {
    onSocket: (peer) => peer.say({ authenticate: { within: 10 } }),
    onRequest: (_, response) => response.writeHead(401).end("This stream needs a token\n"),
  });
  const seen = recorder();
  const error = await connect(server.url, seen.options).closed;
  assert.deepEqual([error.message, error.status], ["This stream needs a token", 401]);
});
