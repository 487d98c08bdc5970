//! Fluentd's tag patterns (`*`, `**`, `{a,b}`, `/regex/`, several at once).
//!
//! Which tag goes where must not change when a configuration moves here from Fluentd, so the oddities
//! are copied too: a `.` at the very end of a pattern is dropped (`a.` takes `a`), an unclosed `{` ends
//! with the pattern, a stray `}` is literal, and `/a|b/` takes what starts with `a` or ends with `b`.
//!
//! Knowingly not copied: in Fluentd a tag with one trailing newline also matches, and `**` stops at a
//! newline (accidents of Ruby's `\Z` and `.`). Here a pattern always means the whole tag, and `**` any
//! text.
//!
//! A match must never take more than bounded time: globs are linear in pattern times tag, and a regular
//! expression that backtracks too long does not match.

use fancy_regex::Regex;

use crate::limits::{TAG_PATTERN_BYTES_MAX, TAG_PATTERN_NESTING_MAX};
use crate::ruby_regex;

mod glob;
#[cfg(test)]
mod tests;

use glob::Glob;

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A `/regex/` without its final slash, or one the engine rejects.
    #[error("invalid regular expression {pattern:?}: {reason}")]
    Regex {
        /// As written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Longer or nested deeper than a pattern may be.
    #[error(
        "the pattern {0:?} is too complex: at most {TAG_PATTERN_BYTES_MAX} bytes and \
         {TAG_PATTERN_NESTING_MAX} levels of braces are allowed; split it into several sections"
    )]
    TooComplex(String),
}

/// The argument of a `<match>` or `<filter>`: one or several patterns split at whitespace, of which any
/// may match. An empty argument is `**`.
#[derive(Clone, Debug)]
pub struct TagPattern {
    text: String,
    alternatives: Vec<Alternative>,
}

#[derive(Clone, Debug)]
enum Alternative {
    Glob(Glob),
    Regex(Box<Regex>),
}

impl TagPattern {
    /// Compiles the argument.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn parse(argument: &str) -> Result<Self, PatternError> {
        if argument.len() > TAG_PATTERN_BYTES_MAX {
            return Err(PatternError::TooComplex(shortened(argument)));
        }
        let words = argument.split([' ', '\t', '\n', '\x0b', '\x0c', '\r']).filter(|word| !word.is_empty());
        let mut alternatives = words.map(Alternative::parse).collect::<Result<Vec<_>, _>>()?;
        if alternatives.is_empty() {
            alternatives.push(Alternative::parse("**")?);
        }
        Ok(Self { text: argument.to_owned(), alternatives })
    }

    /// Whether the tag is taken. Time is linear in the tag for globs, bounded for regular expressions.
    #[must_use]
    pub fn matches(&self, tag: &str) -> bool {
        self.alternatives.iter().any(|alternative| alternative.matches(tag))
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True when this takes every tag (`**`): what stands behind it can never be reached.
    #[must_use]
    pub fn takes_everything(&self) -> bool {
        self.alternatives.iter().any(Alternative::takes_everything)
    }

    /// True only when every tag that `other` takes is provably taken by `self` too. `false` proves
    /// nothing: the rules are few and cheap, and regular expressions are not understood.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let covered = |theirs: &Alternative| match theirs.literal() {
            Some(tag) => self.matches(tag),
            None => self.alternatives.iter().any(|mine| mine.covers(theirs)),
        };
        other.alternatives.iter().all(covered)
    }
}

impl Alternative {
    fn parse(word: &str) -> Result<Self, PatternError> {
        let Some(expression) = word.strip_prefix('/') else {
            let glob = Glob::parse(word).ok_or_else(|| PatternError::TooComplex(word.to_owned()))?;
            return Ok(Self::Glob(glob));
        };
        let invalid = |reason: String| PatternError::Regex { pattern: word.to_owned(), reason };
        let expression = expression.strip_suffix('/').ok_or_else(|| {
            invalid(
                "it starts with a slash but does not end with one (a blank ends a pattern: write \\s)".into(),
            )
        })?;
        // Not grouped, as in Fluentd: `/a|b/` is `\Aa` or `b\z`.
        let regex = ruby_regex::builder(&format!(r"\A{expression}\z"))
            .build()
            .map_err(|error| invalid(error.to_string()))?;
        Ok(Self::Regex(Box::new(regex)))
    }

    fn matches(&self, tag: &str) -> bool {
        match self {
            Self::Glob(glob) => glob.matches(tag),
            Self::Regex(regex) => regex.is_match(tag).unwrap_or(false),
        }
    }

    fn takes_everything(&self) -> bool {
        match self {
            Self::Glob(glob) => glob.takes_everything(),
            Self::Regex(_) => false,
        }
    }

    /// The only tag this takes, if it takes only one.
    fn literal(&self) -> Option<&str> {
        match self {
            Self::Glob(glob) => glob.literal(),
            Self::Regex(_) => None,
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Glob(mine), Self::Glob(theirs)) => mine.covers(theirs),
            (Self::Regex(mine), Self::Regex(theirs)) => mine.as_str() == theirs.as_str(),
            (mine, _) => mine.takes_everything(),
        }
    }
}

/// The start of a text, for messages about one that is too long to be shown.
fn shortened(text: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    text.chars().take(SHOWN_CHARS).chain("...".chars()).collect()
}
