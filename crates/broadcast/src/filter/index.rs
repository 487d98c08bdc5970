//! The index: filters by the value that one of their equalities asks for.
//!
//! A filter stands under every key of one equality and nowhere else, and a record has one value of a
//! field: so nothing is found twice.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use fluentcast_event::field::{Found, PathId, PathSet};
use fluentcast_event::msgpack::Reader;
use fluentcast_event::{Event, Tag};
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::equality::{Equality, Key};
use super::{Filter, Verdict};

/// Filters and what they are for. A target has one filter as long as it is in here.
#[derive(Debug)]
pub struct FilterIndex<T> {
    /// The fields that filters are found by, each as often as there are such filters.
    fields: PathSet,
    buckets: HashTable<Bucket<T>>,
    hashing: RandomState,
    /// The fields of which null, or the lack of them, finds a filter.
    nulls: BTreeSet<PathId>,
    /// Filters without an equality: asked one by one.
    others: Vec<Entry<T>>,
}

/// The filters that a value of a field singles out.
#[derive(Debug)]
struct Bucket<T> {
    field: PathId,
    key: Key<Box<[u8]>>,
    entries: Vec<Entry<T>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    target: T,
    /// What is still to be asked; shared, as a filter stands under several keys.
    rest: Option<Arc<Filter>>,
}

impl<T> Default for FilterIndex<T> {
    fn default() -> Self {
        Self {
            fields: PathSet::default(),
            buckets: HashTable::new(),
            hashing: RandomState::default(),
            nulls: BTreeSet::new(),
            others: Vec::new(),
        }
    }
}

impl<T: Clone> Entry<T> {
    fn new(target: &T, rest: Filter) -> Self {
        let rest = (!rest.passes_all()).then(|| Arc::new(rest));
        Self { target: target.clone(), rest }
    }

    fn judge(&self, tag: &Tag, event: &Event<'_>) -> Verdict {
        self.rest.as_ref().map_or(Verdict::Passes, |rest| rest.judge(tag, event))
    }
}

impl<T: Clone + PartialEq> FilterIndex<T> {
    /// Adds a filter; changes nothing when it is there already.
    pub fn insert(&mut self, filter: &Filter, target: &T) {
        self.remove(filter, target);
        match filter.equalities().min_by_key(|equality| self.cost(*equality)) {
            Some(equality) => self.insert_by(equality, &Entry::new(target, filter.rest_after(equality))),
            None => self.others.push(Entry::new(target, filter.clone())),
        }
    }

    fn insert_by(&mut self, equality: Equality<'_>, entry: &Entry<T>) {
        let field = self.fields.insert(equality.name);
        for key in equality.any_of.keys() {
            if key == Key::Null {
                self.nulls.insert(field);
            }
            let hash_of = |bucket: &Bucket<T>| hash(&self.hashing, bucket.field, bucket.key.borrowed());
            let bucket =
                self.buckets.entry(hash(&self.hashing, field, key), |bucket| bucket.is(field, key), hash_of);
            let bucket = bucket.or_insert_with(|| Bucket { field, key: key.to_owned(), entries: Vec::new() });
            bucket.into_mut().entries.push(entry.clone());
        }
    }

    /// Takes a filter out again; changes nothing when it is not there.
    pub fn remove(&mut self, filter: &Filter, target: &T) {
        match filter.equalities().find(|equality| self.is_found_by(*equality, target)) {
            Some(equality) => self.remove_by(equality, target),
            None => self.others.retain(|entry| entry.target != *target),
        }
    }

    fn remove_by(&mut self, equality: Equality<'_>, target: &T) {
        let Some(field) = self.fields.get(equality.name) else { return };
        for key in equality.any_of.keys() {
            let hash = hash(&self.hashing, field, key);
            let Ok(mut bucket) = self.buckets.find_entry(hash, |bucket| bucket.is(field, key)) else {
                continue;
            };
            bucket.get_mut().entries.retain(|entry| entry.target != *target);
            if bucket.get().entries.is_empty() {
                bucket.remove();
                if key == Key::Null {
                    self.nulls.remove(&field);
                }
            }
        }
        self.fields.remove(equality.name);
    }

    /// Calls `found` for every filter the event passes, once each. Returns how many were
    /// [given up](Verdict::GivenUp).
    pub fn matching<'a>(&'a self, tag: &Tag, event: &Event<'_>, mut found: impl FnMut(&'a T)) -> u64 {
        let mut given_up = 0;
        let mut ask = |entries: &'a [Entry<T>]| {
            for entry in entries {
                match entry.judge(tag, event) {
                    Verdict::Passes => found(&entry.target),
                    Verdict::Fails => {}
                    Verdict::GivenUp => given_up += 1,
                }
            }
        };
        let mut fields = Found::new();
        self.fields.find(event.record, &mut fields);
        for (field, value) in &fields {
            if let Some(key) = Reader::new(value).read().ok().and_then(Key::of) {
                ask(self.bucket(*field, key));
            }
        }
        for field in &self.nulls {
            if fields.binary_search_by_key(field, |(field, _)| *field).is_err() {
                ask(self.bucket(*field, Key::Null));
            }
        }
        ask(&self.others);
        given_up
    }

    /// Whether there are no filters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty() && self.others.is_empty()
    }

    fn bucket(&self, field: PathId, key: Key<&[u8]>) -> &[Entry<T>] {
        let bucket = self.buckets.find(hash(&self.hashing, field, key), |bucket| bucket.is(field, key));
        bucket.map_or(&[], |bucket| &bucket.entries)
    }

    /// What it would cost events to find a filter by this equality. A value that many filters ask for
    /// is one that many records have.
    fn cost(&self, equality: Equality<'_>) -> impl Ord + use<T> {
        let field = self.fields.get(equality.name);
        let in_bucket = |key| field.map_or(0, |field| self.bucket(field, key).len());
        let beside: usize = equality.any_of.keys().into_iter().map(in_bucket).sum();
        (equality.any_of.breadth(), beside, equality.any_of.len())
    }

    fn is_found_by(&self, equality: Equality<'_>, target: &T) -> bool {
        let Some(field) = self.fields.get(equality.name) else { return false };
        let mut keys = equality.any_of.keys().into_iter();
        keys.any(|key| self.bucket(field, key).iter().any(|entry| entry.target == *target))
    }
}

impl<T> Bucket<T> {
    fn is(&self, field: PathId, key: Key<&[u8]>) -> bool {
        self.field == field && self.key.borrowed() == key
    }
}

fn hash(hashing: &RandomState, field: PathId, key: Key<&[u8]>) -> u64 {
    let mut hasher = hashing.build_hasher();
    field.hash(&mut hasher);
    match key {
        Key::Null => hasher.write_u8(0),
        Key::Bool(truth) => hasher.write_u8(1 + u8::from(truth)),
        Key::Number(bits) => hasher.write_u64(bits),
        Key::Text(bytes) => hasher.write(bytes),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;
