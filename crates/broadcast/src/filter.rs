//! What a client wants to see, and the index that finds, for an event, those whose wish it meets, at the
//! cost of those that match rather than of all.
//!
//! Clients write the filters and senders the records: neither may make an event cost more than one pass
//! over its fields and the filters that its values single out.

use std::collections::BTreeMap;

use fluentcast_event::field;

mod equality;
mod index;

use equality::{AnyOf, Equality, Expected};
pub use index::FilterIndex;

/// A filter: all conditions must hold. Equal filters compare equal however they were written, so that
/// clients share a view.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Field name to the values of which any will do.
    conditions: BTreeMap<String, AnyOf>,
}

impl Filter {
    /// A filter from names and values of a query string, decoded; `None` is a name without `=`. A
    /// repeated name means any of its values.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        let mut conditions: BTreeMap<String, AnyOf> = BTreeMap::new();
        for (name, value) in pairs {
            conditions.entry(name).or_default().add(value.map_or(Expected::Null, Expected::Text));
        }
        Self { conditions }
    }

    /// Whether every record passes.
    #[must_use]
    pub fn passes_all(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether the record passes. A dotted name reaches into maps; a key that really contains the dot
    /// wins.
    #[must_use]
    pub fn passes(&self, record: &[u8]) -> bool {
        self.conditions.iter().all(|(name, any_of)| any_of.contains(field::lookup(record, name)))
    }

    /// The equalities without which no record passes: by any one of them the filter can be found.
    fn equalities(&self) -> impl Iterator<Item = Equality<'_>> {
        self.conditions.iter().map(|(name, any_of)| Equality { name, any_of })
    }

    /// What is left to ask of records that were found by this equality.
    fn rest_after(&self, found_by: Equality<'_>) -> Self {
        let mut rest = self.clone();
        if found_by.any_of.keys_decide() {
            rest.conditions.remove(found_by.name);
        }
        rest
    }
}

#[cfg(test)]
mod tests;
