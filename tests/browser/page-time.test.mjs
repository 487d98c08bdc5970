// Time on the live page: the rate graph, going back in the history while what is live goes on, links to a place.

import assert from "node:assert/strict";
import { test } from "node:test";

import { clipboard, CLIPBOARD, has, isIn, numbers, numbersOn, open, record, records, row, rows, seen, tag } from "./page.mjs";
import { poll, screenshot, startServer } from "./support.mjs";

/** Events with times of their own: one a second, the last of them now. */
async function past(server, count) {
  const now = Math.floor(Date.now() / 1000);
  for (let n = 0; n < count; n++) {
    const response = await fetch(`http://127.0.0.1:${server.ports.http}/${tag(n)}?time=${now - count + n}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(record(n)),
    });
    assert.equal(response.status, 200);
  }
  return now;
}

test("the graph shows the rate by level or tag; a brushed span leads there, and back to live", async (t) => {
  const server = await startServer(t, { history: "disk" });
  await past(server, 240);
  // Pushes those out of what a page begins with.
  await server.send("app.web", records(1000, 1500));
  const page = await open(t, server);
  await seen(page, "request 2499 served");
  assert.ok(!(await numbersOn(page)).includes(100));
  await page.locator("#legend", { hasText: "error" }).waitFor();
  await page.getByRole("button", { name: "by tag" }).click();
  await page.locator("#legend", { hasText: "app.web" }).waitFor();
  const plot = await page.locator("#plot .u-over").boundingBox();
  await page.mouse.move(plot.x + plot.width * 0.5, plot.y + 20);
  await page.mouse.down();
  await page.mouse.move(plot.x + plot.width * 0.6, plot.y + 30, { steps: 3 });
  await page.mouse.up();
  // Half of five minutes ago: about the ninetieth of 240 events.
  await isIn(page, "paused");
  await poll("events of that time", async () => (await rows(page)).some((text) => /^request (8|9|10)\d served/.test(text)));
  await page.locator("#span-told", { hasText: /^\d\d:\d\d:\d\d – \d\d:\d\d:\d\d$/ }).waitFor();
  await screenshot(page, "graph");
  // What is live goes on.
  await server.send("app.web", records(5000, 7));
  await page.locator("#pill", { hasText: "7 new events" }).waitFor();
  await page.getByRole("button", { name: "Back to live" }).click();
  await isIn(page, "live");
  await seen(page, "request 5006 served");
});

test("a time is gone to by keys, in words, and what lies between is fetched", async (t) => {
  const server = await startServer(t, { history: "disk" });
  await past(server, 100);
  await server.send("app.web", records(100, 3900));
  const page = await open(t, server);
  await seen(page, "request 3999 served");
  await page.locator("body").press("t");
  await page.locator("#jump").fill("soon");
  await page.keyboard.press("Enter");
  await page.locator("#jump-wrong").waitFor();
  await page.locator("#jump").fill("60s");
  await page.keyboard.press("Enter");
  await poll("events of a minute ago", async () => (await rows(page)).some((text) => /^request [34]\d served/.test(text)));
  const first = (await numbersOn(page))[0];
  assert.ok(first > 30 && first < 50, `${first}`);
  // Between the page of then and what was here is a gap that says so.
  await page.locator("body").press("Home");
  await page.locator(".gap[data-reason=older]").waitFor();
  await page.getByRole("button", { name: /before$/ }).click();
  await seen(page, "request 0 served");
  await page.locator(".gap[data-reason=older]").waitFor({ state: "detached" });
  const loaded = await numbersOn(page);
  assert.ok(!loaded.includes(2500));
  await page.locator("#list").evaluate((list) => list.scrollTo(0, 26 * 2020));
  const gap = page.locator(".gap[data-reason=unloaded]");
  await gap.getByRole("button", { name: "Fetch" }).click();
  await gap.waitFor({ state: "detached" });
  assert.deepEqual(await numbersOn(page), numbers(0, 4000));
});

test("the graph can be used by keys", async (t) => {
  const server = await startServer(t, { history: "disk" });
  await past(server, 200);
  const page = await open(t, server);
  await seen(page, "request 199 served");
  await page.locator("#plot").focus();
  for (let i = 0; i < 10; i++) await page.keyboard.press("Shift+ArrowLeft");
  await page.locator("#span-told", { hasText: /^\d\d:\d\d:\d\d$/ }).waitFor();
  await page.keyboard.press("Enter");
  await isIn(page, "paused");
  await page.locator(".item.selected").waitFor();
  await page.keyboard.press("End");
  await isIn(page, "live");
});

test("the address holds filter, tags, columns, highlight and place; a link shows the same", async (t) => {
  const server = await startServer(t, { history: "disk" });
  for (let n = 0; n < 60; n++) await server.send(tag(n), [record(n)]);
  await server.send("app.web", records(60, 2500));
  const page = await open(t, server, { hash: "#filter=record.n+>=+10&tag=app.**&column=user.name&find=served&time=utc", ...CLIPBOARD });
  await seen(page, "request 2559 served");
  assert.equal(await page.locator("#filter").inputValue(), "record.n >= 10");
  assert.equal(await page.locator("#heads .head span").textContent(), "user.name");
  await page.keyboard.press("Home");
  await seen(page, "request 10 served");
  await row(page, "request 15 served").locator(".summary").click();
  await page.keyboard.press("l");
  await poll("a link", async () => (await clipboard(page)).includes("&at="));
  const link = await clipboard(page);
  await page.waitForFunction(() => location.hash.includes("&at="));

  const other = await page.context().newPage();
  await other.goto(link);
  await isIn(other, "paused");
  await seen(other, "request 15 served");
  assert.match(await other.locator(".item.selected .summary").textContent(), /^request 15 served/);
  assert.deepEqual(await numbersOn(other).then((all) => all.slice(0, 3)), [15, 16, 17]);
  assert.equal(await other.locator("#filter").inputValue(), "record.n >= 10");
  assert.equal(await other.locator("#find").inputValue(), "served");
  assert.ok(!(await rows(other)).some((text) => text.includes("request 18 served")), "app.** leaves out sys.kernel");
  await other.keyboard.press("End");
  await isIn(other, "live");
  await other.waitForFunction(() => !location.hash.includes("at="));
});

test("what matches is downloaded, from the page or from the history, as NDJSON or CSV", async (t) => {
  const { download } = await import("./page.mjs");
  const server = await startServer(t, { history: "disk" });
  await server.send("app.web", records(0, 3000));
  const page = await open(t, server);
  await has(page, 1000);
  assert.deepEqual(await numbersOn(page), numbers(2000, 1000));
  const all = await download(page, { since: "1h" });
  assert.deepEqual(all.trim().split("\n").map((line) => JSON.parse(line).record.n), numbers(0, 3000));
  await page.locator("#filter").fill("record.n < 2");
  await page.keyboard.press("Enter");
  await poll("the filter", async () => (await download(page, { since: "1h" })).trim().split("\n").length === 2);
  await page.keyboard.press("Escape");
  const csv = await download(page, { since: "1h", form: "csv" });
  const [head, first] = csv.split("\r\n");
  assert.match(head, /^time,tag,seq,/);
  assert.ok(first.includes(",app.web,1,") && first.includes("request 0 served"), first);
});
