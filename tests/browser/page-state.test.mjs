// What the live page says of itself: the connection and its interruptions, tokens, gaps, sampling.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";

import { filter, has, isIn, numbers, numbersOn, open, records, row, rows, seen } from "./page.mjs";
import { newPage, poll, screenshot, startServer } from "./support.mjs";

const state = (page) => page.locator("#state-text").textContent();

test("a server that was killed comes back: no event is missing, none is there twice", async (t) => {
  const server = await startServer(t, { history: "disk" });
  const page = await open(t, server);
  await server.send("app.web", records(0, 300));
  await seen(page, "request 299 served");
  await server.kill();
  await isIn(page, "waiting");
  await page.locator("#trouble").waitFor();
  assert.match(await state(page), /^Reconnecting in \d+ s$/);
  await screenshot(page, "waiting");
  await server.start();
  await server.send("app.web", records(300, 300));
  // Whoever cannot wait presses the button.
  await page.locator("#state").click();
  await seen(page, "request 599 served");
  await isIn(page, "live");
  assert.ok(await page.locator("#trouble").isHidden());
  // Killed again while somebody reads.
  await page.keyboard.press("Home");
  await isIn(page, "paused");
  await server.kill();
  await isIn(page, "waiting");
  await server.start();
  await server.send("app.web", records(600, 100));
  await page.locator("#pill", { hasText: "100 new events" }).waitFor();
  await page.keyboard.press("End");
  await seen(page, "request 699 served");
  assert.deepEqual(await numbersOn(page), numbers(0, 700));
  assert.equal(await page.locator(".gap").count(), 0);
});

test("a history that was lost is a row that says so", async (t) => {
  const server = await startServer(t, { parameters: "buffered_messages 100" });
  const page = await open(t, server);
  await server.send("app.web", records(0, 10));
  await seen(page, "request 9 served");
  await server.kill();
  await server.start();
  await server.send("app.web", records(10, 5));
  await seen(page, "request 14 served");
  const all = await rows(page);
  assert.match(all[10], /^The server began anew here/);
  await page.locator("#figure-gaps", { hasText: "1 gap" }).waitFor();
  assert.deepEqual(await numbersOn(page), numbers(0, 15));
  await screenshot(page, "gap");
});

test("what the history let go while the page was away is a gap with its number", async (t) => {
  const server = await startServer(t, { parameters: "<history>\n  path kept\n  events 100\n</history>" });
  const page = await open(t, server);
  await server.send("app.web", records(0, 5));
  await seen(page, "request 4 served");
  await page.context().setOffline(true);
  await server.kill();
  await isIn(page, "waiting");
  await server.start();
  // One by one, as a history lets go of whole files only.
  for (let n = 5; n < 5000; n += 100) await server.send("app.web", records(n, 100));
  await page.context().setOffline(false);
  await seen(page, "request 5004 served");
  const got = await numbersOn(page);
  const first = got[5];
  assert.ok(first > 5, "the history kept everything");
  assert.deepEqual(got, [...numbers(0, 5), ...numbers(first, 5005 - first)]);
  await page.keyboard.press("Home");
  await page.locator(".gap[data-reason=expired]").waitFor();
  assert.match(await page.locator(".gap[data-reason=expired] .gap-text").textContent(), /gone: the server's history does not reach back so far$/);
});

test("the token is asked for, kept for the tab, and never in the address", async (t) => {
  const server = await startServer(t, { parameters: "buffered_messages 10\ntoken s3cret" });
  await server.send("app.web", records(0, 3));
  const page = await newPage(t);
  await page.goto(server.url);
  const box = page.getByLabel("Token", { exact: true });
  await box.fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByText("That was not the right one.").waitFor();
  await screenshot(page, "token");
  await box.fill("s3cret");
  await page.keyboard.press("Enter");
  await seen(page, "request 2 served");
  assert.ok(!page.url().includes("s3cret"));
  await page.reload();
  await seen(page, "request 2 served");
  // Fetching, checking and downloading need it, too.
  await filter(page, "record.n >= 1");
  await has(page, 2);

  for (const address of ["?token=s3cret", "#token=s3cret&filter=record.n+<+1"]) {
    const other = await newPage(t);
    await other.goto(server.url + address);
    await seen(other, "request 0 served");
    assert.ok(!other.url().includes("s3cret"), other.url());
    assert.ok(!(await other.content()).includes("s3cret"));
    assert.equal(await other.evaluate(() => Object.keys(localStorage).length), 0);
  }
});

test("a page that cannot keep up asks for less, says what was left out, and takes all again later", async (t) => {
  const server = await startServer(t, { history: "disk" });
  const page = await open(t, server);
  const done = new AbortController();
  const sending = server.sendAtRate({ rate: 2000, seconds: 120, signal: done.signal });
  await poll("events", async () => (await page.locator("#figure-rate").innerText()).includes("k events/s"));
  // A machine that is busy with something else: a turn of the page takes two and a half seconds.
  await page.evaluate(() => {
    globalThis.hog = setInterval(() => {
      const end = performance.now() + 2500;
      while (performance.now() < end);
    }, 2600);
  });
  await page.locator("#figure-sampled").waitFor();
  await page.evaluate(() => clearInterval(globalThis.hog));
  await page.locator("#figure-left-out").waitFor();
  await page.locator("#figure-left-out").click();
  await page.locator(".note.selected", { hasText: /^Sampled from here on: [\d,]+ events? left out/ }).waitFor();
  await screenshot(page, "sampled");
  await page.keyboard.press("End");
  await page.locator("#figure-sampled").waitFor({ state: "hidden", timeout: 240_000 });
  done.abort();
  await sending;
});

test("each output of a port has its own page", async (t) => {
  const config = ({ http, websocket }) => `
    <source>\n  @type http\n  bind 127.0.0.1\n  port ${http}\n</source>
    <match a.**>\n  @type websocket\n  host 127.0.0.1\n  port ${websocket}\n  path /a\n  buffered_messages 10\n</match>
    <match b.**>\n  @type websocket\n  host 127.0.0.1\n  port ${websocket}\n  path /b/c\n  buffered_messages 10\n</match>
    <match **>\n  @type null\n</match>`;
  // Outputs share a port that is named, not one that the system chooses for each.
  const socket = createServer().listen(0, "127.0.0.1");
  await once(socket, "listening");
  const websocket = socket.address().port;
  socket.close();
  await once(socket, "close");
  const server = await startServer(t, { config: (ports) => config({ ...ports, websocket }) });
  await server.send("a.x", records(1, 1));
  await server.send("b.x", records(2, 1));
  const page = await newPage(t);
  for (const [path, number] of [["a", 1], ["b/c", 2]]) {
    await page.goto(server.url + path);
    await seen(page, `request ${number} served`);
    assert.equal(await page.locator("#stream-name").textContent(), `/${path}`);
    assert.equal(page.url(), `${server.url}${path}/`);
    assert.equal((await rows(page)).length, 1);
  }
  await page.goto(server.url);
  await page.getByRole("link", { name: "watch it here" }).first().click();
  await row(page, "request").first().waitFor();
});
