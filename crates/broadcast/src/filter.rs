//! What a client wants to see, and the index that finds, for an event, those whose wish it meets, at the
//! cost of those that match rather than of all.
//!
//! Clients write the filters and senders the records: neither may make an event cost more than one pass
//! over its fields and the filters that its values single out.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use fluentcast_event::reduction::Reduction;
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
    /// What the client's rights ask besides, and how they reduce what it may ask about.
    rights: Option<Arc<Rights>>,
}

/// What comes before a client's own wishes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Rights {
    /// Asked of the whole record.
    forced: Option<Asked>,
    /// The client's conditions and its expression are asked of what this leaves of the record. Else a
    /// client could find out, one question after the other, what stands in a field that it is not sent.
    reduction: Option<Arc<Reduction>>,
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
        Self { conditions: conditions.into_iter().collect(), expression: None, rights: None }
    }

    /// The same filter, and what passes must meet the expression too.
    #[must_use]
    pub fn and(self, expression: Expression) -> Self {
        Self { expression: Some(Asked::new(expression)), ..self }
    }

    /// The same filter for a client that may see only what the expression holds for, and of that only what
    /// the reduction leaves. To be called once.
    #[must_use]
    pub fn within(self, forced: Option<Expression>, reduction: Option<Arc<Reduction>>) -> Self {
        debug_assert!(self.rights.is_none(), "rights replace rights");
        if forced.is_none() && reduction.is_none() {
            return self;
        }
        let rights = Rights { forced: forced.map(Asked::new), reduction };
        Self { rights: Some(Arc::new(rights)), ..self }
    }

    /// Whether every event passes.
    #[must_use]
    pub fn passes_all(&self) -> bool {
        self.asks_nothing() && self.forced().is_none()
    }

    /// Whether the client itself takes everything.
    fn asks_nothing(&self) -> bool {
        self.conditions.is_empty() && self.expression.is_none()
    }

    fn forced(&self) -> Option<&Asked> {
        self.rights.as_ref()?.forced.as_ref()
    }

    fn reduction(&self) -> Option<&Reduction> {
        self.rights.as_ref()?.reduction.as_deref()
    }

    /// Whether the event passes. A dotted name reaches into maps; a key that really contains the dot
    /// wins.
    #[must_use]
    pub fn judge(&self, tag: &Tag, event: &Event<'_>) -> Verdict {
        if let Some(forced) = self.forced() {
            match forced.judge(tag, event) {
                Verdict::Passes => {}
                fails => return fails,
            }
        }
        let Some(reduction) = self.reduction().filter(|_| !self.asks_nothing()) else {
            return self.judge_asked(tag, event);
        };
        let mut record = Vec::new();
        match reduction.write(event.record, &mut record) {
            Ok(()) => self.judge_asked(tag, &Event { record: &record, ..*event }),
            Err(_) => Verdict::Fails,
        }
    }

    fn judge_asked(&self, tag: &Tag, event: &Event<'_>) -> Verdict {
        let has = |(name, any_of): &(String, AnyOf)| any_of.contains(field::lookup(event.record, name));
        if !self.conditions.iter().all(has) {
            return Verdict::Fails;
        }
        self.expression.as_ref().map_or(Verdict::Passes, |asked| asked.judge(tag, event))
    }

    /// The equalities without which no record passes: by any one of them the filter can be found. What is
    /// asked of a reduced record does not say how to find the whole one.
    fn equalities(&self) -> impl Iterator<Item = Equality<'_>> {
        let of_whole = self.reduction().is_none();
        let conditions = self.conditions.iter().filter(move |_| of_whole);
        let asked = self.expression.iter().filter(move |_| of_whole).chain(self.forced());
        let of_expressions = asked.flat_map(|asked| &asked.equalities);
        conditions.chain(of_expressions).map(|(name, any_of)| Equality { name, any_of })
    }

    /// What is left to ask of records that were found by this equality.
    fn rest_after(&self, found_by: Equality<'_>) -> Self {
        let is_found_by = |(name, any_of): &(String, AnyOf)| {
            name == found_by.name && any_of == found_by.any_of && any_of.keys_decide()
        };
        let is_all_of_it =
            |asked: &&Asked| asked.expression.is_equality() && asked.equalities.iter().any(is_found_by);
        let forced = self.forced().filter(|asked| !is_all_of_it(asked)).cloned();
        let rights =
            self.rights.as_ref().map(|rights| Rights { forced, reduction: rights.reduction.clone() });
        let rights = rights.filter(|rights| *rights != Rights::default()).map(Arc::new);
        if self.reduction().is_some() {
            // The client's own were not what it was found by.
            return Self { rights, ..self.clone() };
        }
        Self {
            conditions: self.conditions.iter().filter(|asked| !is_found_by(asked)).cloned().collect(),
            expression: self.expression.as_ref().filter(|asked| !is_all_of_it(asked)).cloned(),
            rights,
        }
    }
}

impl Asked {
    fn new(expression: Expression) -> Self {
        let by_name = expression.equalities().filter_map(|equality| {
            let mut any_of = AnyOf::default();
            equality.values().iter().filter_map(Expected::of).for_each(|value| any_of.add(value));
            Some((equality.name()?.to_owned(), any_of))
        });
        let equalities = by_name.collect();
        Self { expression, equalities }
    }

    fn judge(&self, tag: &Tag, event: &Event<'_>) -> Verdict {
        match self.expression.evaluate(tag.as_str(), event.time, event.record) {
            Outcome::True => Verdict::Passes,
            Outcome::False | Outcome::Error => Verdict::Fails,
            Outcome::OverBudget => Verdict::GivenUp,
        }
    }
}

#[cfg(test)]
mod tests;
