//! `@type websocket`, checked.

use std::path::PathBuf;
use std::time::Duration;

use fluentcast_event::projection::Projection;
use fluentcast_event::redaction::Redaction;
use fluentcast_expression::Expression;

use super::{ByteSize, Listen, Origin, Secret, Tls};
use crate::origin::AllowedOrigins;

/// `@type websocket`.
#[derive(Clone, Debug)]
pub struct Websocket {
    /// `host` (`bind`), `port`.
    pub listen: Listen,
    /// `path` (ours): the URL prefix this output answers on; `/` is any path.
    pub path: String,
    /// `use_msgpack`: MessagePack in binary messages, else JSON in text messages.
    pub use_msgpack: bool,
    /// `add_time`.
    pub add_time: bool,
    /// `add_tag`.
    pub add_tag: bool,
    /// `buffered_messages`: how many of the newest events a new client gets first.
    pub buffered_messages: usize,
    /// `token`: what a client must present; never empty.
    pub token: Option<Secret>,
    /// The `<token>` sections (ours), with `token` or without.
    pub tokens: Vec<Token>,
    /// `allow_origin` (ours): pages that may watch besides those of the same host.
    pub allow_origin: AllowedOrigins,
    /// `<history>` (ours); `None`: the last `buffered_messages` in memory.
    pub history: Option<History>,
    /// `ui` (ours): the live page is served at `path`.
    pub ui: bool,
    /// `client_lag_limit` (ours): bytes a client may be behind before `slow_client` applies.
    pub client_lag_limit: ByteSize,
    /// `slow_client` (ours); `None`: classic streams disconnect, resumable ones skip.
    pub slow_client: Option<SlowClient>,
    /// `flush_interval` (ours): least time between two writes to a client; zero: at once when idle.
    pub flush_interval: Duration,
    /// `compress` (ours): permessage-deflate is offered.
    pub compress: bool,
    /// `ping_interval` (ours); zero: no pings.
    pub ping_interval: Duration,
    /// `ping_timeout` (ours): how long a pong may take.
    pub ping_timeout: Duration,
    /// `connection_limit` (ours): clients at once.
    pub connection_limit: u32,
    /// `<transport tls>` (ours).
    pub tls: Option<Box<Tls>>,
}

/// `<token>`: a token and what its holders may see.
#[derive(Clone, Debug)]
pub struct Token {
    /// `name`: unique within the output.
    pub name: String,
    /// `token`, `sha256` or `token_file`.
    pub secret: TokenSecret,
    /// `tag`: patterns, checked; empty: every tag.
    pub tags: Vec<String>,
    /// `filter`: only events for which it holds.
    pub filter: Option<Expression>,
    /// `fields`: the only ones.
    pub fields: Option<Projection>,
    /// `redact`: fields that are never there.
    pub redact: Option<Redaction>,
    /// `max_rate`: live events per second; never 0.
    pub max_rate: Option<u32>,
    /// `connection_limit`: clients at once.
    pub connection_limit: Option<u32>,
    /// `expires`.
    pub expires: Option<jiff::Timestamp>,
    /// Where the section stands.
    pub origin: Origin,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSecret {
    /// `token`.
    Text(Secret),
    /// `sha256`.
    Sha256(Sha256),
    /// `token_file`.
    File(PathBuf),
}

/// The SHA-256 of a secret: as secret as the secret is weak.
#[derive(Clone, PartialEq, Eq)]
pub struct Sha256(pub [u8; 32]);

impl std::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("xxxxxx")
    }
}

/// `slow_client`: what happens to a client that is further behind than `client_lag_limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlowClient {
    /// It is closed with 1013.
    Disconnect,
    /// It goes on with the newest events.
    Skip,
    /// It gets an even selection for as long as it is slow.
    Sample,
}

/// `<history>`: which events are kept. At least one of the bounds is there; all that are hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// `events`: at least 1.
    pub events: Option<u64>,
    /// `size`: at least 64 KiB; when no bound is set, the default.
    pub size: Option<ByteSize>,
    /// `age`: never zero.
    pub age: Option<Duration>,
    /// `path`: a directory that no other output's history is in, as written; `None`: in memory.
    pub path: Option<PathBuf>,
    /// `sync`, `sync_interval`; means something only with `path`.
    pub sync: Sync,
}

/// `sync`: when events are brought onto the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Before they are acked: they survive power loss.
    Always,
    /// That often: they survive a crash of the process, and power loss but for the last interval.
    Interval(Duration),
    /// When the system does it: they survive a crash of the process.
    Never,
}
