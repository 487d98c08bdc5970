// Sends events through npm's fluent-logger in each of its modes, with and without acks.
// usage: NODE_PATH=... node fluent_logger.js HOST PORT

const logger = require("fluent-logger");
const { RECORDS, options, report, run } = require("./common");

function emit(sender, label, record, seconds) {
  return new Promise((resolve, reject) => {
    sender.emit(label, record, seconds, (error) => (error ? reject(error) : resolve()));
  });
}

run(async (host, port) => {
  let start = 1600000000;
  for (const eventMode of ["Message", "PackedForward", "CompressedPackedForward"]) {
    // Over TLS this library listens for an ack only once its write has been reported as done, and misses one that
    // comes sooner: it is told nothing then, and the other library is the one to show acks.
    for (const requireAckResponse of options.tls ? [false] : [true, false]) {
      const name = `${eventMode}${requireAckResponse ? "_ack" : ""}`;
      const sender = logger.createFluentSender(`js.${name}`, {
        host,
        port,
        eventMode,
        requireAckResponse,
        ackResponseTimeout: 20000,
        timeout: 20,
        flushInterval: 10,
        // Standard output is for what was sent.
        internalLogger: { info() {}, error: console.error },
        ...(options.security && { security: options.security }),
        ...(options.tls && { tls: true, tlsOptions: options.tls }),
      });
      await new Promise((resolve, reject) => {
        sender.on("error", reject);
        Promise.all(
          RECORDS.map((record, number) => {
            // Half a second more makes it an EventTime.
            const time = number % 2 ? new logger.EventTime(start + number, 5e8) : start + number;
            report(`js.${name}.x`, start + number, record);
            return emit(sender, "x", record, time);
          }),
        ).then(resolve, reject);
      });
      await new Promise((resolve) => sender.end(null, null, resolve));
      start += 100;
    }
  }
});
