// Sends events through npm's @fluent-org/logger in each of its modes, with and without acks.
// usage: NODE_PATH=... node fluent_org_logger.js HOST PORT

const { FluentClient, EventTime } = require("@fluent-org/logger");
const { RECORDS, options, report, run } = require("./common");

run(async (host, port) => {
  let start = 1700000000;
  for (const eventMode of ["Message", "Forward", "PackedForward", "CompressedPackedForward"]) {
    for (const ack of [{ ackTimeout: 20000 }, undefined]) {
      const name = `${eventMode}${ack ? "_ack" : ""}`;
      const client = new FluentClient(`org.${name}`, {
        socket: { host, port, timeout: 20000, tls: options.tls },
        security: options.security,
        eventMode,
        ack,
        flushInterval: 10,
      });
      await Promise.all(
        RECORDS.map((record, number) => {
          const time = number % 2 ? new EventTime(start + number, 5e8) : (start + number) * 1000;
          report(`org.${name}.x`, start + number, record);
          return client.emit("x", record, time);
        }),
      );
      await client.shutdown();
      start += 100;
    }
  }
});
