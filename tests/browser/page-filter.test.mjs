// Finding on the live page: filtering in the server, tags, highlights.

import assert from "node:assert/strict";
import { test } from "node:test";

import { filter, has, isIn, numbersOn, open, record, records, row, rows, seen, tag } from "./page.mjs";
import { poll, screenshot, startServer } from "./support.mjs";

/** A server and a page with eighty events of five tags. */
async function busy(t, options) {
  const server = await startServer(t, { history: "disk" });
  for (let n = 0; n < 80; n++) await server.send(tag(n), [record(n)]);
  const page = await open(t, server, options);
  await seen(page, "request 79 served");
  return { server, page };
}

const told = (page) => page.locator("#filter-error");

test("a filter is the server's, finds what was and what comes, and goes away again", async (t) => {
  const { server, page } = await busy(t);
  await filter(page, 'record.level == "error" && record.n >= 20');
  await has(page, 8);
  assert.deepEqual(await numbersOn(page), [23, 31, 39, 47, 55, 63, 71, 79]);
  await server.send("app.web", records(80, 8));
  await seen(page, "request 87 served");
  assert.deepEqual((await numbersOn(page)).slice(-2), [79, 87]);
  await screenshot(page, "filtered");
  await page.getByRole("button", { name: "Clear the filter" }).click();
  await has(page, 88);
  await filter(page, "record.n > 1000");
  await page.getByText("Nothing matches yet").waitFor();
  await page.getByRole("button", { name: "Show everything" }).click();
  await has(page, 88);
});

test("the box completes fields, operators, values and tags", async (t) => {
  const { page } = await busy(t);
  const box = page.locator("#filter");
  await page.keyboard.press("/");
  await page.keyboard.type("lev");
  await page.getByRole("option", { name: "record.level" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await box.inputValue(), "record.level");
  await page.keyboard.type(" =");
  await page.keyboard.type('= "er');
  await page.getByRole("option", { name: "error" }).waitFor();
  await screenshot(page, "completion");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.equal(await box.inputValue(), 'record.level == "error" ');
  await page.keyboard.type('&& tag == "mail');
  await page.getByRole("option", { name: "app.worker.mail" }).click();
  await page.keyboard.press("Enter");
  await poll("the filter", async () => (await numbersOn(page)).join() === "7,47");
});

test("a mistake is shown where it is, while typing and when refused; the stream goes on as it was", async (t) => {
  const { server, page } = await busy(t);
  await page.locator("#filter").fill('record.code >= 500 && levl == "x"');
  await told(page).getByText("unknown name `levl`").waitFor();
  await page.keyboard.press("Enter");
  await told(page).getByText("column 23").waitFor();
  await screenshot(page, "error");
  // The mark is below the column.
  const [caret, box] = await Promise.all([page.locator("#filter-caret").boundingBox(), page.locator("#filter").boundingBox()]);
  const column = await page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d");
    canvas.font = getComputedStyle(document.getElementById("filter")).font;
    return canvas.measureText("m").width;
  });
  assert.ok(Math.abs(caret.x - (box.x + 35 + 22 * column)) < 3, `${caret.x} in ${box.x}`);
  await told(page).click();
  assert.equal(await page.evaluate(() => document.getElementById("filter").selectionStart), 22);
  await server.send("app.web", records(80, 1));
  await seen(page, "request 80 served");
  await page.locator("#filter").fill("record.code >= 500");
  assert.ok(await told(page).isHidden());
});

test("a filter in the address that the server refuses is told, and mended", async (t) => {
  const server = await startServer(t, { history: "disk" });
  await server.send("app.web", records(0, 3));
  const { newPage } = await import("./support.mjs");
  const page = await newPage(t);
  await page.goto(`${server.url}#filter=nothing`);
  await told(page).getByText("unknown name `nothing`").waitFor();
  await filter(page, "record.n < 2");
  await has(page, 2);
});

