/** What a condition of `where` may compare a field with; `null`: the field is null or not there. */
export type Scalar = string | number | boolean | null;

/** A value of a record. `Uint8Array` and `Extension` come with `format: "msgpack"` only. */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value } | Uint8Array | Extension;

/** A MessagePack extension that means nothing to Fluentcast. */
export interface Extension {
  readonly type: number;
  readonly data: Uint8Array;
}

/** Which events, docs/filters.md says more. */
export interface Wants {
  /** Tag patterns such as `app.**`; any of them. `!pattern` excludes. */
  tag?: string | string[];
  /** An expression such as `record.code >= 500`. */
  filter?: string;
  /** Conditions on fields, all of which must hold; of a list any value. */
  where?: Record<string, Scalar | Scalar[]>;
  /** Only these fields of each record. */
  fields?: string | string[];
}

/** Where to begin; `since` and `last` exclude each other. */
export interface Start {
  /** After a position (`epoch:seq`), or from a time (RFC 3339) or age (`30s`, `5m`, `2h`, `1d`) on. */
  since?: string;
  /** With the last so many events; 0: with what comes next. */
  last?: number;
}

export interface Options extends Wants, Start {
  /** At most so many live events per second, chosen evenly; `onLeftOut` counts the others. */
  maxRate?: number;
  /** What the server does when this client is too slow. Not set: as the server is configured, which is `skip`. */
  slowClient?: "skip" | "sample" | "disconnect";
  /**
   * The stream's token, or a function that is asked for it: before every attempt to connect, and over WebSocket before
   * the present one ends, so that the connection goes on with the next.
   */
  token?: string | (() => string | Promise<string>);
  /** The form of messages over WebSocket, `json` unless given. Server-sent events are always JSON. */
  format?: "json" | "msgpack";
  /** `auto`, unless given: WebSocket, and server-sent events where that is not there or does not get through. */
  transport?: "auto" | "websocket" | "sse";
  /** The class to make WebSockets with, where there is no global one: Node 20 and the package `ws`. */
  WebSocket?: new (url: string, protocols: string[]) => unknown;
  /**
   * How many events may wait for `for await`, 10000 unless given. When so many do, nothing is read: server-sent
   * events are left to the system; a WebSocket, which cannot be left unread, is closed, and opened again where it
   * was as soon as half of them are taken. What the server's history lets go of meanwhile is told as a gap.
   */
  pending?: number;
  /** Milliseconds before the first attempt to connect again, 1000 unless given. Every further one waits twice as long. */
  delayMin?: number;
  /** Milliseconds that a wait between attempts has at most, 30000 unless given. */
  delayMax?: number;
  /** Closes the connection when aborted. */
  signal?: AbortSignal;

  /** Events as they come together. */
  onEvents?(events: Event[]): void;
  /** Each event by itself. */
  onEvent?(event: Event): void;
  /** Events that were asked for and will not come. Called where they would have come. */
  onGap?(gap: Gap): void;
  /** So many events were left out, by `maxRate` or by `sample`. */
  onLeftOut?(count: number): void;
  /** The stream begins, for the first time, again, or as `subscribe` asked: what comes now is of this epoch. */
  onHello?(hello: Hello): void;
  onState?(state: State): void;
  /** What ended the connection. */
  onError?(error: Error): void;
}

/** What may change while connected. `null` removes; what is not named stays. */
export interface Changes {
  tag?: Wants["tag"] | null;
  filter?: string | null;
  where?: Wants["where"] | null;
  fields?: Wants["fields"] | null;
  maxRate?: number | null;
  /** As in `Start`; also a number of the present epoch. Without `since` and `last`: from what comes next. */
  since?: string | number;
  last?: number;
}

