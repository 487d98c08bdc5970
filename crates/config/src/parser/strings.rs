//! Quoted strings: escapes, joined lines and `#{...}`.

use crate::diagnostics::Diagnostics;
use crate::interpolation::{self, Assembled, Place};
use crate::load::Environment;
use crate::tree::Value;

/// What runs on to the end of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unclosed {
    /// The string.
    Quote,
    /// A `#{` in it, at that place.
    Expression(usize),
}

/// Reads the inside of a double-quoted string that starts at `start`: up to the closing quote, or, when
/// it is not `delimited` (a YAML scalar), up to the end. Gives the value and the place after it.
pub(crate) fn double_quoted(
    text: &str,
    start: usize,
    delimited: bool,
    place: Place,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> Result<(Value, usize), Unclosed> {
    let bytes = text.as_bytes();
    let mut out = Assembled::default();
    let (mut at, mut plain) = (start, start);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' if delimited => {
                out.push_str(&text[plain..at]);
                return Ok((out.finish(), at + 1));
            }
            b'\\' => {
                out.push_str(&text[plain..at]);
                at = escape(text, at, &mut out, place, diagnostics);
                plain = at;
            }
            b'#' if bytes.get(at + 1) == Some(&b'{') => {
                out.push_str(&text[plain..at]);
                let end = interpolation::expression_end(text, at + 2).ok_or(Unclosed::Expression(at))?;
                out.push(interpolation::evaluate(
                    &text[at + 2..end],
                    place.later(at + 2),
                    environment,
                    diagnostics,
                ));
                at = end + 1;
                plain = at;
            }
            _ => at += 1,
        }
    }
    if delimited {
        return Err(Unclosed::Quote);
    }
    out.push_str(&text[plain..]);
    Ok((out.finish(), at))
}

/// Reads one escape at `at`, the backslash; gives the place after it.
fn escape(text: &str, at: usize, out: &mut Assembled, place: Place, diagnostics: &mut Diagnostics) -> usize {
    let Some(c) = text[at + 1..].chars().next() else {
        out.push_str("\\");
        return at + 1;
    };
    let end = at + 1 + c.len_utf8();
    match c {
        'r' => out.push_str("\r"),
        'n' => out.push_str("\n"),
        't' => out.push_str("\t"),
        'f' => out.push_str("\u{c}"),
        'b' => out.push_str("\u{8}"),
        '0' => out.push_str("\0"),
        '\n' => {}
        '\r' => return end + usize::from(text[end..].starts_with('\n')),
        c if c.is_ascii_alphanumeric() => {
            diagnostics
                .error("bad-escape", place.span(at..end), format!("unexpected back-slash escape character '{c}'"))
                .help("known are \\\" \\' \\\\ \\r \\n \\t \\f \\b \\0; write \\\\ for a backslash, or use single quotes");
        }
        symbol => out.push_str(symbol.encode_utf8(&mut [0; 4])),
    }
    end
}

/// Reads the inside of a single-quoted string that starts at `start`; gives the text and the place after
/// the closing quote, or nothing when the line or the text ends first.
pub(crate) fn single_quoted(text: &str, start: usize) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut chars = text.get(start..)?.char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        match c {
            '\'' => return Some((out, start + offset + 1)),
            '\n' | '\r' => return None,
            '\\' => match chars.next_if(|(_, next)| matches!(next, '\'' | '\\')) {
                Some((_, escaped)) => out.push(escaped),
                None => out.push('\\'),
            },
            _ => out.push(c),
        }
    }
    None
}
