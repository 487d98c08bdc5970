//! The one table of parameters: what may stand in which section, of what type, with which default.
//!
//! Reading a parameter goes through this table (the reader looks the name up here and takes the default
//! from here), and so do `fluentcast reference` and `docs/configuration.md`. What is not in the table
//! cannot be read; what is in the table and never read fails a test. No default of a parameter may stand
//! anywhere else.

use std::time::Duration;

use fluentcast_event::limits::CONFIG_TIME_SECONDS_MAX;

pub mod filter;
pub mod format;
pub mod output;
pub mod source;
pub mod system;
pub mod transport;

/// A section and everything that may stand in it.
#[derive(Debug)]
pub struct Section {
    /// What it is called: `source forward`, `match file > buffer`.
    pub path: &'static str,
    /// Other names of its `@type`.
    pub aliases: &'static [&'static str],
    /// What it is, in one line.
    pub meaning: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// Sections that may stand in it.
    pub sections: &'static [Subsection],
    /// Parameters that once stood here and belong into one of its sections.
    pub moved: &'static [&'static [Moved]],
    /// Any other parameter is data, not a setting (the keys of `<record>`): what they mean.
    pub free_keys: Option<&'static str>,
}

/// A parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Its name. A final `N` stands for 1 to 20 (`regexpN`).
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// Its type.
    pub kind: Kind,
    /// What it is when it is not set.
    pub default: Default,
    /// What a number counts; empty where the type says it.
    pub unit: &'static str,
    /// What it does, in one line.
    pub meaning: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// What becomes of it here.
    pub status: Status,
}

/// The type of a parameter; see [`crate::values`] for the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Text that is never shown.
    Secret,
    /// A whole number between the two.
    Integer(i64, i64),
    /// A port.
    Port,
    /// Bytes, at least that many.
    Size(u64),
    /// A length of time, at least that many seconds.
    Time(u32),
    /// A length of time between the two.
    TimeBetween(Duration, Duration),
    /// True or false.
    Bool,
    /// Several texts.
    List,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A regular expression.
    Regexp,
    /// Permissions of a file.
    Mode,
    /// JSON.
    Json,
    /// A time zone: `+09:00` or `Asia/Tokyo`.
    Zone,
}

/// What a parameter is when it is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// It must be set.
    Required,
    /// Nothing.
    Unset,
    /// As if this had been written.
    Is(&'static str),
    /// It depends: in which case what. Whoever reads it knows the case.
    When(&'static [(&'static str, &'static str)]),
}

/// Where a parameter comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Fluentd.
    Fluentd,
    /// fluent-plugin-websocket.
    Plugin,
    /// Fluentcast.
    Fluentcast,
}

/// What becomes of a parameter or a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does what it says.
    Honoured,
    /// It is accepted and does nothing, because of this.
    Ignored(&'static str),
    /// It is an error with this code, because of this.
    Refused(&'static str, &'static str),
}

/// A section within a section.
#[derive(Debug)]
pub struct Subsection {
    /// `buffer`, `format`, ...
    pub name: &'static str,
    /// What it is for.
    pub meaning: &'static str,
    /// What becomes of it.
    pub status: Status,
}

/// A parameter that older versions of Fluentd had directly in the plugin's section.
#[derive(Debug)]
pub struct Moved {
    /// As it was called.
    pub old: &'static str,
    /// The section it belongs into.
    pub section: &'static str,
    /// As it is called there.
    pub new: &'static str,
}

/// Every section, in the order of the documentation.
pub const SECTIONS: &[&Section] = &[
    &system::SYSTEM,
    &system::PLUGIN,
    &source::FORWARD,
    &source::SECURITY,
    &source::USER,
    &source::CLIENT,
    &source::HTTP,
    &source::HTTP_PARSE,
    &source::SAMPLE,
    &transport::TCP,
    &transport::TLS,
    &filter::GREP,
    &filter::GREP_TERM,
    &filter::RECORD_TRANSFORMER,
    &filter::RECORD,
    &filter::STDOUT,
    &output::websocket::WEBSOCKET,
    &output::websocket::TOKEN,
    &output::websocket::HISTORY,
    &output::COPY,
    &output::FILE,
    &output::FILE_BUFFER,
    &output::STDOUT,
    &output::RELABEL,
    &output::NULL,
    &format::OUT_FILE,
    &format::JSON,
    &format::LTSV,
    &format::SINGLE_VALUE,
    &format::STDOUT,
];

/// The section within `outer` that has a parameter of that name.
#[must_use]
pub fn inner_section_with(outer: &Section, key: &str) -> Option<&'static str> {
    SECTIONS.iter().find_map(|section| {
        let name = section.path.strip_prefix(outer.path)?.strip_prefix(" > ")?;
        section.parameter(key).filter(|row| row.status == Status::Honoured).map(|_| name)
    })
}

impl Section {
    const fn new(path: &'static str, meaning: &'static str, parameters: &'static [Parameter]) -> Self {
        Self { path, aliases: &[], meaning, parameters, sections: &[], moved: &[], free_keys: None }
    }

