// The live page under load: 10,000 events a second for a minute, within its caps, and still answering.
//
// Figures are printed, not judged: machines differ. What is judged are the caps, and that input is answered.
// FLUENTCAST_LOAD_SECONDS makes it longer, for the ten minutes of docs/performance.md.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isIn, kept, open, record, row, tag, topOf, wheel } from "./page.mjs";
import { poll, screenshot, startServer } from "./support.mjs";

const SECONDS = Number(process.env.FLUENTCAST_LOAD_SECONDS ?? 60);
const RATE = 10_000;
/** Megabytes of JavaScript's heap: twice the cap on events, for what surrounds them. */
const HEAP_MAX = 128;

test("10,000 events a second", { timeout: (SECONDS + 120) * 1000 }, async (t) => {
  const server = await startServer(t, { history: "disk" });
  const page = await open(t, server);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable");
  const metric = async (name) => (await cdp.send("Performance.getMetrics")).metrics.find((metric) => metric.name === name).value;
  await page.evaluate(() => {
    globalThis.frames = [];
    let last = performance.now();
    const frame = (now) => {
      globalThis.frames.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const figures = { heap: 0, rows: 0, nodes: 0 };
  const look = async () => {
    figures.heap = Math.max(figures.heap, (await metric("JSHeapUsedSize")) / 1e6);
    figures.nodes = Math.max(figures.nodes, await metric("Nodes"));
    figures.rows = Math.max(figures.rows, await kept(page));
  };
  const begin = performance.now();
  let isSending = true;
  const sending = server.sendAtRate({ rate: RATE, seconds: SECONDS, tag, record }).finally(() => (isSending = false));
  let answers = 0;
  while (isSending) {
    await look();
    // A person reads for a moment: nothing moves. Then they follow again.
    await wheel(page, -300);
    await isIn(page, "paused");
    const some = page.locator("#window .item.event").nth(12);
    const [text, top] = [await some.locator(".message").textContent(), await topOf(some)];
    await look();
    assert.equal(await topOf(row(page, text)), top, "a row moved under its reader");
    await page.keyboard.press("End");
    await isIn(page, "live");
    answers += 1;
  }
  const sent = await sending;
  const seconds = (performance.now() - begin) / 1000;
  await poll("the end of it", async () => (await page.locator("#figure-rate").innerText()).startsWith("0 "));
  await look();
  const frames = (await page.evaluate(() => globalThis.frames)).sort((a, b) => a - b);
  const quantile = (part) => frames[Math.min(frames.length - 1, Math.floor(frames.length * part))].toFixed(1);
  t.diagnostic(`${sent} events in ${seconds.toFixed(0)} s, ${(sent / seconds).toFixed(0)} a second; ${await page.locator("#status").innerText().then((text) => text.replaceAll("\n", " "))}`);
  t.diagnostic(`frames: ${frames.length}; ms: median ${quantile(0.5)}, 90 % ${quantile(0.9)}, 99 % ${quantile(0.99)}, longest ${quantile(1)}`);
  t.diagnostic(`at most: heap ${figures.heap.toFixed(0)} MB, ${figures.rows} rows, ${figures.nodes} nodes; paused and resumed ${answers} times`);
  await screenshot(page, "load");
  assert.ok(figures.rows <= 50_000 && figures.heap < HEAP_MAX, JSON.stringify(figures));
  assert.ok(figures.nodes < 20_000, JSON.stringify(figures));
  assert.ok(answers >= SECONDS / 20, `${answers} answers to a person in ${SECONDS} s`);
});
