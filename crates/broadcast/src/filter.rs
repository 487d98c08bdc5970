//! What a client wants to see, and the index that finds, for an event, those whose wish it meets, at the
//! cost of those that match rather than of all.
//!
//! Clients write the filters and senders the records: neither may make an event cost more than one pass
//! over its fields and the filters that its values single out.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use fluentcast_event::{Event, Tag, field};
use fluentcast_expression::{Expression, Outcome};

mod equality;
mod index;

use equality::{AnyOf, Equality, Expected};
pub use index::FilterIndex;

/// A filter: all conditions must hold. Equal filters compare equal however they were written, so that
/// clients share a view.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Field names, sorted, and the values of each of which any will do. Shared: a filter is kept with each
    /// client's session, with its view and in the index.
    conditions: Arc<[(String, AnyOf)]>,
    /// `$filter`.
    expression: Option<Asked>,
}

/// What a filter says about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes.
    Passes,
    /// It does not.
    Fails,
    /// It does not, but only because its expression took too many steps
    /// ([`EXPRESSION_STEPS_PER_EVENT_MAX`](fluentcast_event::limits::EXPRESSION_STEPS_PER_EVENT_MAX)):
    /// whether it was wanted is not known.
    GivenUp,
}

/// An expression, and what an index can use of it.
#[derive(Clone, Debug)]
struct Asked {
    expression: Expression,
    /// Of a field by its name: values of which it has one whenever the expression holds.
    equalities: Vec<(String, AnyOf)>,
}

impl PartialEq for Asked {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
}

impl Eq for Asked {}

impl Hash for Asked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expression.hash(state);
    }
}

impl Filter {
    /// A filter from names and values of a query string, decoded; `None` is a name without `=`. A
    /// repeated name means any of its values.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        let mut conditions: BTreeMap<String, AnyOf> = BTreeMap::new();
        for (name, value) in pairs {
            conditions.entry(name).or_default().add(value.map_or(Expected::Null, Expected::Text));
        }
        Self { conditions: conditions.into_iter().collect(), expression: None }
    }

    /// The same filter, and what passes must meet the expression too.
    #[must_use]
    pub fn and(self, expression: Expression) -> Self {
        let by_name = expression.equalities().filter_map(|equality| {
            let mut any_of = AnyOf::default();
            equality.values().iter().filter_map(Expected::of).for_each(|value| any_of.add(value));
            Some((equality.name()?.to_owned(), any_of))
        });
        let equalities = by_name.collect();
        Self { expression: Some(Asked { expression, equalities }), ..self }
    }

    /// Whether every event passes.
    #[must_use]
    pub fn passes_all(&self) -> bool {
        self.conditions.is_empty() && self.expression.is_none()
    }

    /// Whether the event passes. A dotted name reaches into maps; a key that really contains the dot
    /// wins.
    #[must_use]
    pub fn judge(&self, tag: &Tag, event: &Event<'_>) -> Verdict {
        let has = |(name, any_of): &(String, AnyOf)| any_of.contains(field::lookup(event.record, name));
        if !self.conditions.iter().all(has) {
            return Verdict::Fails;
        }
        let Some(asked) = &self.expression else { return Verdict::Passes };
        match asked.expression.evaluate(tag.as_str(), event.time, event.record) {
            Outcome::True => Verdict::Passes,
            Outcome::False | Outcome::Error => Verdict::Fails,
            Outcome::OverBudget => Verdict::GivenUp,
        }
    }

    /// The equalities without which no record passes: by any one of them the filter can be found.
    fn equalities(&self) -> impl Iterator<Item = Equality<'_>> {
        let of_expression = self.expression.iter().flat_map(|asked| &asked.equalities);
        self.conditions.iter().chain(of_expression).map(|(name, any_of)| Equality { name, any_of })
    }

    /// What is left to ask of records that were found by this equality.
    fn rest_after(&self, found_by: Equality<'_>) -> Self {
        let is_found_by = |(name, any_of): &(String, AnyOf)| {
            name == found_by.name && any_of == found_by.any_of && any_of.keys_decide()
        };
        let is_all_of_it =
            |asked: &&Asked| asked.expression.is_equality() && asked.equalities.iter().any(is_found_by);
        Self {
            conditions: self.conditions.iter().filter(|asked| !is_found_by(asked)).cloned().collect(),
            expression: self.expression.as_ref().filter(|asked| !is_all_of_it(asked)).cloned(),
        }
    }
}

#[cfg(test)]
mod tests;
