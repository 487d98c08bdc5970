//! The values of parameters: bare, quoted, JSON.

use super::cursor::{is_blank, is_line_end};
use super::{Broken, Parser, json};
use crate::interpolation::Place;
use crate::load::Loader;
use crate::source::Span;
use crate::tree::Value;

impl Parser<'_, '_> {
    /// The value at the cursor; there is one.
    pub(super) fn value(&mut self) -> Result<(Value, Span), Broken> {
        if let Some(quoted) = self.quoted_value()? {
            return Ok(quoted);
        }
        if matches!(self.cursor.peek(), Some(b'[' | b'{')) {
            return self.json();
        }
        let start = self.cursor.at();
        let text = self.bare_text();
        let span = self.span(start, self.cursor.at());
        if text.contains("#{") {
            self.loader
                .diagnostics
                .warning("bare-ruby", span, "`#{...}` is plain text here")
                .help("it is evaluated only in double quotes: \"...\"; single quotes keep it as text");
        } else if text.starts_with('#') {
            self.loader
                .diagnostics
                .warning("comment-as-value", span, "this is the value, not a comment")
                .help("a comment cannot follow a name without a value: move it to its own line, or quote the value");
        }
        Ok((Value::Text(text), span))
    }

    /// Up to the line's end, or to a `#` after a blank; without blanks at its end.
    pub(super) fn bare_text(&mut self) -> String {
        let line = self.cursor.rest_of_line();
        let bytes = line.as_bytes();
        let comment = (1..bytes.len()).find(|at| bytes[*at] == b'#' && is_blank(bytes[*at - 1]));
        let text = line[..comment.unwrap_or(line.len())].trim_end_matches([' ', '\t']);
        self.cursor.advance(text.len());
        text.to_owned()
    }

    fn json(&mut self) -> Result<(Value, Span), Broken> {
        let start = self.cursor.at();
        let text = self.cursor.text();
        let Loader { environment, diagnostics, .. } = &mut *self.loader;
        match json::read(text, start, Place::of(self.file), environment, diagnostics) {
            Ok((value, end)) => {
                self.cursor.back_to(end);
                Ok((value, self.span(start, end)))
            }
            Err(mistake) => {
                let kind = if text[start..].starts_with('[') { "array" } else { "hash" };
                // At the end of the text there is no word to point at; the bracket tells more.
                let range = if mistake.range.is_empty() { start..start + 1 } else { mistake.range.clone() };
                diagnostics
                    .error(
                        "bad-json",
                        Span::new(self.file, range),
                        format!("got incomplete JSON {kind} configuration: {}", mistake.message),
                    )
                    .help("a value that begins with `[` or `{` is strict JSON; put other text in quotes");
                self.unclosed += usize::from(mistake.ran_on);
                self.skip_brackets(start);
                Err(Broken)
            }
        }
    }

    /// Goes to where the brackets that open at `start` are closed again, so that what stands between
    /// them is not taken for parameters; stays when they are not.
    fn skip_brackets(&mut self, start: usize) {
        let bytes = self.cursor.text().as_bytes();
        let (mut depth, mut in_string, mut at) = (0_usize, false, start);
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'\\' if in_string => at += 1,
                // A string ends with its line: an unclosed one must not swallow the brackets after it.
                b'"' => in_string = !in_string,
                byte if is_line_end(byte) => in_string = false,
                b'[' | b'{' if !in_string => depth += 1,
                b']' | b'}' if !in_string => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                self.cursor.back_to(at);
                return;
            }
        }
        self.unclosed += 1;
    }
}
