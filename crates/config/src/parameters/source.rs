//! The sources.

use fluentcast_event::limits::{CONNECTION_LIMIT_MAX, SAMPLE_RATE_MAX};

use super::Default::{Is, Required, Unset};
use super::{Kind, Moved, Origin, Parameter, Section, Subsection, transport};

const NOT_BLOCKING: &str = "nothing here blocks";

const BIND: Parameter = Parameter::new("bind", Kind::Text, Is("0.0.0.0"), "Address to listen on");
const BACKLOG: Parameter = Parameter::new(
    "backlog",
    Kind::Integer(1, 65535),
    Unset,
    "Connections the kernel may hold waiting; the system's when not set",
)
.unit("connections");
const TAG_PREFIX: Parameter =
    Parameter::new("add_tag_prefix", Kind::Text, Unset, "Put before every tag, with a dot between");
const DECOMPRESSION: Parameter = Parameter::new(
    "decompression_size_limit",
    Kind::Size(1),
    Is("256m"),
    "What one compressed message or body may grow to",
);
const fn connection_limit(default: &'static str) -> Parameter {
    Parameter::new(
        "connection_limit",
        Kind::Integer(1, CONNECTION_LIMIT_MAX),
        Is(default),
        "Connections at once",
    )
    .unit("connections")
    .from(Origin::Fluentcast)
}

/// `<source> @type forward`.
pub const FORWARD: Section = Section {
    sections: &[
        transport::SECTION,
        Subsection::new(
            "security",
            "Senders must know a shared key, and a user's password where `user_auth` says so; without it whoever \
             reaches the port may send",
        ),
    ],
    ..Section::new(
        "source forward",
        "Fluentd's Forward protocol over TCP, and UDP heartbeats on the same port.",
        &[
            Parameter::new("port", Kind::Port, Is("24224"), "Port to listen on; 0 lets the system choose"),
            BIND,
            BACKLOG,
            Parameter::new("tag", Kind::Text, Unset, "Replaces every incoming tag"),
            TAG_PREFIX,
            Parameter::new(
                "chunk_size_limit",
                Kind::Size(1),
                Is("128m"),
                "A larger message is dropped, counted, and not acknowledged (Fluentd has no limit)",
            ),
            Parameter::new("chunk_size_warn_limit", Kind::Size(1), Unset, "A larger message is logged"),
            DECOMPRESSION,
            Parameter::new(
                "source_address_key",
                Kind::Text,
                Unset,
                "The sender's address is put into every record under this name",
            ),
            Parameter::new(
                "source_hostname_key",
                Kind::Text,
                Unset,
                "The sender's host name is put into every record under this name",
            ),
            Parameter::new(
                "resolve_hostname",
                Kind::Bool,
                Unset,
                "Look host names up; `source_hostname_key` needs it and turns it on",
            ),
            Parameter::new(
                "deny_keepalive",
                Kind::Bool,
                Is("false"),
                "Close after the first message and its ack",
            ),
            Parameter::new("send_keepalive_packet", Kind::Bool, Is("false"), "Set SO_KEEPALIVE"),
            Parameter::new(
                "linger_timeout",
                Kind::Time(0),
                Unset,
                "Set SO_LINGER; when not set a connection is closed in the ordinary way (Fluentd resets it)",
            ),
            connection_limit("4096"),
            Parameter::new(
                "entry_limit",
                Kind::Integer(1, 1_000_000_000),
                Is("1000000"),
                "Entries in one message; a message with more is dropped and counted",
            )
            .unit("entries")
            .from(Origin::Fluentcast),
            Parameter::ignored(
                "skip_invalid_event",
                "what has no record is always dropped and counted, all else accepted",
            ),
            Parameter::ignored("blocking_timeout", NOT_BLOCKING),
        ],
    )
};

/// `<source> @type http`.
pub const HTTP: Section = Section {
    sections: &[transport::SECTION, Subsection::new("parse", "How a body becomes records")],
    moved: &[&[
        Moved { old: "format", section: "parse", new: "@type" },
        Moved { old: "time_key", section: "parse", new: "time_key" },
        Moved { old: "keep_time_key", section: "parse", new: "keep_time_key" },
        Moved { old: "time_format", section: "parse", new: "time_format" },
        Moved { old: "time_type", section: "parse", new: "time_type" },
        Moved { old: "types", section: "parse", new: "types" },
        Moved { old: "null_value_pattern", section: "parse", new: "null_value_pattern" },
        Moved { old: "null_empty_string", section: "parse", new: "null_empty_string" },
        Moved { old: "localtime", section: "parse", new: "localtime" },
        Moved { old: "utc", section: "parse", new: "utc" },
        Moved { old: "timezone", section: "parse", new: "timezone" },
    ]],
    ..Section::new(
        "source http",
        "Events by HTTP: the path is the tag, the body holds the records.",
        &[
            Parameter::new("port", Kind::Port, Is("9880"), "Port to listen on; 0 lets the system choose"),
            BIND,
            BACKLOG,
            Parameter::new("body_size_limit", Kind::Size(1), Is("32m"), "A larger body is answered with 413"),
            DECOMPRESSION,
            Parameter::new(
                "keepalive_timeout",
                Kind::Time(0),
                Is("10s"),
                "An idle connection is closed after this",
            ),
            Parameter::new(
                "add_http_headers",
                Kind::Bool,
                Is("false"),
                "Put the request's headers into every record as `HTTP_NAME`",
            ),
            Parameter::new(
                "add_remote_addr",
                Kind::Bool,
                Is("false"),
                "Put the sender's address into every record as `REMOTE_ADDR`",
            ),
            Parameter::new(
                "add_query_params",
                Kind::Bool,
                Is("false"),
                "Put the query's parameters into every record as `QUERY_NAME`",
            ),
            TAG_PREFIX,
            Parameter::new(
                "cors_allow_origins",
                Kind::List,
                Unset,
                "Origins whose pages may send; when not set CORS is off",
            ),
            Parameter::new(
                "cors_allow_credentials",
                Kind::Bool,
                Is("false"),
                "Pages may send credentials; needs origins without `*`",
            ),
            Parameter::new("respond_with_empty_img", Kind::Bool, Is("false"), "Answer with a 1x1 GIF"),
            Parameter::new("use_204_response", Kind::Bool, Is("false"), "Answer 204 instead of 200"),
            Parameter::new(
                "dump_error_log",
                Kind::Bool,
                Is("true"),
                "Log why a request was answered 400 or 500",
            ),
            connection_limit("1024"),
            Parameter::ignored("blocking_timeout", NOT_BLOCKING),
        ],
    )
};

