//! The type the rest of the project holds: a parsed expression, cheap to clone, comparable.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use fluentcast_event::EventTime;

use crate::equality::{self, Equality};
use crate::error::ParseError;
use crate::evaluate;
use crate::node::Node;
use crate::parse;
use crate::steps::Steps;

#[cfg(test)]
mod tests;

/// A filter expression. Two are equal when they are written the same but for whitespace, comments,
/// redundant parentheses and the spelling of literals and names, so that clients that ask for the same
/// share a view. [`Display`](fmt::Display) shows that common form; it parses to an equal expression
/// (escapes may make it longer than a client may send).
#[derive(Clone)]
pub struct Expression {
    parsed: Arc<Parsed>,
}

struct Parsed {
    canonical: String,
    root: Node,
}

/// What an expression says about an event. Only [`Outcome::True`] is a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It has no value: a field is not there, a type does not fit, the record is broken.
    Error,
    /// It was given up after [`EXPRESSION_STEPS_PER_EVENT_MAX`] steps. Worth counting: whether the event
    /// was wanted is not known.
    ///
    /// [`EXPRESSION_STEPS_PER_EVENT_MAX`]: fluentcast_event::limits::EXPRESSION_STEPS_PER_EVENT_MAX
    OverBudget,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// Says what is wrong, where, and what to write instead.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let root = parse::parse(text)?;
        Ok(Self { parsed: Arc::new(Parsed { canonical: root.to_string(), root }) })
    }

    /// Evaluates it for an event. Of duplicate keys in the record the last counts.
    #[must_use]
    pub fn evaluate(&self, tag: &str, time: EventTime, record: &[u8]) -> Outcome {
        evaluate::outcome(&self.parsed.root, tag, time, record, &mut Steps::new())
    }

    /// Whether it holds for an event.
    #[must_use]
    pub fn matches(&self, tag: &str, time: EventTime, record: &[u8]) -> bool {
        self.evaluate(tag, time, record) == Outcome::True
    }

    /// The fields that must equal one of some literals whenever the expression holds: its conjuncts
    /// `record.x == literal` and `record.x in [literals]`. An index over fields can find the expression by
    /// any one of them; the expression must still be asked, unless [`Expression::is_equality`].
    pub fn equalities(&self) -> impl Iterator<Item = Equality<'_>> {
        equality::equalities(&self.parsed.root)
    }

    /// Whether the expression is one of its [`Expression::equalities`] and nothing else.
    #[must_use]
    pub fn is_equality(&self) -> bool {
        equality::equality(&self.parsed.root).is_some()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.parsed, &other.parsed) || self.parsed.canonical == other.parsed.canonical
    }
}

impl Eq for Expression {}

impl Hash for Expression {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parsed.canonical.hash(state);
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parsed.canonical)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.parsed.canonical).finish()
    }
}