test("a click on a value includes or excludes it", async (t) => {
  const { page } = await busy(t);
  const value = (text, name) => row(page, text).locator(".node", { hasText: name }).locator(".value").first();
  await row(page, "request 77 served").locator(".summary").click();
  await value("request 77 served", "method").click();
  await screenshot(page, "expanded");
  await page.getByRole("menuitem", { name: "All but this value" }).click();
  assert.equal(await page.locator("#filter").inputValue(), '(!has(record.method) || record.method != "GET")');
  await poll("the filter", async () => (await numbersOn(page)).every((n) => n % 3 === 0));
  await row(page, "request 78 served").locator(".summary").click();
  await value("request 78 served", "id").click();
  await page.getByRole("menuitem", { name: "Only this value" }).click();
  await poll("the filter", async () => (await numbersOn(page)).join() === "78");
  assert.match(await page.locator("#filter").inputValue(), / && record.user.id == 38$/);
  // By keys, without a menu.
  await page.locator("body").press("x");
  await has(page, 80);
  await row(page, "request 79 served").locator(".summary").click();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("=");
  await poll("the filter", async () => (await page.locator("#filter").inputValue()) === 'record.level == "error"');
});

test("tags are a tree with counts, to include and to exclude", async (t) => {
  const { server, page } = await busy(t);
  const line = (name) => page.locator(".tag-line", { has: page.locator(".tag-name", { hasText: new RegExp(`^${name}$`) }) });
  assert.equal(await line("app").locator(".tag-count").textContent(), "48");
  assert.equal(await line("worker.mail").locator(".tag-count").textContent(), "16");
  await line("app").locator(".tag-choose").click();
  await has(page, 48);
  await line("db").hover();
  await line("db").locator(".tag-exclude").click();
  await has(page, 32);
  assert.equal(await page.locator("#chips").innerText().then((text) => text.split("\n").join(" ")), "tags app.** × not app.db ×");
  await screenshot(page, "tags");
  await server.send("app.db", records(100, 1));
  await server.send("app.web", records(101, 1));
  await seen(page, "request 101 served");
  assert.ok(!(await rows(page)).some((text) => text.includes("request 100 ")));
  await page.locator(".chip", { hasText: "not app.db" }).click();
  await has(page, 50);
  await page.locator("#tags-clear").click();
  await has(page, 82);
  await line("app").locator(".twist").click();
  await line("db").waitFor({ state: "detached" });
});

test("a highlight marks and counts without filtering, and leads from one to the next", async (t) => {
  const { page } = await busy(t);
  const count = page.locator("#find-count");
  await page.keyboard.press("f");
  await page.keyboard.type("ITEMS/7");
  await page.waitForFunction(() => document.getElementById("find-count").textContent === "11");
  assert.equal(await page.evaluate(() => [...CSS.highlights.get("found")].every((range) => String(range).toLowerCase() === "items/7")), true);
  await has(page, 80);
  await page.keyboard.press("Enter");
  await seen(page, "request 7 served");
  await isIn(page, "paused");
  assert.equal(await count.textContent(), "1/11");
  assert.equal(await page.locator(".item.selected .summary").textContent().then((text) => text.slice(0, 9)), "request 7");
  await page.keyboard.press("Enter");
  await poll("the next", async () => (await count.textContent()) === "2/11");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.press("Shift+Enter");
  await poll("the last", async () => (await count.textContent()) === "11/11");
  await screenshot(page, "highlight");
  await page.locator("#find-regex").click();
  await page.locator("#find").fill("request (3|5) served");
  await poll("the finds of a regular expression", async () => (await count.textContent()) === "2");
  await page.waitForFunction(() => CSS.highlights.has("found"));
});

test("a regular expression that takes for ever, or is none, is given up and freezes nothing", async (t) => {
  const { server, page } = await busy(t);
  await server.send("app.web", [{ message: `${"a".repeat(60)}!`, n: 80 }]);
  await page.locator("#find-regex").click();
  await page.locator("#find").fill("(");
  await page.locator("#find-count.wrong").waitFor();
  await page.locator("#find").fill("(a+)+$");
  await page.locator("#find-count", { hasText: "takes too long" }).waitFor();
  await server.send("app.web", records(81, 1));
  await seen(page, "request 81 served");
});
