//! Which filters and which output a tag meets: the ordered rules of one scope (the root or a label),
//! resolved once per tag and remembered within a bound.
//!
//! What is remembered must never differ from what the rules say, and senders must never make it grow
//! past its bound by inventing tags.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use crate::limits::ROUTE_CACHE_TAGS_MAX;
use crate::pattern::TagPattern;

#[cfg(test)]
mod tests;

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
    cache: Mutex<Cache<F, O>>,
}

type Cache<F, O> = LruCache<Box<str>, Arc<Route<F, O>>>;

const CACHE_TAGS: NonZeroUsize = NonZeroUsize::new(ROUTE_CACHE_TAGS_MAX).expect("the bound is not zero");

impl<F: Clone, O: Clone> RouteTable<F, O> {
    /// Makes a table of rules in file order.
    #[must_use]
    pub fn new(rules: Vec<Rule<F, O>>) -> Self {
        Self { rules, cache: Mutex::new(LruCache::new(CACHE_TAGS)) }
    }

    /// What the tag meets. Thread-safe; cached for [`crate::limits::ROUTE_CACHE_TAGS_MAX`] tags, oldest out.
    pub fn resolve(&self, tag: &str) -> Arc<Route<F, O>> {
        // The lock is never held over a walk: a slow regular expression for one tag must not hold up
        // the others. Two threads may walk for the same new tag; both find the same.
        let known = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(tag).cloned();
        known.unwrap_or_else(|| {
            let route = Arc::new(self.walk(tag));
            self.cache.lock().unwrap_or_else(PoisonError::into_inner).put(tag.into(), Arc::clone(&route));
            route
        })
    }

    fn walk(&self, tag: &str) -> Route<F, O> {
        let mut filters = Vec::new();
        for rule in &self.rules {
            match rule {
                Rule::Filter(pattern, filter) if pattern.matches(tag) => filters.push(filter.clone()),
                Rule::Match(pattern, output) if pattern.matches(tag) => {
                    return Route { filters, output: Some(output.clone()) };
                }
                Rule::Filter(..) | Rule::Match(..) => {}
            }
        }
        Route { filters, output: None }
    }
}
