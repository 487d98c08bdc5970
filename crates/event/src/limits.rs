//! Every limit of the process that is not a configuration parameter, with its unit and its reason.
//!
//! A limit that a person may set is a parameter and has its default in the parameter table; it does
//! not stand here.

use std::time::Duration;

/// Deepest nesting of maps and arrays, in levels, that any decoder or encoder follows. Real records
/// stay below 20; 128 keeps the recursion within about 50 KiB of stack.
pub const NESTING_DEPTH_MAX: usize = 128;

/// Tags whose route is remembered, in entries (the bound of Fluentd's own match cache).
pub const ROUTE_CACHE_TAGS_MAX: usize = 1024;

/// Labels one event may be handed on through (`relabel`), in hops. Fluentd has no bound and overflows
/// its stack on a loop; no real configuration chains more than a handful.
pub const RELABEL_HOPS_MAX: usize = 32;

/// Longest tag accepted from a sender, in bytes. Longer ones are a mistake or an attack, and every
/// event repeats its tag.
pub const TAG_BYTES_MAX: usize = 4096;

/// Conditions in one client's filter, values of repeated names included. A dashboard's filter has a
/// handful; each costs every event that reaches it.
pub const FILTER_CONDITIONS_MAX: usize = 64;

/// Longest field name in a client's filter, in bytes.
pub const FILTER_NAME_BYTES_MAX: usize = 1024;

/// Largest message a WebSocket client may send, in bytes. The classic stream ignores what it says.
pub const CLIENT_MESSAGE_BYTES_MAX: u64 = 64 * 1024;

/// How long a request's head may take to arrive at a listener, in seconds: slower is no browser but an
/// attack (slowloris).
pub const REQUEST_HEAD_SECONDS_MAX: u64 = 10;

/// How long the answer to an upgrade may take to reach the socket's buffer. It always does at once, unless
/// a client has filled the buffer with pages that it does not read; the events it subscribed to are held
/// for it meanwhile.
pub const UPGRADE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an answer of a websocket port (a page, metrics, a refusal) may take to be written, once the socket is
/// full. Sockets hold most of them; who reads nothing must not hold a connection for ever.
pub const ANSWER_WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections to one websocket port that are not (yet) a WebSocket, at once; one more is closed at
/// once.
pub const HANDSHAKES_AT_ONCE_MAX: u32 = 4096;

/// Threads that write to WebSocket clients, at most; else one for two processors.
pub const WEBSOCKET_WORKERS_MAX: usize = 8;

/// After the signal to stop: until then sources may finish and ack what they have received.
pub const SOURCES_STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// After the signal to stop: until then files and standard output may be flushed.
pub const FILES_STOP_TIMEOUT: Duration = Duration::from_secs(8);

/// After the signal to stop: until then clients may read what is left and answer the close. Docker
/// kills after 10 seconds what has not stopped by itself.
pub const CLIENTS_STOP_TIMEOUT: Duration = Duration::from_secs(9);

const _: () = assert!(
    FILE_STOP_TIMEOUT.as_secs() + FILE_SYNC_TIMEOUT.as_secs() + SOURCES_STOP_TIMEOUT.as_secs()
        < FILES_STOP_TIMEOUT.as_secs()
);
const _: () = assert!(FILES_STOP_TIMEOUT.as_secs() < CLIENTS_STOP_TIMEOUT.as_secs());
/// Lines of a `file` output that make it write before `flush_interval` is over, in bytes. Enough for
/// a write to cost little per line, little enough to keep memory low under load.
pub const FILE_FLUSH_BYTES: usize = 1024 * 1024;

/// Most lines of a `file` output written (and with gzip: compressed) as one block, in bytes, however
/// much waits; only a single batch may be longer. Bounds what is compressed and retried at a time.
pub const FILE_BLOCK_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What one waiting file counts for in `total_limit_size` besides its lines and its name, in bytes, so
/// that a flood of tags with one short event each is bounded too.
pub const FILE_WAITING_BYTES: usize = 512;

