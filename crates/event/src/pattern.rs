//! Fluentd's tag patterns (`*`, `**`, `{a,b}`, `/regex/`, several at once).

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
    /// More alternatives or wildcards than a pattern may have.
    #[error("the pattern {0:?} is too complex")]
    TooComplex(String),
}

/// The argument of a `<match>` or `<filter>`: one or several patterns split at whitespace, of which any
/// may match. An empty argument is `**`.
#[derive(Clone, Debug)]
pub struct TagPattern {
    text: String,
}

impl TagPattern {
    /// Compiles the argument.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn parse(argument: &str) -> Result<Self, PatternError> {
        todo!()
    }

    /// Whether the tag is taken. Time is linear in the tag for globs, bounded for regular expressions.
    #[must_use]
    pub fn matches(&self, tag: &str) -> bool {
        todo!()
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True when this takes every tag (`**`): what stands behind it can never be reached.
    #[must_use]
    pub fn takes_everything(&self) -> bool {
        todo!()
    }
}
