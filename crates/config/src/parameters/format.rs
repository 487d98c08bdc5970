//! The line formats.

use super::Default::{Is, Unset};
use super::{Kind, Parameter, Section};

const TIME_FORMAT: Parameter =
    Parameter::new("time_format", Kind::Text, Unset, "How the time is written, in strftime's terms");
const LOCALTIME: Parameter = Parameter::new("localtime", Kind::Bool, Is("true"), "Times are local");
const UTC: Parameter = Parameter::new("utc", Kind::Bool, Is("false"), "Times are UTC");
const TIMEZONE: Parameter = Parameter::new("timezone", Kind::Zone, Unset, "Times are of this zone");
const TIME_TYPE: Parameter = Parameter::refused("time_type", "not-yet", "times are written by `time_format`");
const ADD_NEWLINE: Parameter =
    Parameter::new("add_newline", Kind::Bool, Is("true"), "End every line with a line end");

/// `<format> @type out_file`.
pub const OUT_FILE: Section = Section::new(
    "format out_file",
    "Time, tag and JSON, with tabs between. The default of `file`.",
    &[
        Parameter::new("delimiter", Kind::Text, Is("TAB"), "What stands between: TAB, SPACE or COMMA"),
        Parameter::new("output_tag", Kind::Bool, Is("true"), "Write the tag"),
        Parameter::new(
            "output_time",
            Kind::Bool,
            Is("true"),
            "Write the time; ISO 8601 unless `time_format` says else",
        ),
        TIME_FORMAT,
        LOCALTIME,
        UTC,
        TIMEZONE,
        TIME_TYPE,
    ],
);

/// `<format> @type json`.
pub const JSON: Section = Section::new(
    "format json",
    "The record as JSON, one per line.",
    &[
        Parameter::new("add_newline", Kind::Bool, Is("true"), "Must stay on: a line ends with a line end"),
        Parameter::ignored("json_parser", "there is one JSON writer"),
    ],
);

/// `<format> @type ltsv`.
pub const LTSV: Section = Section::new(
    "format ltsv",
    "Labels and values: `a:1<TAB>b:2`.",
    &[
        Parameter::new("delimiter", Kind::Text, Is("\t"), "What stands between fields; a tab when not set"),
        Parameter::new("label_delimiter", Kind::Text, Is(":"), "What stands between label and value"),
        Parameter::new("add_newline", Kind::Bool, Is("true"), "Must stay on: a line ends with a line end"),
    ],
);

/// `<format> @type single_value`.
pub const SINGLE_VALUE: Section = Section::new(
    "format single_value",
    "One field of the record and nothing else.",
    &[Parameter::new("message_key", Kind::Text, Is("message"), "The field"), ADD_NEWLINE],
);

/// `<format> @type stdout`.
pub const STDOUT: Section = Section::new(
    "format stdout",
    "Time with nanoseconds, tag, and JSON. The default of `stdout`.",
    &[
        Parameter::new("output_type", Kind::Choice(&["json"]), Is("json"), "How the record is written"),
        TIME_FORMAT,
        LOCALTIME,
        UTC,
        TIMEZONE,
        TIME_TYPE,
    ],
);
