// Tokens against the built server: signed by Node's own crypto, said in the first message, renewed, taken away.

import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { connect } from "../../fluentcast.js";
import { poll, startServer } from "../../../../tests/node/server.mjs";
import { tool } from "../../../../tests/node/tools.mjs";

const { WebSocket } = tool("ws");

const SECRET = randomBytes(32).toString("hex");
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = ({ publicKey }) => publicKey.export({ type: "spki", format: "pem" });
const jwk = ({ publicKey }, kid) => ({ ...publicKey.export({ format: "jwk" }), kid, use: "sig" });

const SIGNERS = {
  HS256: (text) => createHmac("sha256", SECRET).update(text).digest(),
  RS256: (text) => sign("sha256", Buffer.from(text), rsa.privateKey),
  ES256: (text) => sign("sha256", Buffer.from(text), { key: ec.privateKey, dsaEncoding: "ieee-p1363" }),
};

const now = () => Math.floor(Date.now() / 1000);

/** A token as an issuer makes it. */
function signed(alg, rights = {}, { kid, seconds = 3600, ...claims } = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = part({ alg, typ: "JWT", kid });
  const text = `${head}.${part({ exp: now() + seconds, fluentcast: rights, ...claims })}`;
  return `${text}.${SIGNERS[alg](text).toString("base64url")}`;
}

async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), "fluentcast-keys-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Replaces a file as it should be done. */
async function replace(path, value) {
  await writeFile(`${path}.next`, typeof value === "string" ? value : JSON.stringify(value));
  await rename(`${path}.next`, path);
}

async function connected(t, server, options) {
  const seen = [];
  const states = [];
  const connection = connect(server.url, {
    delayMin: 1,
    delayMax: 20,
    WebSocket,
    onEvents: (events) => seen.push(...events),
    onState: (state) => states.push(state),
    ...options,
  });
  t.after(() => connection.close());
  await poll("the connection", () => states.some(({ name }) => name === "connected" || name === "closed"));
  return { connection, seen, states };
}

const section = (line, more = "leeway 0s") => `<jwt>\n  name a\n  ${line}\n  ${more}\n</jwt>`;

test("tokens that Node has signed open the stream with each kind of key, over every transport", async (t) => {
  const keys = await folder(t);
  await replace(join(keys, "rsa.pem"), pem(rsa));
  await replace(join(keys, "ec.pem"), pem(ec));
  await replace(join(keys, "jwks.json"), { keys: [jwk(rsa, "r"), jwk(ec, "e")] });
  for (const [line, alg, kid] of [
    [`secret ${SECRET}`, "HS256"],
    [`public_key_file ${keys}/rsa.pem`, "RS256"],
    [`public_key_file ${keys}/ec.pem`, "ES256"],
    [`jwks_file ${keys}/jwks.json`, "RS256", "r"],
    [`jwks_file ${keys}/jwks.json`, "ES256", "e"],
  ]) {
    const server = await startServer(t, { parameters: section(line) });
    for (const how of [{}, { format: "msgpack" }, { transport: "sse" }]) {
      const token = signed(alg, { tag: "app.**", redact: ["password"] }, { kid });
      const { connection, seen } = await connected(t, server, { ...how, token });
      await server.send("db", [{ n: 1 }]);
      await server.send("app.web", [{ n: 2, password: "p" }]);
      await poll("the event", () => seen.length > 0);
      assert.deepEqual(seen.map(({ record }) => record), [{ n: 2 }], `${line} ${JSON.stringify(how)}`);
      connection.close();
    }
    for (const [other, wrong] of [
      ["another key's", signed(alg === "HS256" ? "RS256" : "HS256")],
      ["expired", signed(alg, {}, { kid, seconds: -1 })],
      ["not here", signed(alg, undefined, { kid, fluentcast: undefined })],
      ["misspelt", signed(alg, { tags: "app.**" }, { kid })],
    ]) {
      const error = await connect(server.url, { WebSocket, token: wrong }).closed;
      assert.equal(error?.status, 401, `${line}: ${other}`);
    }
    await server.kill();
  }
});

test("a stream goes on over the end of its tokens, renewed by the client, without a reconnection", async (t) => {
  const server = await startServer(t, { parameters: section(`secret ${SECRET}`) });
  let asked = 0;
  const token = () => signed("HS256", {}, { seconds: 6, jti: String(asked++) });
  const { seen, states } = await connected(t, server, { token });
  // Three tokens of six seconds each.
  await poll("the third token", () => asked >= 3);
  await server.send("app.web", [{ n: 1 }]);
  await poll("the event", () => seen.length === 1);
  assert.deepEqual(states.map(({ name }) => name), ["connecting", "connected"]);
});

