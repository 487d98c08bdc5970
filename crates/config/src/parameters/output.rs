//! The outputs.

use super::Default::{Is, Unset};
use super::{Kind, Moved, Parameter, Section, Subsection};

pub mod websocket;

const NO_RETRY: &str = "a file is written directly; what the disk refuses is retried until it takes it";
const NO_THREADS: &str = "one writer per output";
const IN_MEMORY: &str = "events wait in memory, and are written after `flush_interval`";

pub(super) const FORMAT_SECTION: Subsection = Subsection::new("format", "How an event becomes a line");
pub(super) const INJECT_SECTION: Subsection = Subsection::refused(
    "inject",
    "not-yet",
    "adding fields with `<inject>` comes with a later version; `record_transformer` can do most of it",
);
pub(super) const FORMAT_MOVED: &[Moved] = &[
    into_format("format", "@type"),
    into_format("delimiter", "delimiter"),
    into_format("label_delimiter", "label_delimiter"),
    into_format("output_time", "output_time"),
    into_format("output_tag", "output_tag"),
    into_format("message_key", "message_key"),
    into_format("add_newline", "add_newline"),
    into_format("output_type", "output_type"),
    into_format("time_format", "time_format"),
    into_format("time_type", "time_type"),
    into_format("localtime", "localtime"),
    into_format("utc", "utc"),
    into_format("timezone", "timezone"),
];

const BUFFER_MOVED: &[Moved] = &[
    into_buffer("flush_interval", "flush_interval"),
    into_buffer("utc", "timekey_use_utc"),
    into_buffer("timezone", "timekey_zone"),
    into_buffer("buffer_chunk_limit", "chunk_limit_size"),
    into_buffer("time_slice_wait", "timekey_wait"),
    into_buffer("buffer_type", "@type"),
    into_buffer("buffer_path", "path"),
    into_buffer("buffer_queue_limit", "queue_limit_length"),
    into_buffer("buffer_queue_full_action", "overflow_action"),
    into_buffer("num_threads", "flush_thread_count"),
    into_buffer("flush_at_shutdown", "flush_at_shutdown"),
    into_buffer("try_flush_interval", "flush_thread_interval"),
    into_buffer("queued_chunk_flush_interval", "flush_thread_burst_interval"),
    into_buffer("disable_retry_limit", "retry_forever"),
    into_buffer("retry_limit", "retry_max_times"),
    into_buffer("retry_wait", "retry_wait"),
    into_buffer("max_retry_wait", "retry_max_interval"),
];

const fn into_format(old: &'static str, new: &'static str) -> Moved {
    Moved { old, section: "format", new }
}

const fn into_buffer(old: &'static str, new: &'static str) -> Moved {
    Moved { old, section: "buffer", new }
}

/// `<match> @type copy`.
pub const COPY: Section = Section {
    sections: &[Subsection::new(
        "store",
        "An output; `<store ignore_error>` keeps its failure to itself, `<store ignore_if_prev_success>` is a fallback",
    )],
    ..Section::new(
        "match copy",
        "Gives every event to several outputs, each in a `<store>`.",
        &[
            Parameter::ignored(
                "copy_mode",
                "events are never changed in place, so every mode is the safe one",
            ),
            Parameter::ignored(
                "deep_copy",
                "events are never changed in place, so every mode is the safe one",
            ),
        ],
    )
};

/// `<match> @type file`.
pub const FILE: Section = Section {
    sections: &[
        Subsection::new("buffer", "`<buffer KEYS>`: keys are `time` (the default) and `tag`, `[]` is none"),
        FORMAT_SECTION,
        INJECT_SECTION,
        Subsection::ignored("secondary", NO_RETRY),
    ],
    moved: &[FORMAT_MOVED, BUFFER_MOVED],
    ..Section::new(
        "match file",
        "Writes events to files, by time slices.",
        &[
            Parameter::new(
                "path",
                Kind::Text,
                super::Default::Required,
                "Where; may hold `%Y%m%d`, `${tag}`, or a `*` where time and number go",
            ),
            Parameter::new(
                "append",
                Kind::Bool,
                Is("false"),
                "One file per slice, instead of `_0`, `_1`, ... at each start and each `chunk_limit_size`",
            ),
            Parameter::new("add_path_suffix", Kind::Bool, Is("true"), "Add `path_suffix`"),
            Parameter::new("path_suffix", Kind::Text, Is(".log"), "End of the file's name"),
            Parameter::new(
                "compress",
                Kind::Choice(&["text", "gz", "gzip"]),
                Is("text"),
                "`gzip` (or `gz`) compresses and adds `.gz` to the name",
            ),
            Parameter::new("symlink_path", Kind::Text, Unset, "A link to the newest file"),
            Parameter::new(
                "time_slice_format",
                Kind::Text,
                Unset,
                "Old form of `timekey`: the time's format in the name, whose finest item is the length of a slice",
            ),
            Parameter::ignored("recompress", "events are compressed once, as they are written"),
            Parameter::ignored("symlink_path_use_relative", "the link is as `path` is"),
        ],
    )
};

