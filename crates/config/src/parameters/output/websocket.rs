//! `@type websocket` and its history.

use std::time::Duration;

use fluentcast_event::limits::{
    BUFFERED_MESSAGES_MAX, CONFIG_TIME_SECONDS_MAX, CONNECTION_LIMIT_MAX, FLUSH_INTERVAL_MAX,
    HISTORY_AGE_MIN, HISTORY_BYTES_MIN, SYNC_INTERVAL_MAX, SYNC_INTERVAL_MIN,
};

use super::super::Default::{Is, Required, Unset, When};
use super::super::{Kind, Origin, Parameter, Section, Subsection, transport};
use super::INJECT_SECTION;

/// The case of [`HISTORY`]'s defaults without `path`.
pub const IN_MEMORY: &str = "in memory";

/// The case with `path`.
pub const ON_DISK: &str = "with `path`";

/// `<match> @type websocket`.
pub const WEBSOCKET: Section = Section {
    sections: &[
        Subsection::new(
            "token",
            "One more token, with rights of its own; as many as are needed. With any, or with `token`, nobody may \
             watch without one",
        ),
        Subsection::new(
            "history",
            "How many events are kept for clients that come, or come back, later, and where; without it the last \
             `buffered_messages`, in memory",
        ),
        Subsection::ignored(
            "buffer",
            "events wait in no buffer; `flush_interval` of the output itself is the pause between two writes",
        ),
        INJECT_SECTION,
        transport::SECTION,
    ],
    ..Section::new(
        "match websocket",
        "Sends every event to every WebSocket client. The parameters of fluent-plugin-websocket, and some more.",
        &[
            Parameter::new("host", Kind::Text, Is("0.0.0.0"), "Address to listen on")
                .alias(&["bind"])
                .from(Origin::Plugin),
            Parameter::new("port", Kind::Port, Is("8080"), "Port to listen on; 0 lets the system choose")
                .from(Origin::Plugin),
            Parameter::new(
                "use_msgpack",
                Kind::Bool,
                Is("false"),
                "MessagePack in binary messages instead of JSON",
            )
            .from(Origin::Plugin),
            Parameter::new("add_time", Kind::Bool, Is("false"), "Put the time into every message")
                .from(Origin::Plugin),
            Parameter::new("add_tag", Kind::Bool, Is("true"), "Put the tag into every message")
                .from(Origin::Plugin),
            Parameter::new(
                "buffered_messages",
                Kind::Integer(0, BUFFERED_MESSAGES_MAX),
                Is("0"),
                "How many of the newest events a new client gets first",
            )
            .unit("events")
            .from(Origin::Plugin),
            Parameter::new(
                "token",
                Kind::Secret,
                Unset,
                "What a client must present as `?token=...`; never empty",
            )
            .from(Origin::Plugin),
            Parameter::new(
                "allow_origin",
                Kind::List,
                Unset,
                "Which pages of a browser may watch, besides those that came from the same host and port: their \
                 origins, such as `https://app.example`, or `*` for all. What sends no `Origin` is no page, and judged \
                 by its token alone",
            )
            .from(Origin::Fluentcast),
            Parameter::new(
                "path",
                Kind::Text,
                Is("/"),
                "URL prefix this output answers on; outputs with different ones may share a port",
            )
            .from(Origin::Fluentcast),
            Parameter::new(
                "ui",
                Kind::Bool,
                Is("true"),
                "Serve the live page at `path`, and the JavaScript client beside it (`fluentcast.js`). Both are public; \
                 events need the `token`",
            )
            .from(Origin::Fluentcast),
            Parameter::new(
                "client_lag_limit",
                Kind::Size(1024),
                Is("8m"),
                "How far a client may be behind before `slow_client` applies",
            )
            .from(Origin::Fluentcast),
            Parameter::new(
                "slow_client",
                Kind::Choice(&["disconnect", "skip", "sample"]),
                Unset,
                "What happens to a client that is further behind: `disconnect` closes it with 1013, `skip` lets it go \
                 on with the newest events, `sample` gives it an even selection for as long as it is slow. What is \
                 left out is counted, and told to whoever has a resumable stream. Not set: classic streams \
                 `disconnect`, resumable ones `skip`",
            )
            .from(Origin::Fluentcast),
            Parameter::new(
                "flush_interval",
                Kind::TimeBetween(Duration::ZERO, FLUSH_INTERVAL_MAX),
                Is("0s"),
                "Least time between two writes to a client. 0: at once when idle, and under load what gathers \
                 meanwhile goes out together by itself. Set `0.1` or so where many clients watch a busy stream \
                 that no person could follow faster",
            )
            .from(Origin::Fluentcast),
            Parameter::new(
                "compress",
                Kind::Bool,
                Is("false"),
                "Offer clients compression (permessage-deflate). Set it where the network is dearer than the \
                 processor; each message is compressed once for all clients that ask for the same. Batches (the \
                 resumable stream) become five times smaller, single events (the classic one) a fifth",
            )
            .from(Origin::Fluentcast),
            Parameter::new(
                "ping_interval",
                Kind::Time(0),
                Is("30s"),
                "How often a client is pinged; 0: never",
            )
            .from(Origin::Fluentcast),
            Parameter::new("ping_timeout", Kind::Time(1), Is("30s"), "How long its answer may take")
                .from(Origin::Fluentcast),
            Parameter::new(
                "connection_limit",
                Kind::Integer(1, CONNECTION_LIMIT_MAX),
                Is("65536"),
                "Clients at once; more are turned away",
            )
            .unit("clients")
            .from(Origin::Fluentcast),
        ],
    )
};

