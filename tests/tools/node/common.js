// What the two node senders have in common: the records, and how the test is told what was sent.

exports.RECORDS = [
  { action: "login", user: 6 },
  { text: "grüße, 世界 🚀", quote: '"\\/', control: "a\tb\n" },
  { none: null, yes: true, no: false, float: 0.5, negative: -7 },
  { large: 2 ** 32 - 1, list: [1, [2, { deep: [3] }]], map: { a: { b: 1 } } },
  { long: "x".repeat(3000) },
];

// One JSON line per event: [tag, seconds, record].
exports.report = (tag, seconds, record) => console.log(JSON.stringify([tag, seconds, record]));

// What the test wants of the connection beside host and port: shared key, user, certificates.
exports.options = JSON.parse(process.env.SENDER_OPTIONS || "{}");

// Nothing may end well that was not acknowledged.
exports.run = (main) =>
  main(process.argv[2], Number(process.argv[3])).then(
    () => process.exit(0),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
