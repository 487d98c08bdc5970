// A page of another site in the browser of somebody on the server's machine. It lets a name of its own mean that
// machine (DNS rebinding), and sends whatever a browser lets a page send without asking the server first.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { tool } from "../node/tools.mjs";
import { startServer } from "./support.mjs";

const browser = await tool("playwright-core").chromium.launch({
  executablePath: "/usr/bin/chromium",
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--host-resolver-rules=MAP evil.example 127.0.0.1"],
});
after(() => browser.close());

/** What a page of that host gets and does: the status of its own stream, the end of its WebSocket, what it sent. */
async function tryEverything(host, { websocket, http, forward }) {
  const page = await browser.newPage();
  await page.goto(`http://${host}:${websocket}/healthz`);
  const outcome = await page.evaluate(async ({ http, forward }) => {
    const attempt = async (url, init) => {
      try {
        await fetch(url, { mode: "no-cors", ...init });
      } catch {
        // A connection that was closed, or an answer that is none, is an error to a page; the request went out.
      }
    };
    const source = `http://127.0.0.1:${http}/evil`;
    await attempt(source, { method: "POST", body: new URLSearchParams({ json: '{"by":"form"}' }) });
    const unsaid = { method: "POST", referrerPolicy: "no-referrer" };
    await attempt(source, { ...unsaid, body: new URLSearchParams({ json: '{"by":"null"}' }) });
    await attempt(`${source}?json={"by":"get"}`, {});
    await attempt(`${source}?json={"by":"head"}`, { method: "HEAD" });
    // ["evil", 1, {"by": "forward"}], as MessagePack and as JSON.
    const bytes = [0x93, 0xa4, ...new TextEncoder().encode("evil"), 1, 0x81, 0xa2, 0x62, 0x79, 0xa1, 0x66];
    await attempt(`http://127.0.0.1:${forward}/`, { method: "POST", body: new Blob([new Uint8Array(bytes)]) });
    await attempt(`http://127.0.0.1:${forward}/`, { method: "POST", body: '["evil",1,{"by":"json"}]' });
    const { status } = await fetch("/events?$follow=false", { headers: { accept: "application/x-ndjson" } });
    const opened = await new Promise((resolve) => {
      const socket = new WebSocket(`ws://${location.host}/`);
      socket.onopen = () => resolve(true);
      socket.onerror = () => resolve(false);
    });
    return { status, opened };
  }, { http, forward });
  await page.close();
  return outcome;
}

test("a page of another site brings no event, and watches none by a name of its own", async (t) => {
  const server = await startServer(t, { parameters: "buffered_messages 100" });
  assert.deepEqual(await tryEverything("evil.example", server.ports), { status: 403, opened: false });
  // Another origin than that of the sources, but a name that nobody can take: it may watch, and brings nothing.
  assert.deepEqual(await tryEverything("localhost", server.ports), { status: 200, opened: true });
  await server.send("app.web", [{ n: 1 }]);
  const url = `${server.url}events?$last=100&$follow=false`;
  const answer = await fetch(url, { headers: { accept: "application/x-ndjson" } });
  const events = (await answer.text()).trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(events.map(({ tag, record }) => ({ tag, record })), [{ tag: "app.web", record: { n: 1 } }]);
  const metrics = await (await fetch(`${server.url}metrics`)).text();
  const count = (name) => Number(new RegExp(`^fluentcast_${name}_total (\\d+)$`, "m").exec(metrics)[1]);
  assert.equal(count("http_origins_refused"), 4);
  assert.equal(count("forward_connections_broken"), 4);
  assert.equal(count("websocket_hosts_refused"), 2);
});
