// The live page for everybody: strangers' records, keys only, screen readers, phones, the dark.

import assert from "node:assert/strict";
import { test } from "node:test";

import { clipboard, CLIPBOARD, has, isIn, open, record, records, row, rows, seen, tag } from "./page.mjs";
import { accessibilityFaults, poll, screenshot, startServer } from "./support.mjs";

test("hostile records are shown harmlessly and freeze nothing", async (t) => {
  const server = await startServer(t, { history: "disk" });
  const page = await open(t, server, CLIPBOARD);
  await page.evaluate(() => {
    globalThis.alert = () => (globalThis.attacked = true);
  });
  let deep = { end: 1 };
  for (let i = 0; i < 100; i++) deep = { deep };
  await server.send("evil.x", [
    { message: "<img src=x onerror=alert(1)><script>alert(1)</script>", "<b>key</b>": "<b>value</b>" },
    { message: "to left \u202Eright\u2066 zero\u200b", raw: "a\u0000b\u001b[31m\nc" },
    { message: "large", text: "y".repeat(1_000_000) },
    { message: "many", ...Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`key${i}`, i])) },
    { message: "deep", deep },
    { message: "proto", ["__proto__"]: { polluted: true }, constructor: 1, toString: "x" },
  ]);
  await has(page, 6);
  const shown = await rows(page);
  assert.match(shown[0], /^<img src=x onerror=alert\(1\)><script>/);
  assert.match(shown[1], /^to left ⟨202E⟩right⟨2066⟩ zero⟨ZWSP⟩ {2}raw=a⟨NUL⟩b⟨ESC⟩\[31m⏎c$/);
  assert.ok(shown.every((line) => line.length < 1000));
  assert.equal(await page.locator("#window img, #window script, #window b").count(), 0);
  assert.equal(await page.locator(".summary").first().evaluate((element) => getComputedStyle(element).unicodeBidi), "isolate");
  // All open, one after the other: each within a moment.
  for (const text of ["<img", "to left", "large", "many", "deep", "proto"]) {
    const line = row(page, text).first();
    await line.locator(".summary").click();
    await line.locator(".tree").waitFor();
    await line.locator(".tree .node-key").first().waitFor();
    const nodes = await line.locator(".tree *").count();
    assert.ok(nodes < 1500, `${text}: ${nodes} elements`);
    if (text === "large") {
      assert.ok((await line.locator(".tree").textContent()).length < 2000);
      await line.getByRole("button", { name: /show more \(1,000,000 characters\)/ }).click();
      assert.ok((await line.locator(".tree").textContent()).length > 20_000);
      await line.locator(".value.string").last().click();
      await page.getByRole("menuitem", { name: "Copy value" }).click();
      await poll("all of it", async () => (await clipboard(page)).length === 1_000_000);
    }
    if (text === "many") {
      await line.getByRole("button", { name: /Show 100 more of 4,901/ }).click();
      await line.getByText("key150", { exact: true }).waitFor();
    }
    if (text === "deep") {
      for (let i = 0; i < 30; i++) await line.locator(".node.branch[aria-expanded=false] > .node-line").first().click();
      await screenshot(page, "hostile");
    }
    await line.locator(".row").click({ position: { x: 600, y: 8 } });
    await line.locator(".tree").waitFor({ state: "detached" });
  }
  assert.equal(await page.evaluate(() => globalThis.attacked ?? {}.polluted), undefined);
  await server.send("app.web", records(0, 1));
  await page.keyboard.press("End");
  await seen(page, "request 0 served");
});

