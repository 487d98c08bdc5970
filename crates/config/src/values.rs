//! Text to value, by Fluentd's rules to the letter.
//!
//! Fluentd converts when a plugin reads a parameter, and searches where a person would expect it to
//! parse: `500ms` is 500 minutes. The value is kept, so that a configuration means the same here as
//! there, but what is hardly meant is said ([`Converted::misleading`]). Nothing here may panic, and
//! nothing here knows a parameter's name or place.

mod number;
mod regexp;
mod zone;

#[cfg(test)]
mod tests;

pub use number::{float, integer, octal, size, time};
pub use regexp::regexp;
pub use zone::zone;

use serde_json::Value as Json;

use crate::suggest;

/// How strictly numbers and booleans are read: `<system> strict_config_value`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Fluentd's default: what is no number is 0.
    #[default]
    Lenient,
    /// What is no number is an error.
    Strict,
}

/// A value, and what a person should know about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Converted<T> {
    /// The value, as Fluentd would have it.
    pub value: T,
    /// Set when the value is hardly what was meant.
    pub misleading: Option<Advice>,
}

impl<T> Converted<T> {
    /// A value that is what it looks like.
    pub fn plain(value: T) -> Self {
        Self { value, misleading: None }
    }

    /// The same advice about another form of the value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Converted<U> {
        Converted { value: f(self.value), misleading: self.misleading }
    }
}

/// What is wrong with a value and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Advice {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// `true`, `yes`, nothing, or a comment that slipped into the value: true. `false`, `no`: false.
///
/// # Errors
/// Anything else. (Fluentd reads it as nil, which then fails as "required but nil is specified".)
pub fn boolean(text: &str) -> Result<bool, Advice> {
    match text {
        "true" | "yes" | "" => Ok(true),
        "false" | "no" => Ok(false),
        comment if comment.starts_with('#') => Ok(true),
        other => Err(Advice::new(format!("`{other}` is neither true nor false")).help(boolean_help(other))),
    }
}

fn boolean_help(text: &str) -> &'static str {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" | "t" | "y" | "enable" | "enabled" => {
            "write `true` (in lower case; `yes` and nothing at all mean the same)"
        }
        "false" | "no" | "off" | "0" | "f" | "n" | "disable" | "disabled" => {
            "write `false` (in lower case; `no` means the same)"
        }
        _ => "write `true` or `false`",
    }
}

/// A list: JSON when it starts with `[`, else split at commas. JSON elements become text.
///
/// # Errors
/// Broken JSON. (The parser lets none through, but a quoted value may hold it.)
pub fn list(text: &str) -> Result<Vec<String>, Advice> {
    if text.starts_with('[') {
        return match serde_json::from_str::<Vec<Json>>(text) {
            Ok(elements) => Ok(elements.iter().map(json_text).collect()),
            Err(error) => Err(Advice::new(format!("this list is not valid JSON: {error}"))
                .help("write `a, b, c` or `[\"a\", \"b\", \"c\"]`")),
        };
    }
    Ok(split_at_commas(text).map(str::to_owned).collect())
}

/// A map: JSON when it starts with `{`, else `key:value` pairs split at commas, each at its first colon.
///
/// # Errors
/// Broken JSON.
pub fn map(text: &str) -> Result<Vec<(String, Option<String>)>, Advice> {
    if text.starts_with('{') {
        return match serde_json::from_str::<serde_json::Map<String, Json>>(text) {
            Ok(pairs) => Ok(pairs.iter().map(|(key, value)| (key.clone(), non_null_text(value))).collect()),
            Err(error) => Err(Advice::new(format!("this map is not valid JSON: {error}"))
                .help("write `a:1, b:2` or `{\"a\": \"1\", \"b\": \"2\"}`")),
        };
    }
    Ok(split_at_commas(text)
        .map(|pair| match pair.split_once(':') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (pair.to_owned(), None),
        })
        .collect())
}

/// One of the given words, exactly.
///
/// # Errors
/// Any other word.
pub fn choice(text: &str, options: &[&'static str]) -> Result<&'static str, Advice> {
    match options.iter().find(|option| **option == text) {
        Some(option) => Ok(option),
        None => Err(Advice::new(format!("valid options are {} but got `{text}`", options.join(","))).help(
            suggest::did_you_mean(text, options.iter().copied())
                .unwrap_or_else(|| format!("write one of {}", options.join(", "))),
        )),
    }
}

/// The parts between commas without the blanks around them; empty parts at the end do not count, as in
/// Ruby's `split`.
fn split_at_commas(text: &str) -> impl Iterator<Item = &str> {
    let mut parts: Vec<_> = text.split(',').map(str::trim).collect();
    while parts.last().is_some_and(|part| part.is_empty()) {
        parts.pop();
    }
    parts.into_iter()
}

fn json_text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn non_null_text(value: &Json) -> Option<String> {
    (!value.is_null()).then(|| json_text(value))
}
