// What the tests of the live page share: opening it, and what a person sees and does there.

import { readFile } from "node:fs/promises";

import { newPage, poll } from "./support.mjs";

const LEVELS = ["info", "info", "info", "debug", "info", "warn", "info", "error"];
const TAGS = ["app.web", "app.db", "app.worker.mail", "sys.kernel", "nginx.access"];

/** A record as programs write them; `n` tells them apart. */
export function record(n) {
  const level = LEVELS[n % LEVELS.length];
  return { level, message: `request ${n} served`, method: n % 3 ? "GET" : "POST", path: `/api/items/${n % 97}`, code: level === "error" ? 503 : 200, user: { id: n % 40, name: ["ada", "linus"][n % 2] }, n };
}

export const tag = (n) => TAGS[n % TAGS.length];

export const records = (first, count) => Array.from({ length: count }, (_, i) => record(first + i));
export const numbers = (first, count) => Array.from({ length: count }, (_, i) => first + i);

/** Opens the page and waits until it is connected. `hash` is what its address holds. */
export async function open(t, server, { hash = "", ...options } = {}) {
  const page = await newPage(t, options);
  await page.goto(server.url + hash);
  await isIn(page, "live", "paused");
  return page;
}

/** Waits until the state is one of these: live, paused, waiting, connecting, closed. */
export async function isIn(page, ...states) {
  await page.waitForFunction((states) => states.includes(document.getElementById("state").dataset.state), states);
}

/** The rows in sight, as text; of events what their line says. */
export const rows = (page) => page.locator("#window .item").evaluateAll((items) => items.map((item) => item.querySelector(".summary, .gap-text").textContent));

/** The row of an event with that text. */
export const row = (page, text) => page.locator("#window .item.event", { has: page.locator(".summary", { hasText: text }) });

/** Waits until a row with that text is in sight. */
export const seen = (page, text) => row(page, text).first().waitFor();

/** Waits until the page has so many events. */
export async function has(page, count) {
  await poll(`${count} events on the page`, async () => (await kept(page)) === count);
}

/** How many events the page says it has. */
export const kept = async (page) => Number((await page.locator("#figure-kept b").textContent()).replaceAll(",", ""));

/** Downloads what matches, as a person does; the file's text. */
export async function download(page, { form = "ndjson", since = null } = {}) {
  await page.locator("#open-download").click();
  await page.locator(`#download-form [name=form][value=${form}]`).check();
  if (since) await page.locator("#download-since").fill(since);
  else await page.locator("#download-form [name=source][value=page]").check();
  const [file] = await Promise.all([page.waitForEvent("download"), page.locator("#download-go").click()]);
  const text = await readFile(await file.path(), "utf8");
  await page.locator("#download-dialog").waitFor({ state: "hidden" });
  return text;
}

/** The numbers of the events on the page, in order. */
export async function numbersOn(page) {
  const text = await download(page);
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line).record.n);
}

/** What is in the clipboard. */
export const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());

/** Options of a page that may use the clipboard. */
export const CLIPBOARD = { permissions: ["clipboard-read", "clipboard-write"] };

/** Turns the mouse's wheel over the list, and waits until it has come to rest. */
export async function wheel(page, pixels) {
  await page.locator("#list").hover();
  await page.mouse.wheel(0, pixels);
  await page.evaluate(async () => {
    const list = document.getElementById("list");
    for (let [still, top] = [0, -1]; still < 6; still = list.scrollTop === top ? still + 1 : 0, top = list.scrollTop) {
      await new Promise(requestAnimationFrame);
    }
  });
}

/** Where a row is on the screen. */
export const topOf = async (locator) => (await locator.boundingBox()).y;

/** Writes a filter and puts it in force. */
export async function filter(page, text) {
  await page.locator("#filter").fill(text);
  await page.keyboard.press("Enter");
}
