// The example as its reader runs it: killed, started again, and going on where it was.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";

import { poll, startServer } from "../../../../tests/node/server.mjs";
import { ROOT } from "../../../../tests/node/tools.mjs";

test("examples/client.mjs goes on where it was", async (t) => {
  const server = await startServer(t, { parameters: "token secret\n<history>\n  events 100\n</history>" });
  const folder = await mkdtemp(join(tmpdir(), "fluentcast-example-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const lines = [];
  const start = () => {
    const env = { ...process.env, TOKEN: "secret" };
    const stdio = ["ignore", "pipe", "pipe"];
    const child = spawn(process.execPath, [`${ROOT}examples/client.mjs`, `${server.url}?level=error`], { cwd: folder, env, stdio });
    t.after(() => child.kill("SIGKILL"));
    for (const output of [child.stdout, child.stderr]) createInterface({ input: output }).on("line", (line) => lines.push(line));
    return child;
  };
  const send = (n) => server.send("app.web?time=1700000000", [{ level: "error", n }, { level: "info", n }]);

  let child = start();
  await poll("the connection", () => lines.includes("connected "));
  await send(1);
  await poll("the position", () => readFile(join(folder, "position.txt"), "utf8").catch(() => ""));
  child.kill("SIGKILL");
  await send(2);
  child = start();
  await poll("the event that it has missed", () => lines.some((line) => line.includes('"n":2')));
  const end = once(child, "exit");
  child.kill("SIGINT");
  assert.deepEqual(await end, [0, null]);
  const events = lines.filter((line) => line.startsWith("2023"));
  assert.deepEqual(events, [1, 2].map((n) => `2023-11-14T22:13:20.000Z app.web {"level":"error","n":${n}}`));
  assert.ok(lines.includes("closed closed by this client"));
});
