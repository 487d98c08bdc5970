//! The filters.

use super::Default::{Is, Required, Unset};
use super::output::{FORMAT_MOVED, FORMAT_SECTION, INJECT_SECTION};
use super::{Kind, Parameter, Section, Subsection};

/// `<filter> @type grep`.
pub const GREP: Section = Section {
    sections: &[
        Subsection::new("regexp", "A key and a pattern; all of these must match"),
        Subsection::new("exclude", "A key and a pattern; none of these may match"),
        Subsection::new(
            "and",
            "Sections of one kind: `<regexp>` all must match; `<exclude>` not all may match",
        ),
        Subsection::new("or", "Sections of one kind: `<regexp>` one must match; `<exclude>` none may match"),
    ],
    ..Section::new(
        "filter grep",
        "Lets events pass by what their fields say. A field that is not there counts as empty text.",
        &[
            Parameter::new(
                "regexpN",
                Kind::Text,
                Unset,
                "Old form of `<regexp>`: `regexp1 KEY PATTERN` to `regexp20`",
            ),
            Parameter::new(
                "excludeN",
                Kind::Text,
                Unset,
                "Old form of `<exclude>`: `exclude1 KEY PATTERN` to `exclude20`",
            ),
        ],
    )
};

/// `<regexp>` and `<exclude>` of `grep`.
pub const GREP_TERM: Section = Section::new(
    "filter grep > regexp, exclude",
    "One field and what its text must match.",
    &[
        Parameter::new(
            "key",
            Kind::Text,
            Required,
            "The field: `name`, or `$.a.b[0]` to reach into maps and lists",
        ),
        Parameter::new("pattern", Kind::Regexp, Required, "What the field's text must match somewhere"),
    ],
);

/// `<filter> @type record_transformer`.
pub const RECORD_TRANSFORMER: Section = Section {
    sections: &[Subsection::new("record", "Fields to set, each with a template")],
    ..Section::new(
        "filter record_transformer",
        "Adds, replaces and removes fields. Without Ruby.",
        &[
            Parameter::new("remove_keys", Kind::List, Unset, "Fields to remove"),
            Parameter::new(
                "keep_keys",
                Kind::List,
                Unset,
                "Fields to keep of the old record, by name; needs `renew_record`",
            ),
            Parameter::new("renew_record", Kind::Bool, Is("false"), "Start from an empty record"),
            Parameter::new(
                "renew_time_key",
                Kind::Text,
                Unset,
                "The field whose number becomes the event's time",
            ),
            Parameter::new(
                "auto_typecast",
                Kind::Bool,
                Is("true"),
                "A template that is one placeholder and nothing else keeps the value's type",
            ),
            Parameter::new("enable_ruby", Kind::Bool, Is("false"), "Must stay off: there is no Ruby here"),
        ],
    )
};

/// `<record>` of `record_transformer`.
pub const RECORD: Section = Section {
    free_keys: Some(
        "A field to set. Its value is a template with `${tag}`, `${tag_parts[0]}`, `${tag_prefix[0]}`, \
         `${tag_suffix[0]}`, `${time}`, `${hostname}` and `${record[\"key\"]}`",
    ),
    ..Section::new("filter record_transformer > record", "The fields to set.", &[])
};

/// `<filter> @type stdout`.
pub const STDOUT: Section = Section {
    sections: &[FORMAT_SECTION, INJECT_SECTION],
    moved: &[FORMAT_MOVED],
    ..Section::new("filter stdout", "Prints events to standard output and passes them on.", &[])
};
