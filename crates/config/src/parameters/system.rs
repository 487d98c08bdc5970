//! `<system>`, and what every plugin's section may hold.

use super::Default::{Is, Unset};
use super::{Kind, Origin, Parameter, Section, Subsection};

const ONE_PROCESS: &str = "Fluentcast is one process without a supervisor";
const OWN_LOG: &str = "Fluentcast has its own log";
const OWN_METRICS: &str = "Fluentcast has its own metrics, always on";

pub(super) const LOG_LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error", "fatal"];

/// `<system>`.
pub const SYSTEM: Section = Section {
    sections: &[
        Subsection::ignored("log", OWN_LOG),
        Subsection::ignored("metrics", OWN_METRICS),
        Subsection::ignored("counter_server", "Fluentcast has no counter server"),
        Subsection::ignored("counter_client", "Fluentcast has no counter client"),
        Subsection::ignored("source_only_buffer", ONE_PROCESS),
    ],
    ..Section::new(
        "system",
        "The process. At most one; the command line beats it.",
        &[
            Parameter::new(
                "log_level",
                Kind::Choice(LOG_LEVELS),
                Is("info"),
                "The least important message that is logged",
            ),
            Parameter::new(
                "suppress_config_dump",
                Kind::Bool,
                Is("false"),
                "Do not log the configuration at start",
            ),
            Parameter::new(
                "strict_config_value",
                Kind::Bool,
                Is("false"),
                "What is no number is an error, not 0",
            ),
            Parameter::new(
                "workers",
                Kind::Integer(1, 1024),
                Is("1"),
                "Which `<worker N>` sections are legal; one process serves them all",
            )
            .unit("workers"),
            Parameter::new(
                "metrics_token",
                Kind::Secret,
                Unset,
                "What reading `/metrics` needs, as `Authorization: Bearer ...` or `?token=...`; never empty. Not set: \
                 nothing on a port whose outputs ask for no token, else only this machine may read them",
            )
            .from(Origin::Fluentcast),
            Parameter::new(
                "file_permission",
                Kind::Mode,
                Is("0644"),
                "Permissions of files that are written",
            ),
            Parameter::new(
                "dir_permission",
                Kind::Mode,
                Is("0755"),
                "Permissions of directories that are made",
            ),
            Parameter::ignored("root_dir", "nothing is kept there"),
            Parameter::ignored("suppress_repeated_stacktrace", OWN_LOG),
            Parameter::ignored("ignore_repeated_log_interval", OWN_LOG),
            Parameter::ignored("ignore_same_log_interval", OWN_LOG),
            Parameter::ignored("emit_error_log_interval", OWN_LOG),
            Parameter::ignored("log_event_verbose", OWN_LOG),
            Parameter::new(
                "without_source",
                Kind::Bool,
                Is("false"),
                "Check the sources but do not start them",
            ),
            Parameter::ignored("with_source_only", "Fluentcast keeps no events on disk for later"),
            Parameter::ignored("rpc_endpoint", "Fluentcast has no RPC"),
            Parameter::ignored("enable_get_dump", "Fluentcast has no RPC"),
            Parameter::ignored("process_name", ONE_PROCESS),
            Parameter::ignored("enable_msgpack_time_support", "the standard timestamp is always read"),
            Parameter::ignored("disable_shared_socket", ONE_PROCESS),
            Parameter::ignored("enable_input_metrics", OWN_METRICS),
            Parameter::ignored("enable_size_metrics", OWN_METRICS),
            Parameter::ignored("restart_worker_interval", ONE_PROCESS),
            Parameter::ignored("config_include_dir", "write `@include` instead"),
            Parameter::ignored("umask", "set it where the process is started"),
        ],
    )
};

/// What every `<source>`, `<filter>`, `<match>` and `<store>` may hold.
pub const PLUGIN: Section = Section::new(
    "every plugin",
    "What every source, filter, match and store may hold.",
    &[
        Parameter::new("@type", Kind::Text, super::Default::Required, "Which plugin it is").alias(&["type"]),
        Parameter::new("@id", Kind::Text, Unset, "A name for logs and metrics, unique in the configuration")
            .alias(&["id"]),
        Parameter::new(
            "@label",
            Kind::Text,
            Unset,
            "Of a source and of `relabel`: the `<label>` whose rules the events meet; `@ROOT` is the root",
        ),
        Parameter {
            aliases: &["log_level"],
            ..Parameter::ignored(
                "@log_level",
                "there is one log level, that of `<system>` and the command line",
            )
        },
    ],
);
