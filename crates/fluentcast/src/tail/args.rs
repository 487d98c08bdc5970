//! The flags of `fluentcast tail`.

use std::num::NonZeroU32;

use clap::{Args, ValueEnum};

use crate::dial::Trust;

/// Watch a stream: print its events as they come.
///
/// Connects to a websocket output of a Fluentcast server (over HTTP, GET /events), prints the newest events and then
/// each new one. When the connection is lost it connects again and goes on after the last event it has; events that
/// cannot be had any more are told on standard error. Ends with exit code 0 on Ctrl-C, on TERM, and when nobody reads
/// its output any more; with 1 when the server refuses, and says why.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  fluentcast tail --tag 'app.**' --where level=error
  fluentcast tail ws://logs.example/web --since 5m --filter 'record.code >= 500'
  fluentcast tail wss://logs.example/ --ca-file ca.pem
  fluentcast tail --last 100 --no-follow --format json | jq .user
  fluentcast tail --format json localhost:8080 | fluentcast send copy.of.it --host other")]
pub(crate) struct TailArgs {
    /// Where the output is: ws:// or http://, over TLS wss:// or https://, with a path if the output has one; or only
    /// host:port. Conditions may stand behind a `?`, as in any URL of a stream.
    #[arg(value_name = "URL", default_value = "ws://127.0.0.1:8080/")]
    pub(super) url: String,

    /// Only events whose tag this pattern takes. Repeated: any of them; `!pattern` excludes.
    #[arg(long, value_name = "PATTERN")]
    pub(super) tag: Vec<String>,

    /// Only events for which this expression is true, such as 'record.code >= 500'.
    #[arg(long, value_name = "EXPRESSION")]
    pub(super) filter: Option<String>,

    /// Only records whose field has that value. Repeated: all fields must, and any value of one field will do.
    /// Without `=`: records without the field.
    #[arg(long = "where", value_name = "FIELD=VALUE")]
    pub(super) conditions: Vec<String>,

    /// Only these fields of each record, such as `level,user.id`.
    #[arg(long, value_name = "FIELDS")]
    pub(super) fields: Option<String>,

    /// Begin with the first event of this time or later: 30s, 5m, 2h or 1d ago, or 2026-01-31T12:00:00Z. Or after
    /// the event EPOCH:SEQ.
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    pub(super) since: Option<String>,

    /// Begin with the last N events there were (before filters), as far as the output keeps them.
    /// [default: 10]
    #[arg(short = 'n', long, value_name = "N")]
    pub(super) last: Option<u64>,

    /// At most so many new events per second, chosen evenly by the server; the others are counted.
    #[arg(long, value_name = "N")]
    pub(super) max_rate: Option<NonZeroU32>,

    /// End after the events that there are now.
    #[arg(long)]
    pub(super) no_follow: bool,

    /// How events are printed.
    #[arg(long, value_name = "FORMAT", default_value = "pretty")]
    pub(super) format: FormatName,

    /// Colours of the pretty format; auto: when standard output is a terminal and NO_COLOR is not set.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: When,

    /// The output's token. It is sent in a header, not in the URL. The environment hides it from those who can list
    /// processes.
    #[arg(long, value_name = "TOKEN", env = "FLUENTCAST_TOKEN", hide_env_values = true)]
    pub(super) token: Option<Token>,

    #[command(flatten)]
    pub(super) trust: Trust,
}

/// How events are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatName {
    /// For people: local time, tag, level, message and other fields on one line; long records are cut, and
    /// characters that could drive a terminal are escaped.
    Pretty,
    /// The record alone, one JSON object per line; what `fluentcast send` reads.
    Json,
    /// The whole event, one per line: {"seq":...,"tag":...,"time":...,"record":{...}}.
    Ndjson,
    /// The whole event in MessagePack, one array after the other: [seq, tag, time (timestamp), record].
    Msgpack,
}

/// Whether to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal.
    Auto,
    /// Also elsewhere.
    Always,
    /// Nowhere.
    Never,
}

/// A token, which is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(pub(super) String);

impl std::str::FromStr for Token {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(...)")
    }
}
