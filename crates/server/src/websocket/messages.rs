//! What a client of the resumable stream says: `subscribe` and `authenticate`, as JSON or MessagePack.

use fluentcast_config::settings::Secret;
use serde_json::{Map, Value};

use super::query::Pairs;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// `subscribe`: the parameters it replaces, each by its name in a URL (or [`WHERE`] for all fields) with what is
    /// to stand there.
    Subscribe(Vec<(String, Pairs)>),
    /// `authenticate`: a token.
    Authenticate(Secret),
}

/// Messages as they arrive; the connection bounds the length of one.
#[derive(Debug, Default)]
pub struct Heard {
    arriving: Vec<u8>,
    whole: Vec<Vec<u8>>,
}

impl Heard {
    /// Takes a part of a message.
    pub fn hear(&mut self, part: &[u8], last: bool) {
        self.arriving.extend_from_slice(part);
        if last {
            self.whole.push(std::mem::take(&mut self.arriving));
        }
    }

    /// The messages that have arrived.
    pub fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.whole)
    }

    /// Bytes of the longest message, whether whole or not.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.whole.iter().chain([&self.arriving]).map(Vec::len).max().unwrap_or(0)
    }
}

/// The member of `subscribe` that holds conditions on fields.
pub const WHERE: &str = "where";

const USAGE: &str = "A message must be {\"subscribe\":{...}} with any of tag, filter, where, fields, since, last and \
                     max_rate, or {\"authenticate\":{\"token\":\"...\"}}.";

/// Reads a message.
///
/// # Errors
/// A sentence that says what is wrong. It never has a token in it.
pub fn read(message: &[u8]) -> Result<Said, String> {
    let parsed = match message.first() {
        Some(0x80..=0x8f | 0xde | 0xdf) => rmp_serde::from_slice(message).ok(),
        _ => serde_json::from_slice(message).ok(),
    };
    let parsed: Option<Value> = parsed;
    let outer = parsed.as_ref().and_then(Value::as_object).filter(|outer| outer.len() == 1).ok_or(USAGE)?;
    match outer.iter().next() {
        Some((name, Value::Object(asked))) if name == "subscribe" => changes(asked).map(Said::Subscribe),
        Some((name, Value::Object(asked))) if name == "authenticate" => token(asked).map(Said::Authenticate),
        _ => Err(USAGE.to_owned()),
    }
}

fn token(asked: &Map<String, Value>) -> Result<Secret, String> {
    match asked.get("token") {
        Some(Value::String(token)) if asked.len() == 1 => Ok(Secret::new(token.clone())),
        _ => Err(format!("`authenticate` has one member, `token`, a text. {USAGE}")),
    }
}

fn changes(asked: &Map<String, Value>) -> Result<Vec<(String, Pairs)>, String> {
    let mut changes = Vec::new();
    for (name, value) in asked {
        let many = match value {
            Value::Array(many) => many.as_slice(),
            Value::Null => &[],
            one => std::slice::from_ref(one),
        };
        let (name, pairs) = match (name.as_str(), value) {
            (WHERE, Value::Object(fields)) => (WHERE.to_owned(), conditions(fields)?),
            (WHERE, Value::Null) => (WHERE.to_owned(), Vec::new()),
            ("fields", Value::Array(names)) => {
                let names = names.iter().map(scalar).collect::<Result<Vec<_>, _>>()?;
                ("$fields".to_owned(), vec![("$fields".to_owned(), Some(names.join(",")))])
            }
            ("tag" | "filter" | "fields" | "since" | "last" | "max_rate", _) => {
                let name = format!("${name}");
                let texts = many.iter().map(|value| Ok((name.clone(), Some(scalar(value)?))));
                let texts = texts.collect::<Result<Pairs, String>>()?;
                (name, texts)
            }
            _ => return Err(format!("`{name}` cannot be subscribed to. {USAGE}")),
        };
        changes.push((name, pairs));
    }
    Ok(changes)
}

fn conditions(fields: &Map<String, Value>) -> Result<Pairs, String> {
    let mut pairs = Vec::new();
    for (field, value) in fields {
        if field.starts_with('$') || field == "token" {
            return Err(format!("`{field}` is no field that `where` can ask for."));
        }
        let any_of = match value {
            Value::Array(any_of) => any_of.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in any_of {
            let text = if value.is_null() { None } else { Some(scalar(value)?) };
            pairs.push((field.clone(), text));
        }
    }
    Ok(pairs)
}

/// Text, number or truth as it would stand in a URL.
fn scalar(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(format!("{value} stands where a text or a number is needed.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscribe_replaces_what_it_names() {
        let message = br#"{"subscribe":{"tag":["a.*","!a.b"],"where":{"level":["x",5],"gone":null},"since":17,"max_rate":null}}"#;
        let pair = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
        let expected = vec![
            ("$tag".to_owned(), vec![pair("$tag", "a.*"), pair("$tag", "!a.b")]),
            (WHERE.to_owned(), vec![pair("level", "x"), pair("level", "5"), ("gone".to_owned(), None)]),
            ("$since".to_owned(), vec![pair("$since", "17")]),
            ("$max_rate".to_owned(), vec![]),
        ];
        let expected = Said::Subscribe(expected);
        assert_eq!(read(message).as_ref(), Ok(&expected));
        let value: Value = serde_json::from_slice(message).unwrap();
        assert_eq!(read(&rmp_serde::to_vec(&value).unwrap()), Ok(expected));
    }

    #[test]
    fn a_token_is_taken_as_it_is_and_never_repeated() {
        let message = br#"{"authenticate":{"token":"a \"b\""}}"#;
        let said = Said::Authenticate(Secret::new("a \"b\"".to_owned()));
        assert_eq!(read(message), Ok(said.clone()));
        let value: Value = serde_json::from_slice(message).unwrap();
        assert_eq!(read(&rmp_serde::to_vec(&value).unwrap()), Ok(said));
        for wrong in [
            r#"{"authenticate":"s3cret"}"#,
            r#"{"authenticate":{}}"#,
            r#"{"authenticate":{"token":["s3cret"]}}"#,
            r#"{"authenticate":{"token":"s3cret","more":1}}"#,
            r#"{"authenticate":{"tokens":"s3cret"}}"#,
            r#"{"authenticate":{"token":"s3cret"},"subscribe":{}}"#,
        ] {
            let told = read(wrong.as_bytes()).unwrap_err();
            assert!(!told.contains("s3cret") && told.contains("authenticate"), "{wrong}: {told}");
        }
    }

    #[test]
    fn what_is_no_subscribe_is_told_what_one_is() {
        for message in [
            "",
            "{",
            "[]",
            "5",
            "{}",
            r#"{"subscribe":1}"#,
            r#"{"subscribe":{},"x":1}"#,
            r#"{"subscribe":{"tags":"a"}}"#,
            r#"{"subscribe":{"tag":{}}}"#,
            r#"{"subscribe":{"where":[]}}"#,
            r#"{"subscribe":{"where":{"$tag":"x"}}}"#,
            r#"{"subscribe":{"since":[[1]]}}"#,
        ] {
            assert!(read(message.as_bytes()).is_err(), "{message}");
        }
    }
}
