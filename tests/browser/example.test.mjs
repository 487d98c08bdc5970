// The page that shows the plain-WebSocket way, opened as its first line says.

import { test } from "node:test";

import { ROOT } from "../node/tools.mjs";
import { newPage, poll, startServer } from "./support.mjs";

test("examples/websocket.html shows what comes", async (t) => {
  const server = await startServer(t, { parameters: "allow_origin null" });
  const page = await newPage(t);
  await page.goto(`file://${ROOT}examples/websocket.html?${server.url.replace("http", "ws")}`);
  await poll("the page's connection", async () => (await server.metric("fluentcast_websocket_clients")) === 1);
  await server.send("app.web", [{ text: "<b>hello</b>" }]);
  await page.getByText('["app.web",{"text":"<b>hello</b>"}]').waitFor();
});
