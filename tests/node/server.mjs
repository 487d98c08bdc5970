// The built binary as a process with a configuration of the test's, on ports that the system chooses.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { binary } from "./tools.mjs";

/** How long anything may take before a test gives up; only a broken server takes so long. */
export const DEADLINE = 60_000;
/** Lines of the server's log that are kept to be shown. */
const LOG_LINES_MAX = 1000;

/** Waits for a promise, but not for ever. */
export async function within(promise, what, milliseconds = DEADLINE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`gave up waiting for ${what}`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until there is an answer. */
export async function poll(what, ask) {
  const end = Date.now() + DEADLINE;
  while (Date.now() < end) {
    const answer = await ask();
    if (answer) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`gave up waiting for ${what}`);
}

/** One Forward and one HTTP source, and one websocket output of everything. */
function standard({ forward, http, websocket }, parameters) {
  const source = (type, port) => `<source>\n  @type ${type}\n  bind 127.0.0.1\n  port ${port}\n</source>\n`;
  const output = `@type websocket\n  host 127.0.0.1\n  port ${websocket}\n  ${parameters.replaceAll("\n", "\n  ")}`;
  return `${source("forward", forward)}${source("http", http)}<match **>\n  ${output}\n</match>\n`;
}

/**
 * Starts a server that ends with the test `t`.
 *
 * - `parameters`: more lines for the websocket output;
 * - `history`: `"disk"` keeps events over restarts, `"none"` (the default) nothing but what `parameters` say;
 * - `config`: instead of both, a function that makes the configuration of `{ forward, http, websocket, folder }`.
 */
export async function startServer(t, options = {}) {
  const folder = await mkdtemp(join(tmpdir(), "fluentcast-"));
  const server = new Server(folder, options);
  t.after(async () => {
    await server.kill();
    await rm(folder, { recursive: true, force: true });
    if (server.log.some((line) => line.includes("panicked"))) throw new Error(`panicked:\n${server.log.join("\n")}`);
  });
  await server.start();
  return server;
}

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
process.once("SIGTERM", () => process.exit(1));

class Server {
  /** What it logged, the last of it. */
  log = [];
  #options;
  #folder;
  #child = null;
  #ports = { forward: 0, http: 0, websocket: 0 };

  constructor(folder, options) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Starts it, again on the ports it had, and waits until it serves. */
  async start() {
    const { parameters = "", history = "none" } = this.#options;
    const kept = history === "disk" ? `\n<history>\n  path ${join(this.#folder, "history")}\n</history>` : "";
    const config = this.#options.config ?? ((ports) => standard(ports, parameters + kept));
    const file = join(this.#folder, "fluentcast.conf");
    await writeFile(file, config({ ...this.#ports, folder: this.#folder }));
    const env = { ...process.env, TZ: "UTC" };
    delete env.FLUENT_CONF;
    const child = spawn(binary(), ["-c", file], { cwd: this.#folder, env, stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    child.once("exit", () => running.delete(child));
    this.#child = child;
    const isUp = new Promise((resolve, reject) => {
      child.once("exit", () => reject(new Error(`the server did not start:\n${this.log.join("\n")}`)));
      child.once("error", reject);
      for (const output of [child.stdout, child.stderr]) {
        createInterface({ input: output }).on("line", (line) => this.#hear(line, resolve));
      }
    });
    await within(isUp, "the server's start");
  }

  #hear(line, isUp) {
    this.log.push(line);
    if (this.log.length > LOG_LINES_MAX) this.log.shift();
    const [, kind, port] = /listening .*kind=(\w+) address=[\d.]+:(\d+)/.exec(line) ?? [];
    // Of several of a kind the first.
    if (kind && !this.#ports[kind]) this.#ports[kind] = Number(port);
    if (line.includes("fluentcast is now running")) isUp();
  }

  /** Ends it at once, as a power cut would. */
  kill() {
    return this.#end("SIGKILL");
  }

  /** Asks it to end, and waits until it has. */
  stop() {
    return this.#end("SIGTERM");
  }

  async #end(signal) {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await within(exit, "the server's end");
  }

  get ports() {
    return { ...this.#ports };
  }

  /** The page and the streams, `http://127.0.0.1:PORT/`. */
  get url() {
    return `http://127.0.0.1:${this.#ports.websocket}/`;
  }

  /** Sends records, all with this tag, and waits until they are accepted. */
  async send(tag, records) {
    const response = await fetch(`http://127.0.0.1:${this.#ports.http}/${tag}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(records),
      signal: AbortSignal.timeout(DEADLINE),
    });
    if (response.status !== 200) throw new Error(`sending: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  }

  /**
   * Sends `rate` events per second for so many seconds, a fiftieth of a second's worth at a time. Returns how many.
   * `tag` and `record` are functions of an event's number, or the same for all.
   */
  async sendAtRate({ rate, seconds, tag = "app.web", record = (n) => ({ n }), signal }) {
    const begin = performance.now();
    const total = Math.round(rate * seconds);
    let sent = 0;
    while (sent < total && !signal?.aborted) {
      const due = Math.min(total, Math.ceil((rate * (performance.now() - begin + 20)) / 1000));
      const byTag = new Map();
      for (; sent < due; sent++) {
        const name = typeof tag === "function" ? tag(sent) : tag;
        if (!byTag.has(name)) byTag.set(name, []);
        byTag.get(name).push(typeof record === "function" ? record(sent) : record);
      }
      for (const [name, records] of byTag) await this.send(name, records);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return sent;
  }

  /** What the counter or gauge of /metrics says now. */
  async metric(name) {
    const response = await fetch(`${this.url}metrics`, { signal: AbortSignal.timeout(DEADLINE) });
    const line = (await response.text()).split("\n").find((line) => line.startsWith(`${name} `));
    if (!line) throw new Error(`no metric ${name}`);
    return Number(line.split(" ")[1]);
  }
}