/// Files one `file` output holds open; the one written longest ago is closed for the next. The usual
/// limit of a process is 1024 descriptors, and the clients need them.
pub const FILE_OPEN_MAX: usize = 64;

/// File names one `file` output remembers, in tags and slices (to not format them for each batch).
pub const FILE_NAMES_MAX: usize = 1024;

/// Longest part of a path a `file` output makes, in bytes. Linux ends at 255; `_N` needs room.
pub const FILE_NAME_BYTES_MAX: usize = 240;

/// Longest path a `file` output makes, in bytes. Linux ends at 4096.
pub const FILE_PATH_BYTES_MAX: usize = 4000;

/// Shortest pause between two flushes of a `file` output; a `flush_interval` of 0 means this.
pub const FILE_FLUSH_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Pause after the first failed write of a file; it doubles with each further one (Fluentd's `retry_wait`).
pub const FILE_RETRY_WAIT_MIN: Duration = Duration::from_secs(1);

/// Longest pause between two tries to write a file: how soon a disk that has room again is noticed.
pub const FILE_RETRY_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long a `file` output goes on trying to write what waits when the process stops.
pub const FILE_STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// How long it then waits for its files to be on the medium; they are in the system's hands already.
pub const FILE_SYNC_TIMEOUT: Duration = Duration::from_secs(1);

/// Pause between two tries to write while stopping.
pub const FILE_STOP_RETRY_WAIT: Duration = Duration::from_millis(100);

/// Shortest pause between two log lines of one output about the same kind of failure.
pub const COMPLAINT_INTERVAL: Duration = Duration::from_secs(10);

/// Lines waiting for the process's standard output per `stdout` output, in bytes. A reader slower than
/// the events makes the senders wait, not memory grow.
pub const STDOUT_QUEUE_BYTES_MAX: usize = 1024 * 1024;

const _: () = assert!(FILE_FLUSH_BYTES <= FILE_BLOCK_BYTES_MAX);
/// Mistakes of one severity that are kept while a configuration is read; more are only counted. Bounds
/// what a broken file can cost.
pub const CONFIG_DIAGNOSTICS_KEPT_MAX: usize = 500;

/// Mistakes shown at once. More scroll away, and the first ones usually cause the rest.
pub const CONFIG_DIAGNOSTICS_SHOWN_MAX: usize = 50;

/// Bytes of all texts of one configuration together. Real ones stay below 1 MiB.
pub const CONFIG_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most events a websocket output may be told to keep for new clients (`buffered_messages`). At a few
/// hundred bytes each a million is already hundreds of megabytes.
pub const BUFFERED_MESSAGES_MAX: i64 = 1_000_000;

/// Most connections a `connection_limit` may allow: beyond any file descriptor limit found in practice.
pub const CONNECTION_LIMIT_MAX: i64 = 1_000_000;

/// Most events per second, and per emit, that a `sample` source may be told to make.
pub const SAMPLE_RATE_MAX: i64 = 10_000_000;

/// Longest argument of a `<match>` or `<filter>`, in bytes. Matching a tag costs at most this times
/// the tag's length; real ones stay below a few hundred.
pub const TAG_PATTERN_BYTES_MAX: usize = 4096;

/// Deepest nesting of `{}` in a tag pattern, in levels. Real ones use one or two; the bound keeps the
/// recursion shallow.
pub const TAG_PATTERN_NESTING_MAX: usize = 32;

/// Steps a regular expression may go back on one text before it counts as not matching. About ten
/// milliseconds; an expression written with care takes a few dozen.
pub const REGEX_BACKTRACK_STEPS_MAX: usize = 100_000;

/// Largest program a regular expression may compile to, in instructions of the backtracking engine.
/// Hundreds are usual; recursive ones can grow without end.
pub const REGEX_PROGRAM_STEPS_MAX: usize = 100_000;

/// Longest time a parameter may be set to, in seconds: a hundred years. Longer ones are a mistake, and
/// clocks overflow on some of them.
pub const CONFIG_TIME_SECONDS_MAX: u32 = 3_155_760_000;

/// Earlier `<match>` sections that one section is compared with to find out that it can never be
/// reached. Bounds the cost of the check for a configuration with very many.
pub const REACHABILITY_COMPARISONS_MAX: usize = 1000;

/// Texts of one configuration together: the main file and its includes. A glob over a big tree by
/// mistake stops here.
pub const CONFIG_FILES_MAX: usize = 1000;

/// Includes within includes, in levels. Fluentd has no bound; real configurations stay below 4.
pub const CONFIG_INCLUDE_DEPTH_MAX: usize = 32;

/// Sections within sections, in levels, includes and YAML maps counted. Real ones stay below 8; every
/// walk over the tree recurses this deep.
pub const CONFIG_SECTION_DEPTH_MAX: usize = 64;

/// Parentheses, blocks and choices within each other in one `#{...}`, in levels.
pub const CONFIG_EXPRESSION_DEPTH_MAX: usize = 32;

/// Bytes `File.read` may take from one file. It is for secrets, which are short.
pub const CONFIG_READ_BYTES_MAX: usize = 64 * 1024;

/// Quotes, brackets and `#{` of one text that may run on to its end unclosed. Each costs a scan of the
/// rest, so this keeps reading linear; the text is given up after that many.
pub const CONFIG_UNCLOSED_MAX: usize = 8;

/// Nodes a YAML text may expand to, aliases counted each time they are used: a few kilobytes of aliases
/// of aliases would otherwise fill the memory.
pub const CONFIG_YAML_NODES_MAX: usize = 500_000;
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

/// Largest answer to a Forward handshake (PING), in bytes. With a host name and a user's name of 255 bytes
/// each it has 800.
pub const FORWARD_PING_BYTES_MAX: u64 = 4096;

/// How long the handshake of a Forward connection may take. A sender computes two digests; Fluentd waits
/// for ever.
pub const FORWARD_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a sender may leave the acks of one read unread, once its socket is full of them, and how long the end of a
/// connection over TLS may wait for room. Acks are a hundred bytes; who reads none holds a connection for nothing.
pub const FORWARD_ACK_WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a TLS handshake may take, on any listener. Two round trips and a signature.
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest file with certificates or a key, in bytes. A chain has 4 KiB, all CAs of a system 250 KiB.
pub const TLS_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// How often certificates are looked at for a change.
pub const TLS_FILES_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What is encrypted for a client and waits for room in its socket, in bytes. Four records; what is beyond
/// waits in the log that all clients share.
pub const TLS_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Bytes read from an encrypted Forward connection at once: a record of TLS has no more.
pub const TLS_READ_BYTES: usize = 16 * 1024;

/// After the stop began: how long an encrypted Forward connection is listened to that says nothing. What the
/// kernel has received takes less to be decrypted.
pub const TLS_DRAIN_SILENCE: Duration = Duration::from_millis(100);

/// Bytes still read from one Forward connection after the stop began: what the kernel had received by
/// then (6 MiB is Linux's largest receive buffer). A sender that never pauses must not hold up the stop.
pub const FORWARD_DRAIN_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Longest UDP heartbeat looked at, in bytes; senders send one.
pub const HEARTBEAT_BYTES_MAX: usize = 128;

/// Tries to find a port that is free for TCP and for UDP, when the configuration leaves the choice to
/// the system. A collision is rare, several in a row practically impossible.
pub const FREE_PORT_TRIES_MAX: usize = 16;

/// Lines of the process's own log that may wait for their reader. At info a busy server says a few per
/// second; at trace this is a moment's worth.
pub const LOG_LINES_WAITING_MAX: usize = 4096;

/// How long the end of the process waits for its last log lines to be written.
pub const LOG_STOP_TIMEOUT: Duration = Duration::from_millis(500);

// Docker kills 10 seconds after the signal.
const _: () = assert!(CLIENTS_STOP_TIMEOUT.as_millis() + LOG_STOP_TIMEOUT.as_millis() < 10_000);

/// Bytes of entries that go through the hub in one piece, before other publishers get their turn and
/// the workers' backlog is looked at.
pub const PUBLISH_SLICE_BYTES_MAX: usize = 256 * 1024;

/// Backlog of a view, in bytes of its log, above which a publisher waits for the workers. Enough to
/// keep every worker busy with full writes, far below any client's lag limit.
pub const BACKLOG_BYTES_MAX: u64 = 1024 * 1024;

/// The same for all views of an output together: with thousands of filters each view alone would never come
/// near its own bound. Sixteen views at their bound, or a few
/// kilobytes, which is a write worth its system call, for each of thousands.
pub const BACKLOG_SUM_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Bytes that one piece of a batch may add to the logs of all views of an output together, before the sum is
/// looked at; only a single event may add more. An event that thousands of filters pass is copied as often.
pub const SPREAD_BYTES_MAX: usize = 4 * 1024 * 1024;

const _: () = assert!(BACKLOG_BYTES_MAX < BACKLOG_SUM_BYTES_MAX);
const _: () = assert!(PUBLISH_SLICE_BYTES_MAX < SPREAD_BYTES_MAX);
const _: () = assert!((SPREAD_BYTES_MAX as u64) < BACKLOG_SUM_BYTES_MAX);

/// Bytes of encoded events that are put together before they go into the logs of the views of everything:
/// few enough to stay in a processor's cache, and to be there for a worker soon.
pub const RUN_BYTES_MAX: usize = 64 * 1024;

/// Least time from the end of one look of a worker at what is new to the next. Under load several small writes,
/// and as many wake-ups, become one; who is idle does not notice.
pub const GATHER_TIME_MIN: Duration = Duration::from_micros(200);

/// As much longer as the look took, divided by this: publishers that the slowest client has held up get time to
/// give all clients more at once.
pub const GATHER_PART: u32 = 16;

/// The longest of these times.
pub const GATHER_TIME_MAX: Duration = Duration::from_millis(5);

/// Bytes at which the open segment is sealed though nobody has read it. Large enough that a write of
/// one segment is all payload and no overhead; small enough that a slow client pins little beyond its
/// lag.
pub const SEGMENT_BYTES_MAX: usize = 256 * 1024;

/// Smallest message worth compressing, in bytes. Below it a tenth is saved at most, for the ten
/// microseconds that any compressed frame costs.
pub const COMPRESSED_MESSAGE_BYTES_MIN: usize = 128;

/// Inflated bytes handed on at once: what the inflating of a client's message needs on the stack.
pub const INFLATED_PART_BYTES: usize = 4 * 1024;

/// Bytes of unsent pongs above which pings go unanswered: whoever does not read them needs no more.
pub const PONG_BACKLOG_BYTES_MAX: usize = 4 * 1024;

/// Bytes read from a client at once. Clients of the classic stream have little to say; one buffer
/// serves all clients of a worker.
pub const CLIENT_READ_BUFFER_BYTES: usize = 16 * 1024;

/// Events taken from epoll at once.
pub const POLL_EVENTS_MAX: usize = 1024;

/// Clients named in the log when they are cut at the drain deadline.
pub const LAGGARDS_NAMED_MAX: usize = 10;

/// Reads from one client before others get their turn.
pub const READS_PER_TURN_MAX: usize = 16;

/// Slices in one vectored write. Linux takes at most 1,024; beyond a few dozen nothing is gained.
pub const SLICES_PER_WRITE_MAX: usize = 64;

/// Bytes of one vectored write at most.
pub const BYTES_PER_WRITE_MAX: usize = 1024 * 1024;

/// Bytes written to one client before others get their turn.
pub const BYTES_PER_TURN_MAX: usize = 4 * 1024 * 1024;

/// How long a client may take to answer a close frame, or to read up to it: a client closed for lag has
/// its socket's buffers to read first.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause before trying again on a standard output that somebody made non-blocking.
pub const STDOUT_WOULD_BLOCK_WAIT: Duration = Duration::from_millis(5);

/// Over which `$max_rate` counts, in one step. Short enough to look even, long enough to be cheap.
pub const SAMPLING_WINDOW: Duration = Duration::from_millis(100);

/// Newest events that a hub keeps in memory in front of a history on disk, in bytes of entries: what a
/// client has to catch up with when it has read the history to its end.
pub const JOURNAL_TAIL_BYTES: u64 = 1024 * 1024;

/// How much of a history one step of a replay reads, in bytes of entries: what is held for a client
/// besides what it is being sent.
pub const REPLAY_READ_BYTES: usize = 256 * 1024;

/// How much of a history one step of a replay looks through for events that pass the filter, in bytes of
/// entries, before others have their turn.
pub const REPLAY_SCAN_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Tags whose views are remembered by a shape, in entries. Looking them up anew costs one comparison per
/// distinct choice of tags.
pub const VIEW_CACHE_TAGS_MAX: usize = 1024;

/// Answers to a client's messages that wait because it does not read, in bytes. It may ask as often as
/// it likes, as long as it reads.
pub const ANSWERS_BYTES_MAX: usize = 64 * 1024;

/// Bytes of entries up to which pieces of a history in memory are joined to one.
pub const JOINED_PIECE_BYTES_MAX: u64 = 8 * 1024;

/// Short replays that a hub keeps until the next event, for other clients that ask for the same. Each has about
/// [`SEGMENT_BYTES_MAX`].
pub const RECENT_REPLAYS_MAX: usize = 8;

/// Replays on their way from the threads that make them to a worker: what they hold is not yet offered to the
/// clients' sockets.
pub const REPLAYS_HANDED_MAX: usize = 32;

/// Bytes of a replay that a worker writes before it looks for live news.
pub const REPLAY_BYTES_PER_TURN_MAX: usize = 64 * 1024;

/// Threads that read histories and encode what is replayed. Two, so that one stuck disk does not stop
/// all; more would take the workers' processors.
pub const REPLAY_THREADS: usize = 2;

/// Bytes of events after which such a thread gives up its processor if somebody else waits for it: some 5 µs of
/// work. Linux lets a thread finish its slice of about a millisecond, however nice it is, before one that wakes up: a
/// live event would wait that long at each thread it passes.
pub const REPLAY_YIELD_BYTES: usize = 4 * 1024;

/// How much these threads stand back for the others ("nice" value): 10 is a tenth of the processor when there
/// is not enough.
pub const REPLAY_NICENESS: i32 = 10;

/// How long a count of events left out (`$max_rate`) may go untold when nothing else comes.
pub const UNTOLD_WAIT: Duration = Duration::from_secs(1);

/// How long a client under `slow_client sample` must keep up before it is sent twice as much.
pub const SAMPLE_RAISE_AFTER: Duration = Duration::from_secs(10);

/// How far a thinned client may be behind, in bytes, to count as one that keeps up. Less than what is
/// still sent of a stream that a client leaves, so that being sent more costs it nothing.
pub const SAMPLE_CAUGHT_UP_BYTES: u64 = 16 * 1024;

/// Length of what a message that makes no sense is answered with, in bytes, as it quotes the message.
pub const ANSWER_TEXT_BYTES_MAX: usize = 1024;

/// Time between two signs of life on an HTTP stream: proxies cut what is silent for a minute or less.
pub const HTTP_SIGN_OF_LIFE_INTERVAL: Duration = Duration::from_secs(15);

/// Newest events of the memory that are held for one client while they are replayed to it, in bytes of
/// entries. With the last of them it takes its place in the live stream; so it is enough to get there
/// before much more has come, and little enough for many that read slowly.
pub const REPLAY_HELD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest `flush_interval` of a websocket output. Beyond ten seconds nothing is live, and what gathers
/// meanwhile would count as a client's lag.
pub const FLUSH_INTERVAL_MAX: Duration = Duration::from_secs(10);

/// Least `size` of a history, in bytes: a few hundred events, the least a retention by whole files can
/// keep to.
pub const HISTORY_BYTES_MIN: u64 = 64 * 1024;

/// Least `age` of a history. Nobody means less, and nothing would be kept.
pub const HISTORY_AGE_MIN: Duration = Duration::from_millis(1);

/// Least `sync_interval`. More often than a hundred times per second is no better than `sync always`,
/// and keeps the disk from everything else.
pub const SYNC_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Longest `sync_interval`. The system writes by itself after about half a minute; beyond a minute
/// there is no promise left.
pub const SYNC_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// Longest path of a history's directory, in bytes. Linux ends at 4096; the files in it need room.
pub const HISTORY_PATH_BYTES_MAX: usize = 4000;

/// `$tag` parameters of one client. Each costs a comparison for every tag that is new.
pub const TAG_CHOICES_MAX: usize = 64;

/// Most `<token>` sections of one output. Each is compared with what each client presents; who needs more
/// lets several share one.
pub const TOKENS_MAX: usize = 1000;

/// Bytes of the name of a token.
pub const TOKEN_NAME_BYTES_MAX: usize = 64;

/// Bytes of a file that holds a token.
pub const TOKEN_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Most `<jwt>` sections of one output: a token that is signed is tried with each.
pub const JWTS_MAX: usize = 8;

/// Longest signed token that is looked at, in bytes. Real ones stay below 4 KiB; what it says is JSON that a
/// stranger may have written.
pub const JWT_BYTES_MAX: usize = 16 * 1024;

/// Shortest secret for HS256, in bytes: as long as the hash (RFC 7518 section 3.2). A shorter one is found by
/// trying, with one token and without asking the server.
pub const JWT_SECRET_BYTES_MIN: usize = 32;

/// Most that clocks may differ, for a `<jwt>` section.
pub const JWT_LEEWAY_MAX: Duration = Duration::from_secs(600);

/// Bytes of a file with keys for signed tokens (`public_key_file`, `jwks_file`).
pub const KEY_FILE_BYTES_MAX: u64 = 256 * 1024;

/// Keys of one `jwks_file`. Who signs has a few: the present one, and those before and after it.
pub const JWKS_KEYS_MAX: usize = 64;

/// Time between two looks whether a `jwks_file` has changed.
pub const JWKS_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Largest message of a client that has not presented a token yet, in bytes: there is one to send, with the
/// token. Held for each of `unauthenticated_limit`.
pub const AUTHENTICATE_BYTES_MAX: usize = 32 * 1024;

const _: () = assert!(JWT_BYTES_MAX < AUTHENTICATE_BYTES_MAX);
const _: () = assert!(AUTHENTICATE_BYTES_MAX as u64 <= CLIENT_MESSAGE_BYTES_MAX);

/// Shortest and longest time a client may have to present a token by message.
pub const AUTHENTICATE_TIMEOUT_MIN: Duration = Duration::from_secs(1);
/// See [`AUTHENTICATE_TIMEOUT_MIN`].
pub const AUTHENTICATE_TIMEOUT_MAX: Duration = Duration::from_secs(300);

/// How long after its token a client may go on when the clock was set, or the machine asleep.
pub const EXPIRY_LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// Events per second from which on a client under `slow_client sample` is sent all again.
pub const SAMPLE_RATE_UNLIMITED: u32 = 1_000_000;

/// How long a write or a sync of a history may take before its events count as not stored. The live
/// stream waits that long once, and goes on without the disk.
pub const HISTORY_WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// Time between two looks for what has become too old in a history on disk.
pub const HISTORY_RETAIN_INTERVAL: Duration = Duration::from_secs(1);

/// After the clients: how long a history on disk may take to be closed.
pub const HISTORY_STOP_TIMEOUT: Duration = Duration::from_millis(800);
/// Size at which a segment file of a history on disk is sealed, in bytes. Retention deletes whole files,
/// and start-up checks the checksums of one; large enough that making files costs nothing.
pub const HISTORY_SEGMENT_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Smallest such size, in bytes, for histories with narrow bounds: below it the files would outnumber
/// the blocks in them.
pub const HISTORY_SEGMENT_FILE_BYTES_MIN: u64 = 64 * 1024;

/// Segment files that the bounds of a history are divided into, so that retention, which deletes whole
/// files, keeps at least 15/16 of what it may.
pub const HISTORY_SEGMENTS_PER_BOUND: u32 = 16;

/// Shortest stretch of time one segment file is kept open for when a history has an `age`, however
/// short the `age` is. Bounds how many files are made.
pub const HISTORY_SEGMENT_AGE_MIN: Duration = Duration::from_secs(1);

/// Bytes of a segment file for which there is one entry in the index in memory (48 bytes: less
/// than a thousandth). Also what is read to find a number or a time.
pub const HISTORY_STRETCH_BYTES: u64 = 64 * 1024;

/// Bytes read at once while only the heads of blocks are looked at: cheap to skip with when blocks are
/// large, a handful of heads when they are small.
pub const HISTORY_HEADS_WINDOW_BYTES: usize = 4 * 1024;

/// Former epochs of a history that are remembered, in epochs. One is added by each power failure.
pub const HISTORY_FORMER_EPOCHS_MAX: usize = 16;

/// Sealed segment files that wait for being synced, in files: each holds a descriptor. With the default
/// size this is 1 GiB since the last sync; beyond it no promise is made for the oldest.
pub const HISTORY_SEGMENTS_UNSYNCED_MAX: usize = 64;

/// Holes, and damaged places, listed one by one after start-up. The rest is only counted: a broken
/// disk has thousands.
pub const HISTORY_HOLES_REPORTED_MAX: usize = 64;

const _: () = assert!(HISTORY_SEGMENT_FILE_BYTES_MIN <= HISTORY_SEGMENT_FILE_BYTES);
const _: () = assert!(HISTORY_HEADS_WINDOW_BYTES as u64 <= HISTORY_STRETCH_BYTES);
/// Longest filter expression of a client (`$filter`), in bytes. A request line carries it; real ones stay
/// below 300.
pub const EXPRESSION_BYTES_MAX: usize = 4096;

/// Parentheses, calls, `!` and `-` within each other in a filter expression, in levels: both parsing and
/// evaluating recurse this deep.
pub const EXPRESSION_DEPTH_MAX: usize = 32;

/// Operators, names, keys and literals of a filter expression together. Each may cost every event.
pub const EXPRESSION_NODES_MAX: usize = 1024;

/// Regular expressions in one filter expression. Each keeps a compiled program and a cache.
pub const EXPRESSION_REGEXES_MAX: usize = 8;

/// Largest program one regular expression of a filter may compile to, in bytes. Usual ones take 1 to
/// 20 KiB; `(a{1000}){1000}` would take 50 MiB.
pub const EXPRESSION_REGEX_BYTES_MAX: usize = 64 * 1024;

/// Parentheses and repetitions within each other in one regular expression of a filter, in levels.
pub const EXPRESSION_REGEX_NESTING_MAX: u32 = 50;

/// Classes of very many characters, such as `\pL`, in one regular expression of a filter. Reading one costs
/// up to a quarter of a millisecond where case is ignored.
pub const EXPRESSION_REGEX_WIDE_CLASSES_MAX: usize = 16;

/// What one regular expression of a filter may remember of texts it has read, in bytes and per thread
/// that evaluates it at the same time. Usual ones need a few KiB.
pub const EXPRESSION_REGEX_CACHE_BYTES: usize = 128 * 1024;

/// Work that one filter expression may spend on one event, in steps: a node evaluated, a value of the
/// record passed over, 2 to 4 bytes searched. A step takes 1 to 30 ns, so an event costs at most some
/// milliseconds; a usual filter on a usual record takes below 100 steps.
pub const EXPRESSION_STEPS_PER_EVENT_MAX: usize = 250_000;

/// Fields one client may ask for (`$fields`).
pub const PROJECTION_FIELDS_MAX: usize = 64;

/// First pause before `tail` or `send` connects again after a failure; it doubles with each further one.
/// Half of each is left to chance, so that not all clients of a server come back at once.
pub const CLIENT_RETRY_WAIT_MIN: Duration = Duration::from_secs(1);

/// Longest of these pauses: how soon a server that is back is noticed.
pub const CLIENT_RETRY_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long `tail` and `send` wait for a connection, the look-up of the name included.
pub const CLIENT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long `tail` waits for the head of an answer; a server writes it at once.
pub const TAIL_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection of `tail` may be silent before it counts as dead: the server gives signs of life.
pub const TAIL_SILENCE_MAX: Duration = Duration::from_secs(45);

const _: () = assert!(TAIL_SILENCE_MAX.as_secs() >= 3 * HTTP_SIGN_OF_LIFE_INTERVAL.as_secs());

/// Longest line that `tail` takes, in bytes; a longer event is left out and told. Records of a megabyte
/// are rare, and this is what a hostile server can make it hold.
pub const TAIL_LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How much `tail` reads of the sentence with which a server refuses, in bytes.
pub const TAIL_REFUSAL_BYTES_MAX: usize = 4 * 1024;

/// Pages of output of `tail` that wait for standard output beside the one being written. A page is what
/// came in one read.
pub const TAIL_PAGES_WAITING_MAX: usize = 1;

/// How long `tail` still writes what it has after a signal to stop: a reader that takes nothing must not
/// hold up Ctrl-C.
pub const TAIL_STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// Shortest pause between two lines of `tail` about events that were left out; the server tells of them
/// every second.
pub const TAIL_LEFT_OUT_INTERVAL: Duration = Duration::from_secs(10);

/// Failures in a row after which `tail --no-follow` gives up: whoever wants what there is does not wait.
pub const TAIL_NO_FOLLOW_FAILURES_MAX: u32 = 3;

/// Longest summary of a record in `tail`'s pretty form, in characters: some twenty lines of a terminal.
pub const PRETTY_RECORD_CHARS_MAX: usize = 2000;

/// Bytes that `send` reads from standard input at once. What comes in one read goes out as one chunk.
pub const SEND_READ_BYTES: usize = 64 * 1024;

/// Longest line or record that `send` takes, in bytes; a longer one is left out and told.
pub const SEND_RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Chunks of `send` that were read and wait for the connection.
pub const SEND_CHUNKS_WAITING_MAX: usize = 2;

/// Chunks that `send --ack` has on their way at once. Their acks, of about 40 bytes each, always fit into
/// a socket's buffer.
pub const SEND_UNACKED_CHUNKS_MAX: usize = 32;

/// Bytes of these chunks at which no further one is sent: with what is read at once, what `send --ack` holds.
pub const SEND_UNACKED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Longest ack that `send` takes, in bytes.
pub const SEND_ACK_BYTES_MAX: usize = 1024;

/// How long `send` without `--ack` waits for the server to close the connection after the last record.
pub const SEND_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Bad lines that `send` tells one by one; more are only counted.
pub const SEND_FAULTS_TOLD_MAX: u64 = 20;

/// How long `send` works before it shows its progress.
pub const SEND_PROGRESS_AFTER: Duration = Duration::from_secs(1);

/// Shortest pause between two updates of its progress.
pub const SEND_PROGRESS_INTERVAL: Duration = Duration::from_millis(200);
