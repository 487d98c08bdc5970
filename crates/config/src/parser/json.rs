//! JSON values in the configuration: strict JSON, over as many lines as needed, with `#` comments
//! between its words and `#{...}` inside its strings. Made compact, so that what follows sees one form.
//!
//! Fluentd tries a JSON parser after every character; this reads once from left to right. A `#` outside
//! a string can only be a comment: taken as data it would never be JSON.

use std::ops::Range;

use fluentcast_event::limits::NESTING_DEPTH_MAX;
use serde_json::{Map, Value as Json};

use crate::diagnostics::Diagnostics;
use crate::interpolation::{self, Assembled, Place};
use crate::load::Environment;
use crate::tree::Value;

/// Why a text is not JSON.
pub(crate) struct NotJson {
    /// The words to blame.
    pub(crate) range: Range<usize>,
    /// What was expected instead.
    pub(crate) message: &'static str,
    /// To find out, the rest of the text was read.
    pub(crate) ran_on: bool,
}

/// What may come next.
#[derive(Clone, Copy)]
enum Next {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

/// An open bracket.
enum Open {
    Array(Vec<Json>),
    Object(Map<String, Json>, String),
}

/// Reads the array or object that starts at `start`; gives its compact form and the place after it.
pub(crate) fn read(
    text: &str,
    start: usize,
    place: Place,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> Result<(Value, usize), NotJson> {
    let mut reader =
        Reader { text, at: start, place, environment, diagnostics, open: Vec::new(), special: None };
    let json = reader.run()?;
    let value = reader.special.take().unwrap_or_else(|| Value::Text(json.to_string()));
    Ok((value, reader.at))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    place: Place,
    environment: &'a Environment,
    diagnostics: &'a mut Diagnostics,
    open: Vec<Open>,
    /// `use_nil` or `use_default` in a string: the whole parameter becomes that.
    special: Option<Value>,
}

impl Reader<'_> {
    fn run(&mut self) -> Result<Json, NotJson> {
        let mut next = Next::Value;
        loop {
            self.skip_spacing();
            let done = match (next, self.peek()) {
                (Next::Value | Next::ValueOrEnd, b'[' | b'{') => {
                    next = self.open()?;
                    continue;
                }
                (Next::ValueOrEnd | Next::KeyOrEnd | Next::CommaOrEnd, b']' | b'}') => self.close()?,
                (Next::Value | Next::ValueOrEnd, b'"') => Json::String(self.string()?),
                (Next::Value | Next::ValueOrEnd, _) => self.scalar()?,
                (Next::Key | Next::KeyOrEnd, b'"') => {
                    let name = self.string()?;
                    if let Some(Open::Object(_, key)) = self.open.last_mut() {
                        *key = name;
                    }
                    next = Next::Colon;
                    continue;
                }
                (Next::Colon, b':') => {
                    self.at += 1;
                    next = Next::Value;
                    continue;
                }
                (Next::CommaOrEnd, b',') => {
                    self.at += 1;
                    next = if matches!(self.open.last(), Some(Open::Object(..))) {
                        Next::Key
                    } else {
                        Next::Value
                    };
                    continue;
                }
                (Next::Key | Next::KeyOrEnd, _) => return Err(self.not("expected a name in double quotes")),
                (Next::Colon, _) => return Err(self.not("expected `:`")),
                (Next::CommaOrEnd, _) => return Err(self.not("expected `,` or the closing bracket")),
            };
            match self.open.last_mut() {
                None => return Ok(done),
                Some(Open::Array(items)) => items.push(done),
                Some(Open::Object(entries, key)) => {
                    entries.insert(std::mem::take(key), done);
                }
            }
            next = Next::CommaOrEnd;
        }
    }

    /// The next byte; 0 at the end, which fits nothing.
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn not(&self, message: &'static str) -> NotJson {
        let rest = &self.text[self.at..];
        let message = if rest.is_empty() { "this bracket is not closed" } else { message };
        let word = rest.find([' ', '\t', '\n', '\r', ',', ':', '[', ']', '{', '}']).unwrap_or(rest.len());
        let word = if word == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { word };
        NotJson { range: self.at..self.at + word, message, ran_on: false }
    }

    fn skip_spacing(&mut self) {
        loop {
            match self.peek() {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'#' => {
                    let rest = &self.text[self.at..];
                    self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    fn open(&mut self) -> Result<Next, NotJson> {
        if self.open.len() + 1 >= NESTING_DEPTH_MAX {
            return Err(self.not("too many brackets within each other"));
        }
        let array = self.peek() == b'[';
        self.at += 1;
        self.open.push(if array { Open::Array(Vec::new()) } else { Open::Object(Map::new(), String::new()) });
        Ok(if array { Next::ValueOrEnd } else { Next::KeyOrEnd })
    }

    fn close(&mut self) -> Result<Json, NotJson> {
        match (self.open.pop(), self.peek()) {
            (Some(Open::Array(items)), b']') => {
                self.at += 1;
                Ok(Json::Array(items))
            }
            (Some(Open::Object(entries, _)), b'}') => {
                self.at += 1;
                Ok(Json::Object(entries))
            }
            _ => Err(self.not("expected the other closing bracket")),
        }
    }

    /// A number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Result<Json, NotJson> {
        let wrong = self.not("expected a JSON value");
        let rest = &self.text[self.at..];
        let length = rest
            .bytes()
            .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')))
            .unwrap_or(rest.len());
        let json = serde_json::from_str(&rest[..length]).map_err(|_| wrong)?;
        self.at += length;
        Ok(json)
    }

    fn string(&mut self) -> Result<String, NotJson> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut out = Assembled::default();
        let mut at = start + 1;
        let mut plain = at;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    self.plain(plain..at, &mut out)?;
                    self.at = at + 1;
                    return Ok(self.settle(out));
                }
                b'\\' => at += 2,
                b'#' if bytes.get(at + 1) == Some(&b'{') => {
                    self.plain(plain..at, &mut out)?;
                    let Some(end) = interpolation::expression_end(self.text, at + 2) else {
                        return Err(NotJson {
                            range: at..at + 2,
                            message: "`#{` is not closed by `}`",
                            ran_on: true,
                        });
                    };
                    let code = &self.text[at + 2..end];
                    out.push(interpolation::evaluate(
                        code,
                        self.place.later(at + 2),
                        self.environment,
                        self.diagnostics,
                    ));
                    at = end + 1;
                    plain = at;
                }
                0..0x20 => break,
                _ => at += 1,
            }
        }
        let end = self.text.len().min(at);
        Err(NotJson { range: start..end, message: "this string is not closed on its line", ran_on: false })
    }

    /// A piece of a string without `#{...}`: the escapes are JSON's.
    fn plain(&self, range: Range<usize>, out: &mut Assembled) -> Result<(), NotJson> {
        let raw = &self.text[range.clone()];
        if !raw.contains('\\') {
            out.push_str(raw);
            return Ok(());
        }
        let decoded: String = serde_json::from_str(&format!("\"{raw}\"")).map_err(|_| NotJson {
            range,
            message: "this escape is not JSON's",
            ran_on: false,
        })?;
        out.push_str(&decoded);
        Ok(())
    }

    fn settle(&mut self, out: Assembled) -> String {
        match out.finish() {
            Value::Text(text) => text,
            special => {
                self.special.get_or_insert(special);
                String::new()
            }
        }
    }
}