test("everything is done by keys", async (t) => {
  const server = await startServer(t, { history: "disk" });
  await server.send("app.web", records(0, 60));
  const page = await open(t, server, CLIPBOARD);
  await seen(page, "request 59 served");
  const selected = async () => /^request (\d+)/.exec(await page.locator(".item.selected .summary").textContent())?.[1];
  await page.keyboard.press("k");
  assert.equal(await selected(), "59");
  await isIn(page, "paused");
  for (let i = 0; i < 3; i++) await page.keyboard.press("k");
  await page.keyboard.press("j");
  assert.equal(await selected(), "57");
  await page.keyboard.press("Enter");
  await row(page, "request 57 served").locator(".tree").waitFor();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("c");
  await poll("the message", async () => (await clipboard(page)) === "request 57 served");
  await page.keyboard.press("o");
  await page.locator("#heads", { hasText: "message" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("y");
  await poll("the event", async () => (await clipboard(page)).includes('"n": 57'));
  await page.keyboard.press("m");
  await page.getByRole("menuitem", { name: "Only this tag" }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Escape");
  await page.locator(".menu").waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.getByRole("heading", { name: "Keys" }).waitFor();
  assert.ok((await page.locator("#help-keys kbd").count()) > 25);
  await screenshot(page, "help");
  await page.keyboard.press("Escape");
  await page.keyboard.press("g");
  await page.locator("#graph").waitFor({ state: "hidden" });
  await page.keyboard.press("b");
  await page.locator("#tags").waitFor({ state: "hidden" });
  await page.keyboard.press("d");
  await page.getByRole("heading", { name: "Download what matches" }).waitFor();
  await page.keyboard.press("Escape");
  const scrolled = () => page.locator("#list").evaluate((list) => list.scrollTop);
  const [before, height] = [await scrolled(), await page.locator("#list").evaluate((list) => list.clientHeight)];
  await page.keyboard.press("PageUp");
  await poll("a page up", async () => (await scrolled()) === Math.max(0, before - height + 40));
  await page.keyboard.press("Home");
  await poll("the first", async () => (await rows(page)).some((text) => text.includes("n=0")));
  await page.keyboard.press("Shift+G");
  await isIn(page, "live");
});

for (const colorScheme of ["light", "dark"]) {
  test(`no serious fault of accessibility, ${colorScheme}`, async (t) => {
    const server = await startServer(t, { history: "disk" });
    for (let n = 0; n < 60; n++) await server.send(tag(n), [record(n)]);
    await server.send("app.web", [{ level: "fatal" }, { level: "trace", none: null, yes: false }]);
    const page = await open(t, server, { colorScheme, reducedMotion: "reduce" });
    await row(page, "none=null").waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await row(page, "none=null").locator(".summary").click();
    await page.locator(".tree").waitFor();
    await page.locator("#find").fill("items");
    await page.locator("#filter").fill("levl == 1");
    await page.locator("#filter-error").waitFor();
    await screenshot(page, colorScheme);
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    for (const key of ["?", "c", "d", "t"]) {
      await page.locator("body").press(key);
      await page.locator("dialog[open]").waitFor();
      assert.deepEqual(await accessibilityFaults(page), [], key);
      await page.keyboard.press("Escape");
    }
  });
}

test("those who listen are told what comes, not too often", async (t) => {
  const server = await startServer(t, { history: "disk" });
  const page = await open(t, server);
  await page.evaluate(() => {
    globalThis.told = [];
    new MutationObserver(() => globalThis.told.push(document.getElementById("announcer").textContent)).observe(document.getElementById("announcer"), { childList: true });
  });
  for (let n = 0; n < 20; n++) await server.send("app.web", records(n, 10));
  await page.waitForFunction(() => globalThis.told.length > 0);
  const told = await page.evaluate(() => globalThis.told);
  assert.ok(told.length <= 2 && told.every((text) => text.length <= 200));
  assert.match(told[0], /new events?, the last: /);
  assert.equal(await page.getByRole("log", { name: "Events" }).getAttribute("aria-live"), "off");
});

test("at the width of a phone everything is in reach", async (t) => {
  const server = await startServer(t, { history: "disk" });
  for (let n = 0; n < 60; n++) await server.send(tag(n), [record(n)]);
  const page = await open(t, server, { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 });
  await seen(page, "request 59 served");
  await screenshot(page, "phone");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
  await row(page, "request 57 served").locator(".summary").tap();
  await page.locator(".tree").waitFor();
  await screenshot(page, "phone-open");
  await page.locator(".tree .value").first().tap();
  const menu = await page.locator(".menu").boundingBox();
  assert.ok(menu.x >= 0 && menu.x + menu.width <= 390);
  await page.getByRole("menuitem", { name: "Only this value" }).tap();
  await poll("the filter", async () => (await page.locator("#filter").inputValue()).startsWith("record.level =="));
  await page.locator("#open-tags").tap();
  await page.locator(".tag-line").first().waitFor();
  await screenshot(page, "phone-tags");
  assert.deepEqual(await accessibilityFaults(page), []);
});
