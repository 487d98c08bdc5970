//! Every limit of the process that is not a configuration parameter, with its unit and its reason.
//!
//! A limit that a person may set is a parameter and has its default in the parameter table; it does
//! not stand here.

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

/// Connections to one websocket port that are not (yet) a WebSocket, at once. Beyond it new ones wait in
/// the kernel's queue.
pub const HANDSHAKES_AT_ONCE_MAX: usize = 4096;
