//! What of an expression an index over fields can use.

use crate::literal::Literal;
use crate::node::{Comparison, Key, Node, Path};

/// A condition that holds whenever the expression does: the field equals one of the values, as `==` does:
/// numbers by value whatever their type, a string a str or a bin of the same bytes, null a field that is
/// there and nil.
#[derive(Clone, Copy, Debug)]
pub struct Equality<'a> {
    path: &'a Path,
    values: &'a [Literal],
}

impl<'a> Equality<'a> {
    /// The keys from the record to the field, each taken as it is; of duplicate keys the last counts.
    pub fn path(&self) -> impl ExactSizeIterator<Item = &'a str> {
        self.path.iter().map(|key| match key {
            Key::Name(name) => &**name,
            Key::Number(_) => "",
        })
    }

    /// The name by which `fluentcast_event::field::lookup` finds the field, if there is one: it finds what
    /// the expression means wherever the expression holds. `None` for a nested field, for there a key
    /// that really contains the dot is in the way.
    #[must_use]
    pub fn name(&self) -> Option<&'a str> {
        match &self.path[..] {
            [Key::Name(name)] => Some(name),
            _ => None,
        }
    }

    /// The values of which the field must be one; none of them twice. Without any the expression never
    /// holds.
    #[must_use]
    pub fn values(&self) -> &'a [Literal] {
        self.values
    }
}

/// Those of a whole expression.
pub(crate) fn equalities(root: &Node) -> impl Iterator<Item = Equality<'_>> {
    let terms = match root {
        Node::And(terms) => &terms[..],
        other => std::slice::from_ref(other),
    };
    terms.iter().filter_map(equality)
}

/// That of a node which says nothing else.
pub(crate) fn equality(node: &Node) -> Option<Equality<'_>> {
    let (path, values) = match node {
        Node::OneOf(of, list) => match &**of {
            Node::Record(path) => (path, &list[..]),
            _ => return None,
        },
        Node::Compare(Comparison::Equal, sides) => match &**sides {
            [Node::Record(path), Node::Literal(literal)] | [Node::Literal(literal), Node::Record(path)] => {
                (path, std::slice::from_ref(literal))
            }
            _ => return None,
        },
        _ => return None,
    };
    let only_names = path.iter().all(|key| matches!(key, Key::Name(_)));
    (only_names && !path.is_empty()).then_some(Equality { path, values })
}