export interface Connection extends AsyncIterable<Event> {
  readonly state: State;
  /**
   * The place after all that was processed, as `since` takes it: for callbacks, after the last that returned; for
   * `for await`, after the event before the one whose turn it is. (That one's own is `event.position`.) `null` until
   * it is known.
   */
  readonly position: string | null;
  /** What the server said last of where it is. */
  readonly hello: Hello | null;
  /** How many events wait for `for await`. */
  readonly pending: number;
  /**
   * Changes what comes, and is remembered when the connection is made anew. Callbacks get nothing of the former
   * choice after it is fulfilled; `for await` first gets what waits.
   * Rejected with a `ServerError` when the server refuses; then everything stays as it was.
   */
  subscribe(changes: Changes): Promise<Hello>;
  /**
   * Asks the option `token` anew, or takes this one instead of it, and goes on with it: what passes from now on is what
   * that token allows. Rejected with a `ServerError` when the server refuses it; it then ends the connection, which is
   * made again. While not connected, tries to.
   */
  authenticate(token?: string): Promise<void>;
  /** While waiting to connect again: do so now. */
  retry(): void;
  /** Ends the connection and every `for await` over it; events that wait for one are dropped. */
  close(): void;
  /** Fulfilled when it has ended: with what ended it, or with nothing after `close()`. Never rejected. */
  readonly closed: Promise<Error | undefined>;
}

export interface State {
  readonly name: "connecting" | "connected" | "waiting" | "closed";
  /** Attempts since it was connected last. */
  readonly attempt?: number;
  /** `waiting`: when it is tried again, as `Date.now()` counts. Not there while it waits for `for await`. */
  readonly retryAt?: number;
  /** `waiting`, `closed`: why. */
  readonly reason?: string;
  /** `waiting`, `closed`: the HTTP status, if the server answered with one. */
  readonly status?: number;
  /** `connected`: how. */
  readonly transport?: "websocket" | "sse";
}

export interface Hello {
  /** The present epoch. */
  readonly epoch: string;
  /** Number of the newest event. */
  readonly seq: number;
  /** Number of the oldest event that can still be had. */
  readonly oldest: number;
  /** The server's version. */
  readonly version: string;
  /** Seconds from the hello to the end of the token, and of the connection unless it is renewed. */
  readonly expires_in?: number;
}

export interface Event {
  readonly epoch: string;
  readonly seq: number;
  /** `epoch:seq`, the place after this event: what `since` takes. */
  readonly position: string;
  readonly tag: string;
  /** Seconds since 1970, with a fraction. */
  readonly time: number;
  /** Whole numbers beyond 2^53 are rounded to the nearest that JavaScript has. */
  readonly record: Record<string, Value>;
}

export interface Gap {
  /** The numbering that `from` and `to` belong to. */
  readonly epoch: string;
  readonly from: number;
  /** The last that is missing; `null`: nobody knows. */
  readonly to: number | null;
  /** How many of them would have passed the filter, if that is known. */
  readonly events?: number;
  readonly reason: "slow" | "expired" | "lost" | "epoch" | (string & {});
}

/** The server's word on a request or a `subscribe` that it refused. */
export class ServerError extends Error {
  /** The HTTP status, where there is one. */
  readonly status?: number;
}

/**
 * Connects to a stream, and again whenever it is cut, going on after the last event. Without `url` to where the page
 * is from. What the URL asks for (`?level=error&$tag=app.**`) counts where the options say nothing else.
 */
export function connect(url?: string | URL, options?: Options): Connection;

export interface HistoryOptions extends Wants, Start {
  token?: Options["token"];
  /** The last event wanted: a number, or a position (`epoch:seq`), which stops at the end of that epoch too. */
  until?: number | string;
  signal?: AbortSignal;
}

/** What a history is made of. `"gap" in item` tells one from the other. */
export type Item = Event | { readonly gap: Gap };

/**
 * What there is now, and no more. Read only as fast as it is taken; leaving the loop ends the request. Throws a
 * `ServerError` when the server refuses, and an error when the answer breaks off.
 */
export function history(url: string | URL | undefined, options?: HistoryOptions): AsyncIterableIterator<Item>;

/** One value in MessagePack, as the client reads it. Throws when it is not just that. */
export function decodeMessagePack(bytes: Uint8Array): Value;