test("a stream whose token ends is resumed with the next, and nothing is missing", async (t) => {
  const server = await startServer(t, { parameters: `${section(`secret ${SECRET}`)}\n<history>\n  events 1000\n</history>` });
  let token = signed("HS256", {}, { seconds: 2 });
  // It has none to renew with before the end.
  const { seen, states } = await connected(t, server, { token: () => token, last: 0, delayMin: 200, delayMax: 300 });
  await server.send("app.web", [{ n: 1 }]);
  await poll("the end", () => states.some(({ reason }) => reason === "the token has expired"));
  token = signed("HS256");
  await server.send("app.web", [{ n: 2 }]);
  await poll("both events", () => seen.length === 2);
  assert.deepEqual(seen.map(({ record }) => record.n), [1, 2]);
});

test("other rights from one moment to the next", async (t) => {
  const server = await startServer(t, { parameters: `<token>\n  name all\n  token all-secret\n</token>\n${section(`secret ${SECRET}`)}` });
  const { connection, seen } = await connected(t, server, { token: signed("HS256", { tag: "app.**" }) });
  const send = async (n) => {
    await server.send("db", [{ n }]);
    await server.send("app.web", [{ n: n + 1 }]);
  };
  await send(1);
  await poll("the first", () => seen.length === 1);
  await connection.authenticate("all-secret");
  await send(3);
  await poll("both", () => seen.length === 3);
  await connection.authenticate(signed("HS256", { fields: "other" }));
  await send(5);
  await poll("both", () => seen.length === 5);
  assert.deepEqual(seen.map(({ record }) => record), [{ n: 2 }, { n: 3 }, { n: 4 }, {}, {}]);
});

test("a changed set of keys is read again, and who came by one that is gone is closed", async (t) => {
  const keys = await folder(t);
  const path = join(keys, "jwks.json");
  await replace(path, { keys: [jwk(rsa, "r")] });
  const server = await startServer(t, { parameters: section(`jwks_file ${path}`) });
  const first = await connected(t, server, { token: signed("RS256", {}, { kid: "r" }) });
  assert.equal((await connect(server.url, { WebSocket, token: signed("ES256", {}, { kid: "e" }) }).closed).status, 401);
  await replace(path, { keys: [jwk(rsa, "r"), jwk(ec, "e")] });
  await poll("the keys", () => server.log.some((line) => line.includes("read the keys of a <jwt> again")));
  const second = await connected(t, server, { token: signed("ES256", {}, { kid: "e" }) });
  await replace(path, { keys: [jwk(ec, "e")] });
  const error = await first.connection.closed;
  assert.equal(error?.status, 401);
  assert.ok(first.states.some(({ reason }) => reason === "the token is not valid any more"));
  await server.send("app.web", [{ n: 1 }]);
  await poll("the event", () => second.seen.length === 1);
  await replace(path, "{");
  await poll("the complaint", async () => (await server.metric("fluentcast_websocket_jwks_unreadable_total")) === 1);
  await server.send("app.web", [{ n: 2 }]);
  await poll("the event", () => second.seen.length === 2);
  assert.deepEqual(second.states.map(({ name }) => name), ["connecting", "connected"]);
});

test("a token may be the first message of a WebSocket", async (t) => {
  const server = await startServer(t, { parameters: `${section(`secret ${SECRET}`)}\nauthenticate_timeout 1s` });
  const open = () => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}?$tag=app.*`, "fluentcast.v1.json");
    const heard = [];
    socket.on("message", (data) => heard.push(JSON.parse(data)));
    socket.on("close", (code, reason) => heard.push([code, String(reason)]));
    t.after(() => socket.terminate());
    return { heard, say: (message) => socket.send(JSON.stringify(message)) };
  };
  const good = open();
  await poll("the question", () => good.heard.length === 1);
  assert.deepEqual(good.heard[0], { authenticate: { within: 1 } });
  good.say({ authenticate: { token: signed("HS256", { tag: "app.a db" }) } });
  await poll("the hello", () => good.heard.length === 2);
  assert.ok(good.heard[1].hello.expires_in > 3500);
  for (const tag of ["db", "app.b", "app.a"]) await server.send(tag, [{ tag }]);
  await poll("the event", () => good.heard.length === 3);
  assert.deepEqual(good.heard[2].events.map(([, tag]) => tag), ["app.a"]);
  const silent = open();
  const wrong = open();
  await poll("the question", () => wrong.heard.length === 1);
  wrong.say({ authenticate: { token: signed("HS256").slice(0, -1) } });
  await poll("the ends", () => [silent, wrong].every(({ heard }) => Array.isArray(heard.at(-1))));
  assert.deepEqual(silent.heard.at(-1), [3000, "no token came in time"]);
  assert.deepEqual(wrong.heard.at(-1), [3000, "the token is not valid"]);
});
