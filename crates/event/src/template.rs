//! Values with placeholders, as `record_transformer` takes them: `${tag}`, `${record["key"]}`.
//!
//! Parsed here, at start, so that a mistake is found before anything runs. Whoever fills them in knows
//! the event, the host and the time zone; this module must not. Ruby code is never run.

use serde_json::Value as Json;

use crate::msgpack;
use crate::record::PathStep;

mod placeholder;
#[cfg(test)]
mod tests;

/// A placeholder nobody can fill in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown placeholder `{placeholder}`: known are ${{tag}}, ${{tag_parts[N]}}, ${{tag_prefix[N]}}, \
     ${{tag_suffix[N]}}, ${{time}}, ${{hostname}}, ${{record[\"KEY\"]}}, ${{record[\"KEY\"][\"KEY\"]}} and \
     ${{record.dig(\"KEY\", \"KEY\")}}; Ruby code is not run"
)]
pub struct TemplateError {
    /// As written, from `${` to `}`.
    pub placeholder: String,
}

/// A value to be filled in. A text that is a JSON object or array has the placeholders in its strings
/// (the keys, too) filled in; every other text is one string.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// One string.
    Text(Text),
    /// A number, a boolean or null inside JSON, as MessagePack.
    Constant(Vec<u8>),
    /// A JSON array.
    Array(Vec<Template>),
    /// A JSON object.
    Object(Vec<(Text, Template)>),
}

/// A string with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(pub Vec<Piece>);

/// A piece of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text that stays.
    Literal(String),
    /// What is filled in.
    Placeholder(Placeholder),
}

/// What can be filled in. Indexes count parts of the tag from 0, or from the end when negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `${tag}`
    Tag,
    /// `${tag_parts[n]}`: one part.
    TagPart(i64),
    /// `${tag_prefix[n]}`: everything up to that part.
    TagPrefix(i64),
    /// `${tag_suffix[n]}`: everything from that part on.
    TagSuffix(i64),
    /// `${time}`
    Time,
    /// `${hostname}`
    Hostname,
    /// `${record["a"]}`, `${record['a'][0]}`, `${record.dig("a", 0)}`; never empty.
    Record(Vec<PathStep>),
}

impl Template {
    /// Parses a value. What looks like JSON and is none is a plain string, as in Fluentd.
    ///
    /// # Errors
    /// A placeholder that is none of [`Placeholder`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        match serde_json::from_str(text) {
            Ok(json) if text.starts_with(['{', '[']) => Self::from_json(json),
            _ => Text::parse(text).map(Self::Text),
        }
    }

    /// The JSON parser has bounded the nesting.
    fn from_json(json: Json) -> Result<Self, TemplateError> {
        let mut constant = Vec::new();
        match json {
            Json::String(text) => return Text::parse(&text).map(Self::Text),
            Json::Array(items) => {
                return items.into_iter().map(Self::from_json).collect::<Result<_, _>>().map(Self::Array);
            }
            Json::Object(fields) => {
                let field = |(key, value): (String, Json)| Ok((Text::parse(&key)?, Self::from_json(value)?));
                return fields.into_iter().map(field).collect::<Result<_, _>>().map(Self::Object);
            }
            Json::Null => msgpack::write_nil(&mut constant),
            Json::Bool(value) => msgpack::write_bool(&mut constant, value),
            Json::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => msgpack::write_uint(&mut constant, number),
                (_, Some(number)) => msgpack::write_int(&mut constant, number),
                _ => msgpack::write_f64(&mut constant, number.as_f64().unwrap_or(f64::NAN)),
            },
        }
        Ok(Self::Constant(constant))
    }
}

impl Text {
    /// Parses a string. `${` without a `}` behind it, and `${}`, are no placeholders.
    ///
    /// # Errors
    /// A placeholder that is none of [`Placeholder`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, here) = rest.split_at(start);
            literal.push_str(before);
            match (placeholder::parse(here), here.find('}')) {
                (Some((placeholder, behind)), _) => {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    pieces.push(Piece::Placeholder(placeholder));
                    rest = behind;
                }
                (None, Some(end @ 3..)) => {
                    return Err(TemplateError { placeholder: here[..=end].to_owned() });
                }
                (None, _) => {
                    literal.push_str("${");
                    rest = &here[2..];
                }
            }
        }
        literal.push_str(rest);
        pieces.push(Piece::Literal(literal));
        pieces.retain(|piece| !matches!(piece, Piece::Literal(text) if text.is_empty()));
        Ok(Self(pieces))
    }

    /// The placeholder, when there is nothing but one.
    #[must_use]
    pub fn single(&self) -> Option<&Placeholder> {
        match self.0.as_slice() {
            [Piece::Placeholder(placeholder)] => Some(placeholder),
            _ => None,
        }
    }
}