/// `<buffer>` of `file`.
pub const FILE_BUFFER: Section = Section::new(
    "match file > buffer",
    "How events are sliced and how long they may wait. Files are written directly; nothing is kept elsewhere.",
    &[
        Parameter::new("timekey", Kind::Time(1), Is("1d"), "Length of a slice; with chunk key `time`"),
        Parameter::new(
            "timekey_wait",
            Kind::Time(0),
            Is("10m"),
            "How long a slice stays open for late events",
        ),
        Parameter::new("timekey_use_utc", Kind::Bool, Is("false"), "Slices begin by UTC"),
        Parameter::new(
            "timekey_zone",
            Kind::Zone,
            Unset,
            "Slices begin by this zone; the system's when not set",
        ),
        Parameter::new(
            "flush_interval",
            Kind::Time(0),
            Is("1s"),
            "How long an event may wait before it is in the file (Fluentd: 60 s, or until the slice ends)",
        ),
        Parameter::new(
            "flush_mode",
            Kind::Choice(&["default", "lazy", "interval", "immediate"]),
            Is("default"),
            "`immediate` is `flush_interval 0`; all others go by `flush_interval`",
        ),
        Parameter::new(
            "chunk_limit_size",
            Kind::Size(1),
            Is("256m"),
            "Without `append`, a new file is begun at this size",
        ),
        Parameter::new(
            "total_limit_size",
            Kind::Size(1024),
            Is("512m"),
            "What may wait to be written; beyond it the output refuses more",
        ),
        Parameter::ignored("@type", IN_MEMORY),
        Parameter::ignored("path", IN_MEMORY),
        Parameter::ignored("compress", IN_MEMORY),
        Parameter::ignored("queue_limit_length", "`total_limit_size` bounds what waits"),
        Parameter::ignored("queued_chunks_limit_size", "`total_limit_size` bounds what waits"),
        Parameter::ignored("chunk_limit_records", "`chunk_limit_size` bounds a file"),
        Parameter::ignored("chunk_full_threshold", "`chunk_limit_size` bounds a file"),
        Parameter::ignored("flush_at_shutdown", "everything is written at stop"),
        Parameter::ignored("overflow_action", "a full output refuses more, and the sender is told"),
        Parameter::ignored("flush_thread_count", NO_THREADS),
        Parameter::ignored("flush_thread_interval", NO_THREADS),
        Parameter::ignored("flush_thread_burst_interval", NO_THREADS),
        Parameter::ignored("delayed_commit_timeout", NO_THREADS),
        Parameter::ignored("retry_type", NO_RETRY),
        Parameter::ignored("retry_wait", NO_RETRY),
        Parameter::ignored("retry_exponential_backoff_base", NO_RETRY),
        Parameter::ignored("retry_max_interval", NO_RETRY),
        Parameter::ignored("retry_max_times", NO_RETRY),
        Parameter::ignored("retry_timeout", NO_RETRY),
        Parameter::ignored("retry_forever", NO_RETRY),
        Parameter::ignored("retry_randomize", NO_RETRY),
        Parameter::ignored("retry_secondary_threshold", NO_RETRY),
        Parameter::ignored("disable_chunk_backup", NO_RETRY),
    ],
);

/// `<match> @type stdout`.
pub const STDOUT: Section = Section {
    sections: &[FORMAT_SECTION, INJECT_SECTION, Subsection::ignored("buffer", "lines are printed at once")],
    moved: &[FORMAT_MOVED],
    ..Section::new(
        "match stdout",
        "Prints events to standard output.",
        &[Parameter::ignored("use_logger", "lines go to standard output, as the log does")],
    )
};

/// `<match> @type relabel`.
pub const RELABEL: Section =
    Section::new("match relabel", "Hands events, unchanged, to the `<label>` that `@label` names.", &[]);

/// `<match> @type null`.
pub const NULL: Section = Section {
    sections: &[Subsection::ignored("buffer", "events are discarded at once")],
    ..Section::new(
        "match null",
        "Discards events.",
        &[Parameter::ignored("never_flush", "it is for Fluentd's own tests")],
    )
};
