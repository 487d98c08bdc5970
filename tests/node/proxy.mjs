// A proxy that cuts what passes through it.

import { once } from "node:events";
import { connect, createServer } from "node:net";

/** A proxy to a port, which ends with the test. `cut()` cuts all connections, as a network does: without a word. */
export async function startProxy(t, port) {
  const open = new Set();
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    open.add(client);
    const end = () => {
      open.delete(client);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on("error", end).on("close", end);
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => open.forEach((client) => client.destroy());
  t.after(() => {
    cut();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/`, cut };
}
