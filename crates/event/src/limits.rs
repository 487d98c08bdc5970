//! Every limit of the process that is not a configuration parameter, with its unit and its reason.
//!
//! A limit that a person may set is a parameter and has its default in the parameter table; it does
//! not stand here.

use std::time::Duration;

/// Deepest nesting of maps and arrays, in levels, that any decoder or encoder follows. Real records
/// stay below 20; 128 keeps the recursion within a few kilobytes of stack.
pub const NESTING_DEPTH_MAX: usize = 128;

/// Tags whose route is remembered, in entries (the bound of Fluentd's own match cache).
pub const ROUTE_CACHE_TAGS_MAX: usize = 1024;

/// Labels one event may be handed on through (`relabel`), in hops. Fluentd has no bound and overflows
/// its stack on a loop; no real configuration chains more than a handful.
pub const RELABEL_HOPS_MAX: usize = 32;

/// Longest tag accepted from a sender, in bytes. Longer ones are a mistake or an attack, and every
/// event repeats its tag.
pub const TAG_BYTES_MAX: usize = 4096;

/// Largest head of an HTTP request, in bytes: request line and headers. A query may carry a record,
/// so this is what Fluentd's own HTTP parser takes.
pub const HTTP_HEAD_BYTES_MAX: usize = 80 * 1024;

/// Headers of one HTTP request. Browsers behind several proxies send about 40.
pub const HTTP_HEADERS_MAX: usize = 128;

/// Read buffer of one HTTP connection, in bytes; above [`HTTP_HEAD_BYTES_MAX`], which must fit.
pub const HTTP_READ_BUFFER_BYTES_MAX: usize = 128 * 1024;

/// How long the head of an HTTP request may take, beyond `keepalive_timeout` (which bounds the pause
/// between two bytes): a sender that drips one byte at a time must not hold a connection for ever.
pub const HTTP_HEAD_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest `keepalive_timeout` that is told apart from none: a year. Longer ones would overflow the clock.
pub const HTTP_SILENCE_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long the body of an HTTP request may take as a whole: 32 MiB at 100 kB/s.
pub const HTTP_BODY_READ_TIMEOUT: Duration = Duration::from_secs(330);

/// How long what a refused sender still writes is read and thrown away, so that it reads the refusal
/// before the connection is reset.
pub const HTTP_LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// How much of it, in bytes.
pub const HTTP_LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Largest plain HTTP body, in bytes, that is parsed where it was read. A larger or a compressed one
/// would keep its thread from other connections and goes to a thread for blocking work.
pub const HTTP_INLINE_BODY_BYTES_MAX: usize = 64 * 1024;

/// Bytes that the headers and parameters of one HTTP request may add to all its records together.
/// Ordinary ones add about 1 kB to each; 80 kB to each of ten million empty records must not.
pub const HTTP_ADDED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Shortest pause of a `sample` source between two batches: above 200 emits per second they are
/// gathered.
pub const SAMPLE_TICK: Duration = Duration::from_millis(5);

/// Events in one batch of a `sample` source: about 100 kB of typical records.
pub const SAMPLE_BATCH_EVENTS_MAX: u64 = 1000;

const _: () = assert!(HTTP_READ_BUFFER_BYTES_MAX > HTTP_HEAD_BYTES_MAX);
/// Connections the kernel may hold waiting to be accepted, where the configuration says nothing. The
/// kernel lowers it to its own bound (`net.core.somaxconn`, 4096 on Linux).
pub const LISTEN_BACKLOG: u32 = 4096;

/// First pause after a failure to accept a connection. Most failures (no file descriptor left) end when
/// some other connection does: soon.
pub const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(10);

/// Longest pause after failures in a row. Within it a sender's connection attempt does not time out.
pub const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How often a fault that a peer can cause at will is logged, per source and kind of fault. What was
/// left out is counted in the next line.
pub const PEER_FAULT_LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Bytes read from a Forward connection at once. Large enough that a read is worth its system call,
/// small enough that a thousand busy connections hold 64 MiB.
pub const FORWARD_READ_BYTES: usize = 64 * 1024;

/// Bytes still read from one Forward connection after the stop began: what the kernel had received by
/// then (6 MiB is Linux's largest receive buffer). A sender that never pauses must not hold up the stop.
pub const FORWARD_DRAIN_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Longest UDP heartbeat looked at, in bytes; senders send one.
pub const HEARTBEAT_BYTES_MAX: usize = 128;

/// Tries to find a port that is free for TCP and for UDP, when the configuration leaves the choice to
/// the system. A collision is rare, several in a row practically impossible.
pub const FREE_PORT_TRIES_MAX: usize = 16;
