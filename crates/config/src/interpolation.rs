//! `#{...}`: embedded Ruby in Fluentd, here a closed set of expressions that real configurations use.
//!
//! Nothing runs: there is no Ruby. Everything outside the set is refused with its place, never passed
//! through as text. What an expression may see is the [`Environment`] alone, and files it names.

use std::ops::Range;

use crate::diagnostics::Diagnostics;
use crate::load::Environment;
use crate::source::Span;
use crate::tree::Value;

mod evaluate;
mod expression;

#[cfg(test)]
mod tests;

/// Where the words of a text stand, for messages.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// At the same bytes, plus an offset, of text number `file`.
    Offset {
        /// The text.
        file: u32,
        /// Added to every place.
        offset: usize,
    },
    /// All at one place: the text was decoded from there.
    Fixed(Span),
}

impl Place {
    /// Counting from 0 of text number `file`.
    pub(crate) fn of(file: u32) -> Self {
        Self::Offset { file, offset: 0 }
    }

    /// For a piece that starts `bytes` later.
    pub(crate) fn later(self, bytes: usize) -> Self {
        match self {
            Self::Offset { file, offset } => Self::Offset { file, offset: offset + bytes },
            fixed @ Self::Fixed(_) => fixed,
        }
    }

    pub(crate) fn span(self, range: Range<usize>) -> Span {
        match self {
            Self::Offset { file, offset } => Span::new(file, range.start + offset..range.end + offset),
            Self::Fixed(span) => span,
        }
    }
}

/// What a `#{...}` gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text to put in its place.
    Text(String),
    /// `use_nil`: the whole parameter is nil.
    Nil,
    /// `use_default`: the whole parameter is as if absent.
    Default,
}

/// A value put together from pieces.
#[derive(Default)]
pub(crate) struct Assembled {
    text: String,
    special: Option<Value>,
}

impl Assembled {
    pub(crate) fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The first `use_nil` or `use_default` decides, whatever surrounds it.
    pub(crate) fn push(&mut self, piece: Piece) {
        match piece {
            Piece::Text(text) => self.text.push_str(&text),
            Piece::Nil => _ = self.special.get_or_insert(Value::Nil),
            Piece::Default => _ = self.special.get_or_insert(Value::Default),
        }
    }

    pub(crate) fn finish(self) -> Value {
        self.special.unwrap_or(Value::Text(self.text))
    }
}

/// Where the expression that starts at `start` (after `#{`) ends: the place of its `}`. Braces and quotes
/// within it are Ruby's.
pub(crate) fn expression_end(text: &str, start: usize) -> Option<usize> {
    enum In {
        Braces,
        Quote(u8),
    }
    let bytes = text.as_bytes();
    let mut nest = vec![In::Braces];
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        match (nest.last()?, byte) {
            (In::Braces, b'{') => nest.push(In::Braces),
            (In::Braces, b'}') => {
                nest.pop();
                if nest.is_empty() {
                    return Some(at);
                }
            }
            (In::Braces, b'"' | b'\'' | b'`') => nest.push(In::Quote(byte)),
            (In::Quote(_), b'\\') => at += 1,
            (In::Quote(quote), byte) if byte == *quote => {
                nest.pop();
            }
            (In::Quote(b'"' | b'`'), b'#') if bytes.get(at + 1) == Some(&b'{') => {
                at += 1;
                nest.push(In::Braces);
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Evaluates what stands between `#{` and `}`. A mistake in it is told, and leaves the parameter as if
/// absent: nothing is to be said of a value that nobody wrote.
pub(crate) fn evaluate(
    code: &str,
    place: Place,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> Piece {
    let result = expression::parse(code).and_then(|expression| evaluate::text_of(&expression, environment));
    match result {
        Ok(piece) => piece,
        Err(mistake) => {
            diagnostics.error(mistake.code, place.span(mistake.range), mistake.message).help(mistake.help);
            Piece::Default
        }
    }
}

/// Why an expression has no value.
#[derive(Debug)]
struct Mistake {
    code: &'static str,
    range: Range<usize>,
    message: String,
    help: String,
}

const SUPPORTED: &str = "there is no Ruby here; known are ENV['X'], ENV.fetch('X', 'default'), ||, ==, ? :, \
    hostname, worker_id, use_nil, use_default, File.read('path'), and .to_s .to_i .downcase .upcase .strip .chomp";

impl Mistake {
    fn ruby(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { code: "ruby-code", range, message: message.into(), help: SUPPORTED.to_owned() }
    }
}
