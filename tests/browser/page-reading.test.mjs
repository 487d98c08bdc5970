// Following and pausing on the live page: nothing moves under a reader, nothing is lost.

import assert from "node:assert/strict";
import { test } from "node:test";

import { clipboard, CLIPBOARD, filter, has, isIn, kept, numbers, numbersOn, open, records, row, rows, seen, topOf, wheel } from "./page.mjs";
import { poll, screenshot, startServer } from "./support.mjs";

test("new rows come at the bottom; scrolling up pauses, and End follows again", async (t) => {
  const server = await startServer(t, { history: "disk" });
  const page = await open(t, server);
  await page.getByText("Waiting for events").waitFor();
  await screenshot(page, "empty");
  await server.send("app.web", records(0, 200));
  await seen(page, "request 199 served");
  await server.send("app.web", records(200, 1));
  await seen(page, "request 200 served");

  await wheel(page, -400);
  await isIn(page, "paused");
  const reading = row(page, "request 185 served");
  const before = await topOf(reading);
  await server.send("app.web", records(201, 50));
  await page.locator("#pill", { hasText: "50 new events" }).waitFor();
  await has(page, 251);
  assert.equal(await topOf(reading), before, "the row moved under its reader");
  await screenshot(page, "paused");

  await page.keyboard.press("End");
  await isIn(page, "live");
  await seen(page, "request 250 served");
  assert.ok(await page.locator("#pill").isHidden());
  assert.deepEqual(await numbersOn(page), numbers(0, 251));
});

test("a click on the pill, or scrolling to the end, follows again", async (t) => {
  const server = await startServer(t, { history: "disk" });
  const page = await open(t, server);
  await server.send("app.web", records(0, 100));
  await seen(page, "request 99 served");
  await page.locator("#list").hover();
  await page.mouse.wheel(0, -300);
  await isIn(page, "paused");
  await page.locator("#pill").click();
  await isIn(page, "live");
  await page.mouse.wheel(0, -300);
  await isIn(page, "paused");
  await page.mouse.wheel(0, 5000);
  await isIn(page, "live");
  // Paused by hand it stays paused, also at the end.
  await page.keyboard.press("Space");
  await isIn(page, "paused");
  await page.mouse.wheel(0, -300);
  await page.mouse.wheel(0, 5000);
  await server.send("app.web", records(100, 3));
  await page.locator("#pill", { hasText: "3 new events" }).waitFor();
  await page.keyboard.press("Space");
  await isIn(page, "live");
});

test("a selection stays while events come, and is copied as lines", async (t) => {
  const server = await startServer(t, { history: "disk" });
  const page = await open(t, server, CLIPBOARD);
  await server.send("app.web", records(0, 100));
  await seen(page, "request 99 served");
  const [from, to] = await Promise.all(["request 90 served", "request 93 served"].map((text) => row(page, text).locator(".message").boundingBox()));
  await page.mouse.move(from.x + 2, from.y + 6);
  await page.mouse.down();
  await page.mouse.move(to.x + 40, to.y + 6, { steps: 5 });
  await page.mouse.up();
  await isIn(page, "paused");
  const selected = () => page.evaluate(() => String(document.getSelection()));
  const before = await selected();
  assert.match(before, /request 91 served/);
  await server.send("app.web", records(100, 300));
  await has(page, 400);
  assert.equal(await selected(), before);
  // Out of sight, it is still there.
  await page.mouse.wheel(0, 1500);
  await seen(page, "request 150 served");
  assert.equal(await selected(), before);
  await page.keyboard.press("Control+c");
  const lines = (await clipboard(page)).trim().split("\n");
  assert.equal(lines.length, 4);
  lines.forEach((line, i) => assert.match(line, new RegExp(`^\\S+  \\w+  app.web  request ${90 + i} served  method=`)));
});

test("what comes while somebody reads and does not fit is fetched when they resume", async (t) => {
  const server = await startServer(t, { history: "disk" });
  const page = await open(t, server);
  const send = async (first, count) => {
    for (let n = first; n < first + count; n += 5000) await server.send("app.web", records(n, Math.min(5000, first + count - n)));
  };
  await send(0, 15_000);
  await has(page, 15_000);
  await page.keyboard.press("Home");
  await isIn(page, "paused");
  // The first row is one that says that there is nothing older, or the first event.
  await seen(page, "request 0 served");
  await send(15_000, 40_000);
  await page.locator("#pill", { hasText: "40,000 new events" }).waitFor();
  await page.locator("#figure-held").waitFor();
  assert.equal(await kept(page), 50_000, "no more than the cap");
  assert.deepEqual((await rows(page))[0], "request 0 served  method=POST  path=/api/items/0  code=200  user.id=0  user.name=ada  n=0");
  await page.keyboard.press("End");
  await seen(page, "request 54999 served");
  await poll("the held ones", async () => (await page.locator("#window .gap").count()) === 0 && (await page.locator("#figure-gaps").isHidden()));
  const got = await numbersOn(page);
  assert.deepEqual(got, numbers(got[0], 55_000 - got[0]), "all from the first on, once and in order");
  assert.ok(got.length <= 20_001 && got.length > 10_000, `${got.length} kept while following`);
});

test("more than is fetched unasked is a gap with buttons", async (t) => {
  const server = await startServer(t, { history: "disk" });
  const page = await open(t, server);
  await server.send("app.web", records(0, 10));
  await seen(page, "request 9 served");
  await page.keyboard.press("Space");
  for (let n = 10; n < 70_010; n += 5000) await server.send("app.web", records(n, 5000));
  await page.locator("#pill", { hasText: "70,000 new events" }).waitFor();
  await page.keyboard.press("End");
  const gap = page.locator("#window .gap[data-reason=held]");
  await gap.waitFor();
  await screenshot(page, "gap-held");
  assert.match(await gap.textContent(), /20,010 events came while you were reading/);
  await gap.getByRole("button", { name: "Last 2,000" }).click();
  await page.locator("#window .gap", { hasText: "Up to 18,010 events" }).waitFor();
  await isIn(page, "paused");
});

test("a mistake in the filter, or a server that is gone, does not move what is read", async (t) => {
  const server = await startServer(t, { history: "disk" });
  const page = await open(t, server);
  await server.send("app.web", records(0, 100));
  await seen(page, "request 99 served");
  await page.keyboard.press("Space");
  const before = await topOf(row(page, "request 95 served"));
  await filter(page, "record.level ==");
  await page.locator("#filter-error").waitFor();
  assert.equal(await topOf(row(page, "request 95 served")), before);
  await server.kill();
  await page.locator("#trouble").waitFor();
  assert.equal(await topOf(row(page, "request 95 served")), before);
});
