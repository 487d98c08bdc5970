//! What is wrong with an expression, for the person who wrote it.

use std::fmt;

/// Longest piece of the expression repeated in a message, in characters.
const QUOTED_CHARS_MAX: usize = 40;

/// A mistake in an expression. Its text is one line, fit for the body of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Where, in bytes from the beginning.
    pub position: usize,
    /// Where, in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead; empty where the message says enough.
    pub hint: String,
}

impl ParseError {
    pub(crate) fn new(
        text: &str,
        position: usize,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        let before = text.get(..position).unwrap_or(text);
        Self { position, column: before.chars().count() + 1, message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.message)?;
        if !self.hint.is_empty() {
            write!(f, ": {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseError {}

/// A piece of the expression as a message repeats it: bounded, and on one line.
pub(crate) fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(QUOTED_CHARS_MAX).flat_map(char::escape_debug).collect();
    let more = if text.chars().nth(QUOTED_CHARS_MAX).is_some() { "..." } else { "" };
    format!("`{shown}{more}`")
}
