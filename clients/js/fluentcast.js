// A client for Fluentcast's streams: reconnects, resumes where it was, and tells of everything that is missing.
//
// Works wherever there is `fetch`: browsers, workers, Node, Deno. The types, and what each thing means to whoever
// uses it, are in fluentcast.d.ts; what goes over the wire is in docs/protocol.md.
//
// What must never happen here: an event that is neither delivered nor told of. So the place to resume from
// (`#received`) moves only over what has been handed on or waits in a bounded queue, and what does not fit there is
// not taken and asked for again.

/** Events that may wait for `for await`, unless the options say otherwise. */
const PENDING_DEFAULT = 10_000;
/** Milliseconds between attempts to connect. */
const DELAY_MIN_DEFAULT = 1000;
const DELAY_MAX_DEFAULT = 30_000;
/** Milliseconds until the server must have said hello. */
const CONNECT_TIMEOUT = 10_000;
/** Milliseconds without any sign of life, of which the server gives one every 15 s over HTTP. */
const SILENCE_MAX = 45_000;
/**
 * Milliseconds between two looks whether a WebSocket still says something. Pings are hidden from JavaScript, so after
 * two looks in vain the server is asked for a word, and after two more it is given up.
 */
const LOOK_INTERVAL = 15_000;
/** What makes no sense is answered, and changes nothing: the protocol says so. */
const ARE_YOU_THERE = '{"are you there":{}}';
/** Milliseconds before a token's end at which another is asked for; of a short one the last quarter. */
const RENEW_BEFORE = 60_000;
/** Milliseconds between two times that another is asked for, at least. */
const RENEW_PAUSE_MIN = 1000;
/** Milliseconds that a timer can wait. */
const TIMER_MAX = 2 ** 31 - 1;
/** Attempts at a WebSocket that fail while HTTP works, until server-sent events take over. */
const WEBSOCKET_FAILURES_MAX = 2;
/** Characters of one line of HTTP: more than any event has, less than a string can. */
const LINE_LENGTH_MAX = 1 << 28;
/** Bytes of a message that the server takes. */
const SUBSCRIBE_BYTES_MAX = 64 * 1024;
/** Characters of a refusal that are shown; a proxy may answer with a page. */
const REFUSAL_LENGTH_MAX = 500;
/** Levels of lists and maps in each other; records have up to 128. */
const DEPTH_MAX = 256;

const SUBPROTOCOLS = { json: "fluentcast.v1.json", msgpack: "fluentcast.v1.msgpack" };
const POSITION = /^[0-9a-f]{16}:\d+$/i;
const AGE = /^(\d+)([smhd])$/;
const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 };

/** The server's word on something that it refused. */
export class ServerError extends Error {
  constructor(message, status) {
    super(message);
    this.name = "ServerError";
    if (status !== undefined) this.status = status;
  }
}

export function connect(url, options = {}) {
  return new Connection(url, options);
}

// ---- What is asked for

/** An address and what it asks for, token apart. */
class Target {
  constructor(url, options, ends = false) {
    const page = globalThis.location?.href;
    if (url === undefined && !/^https?:/.test(page ?? "")) {
      throw new TypeError("connect() needs a URL where there is no page it could be taken from");
    }
    const address = new URL(url ?? page, page);
    if (url === undefined) {
      // The parameters of a page, and the name of its file, are not the stream's.
      address.search = "";
      address.pathname = address.pathname.replace(/[^/]*\.[^/]*$/, "");
    }
    if (!/^(ws|http)s?:$/.test(address.protocol)) {
      throw new TypeError(`${address.protocol} is no scheme of a stream: ws, wss, http and https are`);
    }
    this.host = address.host;
    this.isSecure = /s:$/.test(address.protocol);
    this.path = address.pathname.replace(/\/events$/, "/");
    const { since, last, tag, filter, where, fields, maxRate, slowClient } = options;
    const { wants, start, token, follow } = readQuery(address.search);
    if (follow && !ends) throw new TypeError("`$follow`: connect() goes on for ever; use history() for what ends");
    this.wants = wants.with({ tag, filter, where, fields, maxRate, slowClient });
    this.start = since === undefined && last === undefined ? start : { since, last };
    this.token = options.token ?? token;
    if (this.start.since !== undefined && this.start.last !== undefined) {
      throw new TypeError("`since` and `last` say where to begin: give one of them");
    }
  }

  webSocket(query) {
    return `${this.isSecure ? "wss" : "ws"}://${this.host}${this.path}${query}`;
  }

  events(query) {
    return `${this.isSecure ? "https" : "http"}://${this.host}${this.path.replace(/\/$/, "")}/events${query}`;
  }

  /** The token, asked for anew. */
  async currentToken() {
    return typeof this.token === "function" ? await this.token() : this.token;
  }
}

/** What passes: parameters with `$`, each a list of texts, and conditions, in the order in which they were given. */
class Wants {
  params = new Map();
  conditions = [];

  /** These wants with some replaced, by the names that options have. */
  with(changes) {
    const wants = new Wants();
    wants.params = new Map(this.params);
    wants.conditions = this.conditions;
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined) continue;
      if (name === "where") wants.conditions = conditions(value);
      else if (name === "fields") wants.params.set("$fields", texts(texts(value).join(",") || null));
      else wants.params.set(`$${wireName(name)}`, texts(value));
    }
    return wants;
  }

  /** The pairs of a URL. */
  pairs() {
    const params = [...this.params].flatMap(([name, values]) => values.map((value) => [name, value]));
    return [...params, ...this.conditions];
  }
}

