// A server that says what a test tells it to, over WebSocket and HTTP, and keeps what it was asked.

import { createServer } from "node:http";
import { once } from "node:events";

import { tool } from "../../../tests/node/tools.mjs";

const { WebSocketServer, WebSocket } = tool("ws");

export { WebSocket };

export const EPOCH = "00000000000000aa";

export const hello = (seq = 0, epoch = EPOCH) => ({ hello: { epoch, seq, oldest: 1, version: "0.1.0" } });

/** A message of events with these numbers, which their records repeat. */
export const events = (...numbers) => ({ events: numbers.map((n) => [n, "app.web", 1_700_000_000.25, { n }]) });

export const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/**
 * `onSocket(peer, request, n)` gets the n-th WebSocket (from 0); `peer.say(message)`, `peer.next()` (what the client
 * sends), `peer.cut()`. `onRequest(request, response, n)` gets the n-th HTTP request. Without `onSocket` there are no
 * WebSockets. `server.asked` are the URLs, `server.queries` the same as `URLSearchParams`.
 */
export async function scripted(t, { onSocket, onRequest }) {
  const asked = [];
  const ask = (request, kind) => {
    const url = new URL(request.url, "http://server");
    asked.push({ kind, url: request.url, path: url.pathname, query: url.searchParams, headers: request.headers });
  };
  let requests = 0;
  const http = createServer((request, response) => {
    ask(request, "http");
    if (onRequest) onRequest(request, response, requests++);
    else response.writeHead(503).end("not now");
  });
  // Chooses the first that is offered, as the server does; a token is never first.
  const sockets = new WebSocketServer({ noServer: true });
  let count = 0;
  http.on("upgrade", (request, socket, head) => {
    ask(request, "websocket");
    if (!onSocket) return socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    return sockets.handleUpgrade(request, socket, head, (socket) => onSocket(peerOf(socket), request, count++));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate();
    http.closeAllConnections();
    http.close();
  });
  const { port } = http.address();
  return { url: `http://127.0.0.1:${port}/`, port, asked };
}

function peerOf(socket) {
  const heard = [];
  const waiting = [];
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    const next = waiting.shift();
    if (next) next(message);
    else heard.push(message);
  });
  socket.on("error", () => {});
  return {
    say: (...messages) => messages.forEach((message) => socket.send(JSON.stringify(message))),
    bytes: (bytes) => socket.send(bytes),
    next: () => (heard.length ? Promise.resolve(heard.shift()) : new Promise((resolve) => waiting.push(resolve))),
    cut: () => socket.terminate(),
    close: (code, reason) => socket.close(code, reason),
    closed: once(socket, "close").then(([code]) => code),
  };
}

/** What a connection calls back, in order, and a promise for the moment when there is enough of it. */
export function recorder() {
  const log = [];
  let waiting = [];
  const record = (entry) => {
    log.push(entry);
    waiting = waiting.filter(({ isEnough, resolve }) => !isEnough(log) || (resolve(log), false));
  };
  return {
    log,
    options: {
      delayMin: 1,
      delayMax: 2,
      WebSocket,
      onEvents: (events) => record({ events: events.map(({ seq }) => seq) }),
      onGap: (gap) => record({ gap }),
      onLeftOut: (count) => record({ leftOut: count }),
      onHello: ({ epoch, seq }) => record({ hello: `${epoch}:${seq}` }),
      onState: (state) => record({ state }),
      onError: (error) => record({ error }),
    },
    until: (isEnough) => {
      if (isEnough(log)) return Promise.resolve(log);
      return new Promise((resolve) => waiting.push({ isEnough, resolve }));
    },
    seqs: () => log.flatMap(({ events }) => events ?? []),
    states: () => log.flatMap(({ state }) => (state ? [state.name] : [])),
  };
}

/**
 * A clock that moves when the test says so, for the timers of this name (`setTimeout` or `setInterval`) that are set
 * from now on. (Node's own is an experiment, and takes away timers that it did not make.) Returns what moves it.
 */
export function stoppedClock(t, name) {
  const clear = name.replace("set", "clear");
  const real = { [name]: globalThis[name], [clear]: globalThis[clear] };
  const timers = new Set();
  let now = 0;
  globalThis[name] = (callback, delay = 0) => {
    const timer = { callback, at: now + delay, every: name === "setInterval" ? delay : null };
    // What Node's fetch does with its timers.
    timer.unref = timer.ref = () => timer;
    timer.refresh = () => {
      timer.at = now + delay;
      timers.add(timer);
    };
    timers.add(timer);
    return timer;
  };
  globalThis[clear] = (timer) => timers.delete(timer) || real[clear](timer);
  t.after(() => Object.assign(globalThis, real));
  return (milliseconds) => {
    now += milliseconds;
    for (const timer of [...timers].filter(({ at }) => at <= now).sort((a, b) => a.at - b.at)) {
      if (!timers.has(timer)) continue;
      if (timer.every === null) timers.delete(timer);
      else timer.at += timer.every;
      timer.callback();
    }
  };
}