    /// The parameter of that name or alias.
    #[must_use]
    pub fn parameter(&self, key: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|parameter| parameter.is_called(key))
    }

    /// The section of that name within this one.
    #[must_use]
    pub fn subsection(&self, name: &str) -> Option<&'static Subsection> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The parameters that belong into one of its sections.
    pub fn moved(&self) -> impl Iterator<Item = &'static Moved> {
        self.moved.iter().flat_map(|group| group.iter())
    }

    /// What its `@type` is called: the last word of the path.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.path.rsplit(' ').next().unwrap_or(self.path)
    }

    /// Whether that `@type` means this section.
    #[must_use]
    pub fn has_type(&self, name: &str) -> bool {
        self.type_name() == name || self.aliases.contains(&name)
    }
}

impl Parameter {
    const fn new(name: &'static str, kind: Kind, default: Default, meaning: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            kind,
            default,
            unit: "",
            meaning,
            origin: Origin::Fluentd,
            status: Status::Honoured,
        }
    }

    /// One that Fluentd knows and that does nothing here.
    const fn ignored(name: &'static str, why: &'static str) -> Self {
        Self { status: Status::Ignored(why), ..Self::new(name, Kind::Text, Default::Unset, "") }
    }

    /// One that Fluentd knows and that stops the start here.
    const fn refused(name: &'static str, code: &'static str, why: &'static str) -> Self {
        Self { status: Status::Refused(code, why), ..Self::new(name, Kind::Text, Default::Unset, "") }
    }

    const fn alias(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    const fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    const fn from(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// Whether `key` names this parameter.
    #[must_use]
    pub fn is_called(&self, key: &str) -> bool {
        match self.name.strip_suffix('N') {
            Some(stem) => key.strip_prefix(stem).is_some_and(is_one_to_twenty),
            None => self.name == key || self.aliases.contains(&key),
        }
    }
}

fn is_one_to_twenty(digits: &str) -> bool {
    !digits.starts_with('0') && digits.parse().is_ok_and(|n: u8| (1..=20).contains(&n))
}

impl Subsection {
    const fn new(name: &'static str, meaning: &'static str) -> Self {
        Self { name, meaning, status: Status::Honoured }
    }

    const fn ignored(name: &'static str, why: &'static str) -> Self {
        Self { name, meaning: "", status: Status::Ignored(why) }
    }

    const fn refused(name: &'static str, code: &'static str, why: &'static str) -> Self {
        Self { name, meaning: "", status: Status::Refused(code, why) }
    }
}

impl Kind {
    /// What the type is called in the reference.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Secret => "secret text".to_owned(),
            Self::Integer(min, i64::MAX) => format!("integer from {min}"),
            Self::Integer(min, max) => format!("integer {min} to {max}"),
            Self::Port => "port".to_owned(),
            Self::Size(_) => "size".to_owned(),
            Self::Time(_) => "time".to_owned(),
            Self::TimeBetween(_, max) if max.as_secs() >= CONFIG_TIME_SECONDS_MAX.into() => "time".to_owned(),
            Self::TimeBetween(min, max) => format!("time {} to {} s", min.as_secs_f64(), max.as_secs_f64()),
            Self::Bool => "bool".to_owned(),
            Self::List => "list".to_owned(),
            Self::Choice(options) => options.join(", "),
            Self::Regexp => "regexp".to_owned(),
            Self::Mode => "file mode".to_owned(),
            Self::Json => "JSON".to_owned(),
            Self::Zone => "time zone".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_within_a_section() {
        for section in SECTIONS {
            let mut names: Vec<_> = section
                .parameters
                .iter()
                .flat_map(|parameter| parameter.aliases.iter().chain([&parameter.name]))
                .collect();
            let all = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), all, "{}", section.path);
            for moved in section.moved() {
                assert!(!names.contains(&&moved.old), "{} {}", section.path, moved.old);
                assert!(section.subsection(moved.section).is_some(), "{} {}", section.path, moved.section);
            }
        }
    }

    #[test]
    fn paths_are_unique() {
        let mut paths: Vec<_> = SECTIONS.iter().map(|section| section.path).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), SECTIONS.len());
    }

    #[test]
    fn every_honoured_parameter_says_what_it_does_and_every_other_why() {
        for (section, parameter) in
            SECTIONS.iter().flat_map(|section| section.parameters.iter().map(move |row| (section, row)))
        {
            let text = match parameter.status {
                Status::Honoured => parameter.meaning,
                Status::Ignored(why) | Status::Refused(_, why) => why,
            };
            assert!(!text.is_empty(), "{} {}", section.path, parameter.name);
            assert!(!text.ends_with('.'), "{} {}: no full stop", section.path, parameter.name);
        }
    }

    #[test]
    fn numbered_names() {
        let row = filter::GREP.parameter("regexp20").unwrap();
        assert_eq!(row.name, "regexpN");
        for key in ["regexp", "regexp0", "regexp21", "regexp01", "regexpN"] {
            assert!(filter::GREP.parameter(key).is_none(), "{key}");
        }
    }
}
