// What a program does that must not miss anything: node examples/client.mjs [URL], such as http://127.0.0.1:8080/?level=error
import { readFile, writeFile } from "node:fs/promises";

import { connect } from "../clients/js/fluentcast.js"; // for others: "fluentcast", once it is a package of theirs

const KEPT = "position.txt"; // beside what is made of the events, or better with it in one transaction
const since = await readFile(KEPT, "utf8").catch(() => undefined);

const connection = connect(process.argv[2] ?? "http://127.0.0.1:8080/", {
  ...(since && { since }), // after what was done with last time
  token: process.env.TOKEN,
  onGap: ({ from, to, reason }) => console.error(`missing: ${from} to ${to ?? "?"} (${reason})`),
  onState: ({ name, reason = "" }) => console.error(name, reason),
});
process.once("SIGINT", () => connection.close());

for await (const { tag, time, record, position } of connection) {
  console.log(new Date(time * 1000).toISOString(), tag, JSON.stringify(record));
  await writeFile(KEPT, position);
}
