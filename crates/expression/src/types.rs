//! What can be said about types before there is an event: CEL's checks as far as they find mistakes.
//!
//! What comes from the record may be anything; all else has one type.

use crate::literal::Literal;
use crate::node::Node;

/// What a node evaluates to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Known only when there is a record.
    Any,
    Null,
    Bool,
    Number,
    String,
    Time,
    Map,
}

impl Type {
    pub(crate) fn of(node: &Node) -> Self {
        match node {
            Node::Literal(Literal::Null) => Self::Null,
            Node::Literal(Literal::Number(_)) | Node::Size(_) | Node::Negate(_) => Self::Number,
            Node::Literal(Literal::String(_)) | Node::Tag => Self::String,
            Node::Literal(Literal::Time(_)) | Node::Time => Self::Time,
            Node::Record(path) if path.is_empty() => Self::Map,
            Node::Record(_) => Self::Any,
            Node::Literal(Literal::Bool(_))
            | Node::Has(_)
            | Node::Not(_)
            | Node::And(_)
            | Node::Or(_)
            | Node::Compare(..)
            | Node::OneOf(..)
            | Node::In(_)
            | Node::Search(..)
            | Node::Matches(..) => Self::Bool,
        }
    }

    /// Whether it may turn out to be one of these.
    pub(crate) fn may_be(self, types: &[Self]) -> bool {
        self == Self::Any || types.contains(&self)
    }

    /// As a message says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "a field",
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Time => "a time",
            Self::Map => "a map",
        }
    }
}
