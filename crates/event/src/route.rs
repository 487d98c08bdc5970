//! Which filters and which output a tag meets: the ordered rules of one scope (the root or a label),
//! resolved once per tag and remembered within a bound.

use std::sync::Arc;

use crate::pattern::TagPattern;

/// One `<filter>` or `<match>` of a scope, in file order.
#[derive(Clone, Debug)]
pub enum Rule<F, O> {
    /// Every filter whose pattern takes the tag runs, in order, until a match ends the walk.
    Filter(TagPattern, F),
    /// The first match whose pattern takes the tag ends the walk.
    Match(TagPattern, O),
}

/// What a tag meets in one scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Route<F, O> {
    /// The filters, in order.
    pub filters: Vec<F>,
    /// The output; `None` when nothing matches.
    pub output: Option<O>,
}

/// The rules of one scope with their cache.
#[derive(Debug)]
pub struct RouteTable<F, O> {
    rules: Vec<Rule<F, O>>,
}

impl<F: Clone, O: Clone> RouteTable<F, O> {
    /// Makes a table of rules in file order.
    #[must_use]
    pub fn new(rules: Vec<Rule<F, O>>) -> Self {
        Self { rules }
    }

    /// What the tag meets. Thread-safe; cached for [`crate::limits::ROUTE_CACHE_TAGS_MAX`] tags, oldest out.
    pub fn resolve(&self, tag: &str) -> Arc<Route<F, O>> {
        todo!()
    }
}
