//! What a signed token says that its holder may see.
//!
//! The claim has the names of a `<token>` section. One that is not understood refuses the token: whoever signed it
//! wanted to take something away, and what that was must not be guessed.

use std::num::NonZeroU32;
use std::sync::Arc;

use fluentcast_broadcast::tags::TagChoice;
use fluentcast_event::limits::TAG_CHOICES_MAX;
use fluentcast_event::projection::Projection;
use fluentcast_event::redaction::Redaction;
use fluentcast_event::reduction::Reduction;
use fluentcast_expression::Expression;
use serde_json::{Map, Value};

use super::super::rights::Rights;

/// What the claim allows.
#[derive(Debug, Default)]
pub struct Allowed {
    /// What its holder may see.
    pub rights: Rights,
    /// `connection_limit`: clients of its subject at once.
    pub connection_limit: Option<u32>,
}

impl Allowed {
    /// Reads the claim.
    ///
    /// # Errors
    /// A sentence that says what is not understood; then nothing is allowed.
    pub fn read(claim: &Map<String, Value>) -> Result<Self, String> {
        let mut allowed = Self::default();
        let (mut only, mut without) = (None, None);
        for (name, value) in claim {
            let wrong = |problem: &dyn std::fmt::Display| format!("`{name}`: {problem}");
            match name.as_str() {
                "tag" => allowed.rights.tags = tags(value).map_err(|problem| wrong(&problem))?,
                "filter" => {
                    let text = value.as_str().ok_or_else(|| wrong(&"a text is needed"))?;
                    allowed.rights.filter = Some(Expression::parse(text).map_err(|error| wrong(&error))?);
                }
                "fields" => {
                    let names = names(value, ',').ok_or_else(|| wrong(&NO_NAMES))?;
                    only = Some(Projection::of(names).map_err(|error| wrong(&error))?);
                }
                "redact" => {
                    let names = names(value, ',').ok_or_else(|| wrong(&NO_NAMES))?;
                    without = Some(Redaction::of(names).map_err(|error| wrong(&error))?);
                }
                "max_rate" => {
                    allowed.rights.max_rate = Some(count(value).ok_or_else(|| wrong(&NO_COUNT))?);
                }
                "connection_limit" => {
                    allowed.connection_limit = Some(count(value).ok_or_else(|| wrong(&NO_COUNT))?.get());
                }
                _ => return Err(wrong(&"there is no such right")),
            }
        }
        allowed.rights.reduction = Reduction::new(only, without).map(Arc::new);
        Ok(allowed)
    }
}

const NO_NAMES: &str = "a text or a list of texts is needed, and none may be empty";
const NO_COUNT: &str = "a whole number is needed, at least 1";

/// An empty choice would be every tag.
fn tags(value: &Value) -> Result<TagChoice, String> {
    let tags = match value {
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        _ => names(value, ' ').ok_or(NO_NAMES)?,
    };
    if tags.is_empty() || tags.len() > TAG_CHOICES_MAX {
        return Err(format!("1 to {TAG_CHOICES_MAX} patterns are needed"));
    }
    if tags.iter().any(|tag| tag == "!" || tag.contains(char::is_whitespace)) {
        return Err("each item of the list must be one pattern".to_owned());
    }
    TagChoice::parse(tags.iter().map(String::as_str)).map_err(|error| error.to_string())
}

/// A list of texts, or one text with separators.
fn names(value: &Value, separator: char) -> Option<Vec<String>> {
    let names: Vec<String> = match value {
        Value::String(text) => text.split(separator).map(|name| name.trim().to_owned()).collect(),
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?
        }
        _ => return None,
    };
    (!names.is_empty() && names.iter().all(|name| !name.is_empty())).then_some(names)
}

fn count(value: &Value) -> Option<NonZeroU32> {
    value.as_u64().and_then(|count| u32::try_from(count).ok()).and_then(NonZeroU32::new)
}
