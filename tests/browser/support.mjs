// What the tests in a browser share: Debian's Chromium, pages that fail the test when they go wrong, screenshots.
//
//   import { test } from "node:test";
//   import { startServer, newPage, screenshot, accessibilityFaults } from "./support.mjs";
//
//   test("rows come", async (t) => {
//     const server = await startServer(t, { history: "disk" });
//     const page = await newPage(t);
//     await page.goto(server.url);
//     await server.send("app.web", [{ level: "error" }]);
//     await page.getByText("error").waitFor();
//     await screenshot(page, "rows");
//   });
//
// `server.kill()`, `server.stop()` and `server.start()` take it away and bring it back on the same ports;
// `server.sendAtRate({ rate, seconds })` keeps a page busy.

import { mkdir } from "node:fs/promises";
import { after } from "node:test";

import { DEADLINE, poll, startServer, within } from "../node/server.mjs";
import { ROOT, tool } from "../node/tools.mjs";

export { DEADLINE, poll, startServer, within };

/** Where screenshots are kept. */
export const SCREENSHOTS = `${ROOT}target/browser/`;

const CHROMIUM = {
  executablePath: "/usr/bin/chromium",
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

let launched;
/** One browser for all tests of a file. */
export function browser() {
  launched ??= tool("playwright-core").chromium.launch(CHROMIUM);
  return launched;
}
after(async () => {
  await (await launched)?.close();
});

/**
 * A page with storage of its own, closed with the test. What it throws fails the test; so does what its
 * Content-Security-Policy stops. `options` are Playwright's for a context: `colorScheme`, `viewport`, `timezoneId`, ...
 */
export async function newPage(t, options = {}) {
  const context = await (await browser()).newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(DEADLINE);
  const faults = [];
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(error.stack ?? String(error)));
  page.on("console", (message) => {
    // That a server cannot be reached is what some tests are about.
    if (/Content.Security.Policy/i.test(message.text())) faults.push(message.text());
  });
  t.after(async () => {
    await context.close();
    if (faults.length) throw new Error(`the page went wrong:\n${faults.join("\n")}`);
  });
  return page;
}

/** Keeps what the page looks like as target/browser/NAME.png. */
export async function screenshot(page, name, options = {}) {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png`, ...options });
}

/** What axe finds that is serious or critical, as texts to read. */
export async function accessibilityFaults(page) {
  await page.evaluate(tool("axe-core").source);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const isSerious = ({ impact }) => impact === "serious" || impact === "critical";
  return violations.filter(isSerious).map(({ id, help, nodes }) => {
    return `${id}: ${help}\n${nodes.map(({ html }) => `    ${html.slice(0, 200)}`).join("\n")}`;
  });
}