/** What a URL asks for. */
function readQuery(search) {
  const read = { wants: new Wants(), start: {} };
  const { params, conditions } = read.wants;
  for (const pair of search.slice(1).split("&").filter(Boolean)) {
    const at = pair.indexOf("=");
    const name = decode(at < 0 ? pair : pair.slice(0, at));
    // `?k` asks for null, `?k=` for an empty text.
    const value = at < 0 ? null : decode(pair.slice(at + 1));
    if (name === "token") read.token = value ?? "";
    else if (name === "$since" || name === "$last") read.start[name.slice(1)] = value ?? "";
    else if (name === "$follow") read.follow = true;
    else if (name.startsWith("$")) params.set(name, [...(params.get(name) ?? []), value ?? ""]);
    else conditions.push([name, value]);
  }
  return read;
}

function decode(text) {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

const texts = (value) => (value === null ? [] : [value].flat().map(String));

function conditions(where) {
  return Object.entries(where ?? {}).flatMap(([name, values]) => {
    return [values].flat().map((value) => [name, value === null ? null : String(value)]);
  });
}

const wireName = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The query of these pairs. */
function query(pairs) {
  const encoded = pairs.map(([name, value]) => {
    // Fluentcast's own names stay readable: a `$` needs no encoding.
    const left = encodeURIComponent(name).replace(/^%24/, "$");
    return value === null ? left : `${left}=${encodeURIComponent(value)}`;
  });
  return encoded.length ? `?${encoded.join("&")}` : "";
}

/** Where a stream begins, as a pair of a URL or none. */
class Beginning {
  constructor({ since, last }) {
    this.since = since === undefined ? undefined : String(since);
    this.last = last === undefined ? undefined : String(last);
    this.asked = undefined;
  }

  /** Its position, where that is known without the server. */
  get position() {
    return POSITION.test(this.since ?? "") ? this.since : null;
  }

  /** Whether it begins with what comes next (or with what the server sends unasked). */
  get isNow() {
    return this.since === undefined && (this.last === undefined || this.last === "0");
  }

  pairs() {
    if (this.since !== undefined) return [["$since", this.#age() ?? this.since]];
    return this.last === undefined ? [] : [["$last", this.last]];
  }

  /** What was five minutes ago at the first attempt is longer ago at the next. */
  #age() {
    const [, count, unit] = AGE.exec(this.since) ?? [];
    if (unit === undefined) return undefined;
    const now = Date.now();
    this.asked ??= now;
    const later = Math.ceil(Math.max(0, now - this.asked) / 1000);
    return later ? `${Number(count) * SECONDS[unit] + later}s` : this.since;
  }
}

// ---- HTTP

/** Headers as ASCII cannot carry every token; the URL can. */
const fitsHeader = (token) => /^[\x21-\x7e]+$/.test(token);

function request(target, pairs, token, accept, signal) {
  const headers = { accept };
  if (token !== undefined && fitsHeader(token)) headers.authorization = `Bearer ${token}`;
  else if (token !== undefined) pairs = [["token", token], ...pairs];
  return fetch(target.events(query(pairs)), { headers, signal, cache: "no-store" });
}

/** Whether asking again can help. */
const isFinal = (status) => (status >= 400 && status < 500 && ![408, 425, 429].includes(status)) || status === 505;

/** What is wrong with an answer, or null. Reads no more of it than that takes. */
async function refusal(response, mediaType) {
  if (response.status !== 200) {
    const text = (await response.text()).trim().slice(0, REFUSAL_LENGTH_MAX);
    return new ServerError(text || `the server answers with ${response.status}`, response.status);
  }
  const type = response.headers.get("content-type") ?? "nothing";
  return type.startsWith(mediaType) ? null : new ServerError(`no stream answers here, but ${type}`, 200);
}

/** Cuts text that comes in pieces into lines. */
class Lines {
  #decoder = new TextDecoder();
  #parts = [];
  #length = 0;

  /** The lines that end in this piece. */
  take(bytes) {
    const lines = this.#decoder.decode(bytes, { stream: true }).split("\n");
    this.#length += lines[0].length;
    this.#parts.push(lines[0]);
    if (this.#length > LINE_LENGTH_MAX) throw new Error(`a line of more than ${LINE_LENGTH_MAX} characters`);
    if (lines.length === 1) return [];
    lines[0] = this.#parts.join("");
    const rest = lines.pop();
    this.#parts = [rest];
    this.#length = rest.length;
    return lines;
  }
}

/** Makes messages, as WebSockets have them, of the lines of server-sent events. */
class EventStream {
  #lines = new Lines();
  #name = "";
  #id = "";
  #data = "";

  take(bytes) {
    const messages = [];
    let events = [];
    const flush = () => {
      if (events.length) messages.push({ events });
      events = [];
    };
    for (const line of this.#lines.take(bytes)) {
      if (line !== "" && line !== "\r") {
        this.#field(line);
        continue;
      }
      if (this.#data) {
        const value = JSON.parse(this.#data);
        if (this.#name === "") {
          events.push([Number(this.#id.split(":")[1]), value.tag, value.time, value.record]);
        } else {
          flush();
          messages.push(this.#name === "left_out" ? { events: [], left_out: value } : { [this.#name]: value });
        }
      }
      this.#name = this.#data = "";
    }
    flush();
    return messages;
  }

  #field(line) {
    const at = line.indexOf(":");
    const value = line.slice(at + 1).replace(/^ |\r$/g, "");
    const name = line.slice(0, at);
    if (name === "data") this.#data += this.#data ? `\n${value}` : value;
    else if (name === "id") this.#id = value;
    else if (name === "event") this.#name = value;
  }
}

// ---- The connection

/** The state while a WebSocket is closed because enough events wait. */
const BEHIND = Object.freeze({ name: "waiting", reason: "events wait for this program" });

class Connection {
  #options;
  #target;
  #start;
  #state = { name: "connecting", attempt: 0 };
  #hello = null;
  /** Where to resume: after what was delivered or waits. Null while `#start` says more. */
  #received = null;
  /** What `position` says. */
  #processed = null;
  #lastGap = "";
  #queue = new Queue();
  #isIterated = false;
  #handedOut = null;
  #failure = null;
  #stop = new AbortController();
  /** How to end what is connected, and to subscribe there; null while not connected. */
  #link = null;
  #subscribing = Promise.resolve();
  #webSocketFailures = 0;
  /** Something for an iterator; a waiting item was taken; no more waiting; a hello came; the end. */
  #news = new Signal();
  #taken = new Signal();
  #wake = new Signal();
  #greeting = new Signal();
  #closed = new Signal();

  constructor(url, options) {
    this.#options = checked(options);
    this.#target = new Target(url, options);
    this.#start = new Beginning(this.#target.start);
    this.#received = this.#processed = this.#start.position;
    this.closed = this.#closed.wait();
    const { signal } = options;
    if (signal?.aborted) this.close();
    signal?.addEventListener("abort", () => this.close(), { signal: this.#stop.signal });
    globalThis.addEventListener?.("online", () => this.retry(), { signal: this.#stop.signal });
    // Not before whoever connects has the connection in hand, which callbacks may use.
    queueMicrotask(() => this.#run());
  }

  get state() {
    return this.#state;
  }

  get position() {
    return this.#processed;
  }

  get hello() {
    return this.#hello;
  }

  get pending() {
    return this.#queue.length;
  }

  retry() {
    this.#wake.tell();
  }

  close() {
    this.#queue.clear();
    this.#end({ name: "closed", reason: "closed by this client" }, null);
  }

  #end(state, failure) {
    if (this.#state.name === "closed") return;
    this.#failure = failure;
    this.#link?.end({});
    this.#stop.abort();
    this.#enter(state);
    for (const signal of [this.#news, this.#taken, this.#wake, this.#greeting]) signal.tell();
    this.#closed.tell(failure ?? undefined);
  }

  #fail(error) {
    const { onError, onState } = this.#options;
    const isHeard = onError || onState || this.#isIterated || !this.#hasCallbacks;
    this.#end({ name: "closed", reason: error.message, ...(error.status && { status: error.status }) }, error);
    if (isHeard) this.#call(onError, error);
    else console.error(`fluentcast: ${error.message}`);
  }

  #enter(state) {
    this.#state = Object.freeze(state);
    this.#call(this.#options.onState, this.#state);
  }

  /** A callback's mistake is its own: it is reported as any other, and the stream goes on. */
  #call(callback, ...values) {
    try {
      callback?.(...values);
    } catch (error) {
      if (globalThis.reportError) reportError(error);
      else queueMicrotask(() => { throw error; });
    }
  }

  // -- Connecting

  async #run() {
    let attempt = 0;
    while (this.#state.name !== "closed") {
      this.#enter({ name: "connecting", attempt });
      let outcome;
      try {
        outcome = await this.#once();
      } catch (error) {
        return this.#fail(error);
      }
      if (this.#state.name === "closed") return;
      if (outcome.isBehind) {
        this.#enter(BEHIND);
        await this.#room();
      } else if (!outcome.isImmediate) {
        attempt = outcome.isGreeted ? 1 : attempt + 1;
        await this.#pause(attempt, outcome);
      }
    }
  }

  /** One connection from its beginning to its end: why it ended. Throws what no further attempt can mend. */
  async #once() {
    const { transport } = this.#options;
    const token = await this.#target.currentToken();
    if (this.#state.name === "closed") return {};
    const byHttp = transport === "sse" || this.#webSocketFailures >= WEBSOCKET_FAILURES_MAX;
    if (byHttp) {
      // Should it end, a WebSocket has one more chance.
      if (transport === "auto") this.#webSocketFailures = WEBSOCKET_FAILURES_MAX - 1;
      return this.#overHttp(token);
    }
    const outcome = await this.#overWebSocket(token);
    if (outcome.isGreeted) this.#webSocketFailures = 0;
    return outcome.isGreeted || this.#state.name === "closed" ? outcome : this.#explained(token, outcome);
  }

  /** A browser does not say why a WebSocket was refused; asked by HTTP, the server does. */
  async #explained(token, outcome) {
    const pairs = [...this.#pairs(), ["$follow", "false"]];
    const answer = await this.#ask(pairs, token);
    if (answer === null) return { ...outcome, reason: "the server cannot be reached" };
    if (answer instanceof ServerError) {
      if (isFinal(answer.status)) throw answer;
      return { ...outcome, reason: answer.message, status: answer.status };
    }
    if (this.#options.transport !== "auto") return outcome;
    this.#webSocketFailures += 1;
    return { ...outcome, isImmediate: true };
  }

  /** Whether the server would serve this: true, a ServerError, or null when it cannot be reached. */
  async #ask(pairs, token) {
    const abort = this.#abortable(CONNECT_TIMEOUT);
    try {
      const response = await request(this.#target, pairs, token, "application/x-ndjson", abort.signal);
      return (await refusal(response, "application/x-ndjson")) ?? true;
    } catch {
      return null;
    } finally {
      abort.end();
    }
  }

  /** A signal that ends after so many milliseconds, unless it may last, and with the connection. */
  #abortable(milliseconds) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), milliseconds);
    const stop = () => abort.abort();
    this.#stop.signal.addEventListener("abort", stop);
    const end = () => {
      clearTimeout(timer);
      this.#stop.signal.removeEventListener("abort", stop);
      abort.abort();
    };
    return { signal: abort.signal, end, mayLast: () => clearTimeout(timer) };
  }

  /** Half of the wait is chance, so that not all clients of a server come back at once. */
  async #pause(attempt, { reason, status }) {
    const { delayMin, delayMax } = this.#options;
    const delay = Math.min(delayMax, delayMin * 2 ** Math.min(attempt - 1, 30)) * (0.5 + Math.random() / 2);
    const woken = this.#wake.wait();
    const timer = setTimeout(() => this.#wake.tell(), delay);
    this.#enter({ name: "waiting", attempt, retryAt: Date.now() + delay, reason, ...(status && { status }) });
    await woken;
    clearTimeout(timer);
  }

  /** The pairs that continue the stream, or begin it. */
  #pairs() {
    const start = this.#received === null ? this.#start.pairs() : [["$since", this.#received]];
    return [...this.#target.wants.pairs(), ...start];
  }

  // -- Over WebSocket

  #overWebSocket(token) {
    const { format } = this.#options;
    const Socket = this.#options.WebSocket ?? globalThis.WebSocket;
    const protocols = [SUBPROTOCOLS[format]];
    if (token !== undefined) protocols.push(`bearer.${base64url(token)}`);
    const socket = new Socket(this.#target.webSocket(query(this.#pairs())), protocols);
    socket.binaryType = "arraybuffer";
    return new Promise((resolve) => {
      let isGreeted = false;
      let quietLooks = 0;
      // Messages are answered in the order in which they were sent.
      const link = { unanswered: [], token };
      link.renewal = new Renewal(() => this.#renew(link));
      const end = (outcome) => {
        clearTimeout(timer);
        link.renewal.stop();
        clearInterval(looking);
        socket.onmessage = socket.onclose = null;
        socket.close();
        this.#unlink(link);
        for (const { answer } of link.unanswered.splice(0)) answer(undefined);
        resolve({ isGreeted, ...outcome });
      };
      link.end = end;
      link.send = (message) => new Promise((answer, refuse) => {
        link.unanswered.push({ answer, refuse });
        socket.send(message);
      });
      link.subscribe = (changes) => this.#subscribeBySocket(link, changes);
      link.authenticate = (token) => this.#present(link, token);
      const timer = setTimeout(() => end({ reason: "the server does not answer" }), CONNECT_TIMEOUT);
      const looking = setInterval(() => {
        quietLooks += 1;
        if (quietLooks === 2 && isGreeted) link.send(ARE_YOU_THERE).catch(() => {});
        if (quietLooks === 4) end({ reason: "no sign of life" });
      }, LOOK_INTERVAL);
      this.#link = link;
      // The reason stays hidden from pages, and is asked for by HTTP.
      socket.onerror = () => {};
      socket.onclose = ({ code, reason }) => {
        end({ reason: isGreeted ? reason || `the connection was closed (${code})` : "a WebSocket cannot be opened" });
      };
      socket.onmessage = ({ data }) => {
        quietLooks = 0;
        try {
          const message = typeof data === "string" ? JSON.parse(data) : decodeMessagePack(new Uint8Array(data));
          if (message.hello) {
            clearTimeout(timer);
            isGreeted = true;
            if (typeof this.#target.token === "function") link.renewal.endsIn(message.hello.expires_in);
          }
          if (!this.#hear(message, "websocket", link)) end({ isBehind: true });
        } catch (error) {
          end({ reason: `a message that makes no sense: ${error.message}` });
        }
      };
    });
  }

  async #subscribeBySocket(link, changes) {
    const message = JSON.stringify({ subscribe: wireChanges(changes) });
    if (new TextEncoder().encode(message).length > SUBSCRIBE_BYTES_MAX) {
      throw new ServerError(`a subscription may have at most ${SUBSCRIBE_BYTES_MAX} bytes`);
    }
    link.changes = changes;
    return link.send(message);
  }

  /** Presents another token; its answer, or undefined when the link is cut first. */
  async #present(link, token) {
    link.token = token;
    const answer = await link.send(JSON.stringify({ authenticate: { token } }));
    if (answer && typeof this.#target.token === "function") link.renewal.endsIn(answer.expires_in);
    return answer;
  }

  /** The token ends soon: asks for another. Without one the server ends the connection, and that is the next try. */
  async #renew(link) {
    const token = await this.#target.currentToken().catch(() => undefined);
    if (this.#link !== link) return;
    if (token === undefined || token === link.token) link.renewal.again();
    else await this.#present(link, token).catch(() => {});
  }

  // -- Over HTTP

  async #overHttp(token) {
    const abort = this.#abortable(CONNECT_TIMEOUT);
    const outcome = { isGreeted: false };
    const link = {
      end: (why) => {
        Object.assign(outcome, why);
        abort.end();
        this.#taken.tell();
      },
      subscribe: async (changes) => {
        const isTaken = await this.#subscribeByRequest(changes, () => this.#link === link);
        if (this.#link !== link) return undefined;
        link.end(isTaken ? { isImmediate: true } : { reason: "the server cannot be reached" });
        return isTaken ? this.#greeting.wait() : undefined;
      },
      // An open answer keeps the rights it began with: another is asked for.
      authenticate: async () => {
        link.end({ isImmediate: true });
        return this.#greeting.wait();
      },
    };
    this.#link = link;
    try {
      const response = await request(this.#target, this.#pairs(), token, "text/event-stream", abort.signal);
      const refused = await refusal(response, "text/event-stream");
      if (refused) {
        if (isFinal(refused.status)) throw refused;
        return { ...outcome, reason: refused.message, status: refused.status };
      }
      await this.#readEvents(response.body.getReader(), abort, link, outcome);
      return { reason: "the server ended the stream", ...outcome };
    } catch (error) {
      if (error instanceof ServerError) throw error;
      const reason = outcome.isGreeted ? `the connection was cut (${error.message})` : "the server cannot be reached";
      return { reason, ...outcome };
    } finally {
      this.#unlink(link);
      abort.end();
    }
  }

  async #readEvents(reader, abort, link, outcome) {
    const stream = new EventStream();
    for (;;) {
      const { done, value } = await alive(reader.read());
      if (done) return;
      for (const message of stream.take(value)) {
        // What does not fit waits here, and behind it the server.
        while (!this.#hear(message, "sse", link)) {
          await this.#room(abort.signal);
          if (abort.signal.aborted) return;
        }
        if (abort.signal.aborted) return;
        if (!message.hello) continue;
        abort.mayLast();
        outcome.isGreeted = true;
        // Whoever waits for a subscription hears of it before what it brings.
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }
  }

  /**
   * Asks whether the server would take the changes: an open answer cannot be changed, only replaced. They are then
   * made, if they still matter; false: not, as it cannot be asked.
   */
  async #subscribeByRequest(changes, mattersStill) {
    const hello = this.#hello;
    const wants = this.#target.wants.with({ ...changes, since: undefined, last: undefined });
    const start = beginning(changes, hello);
    const pairs = [...wants.pairs(), ...(start?.pairs() ?? [["$last", "0"]]), ["$follow", "false"]];
    const answer = await this.#ask(pairs, await this.#target.currentToken());
    if (answer instanceof ServerError && isFinal(answer.status)) throw answer;
    if (answer !== true || !mattersStill()) return false;
    this.#choose(wants, start, this.#received ?? `${hello.epoch}:${hello.seq}`);
    return true;
  }

  // -- What comes

  /** Takes a message; false: not all of it, as too much waits already. The rest is in `message`. */
  #hear(message, transport, link) {
    const { hello, events, gap, subscribed, authenticated, authenticate, error } = message;
    if (hello) this.#greet(hello, transport);
    else if (subscribed) this.#subscribed(subscribed, link);
    else if (authenticated) link.unanswered.shift()?.answer(authenticated);
    // Whoever has a token has sent it along; why it is needed is said over HTTP.
    else if (authenticate) link.end({ reason: "a token is needed" });
    else if (error) link.unanswered.shift()?.refuse(new ServerError(String(error.message)));
    else if (gap) return this.#tellGap(gap);
    else if (events) return this.#takeEvents(message);
    return true;
  }

  #greet(hello, transport) {
    if (typeof hello.epoch !== "string" || !Number.isSafeInteger(hello.seq)) throw new Error("a hello without numbers");
    this.#hello = Object.freeze(hello);
    // What a server sends unasked (`buffered_messages`) has lower numbers, and comes before anything newer.
    if (this.#received === null && this.#start.isNow) this.#move(`${hello.epoch}:${hello.seq}`);
    this.#enter({ name: "connected", transport });
    this.#call(this.#options.onHello, this.#hello);
    this.#greeting.tell(this.#hello);
  }

  #subscribed(hello, link) {
    const changes = link.changes ?? {};
    const wants = this.#target.wants.with({ ...changes, since: undefined, last: undefined });
    this.#hello = Object.freeze(hello);
    this.#choose(wants, beginning(changes, hello), `${hello.epoch}:${hello.seq}`);
    this.#call(this.#options.onHello, this.#hello);
    link.unanswered.shift()?.answer(this.#hello);
  }

  /** From now on this is wanted, from its beginning or the position on. */
  #choose(wants, start, position) {
    this.#target.wants = wants;
    this.#start = start ?? new Beginning({});
    this.#lastGap = "";
    this.#received = start && !start.isNow ? start.position : position;
    if (this.#received !== null) this.#move(this.#received);
  }

  /** Nothing is missing up to here, once all that waits is processed. */
  #move(position) {
    this.#received = position;
    if (this.#queue.last) this.#queue.last.position = position;
    else if (this.#handedOut !== null) this.#handedOut = position;
    else this.#processed = position;
  }

  get #hasCallbacks() {
    return Boolean(this.#options.onEvents || this.#options.onEvent);
  }

  /** Whether events wait for an iterator: always, unless only callbacks want them. */
  get #queues() {
    return this.#isIterated || !this.#hasCallbacks;
  }

  #takeEvents(message) {
    const { epoch } = this.#hello;
    const space = this.#queues ? this.#options.pending - this.#queue.length : Infinity;
    const taken = message.events.splice(0, Math.max(0, space));
    const events = taken.map(([seq, tag, time, record]) => {
      return { epoch, seq, position: `${epoch}:${seq}`, tag, time, record };
    });
    if (events.length) this.#deliver(events);
    // Told even if some of the message is not taken: rather once too often than not at all.
    if (message.left_out) this.#call(this.#options.onLeftOut, message.left_out);
    return message.events.length === 0;
  }

  #deliver(events) {
    this.#lastGap = "";
    this.#received = events.at(-1).position;
    if (this.#queues) {
      for (const event of events) this.#queue.push({ event, position: event.position });
      this.#news.tell();
    }
    if (!this.#hasCallbacks) return;
    const { onEvents, onEvent } = this.#options;
    this.#call(onEvents, events);
    if (onEvent) {
      for (const event of events) {
        if (this.#state.name === "closed") return;
        this.#call(onEvent, event);
        if (!this.#queues) this.#processed = event.position;
      }
    }
    if (!this.#queues) this.#processed = this.#received;
  }

  #tellGap(message) {
    const { from, to, events, reason } = message;
    const gap = { epoch: message.epoch ?? this.#hello.epoch, from, to: to ?? null, reason };
    if (events !== undefined) gap.events = events;
    // Without an end the position stays, and the same is told after the next cut: once is enough.
    const told = JSON.stringify(gap);
    if (gap.to === null && told === this.#lastGap) return true;
    const position = gap.to === null ? null : `${gap.epoch}:${gap.to}`;
    if (this.#queues && this.#queue.length >= this.#options.pending) return false;
    this.#lastGap = told;
    if (position !== null) this.#received = position;
    if (this.#queues && !this.#hasCallbacks) {
      this.#queue.push({ gap, position });
      this.#news.tell();
      return true;
    }
    this.#call(this.#options.onGap, Object.freeze(gap));
    if (position !== null) this.#move(position);
    return true;
  }

  #unlink(link) {
    if (this.#link === link) this.#link = null;
  }

  // -- Subscribing

  subscribe(changes) {
    // One at a time, as the server answers them.
    const answer = this.#subscribing.then(() => this.#subscribeOnce({ ...changes }));
    this.#subscribing = answer.catch(() => {});
    return answer;
  }

  async #subscribeOnce(changes) {
    for (;;) {
      if (this.#state.name === "closed") throw this.#failure ?? new Error("the connection is closed");
      if (this.#state === BEHIND) {
        // Not connected until events are taken, for which the program may wait for this.
        if (await this.#subscribeByRequest(changes, () => this.#state === BEHIND)) return this.#hello;
        if (this.#state === BEHIND) throw new Error("the server cannot be asked while events wait for this program");
      } else if (this.#state.name !== "connected" || !this.#link) {
        await this.#greeting.wait();
      } else {
        // None when it is cut first: whether the server took it is then not known, and no matter.
        const hello = await this.#link.subscribe(changes);
        if (hello) return hello;
      }
    }
  }

  // -- Authenticating

  async authenticate(token) {
    if (token !== undefined) this.#target.token = token;
    const link = this.#link;
    if (this.#state.name !== "connected" || !link) return this.retry();
    const current = await this.#target.currentToken();
    if (current === undefined) throw new TypeError("there is no token: give one, or the option `token`");
    if (this.#link === link) await link.authenticate(current);
  }

  // -- Iterating

  [Symbol.asyncIterator]() {
    this.#isIterated = true;
    return {
      next: () => this.#next(),
      return: async () => {
        // Whether the last event was done with, nobody knows; so `position` stays before it.
        this.#handedOut = null;
        this.close();
        return { done: true, value: undefined };
      },
    };
  }

  async #next() {
    if (this.#handedOut !== null) this.#processed = this.#handedOut;
    this.#handedOut = null;
    for (;;) {
      const item = this.#queue.shift();
      if (item === undefined) {
        if (this.#state.name !== "closed") await this.#news.wait();
        else if (this.#failure === null) return { done: true, value: undefined };
        else throw this.#failure;
        continue;
      }
      if (this.#queue.length <= this.#options.pending / 2) this.#taken.tell();
      if (item.event) {
        this.#handedOut = item.position;
        return { done: false, value: item.event };
      }
      if (item.gap) this.#call(this.#options.onGap, Object.freeze(item.gap));
      if (item.position !== null) this.#processed = item.position;
    }
  }

  /** When half of what may wait has been taken, or the signal says that it is no matter. */
  async #room(signal = this.#stop.signal) {
    while (this.#queue.length > this.#options.pending / 2 && !signal.aborted) await this.#taken.wait();
  }
}

/** Options with their defaults. */
function checked(options) {
  const known = { transport: ["auto", "websocket", "sse"], format: ["json", "msgpack"] };
  const { transport = "auto", format = "json" } = options;
  const { pending = PENDING_DEFAULT, delayMin = DELAY_MIN_DEFAULT, delayMax = DELAY_MAX_DEFAULT } = options;
  for (const [name, value] of Object.entries({ transport, format })) {
    if (!known[name].includes(value)) throw new TypeError(`\`${name}\` must be one of ${known[name].join(", ")}`);
  }
  for (const [name, value] of Object.entries({ pending, delayMin, delayMax })) {
    if (!(value >= 1)) throw new TypeError(`\`${name}\` must be a number of at least 1`);
  }
  const hasWebSocket = Boolean(options.WebSocket ?? globalThis.WebSocket);
  if (transport === "websocket" && !hasWebSocket) {
    throw new TypeError("there is no WebSocket here: give the class as the option `WebSocket`, or use `sse`");
  }
  // Copied by hand: callbacks may be an object's methods, and are called as such.
  const bound = (name) => options[name]?.bind(options);
  return {
    transport: hasWebSocket ? transport : "sse",
    format,
    pending,
    delayMin,
    delayMax,
    WebSocket: options.WebSocket,
    onEvents: bound("onEvents"),
    onEvent: bound("onEvent"),
    onGap: bound("onGap"),
    onLeftOut: bound("onLeftOut"),
    onHello: bound("onHello"),
    onState: bound("onState"),
    onError: bound("onError"),
  };
}

/** Changes as a `subscribe` message has them. */
function wireChanges(changes) {
  const message = Object.create(null);
  for (const [name, value] of Object.entries(changes)) message[wireName(name)] = value;
  return message;
}

/** Where changes begin, if they say so. A bare number is one of the present epoch. */
function beginning({ since, last }, { epoch }) {
  if (since === undefined && last === undefined) return null;
  return new Beginning({ since: typeof since === "number" ? `${epoch}:${since}` : since, last });
}

/** What is read, unless the peer is silent for too long. */
async function alive(reading) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("no sign of life")), SILENCE_MAX);
  });
  try {
    return await Promise.race([reading, silence]);
  } finally {
    clearTimeout(timer);
  }
}

function base64url(text) {
  const bytes = new TextEncoder().encode(text);
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** When another token is to be asked for. */
class Renewal {
  #renew;
  #timer;
  #end;

  constructor(renew) {
    this.#renew = renew;
  }

  /** The present one ends in so many seconds, or never. */
  endsIn(seconds) {
    this.stop();
    if (typeof seconds !== "number") return;
    this.#end = performance.now() + seconds * 1000;
    this.again();
  }

  /** Waits on, having asked in vain. */
  again() {
    const left = this.#end - performance.now();
    const delay = Math.max(RENEW_PAUSE_MIN, left * 0.75, left - RENEW_BEFORE);
    const next = delay > TIMER_MAX ? () => this.again() : this.#renew;
    this.#timer = setTimeout(next, Math.min(delay, TIMER_MAX));
  }

  stop() {
    clearTimeout(this.#timer);
  }
}

/** Something that happens now and then. */
class Signal {
  #waiting = [];

  /** Fulfilled when it happens next. */
  wait() {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  tell(value) {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(value);
  }
}

/** First in, first out; taking is cheap however many wait. */
class Queue {
  #items = [];
  #head = 0;

  get length() {
    return this.#items.length - this.#head;
  }

  get last() {
    return this.#items.at(-1);
  }

  push(item) {
    this.#items.push(item);
  }

  shift() {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear() {
    this.#items = [];
    this.#head = 0;
  }
}

// ---- History

export function history(url, options = {}) {
  const { until, ...rest } = options;
  const target = new Target(url, rest, true);
  const start = new Beginning(target.start);
  // All that there is, unless something else is asked for.
  const all = [["$last", String(Number.MAX_SAFE_INTEGER)]];
  const from = start.since === undefined && start.last === undefined ? all : start.pairs();
  const pairs = [...target.wants.pairs(), ...from, ["$follow", "false"]];
  return items(target, pairs, bound(until), options.signal);
}

/** The last number wanted, and the only epoch, if any is. */
function bound(until) {
  if (until === undefined) return { seq: Infinity };
  if (!POSITION.test(until)) return { seq: Number(until) };
  const [epoch, seq] = until.split(":");
  return { epoch, seq: Number(seq) };
}

async function* items(target, pairs, until, signal) {
  const abort = new AbortController();
  const stop = () => abort.abort(signal.reason);
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  try {
    const token = await target.currentToken();
    const response = await request(target, pairs, token, "application/x-ndjson", abort.signal);
    const refused = await refusal(response, "application/x-ndjson");
    if (refused) throw refused;
    const epoch = response.headers.get("fluentcast-epoch");
    const reader = response.body.getReader();
    const lines = new Lines();
    for (;;) {
      const { done, value } = await alive(reader.read());
      if (done) return;
      for (const line of lines.take(value)) {
        const item = line.trim() ? historyItem(JSON.parse(line), epoch) : null;
        if (item === null) continue;
        if (isBeyond(item, until)) return;
        yield item;
        if (item.seq === until.seq) return;
      }
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    abort.abort();
  }
}

/** Whether all that follows is of no interest. The gap at the end of a former epoch is. */
function isBeyond(item, until) {
  const { epoch, seq, from } = item.gap ?? item;
  if (until.epoch !== undefined && epoch !== until.epoch) return true;
  return (seq ?? from) > until.seq;
}

function historyItem(line, epoch) {
  if (line.gap) return { gap: { ...line.gap, epoch: line.gap.epoch ?? epoch } };
  const { seq, tag, time, record } = line;
  return seq === undefined ? null : { epoch, seq, position: `${epoch}:${seq}`, tag, time, record };
}

// ---- MessagePack

export function decodeMessagePack(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw new Error(`${bytes.length - reader.at} bytes too many`);
  return value;
}

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });
const STRICT_UTF8 = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
/** Up to this many bytes a loop is faster than a TextDecoder. */
const SHORT_TEXT = 24;

class Reader {
  at = 0;
  #bytes;
  #view;

  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(depth) {
    const first = this.#uint8();
    if (first < 0x80) return first;
    if (first < 0x90) return this.#map(first & 0x0f, depth);
    if (first < 0xa0) return this.#list(first & 0x0f, depth);
    if (first < 0xc0) return this.#text(first & 0x1f);
    if (first >= 0xe0) return first - 0x100;
    return this.#marked(first, depth);
  }

  #marked(first, depth) {
    switch (first) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.#binary(this.#uint8());
      case 0xc5: return this.#binary(this.#uint16());
      case 0xc6: return this.#binary(this.#uint32());
      case 0xc7: return this.#extension(this.#uint8());
      case 0xc8: return this.#extension(this.#uint16());
      case 0xc9: return this.#extension(this.#uint32());
      case 0xca: return this.#view.getFloat32(this.#skip(4));
      case 0xcb: return this.#view.getFloat64(this.#skip(8));
      case 0xcc: return this.#uint8();
      case 0xcd: return this.#uint16();
      case 0xce: return this.#uint32();
      case 0xcf: return Number(this.#view.getBigUint64(this.#skip(8)));
      case 0xd0: return this.#view.getInt8(this.#skip(1));
      case 0xd1: return this.#view.getInt16(this.#skip(2));
      case 0xd2: return this.#view.getInt32(this.#skip(4));
      case 0xd3: return Number(this.#view.getBigInt64(this.#skip(8)));
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return this.#extension(1 << (first - 0xd4));
      case 0xd9: return this.#text(this.#uint8());
      case 0xda: return this.#text(this.#uint16());
      case 0xdb: return this.#text(this.#uint32());
      case 0xdc: return this.#list(this.#uint16(), depth);
      case 0xdd: return this.#list(this.#uint32(), depth);
      case 0xde: return this.#map(this.#uint16(), depth);
      case 0xdf: return this.#map(this.#uint32(), depth);
      default: throw new Error("0xc1 is no MessagePack");
    }
  }

  /** Where the next so many bytes begin. */
  #skip(count) {
    const at = this.at;
    if (count > this.#bytes.length - at) throw new Error("MessagePack breaks off");
    this.at += count;
    return at;
  }

  #uint8() {
    return this.#bytes[this.#skip(1)];
  }

  #uint16() {
    return this.#view.getUint16(this.#skip(2));
  }

  #uint32() {
    return this.#view.getUint32(this.#skip(4));
  }

  #text(length) {
    const at = this.#skip(length);
    if (length <= SHORT_TEXT) {
      let text = "";
      let i = at;
      while (i < this.at && this.#bytes[i] < 0x80) text += String.fromCharCode(this.#bytes[i++]);
      if (i === this.at) return text;
    }
    return UTF8.decode(this.#bytes.subarray(at, this.at));
  }

  /** Senders often have text as binary, which it is only where it is no text. */
  #binary(length) {
    const bytes = this.#bytes.subarray(this.#skip(length), this.at);
    try {
      return STRICT_UTF8.decode(bytes);
    } catch {
      return bytes.slice();
    }
  }

  #list(length, depth) {
    this.#expect(length, depth);
    const list = new Array(length);
    for (let i = 0; i < length; i++) list[i] = this.value(depth + 1);
    return list;
  }

  #map(length, depth) {
    this.#expect(2 * length, depth);
    const map = {};
    for (let i = 0; i < length; i++) {
      const key = this.value(depth + 1);
      const name = typeof key === "string" ? key : JSON.stringify(key);
      const value = this.value(depth + 1);
      // As JSON.parse does it: a field like any other, and no prototype.
      if (name !== "__proto__") map[name] = value;
      else Object.defineProperty(map, name, { value, writable: true, enumerable: true, configurable: true });
    }
    return map;
  }

  /** Nothing is made room for that cannot be there: each value has a byte at least. */
  #expect(values, depth) {
    if (depth >= DEPTH_MAX) throw new Error(`more than ${DEPTH_MAX} levels of MessagePack`);
    if (values > this.#bytes.length - this.at) throw new Error("MessagePack breaks off");
  }

  /** Timestamps, MessagePack's (-1) and Fluentd's (0), are seconds. */
  #extension(length) {
    const type = this.#view.getInt8(this.#skip(1));
    const at = this.#skip(length);
    if (type === 0 && length === 8) return this.#view.getUint32(at) + this.#view.getUint32(at + 4) / 1e9;
    if (type === -1 && length === 4) return this.#view.getUint32(at);
    if (type === -1 && length === 8) {
      const both = this.#view.getBigUint64(at);
      return Number(both & 0x3_ffff_ffffn) + Number(both >> 34n) / 1e9;
    }
    if (type === -1 && length === 12) return Number(this.#view.getBigInt64(at + 4)) + this.#view.getUint32(at) / 1e9;
    return { type, data: this.#bytes.slice(at, at + length) };
  }
}
