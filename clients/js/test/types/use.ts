// What a program in TypeScript does with the client. Compiled only; see package.test.mjs.

import { connect, decodeMessagePack, history, ServerError } from "fluentcast";
import type { Connection, Event, Gap, Hello, Item, Options, State } from "fluentcast";

const options: Options = {
  tag: ["app.**", "!app.debug"],
  filter: "record.code >= 500",
  where: { level: ["error", "fatal"], user: null },
  fields: "level,code",
  since: "5m",
  maxRate: 100,
  slowClient: "sample",
  token: async () => "secret",
  format: "msgpack",
  transport: "auto",
  pending: 100,
  signal: new AbortController().signal,
  onEvents(events: Event[]) {
    events.map(({ seq, tag, time, record }) => `${seq} ${tag} ${time.toFixed(3)} ${String(record.level)}`);
  },
  onGap: (gap: Gap) => console.warn(gap.from, gap.to ?? "?", gap.reason),
  onState({ name, retryAt }: State) {
    if (name === "waiting" && retryAt !== undefined) console.log(new Date(retryAt));
  },
  onError: (error) => console.error(error instanceof ServerError ? error.status : error.message),
};

export async function watch(): Promise<string | null> {
  const connection: Connection = connect("ws://127.0.0.1:8080/", options);
  const hello: Hello = await connection.subscribe({ filter: null, where: { level: "info" }, since: 17 });
  await connection.authenticate();
  await connection.authenticate("another");
  if (hello.expires_in !== undefined) console.log(hello.expires_in.toFixed());
  for await (const event of connection) {
    if (event.seq > hello.seq) break;
  }
  const error: Error | undefined = await connection.closed;
  return error ? null : connection.position;
}

export async function past(): Promise<number> {
  let events = 0;
  const items: AsyncIterable<Item> = history(new URL("http://127.0.0.1:8080/"), { last: 10, until: 5 });
  for await (const item of items) {
    if ("gap" in item) console.warn(item.gap.reason);
    else events += item.seq;
  }
  decodeMessagePack(new Uint8Array([0xc0]));
  return events;
}

// @ts-expect-error: `since` is a text; a number alone would name no epoch
connect("ws://127.0.0.1/", { since: 5 });
// @ts-expect-error: nothing is called so
connect("ws://127.0.0.1/", { tags: "a" });
// @ts-expect-error: there is no such transport
connect(undefined, { transport: "udp" });