/// `<token>` of `websocket`.
pub const TOKEN: Section = Section::new(
    "match websocket > token",
    "A token and what its holders may see. What they ask for is narrowed by it and can never go beyond. One of `token`, \
     `sha256` and `token_file` says what the token is.",
    &[
        Parameter::new("name", Kind::Text, Required, "What it is called in messages; each has another")
            .from(Origin::Fluentcast),
        Parameter::new("token", Kind::Secret, Unset, "The token itself; never empty").from(Origin::Fluentcast),
        Parameter::new(
            "sha256",
            Kind::Secret,
            Unset,
            "Its SHA-256 in hexadecimal, so that the configuration does not hold it. For long random tokens: a \
             short one is found by trying",
        )
        .from(Origin::Fluentcast),
        Parameter::new(
            "token_file",
            Kind::Text,
            Unset,
            "A file that holds it, read at start; blanks and line ends around it do not count",
        )
        .from(Origin::Fluentcast),
        Parameter::new(
            "tag",
            Kind::Text,
            Unset,
            "Only events with these tags: patterns as of `<match>`, with blanks between; `!pattern` excludes",
        )
        .from(Origin::Fluentcast),
        Parameter::new(
            "filter",
            Kind::Text,
            Unset,
            "Only events for which this expression holds, see docs/filters.md",
        )
        .from(Origin::Fluentcast),
        Parameter::new(
            "fields",
            Kind::List,
            Unset,
            "Only these fields of each record; names as of `$fields`. For a holder's own filters the others are not there",
        )
        .from(Origin::Fluentcast),
        Parameter::new(
            "redact",
            Kind::List,
            Unset,
            "Without these fields, wherever in the record the name leads; also for a holder's own filters",
        )
        .from(Origin::Fluentcast),
        Parameter::new(
            "max_rate",
            Kind::Integer(1, u32::MAX as i64),
            Unset,
            "At most so many live events per second for each client, chosen evenly",
        )
        .unit("events")
        .from(Origin::Fluentcast),
        Parameter::new(
            "connection_limit",
            Kind::Integer(1, CONNECTION_LIMIT_MAX),
            Unset,
            "Clients with this token at once; more are turned away",
        )
        .unit("clients")
        .from(Origin::Fluentcast),
        Parameter::new(
            "expires",
            Kind::Text,
            Unset,
            "From then on it is worth nothing, and those connected with it are closed with 3000: a time such as \
             `2027-01-31T12:00:00Z`",
        )
        .from(Origin::Fluentcast),
    ],
);

/// `<history>` of `websocket`.
pub const HISTORY: Section = Section::new(
    "match websocket > history",
    "How many events are kept for clients that come, or come back, later, and where. At most one. All bounds that \
     are set hold; when none is, the default of `size` does.",
    &[
        Parameter::new(
            "events",
            Kind::Integer(1, i64::MAX),
            Unset,
            "Keep no more than that many of the newest events",
        )
        .unit("events")
        .from(Origin::Fluentcast),
        Parameter::new(
            "size",
            Kind::Size(HISTORY_BYTES_MIN),
            When(&[(IN_MEMORY, "64m"), (ON_DISK, "1g")]),
            "Keep no more than that many bytes, whatever `events` and `age` allow",
        )
        .from(Origin::Fluentcast),
        Parameter::new(
            "age",
            Kind::TimeBetween(HISTORY_AGE_MIN, Duration::from_secs(CONFIG_TIME_SECONDS_MAX as u64)),
            Unset,
            "Keep nothing that is older",
        )
        .from(Origin::Fluentcast),
        Parameter::new(
            "path",
            Kind::Text,
            Unset,
            "Directory for this output alone, made when it is not there; then history survives a restart and a \
             crash, and numbering goes on. No placeholders; a relative one begins where the process was started. \
             Not set: in memory",
        )
        .from(Origin::Fluentcast),
        Parameter::new(
            "sync",
            Kind::Choice(&["always", "interval", "never"]),
            Is("interval"),
            "With `path`: when events are brought onto the medium. `always`: before a Forward ack or HTTP 200 goes \
             out; `interval`: every `sync_interval`; `never`: when the system does it",
        )
        .from(Origin::Fluentcast),
        Parameter::new(
            "sync_interval",
            Kind::TimeBetween(SYNC_INTERVAL_MIN, SYNC_INTERVAL_MAX),
            Is("1s"),
            "With `sync interval`: how much of the newest a power loss may cost",
        )
        .from(Origin::Fluentcast),
    ],
);