/// `<parse>` of `http`.
pub const HTTP_PARSE: Section = Section::new(
    "source http > parse",
    "How a body becomes records. The only type is `in_http`: JSON, MessagePack, NDJSON and form fields by content type.",
    &[
        Parameter::new("@type", Kind::Choice(&["in_http"]), Is("in_http"), "Which parser").alias(&["type"]),
        Parameter::new("time_key", Kind::Text, Is("time"), "The field that holds the event's time"),
        Parameter::new("keep_time_key", Kind::Bool, Is("false"), "Leave that field in the record"),
        Parameter::refused("time_type", "not-yet", "the time field is a number of seconds"),
        Parameter::refused("time_format", "not-yet", "the time field is a number of seconds"),
        Parameter::refused("types", "not-yet", "fields keep the type they were sent with"),
        Parameter::refused("null_value_pattern", "not-yet", "fields keep the value they were sent with"),
        Parameter::refused("null_empty_string", "not-yet", "fields keep the value they were sent with"),
        Parameter::ignored("estimate_current_event", "an event without a time is of now"),
        Parameter::ignored("localtime", "a number of seconds has no time zone"),
        Parameter::ignored("utc", "a number of seconds has no time zone"),
        Parameter::ignored("timezone", "a number of seconds has no time zone"),
        Parameter::ignored("timeout", "this parser cannot hang"),
    ],
);

/// `<security>` of `forward`.
pub const SECURITY: Section = Section {
    sections: &[
        Subsection::new("user", "Who may send, where `user_auth` is set"),
        Subsection::new(
            "client",
            "Senders by address: the first `<client>` that has the sender's address counts",
        ),
    ],
    ..Section::new(
        "source forward > security",
        "Fluentd's handshake: server and sender prove to each other that they know the shared key, which never \
         travels. What follows it is in the clear unless the transport is TLS.",
        &[
            Parameter::new(
                "self_hostname",
                Kind::Text,
                Required,
                "What this server calls itself; no sender may have the same name",
            ),
            Parameter::new("shared_key", Kind::Secret, Required, "What a sender must know; never empty"),
            Parameter::new(
                "user_auth",
                Kind::Bool,
                Is("false"),
                "A sender must also be one of the `<user>` sections",
            ),
            Parameter::new(
                "allow_anonymous_source",
                Kind::Bool,
                Is("true"),
                "Who has none of the `<client>` addresses may send, too, with the `shared_key` above",
            ),
        ],
    )
};

/// `<user>` of `<security>`.
pub const USER: Section = Section::new(
    "source forward > security > user",
    "A sender's name and password.",
    &[
        Parameter::new("username", Kind::Text, Required, "The name"),
        Parameter::new("password", Kind::Secret, Required, "The password; it never travels"),
    ],
);

/// `<client>` of `<security>`.
pub const CLIENT: Section = Section::new(
    "source forward > security > client",
    "Senders at one host, or in one network.",
    &[
        Parameter::new(
            "host",
            Kind::Text,
            Unset,
            "Their host name or address; a name is looked up at the start",
        ),
        Parameter::new("network", Kind::Text, Unset, "Or their network: `10.0.0.0/8`, `fd00::/8`"),
        Parameter::new(
            "shared_key",
            Kind::Secret,
            Unset,
            "What they must know instead of the `shared_key` of all",
        ),
        Parameter::new(
            "users",
            Kind::List,
            Unset,
            "Which of the `<user>` sections may send from there; all when not set",
        ),
    ],
);

/// `<source> @type sample`.
pub const SAMPLE: Section = Section {
    aliases: &["dummy"],
    ..Section::new(
        "source sample",
        "Makes events, for demonstrations and load. Also called `dummy`.",
        &[
            Parameter::new("tag", Kind::Text, Required, "The tag of the events"),
            Parameter::new(
                "sample",
                Kind::Json,
                Is(r#"[{"message":"sample"}]"#),
                "A record, or a list of records to take in turn",
            )
            .alias(&["dummy"]),
            Parameter::new("rate", Kind::Integer(1, SAMPLE_RATE_MAX), Is("1"), "How many emits per second")
                .unit("emits per second"),
            Parameter::new("size", Kind::Integer(1, SAMPLE_RATE_MAX), Is("1"), "How many events per emit")
                .unit("events"),
            Parameter::new(
                "auto_increment_key",
                Kind::Text,
                Unset,
                "A number that rises from 0 is put into every record under this name",
            ),
            Parameter::ignored("reuse_record", "it changes nothing that can be seen"),
            Parameter::ignored("suspend", "it changes nothing that can be seen"),
        ],
    )
};
