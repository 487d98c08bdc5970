// Rows of the live page: times, levels, tags, fields as a tree and as columns, the clipboard.

import assert from "node:assert/strict";
import { test } from "node:test";

import { clipboard, CLIPBOARD, open, record, records, row, seen, tag } from "./page.mjs";
import { poll, screenshot, startServer } from "./support.mjs";

test("times are local, UTC or relative", async (t) => {
  const server = await startServer(t, { history: "disk" });
  await server.send("app.web", records(0, 1));
  const page = await open(t, server, { timezoneId: "Asia/Tokyo" });
  await seen(page, "request 0 served");
  const time = page.locator(".when").first();
  const [local] = [await time.textContent()];
  assert.match(local, /^\d\d:\d\d:\d\d\.\d{3}$/);
  await page.keyboard.press("z");
  await page.locator("#time-form", { hasText: "UTC" }).waitFor();
  const utc = await time.textContent();
  const hours = (text) => Number(/(\d\d):\d\d:\d\d/.exec(text)[1]);
  assert.equal((hours(utc) + 9) % 24, hours(local));
  await page.locator("#time-form").click();
  await page.locator(".when", { hasText: /ago|now/ }).waitFor();
});

test("a tag has one colour, a level its own, and a summary begins with the message", async (t) => {
  const server = await startServer(t, { history: "disk" });
  for (let n = 0; n < 16; n++) await server.send(tag(n), [record(n)]);
  const page = await open(t, server);
  await seen(page, "request 15 served");
  const colours = await page.locator("#window .item").evaluateAll((items) => items.filter((item) => item.row.kind === "event").map((item) => {
    return [item.querySelector(".tag").textContent, getComputedStyle(item.querySelector(".tag")).color];
  }));
  const byTag = new Map();
  for (const [name, colour] of colours) byTag.set(name, new Set([...(byTag.get(name) ?? []), colour]));
  assert.ok([...byTag.values()].every(({ size }) => size === 1));
  assert.ok(new Set([...byTag.values()].map(([colour]) => colour)).size >= 4);
  assert.equal(await row(page, "request 7 served").locator(".level").textContent(), "error");
  assert.match(await row(page, "request 7 served").locator(".summary").textContent(), /^request 7 served {2}method=GET {2}path=/);
  // The level of a row, its tag: each has a menu.
  await row(page, "request 7 served").locator(".tag").click();
  await page.getByRole("menuitem", { name: "Only this tag" }).click();
  await page.locator(".chip", { hasText: tag(7) }).waitFor();
});

test("an event opens to a tree, from which values, paths and the whole are copied", async (t) => {
  const server = await startServer(t, { history: "disk" });
  await server.send("app.web", [{ message: "deep", "a-b": { list: [1, { x: "two\nlines" }] }, none: null, yes: true }]);
  const page = await open(t, server, CLIPBOARD);
  await row(page, "deep").locator(".summary").click();
  const node = (name) => page.locator(".node", { has: page.locator(":scope > .node-line > .node-key", { hasText: new RegExp(`^${name}$`) }) });
  await node("list").locator("> .node-line").click();
  await node("1").locator("> .node-line").click();
  const value = node("x").locator(".value");
  assert.equal(await value.textContent(), "two⏎\nlines");
  await value.click();
  await page.getByRole("menuitem", { name: "Copy value" }).click();
  await poll("the value", async () => (await clipboard(page)) === "two\nlines");
  await value.click();
  await page.getByRole("menuitem", { name: "Copy path" }).click();
  await poll("the path", async () => (await clipboard(page)) === 'record["a-b"].list[1].x');
  await page.getByRole("button", { name: "Copy JSON" }).click();
  await poll("the event", async () => (await clipboard(page)).includes('"none": null'));
  const copied = JSON.parse(await clipboard(page));
  assert.deepEqual([copied.tag, copied.record.yes], ["app.web", true]);
  await row(page, "deep").locator(".row").click({ position: { x: 400, y: 10 } });
  await page.locator(".tree").waitFor({ state: "detached" });
});

test("fields become columns, in an order that can be changed, and leave the summary", async (t) => {
  const server = await startServer(t, { history: "disk" });
  await server.send("app.web", records(0, 30));
  const page = await open(t, server);
  await seen(page, "request 29 served");
  await page.keyboard.press("c");
  for (const name of ["method", "user.name"]) await page.locator(".column-line label", { hasText: new RegExp(`^${name}$`) }).click();
  await page.getByRole("button", { name: "user.name further to the left" }).click();
  await page.getByRole("button", { name: "Done" }).click();
  const cells = await row(page, "request 29 served").locator(".cell").allTextContents();
  assert.deepEqual(cells, ["linus", "GET"]);
  assert.ok(!(await row(page, "request 29 served").locator(".summary").textContent()).includes("method"));
  assert.deepEqual(await page.locator("#heads .head span").allTextContents(), ["user.name", "method"]);
  await screenshot(page, "columns");
  // A cell's value can be asked for.
  await row(page, "request 29 served").locator(".cell").first().click();
  await page.getByRole("menuitem", { name: "Only this value" }).click();
  await poll("the filter", async () => (await page.locator("#filter").inputValue()) === 'record.user.name == "linus"');
  await page.locator("#heads button").first().click();
  assert.deepEqual(await page.locator("#heads .head span").allTextContents(), ["method"]);
});
