//! Filters from the query string (`?foo=bar`) and the index that finds, for an event, the views whose
//! filter it passes, at the cost of those that match rather than of all.

use std::collections::{BTreeMap, HashMap};

use fluentcast_event::field;
use fluentcast_event::msgpack::Value;

/// A filter: all conditions must hold. Equal filters compare equal however they were written, so that
/// clients share a view.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Field name to the values of which any will do. Sorted, without duplicates.
    conditions: BTreeMap<String, Vec<Expected>>,
}

/// A value as a client wrote it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Expected {
    /// `?k`: null, or no such field (what the original's comparison with nil gives).
    Null,
    /// `?k=text`: that text, or the number or boolean that the text reads as.
    Text(String),
}

/// What a record's value and an expected one have in common when they may be equal. Equal keys are
/// necessary, not sufficient: integers beyond 2^53 share the key of their double.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Null,
    Bool(bool),
    Number(u64),
    Text(Box<[u8]>),
}

impl Key {
    /// The key of a number; -0.0 equals 0.0.
    fn number(number: f64) -> Self {
        Self::Number((number + 0.0).to_bits())
    }
}

impl Expected {
    /// The keys under which a value that equals this one may stand.
    fn keys(&self) -> Vec<Key> {
        let Self::Text(text) = self else { return vec![Key::Null] };
        let mut keys = vec![Key::Text(text.as_bytes().into())];
        keys.extend(text.parse().ok().map(Key::Bool));
        keys.extend(text.parse().ok().filter(|number: &f64| !number.is_nan()).map(Key::number));
        keys
    }

    /// Whether the record's value is this one.
    fn equals(&self, value: Option<Value<'_>>) -> bool {
        let text = match self {
            Self::Null => return matches!(value, None | Some(Value::Nil)),
            Self::Text(text) => text,
        };
        match value {
            Some(Value::Str(bytes) | Value::Bin(bytes)) => bytes == text.as_bytes(),
            Some(Value::Bool(truth)) => text.parse() == Ok(truth),
            // Integers compare exactly while the text is one; `6.0` and `6e0` are 6 as well.
            Some(Value::UInt(number)) => match text.parse::<i128>() {
                Ok(integer) => integer == i128::from(number),
                Err(_) => float_equals(text, number as f64),
            },
            Some(Value::Int(number)) => match text.parse::<i128>() {
                Ok(integer) => integer == i128::from(number),
                Err(_) => float_equals(text, number as f64),
            },
            Some(Value::F32(number)) => float_equals(text, f64::from(number)),
            Some(Value::F64(number)) => float_equals(text, number),
            None | Some(Value::Nil | Value::Array(_) | Value::Map(_) | Value::Ext(..)) => false,
        }
    }
}

fn float_equals(text: &str, number: f64) -> bool {
    text.parse() == Ok(number)
}

/// The index key of a record's value; `None` when no filter can equal it.
fn key_of(value: Option<Value<'_>>) -> Option<Key> {
    match value {
        None | Some(Value::Nil) => Some(Key::Null),
        Some(Value::Bool(truth)) => Some(Key::Bool(truth)),
        Some(Value::UInt(number)) => Some(Key::number(number as f64)),
        Some(Value::Int(number)) => Some(Key::number(number as f64)),
        Some(Value::F32(number)) => Some(Key::number(f64::from(number))),
        Some(Value::F64(number)) => Some(Key::number(number)),
        Some(Value::Str(bytes) | Value::Bin(bytes)) => Some(Key::Text(bytes.into())),
        Some(Value::Array(_) | Value::Map(_) | Value::Ext(..)) => None,
    }
}

impl Filter {
    /// A filter from names and values of a query string, decoded; `None` is a name without `=`. A
    /// repeated name means any of its values.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, Option<String>)>) -> Self {
        let mut conditions: BTreeMap<String, Vec<Expected>> = BTreeMap::new();
        for (name, value) in pairs {
            conditions.entry(name).or_default().push(value.map_or(Expected::Null, Expected::Text));
        }
        for any_of in conditions.values_mut() {
            any_of.sort();
            any_of.dedup();
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
        self.conditions.iter().all(|(name, any_of)| {
            let value = field::lookup(record, name);
            any_of.iter().any(|expected| expected.equals(value))
        })
    }
}

/// Filters by the value their first condition asks for. The cost of an event is one look-up per
/// distinct field name, and then that of the filters whose first condition holds.
#[derive(Debug)]
pub struct FilterIndex<T> {
    by_name: BTreeMap<String, HashMap<Key, Vec<(Filter, T)>>>,
}

impl<T> Default for FilterIndex<T> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new() }
    }
}

impl<T: Clone + PartialEq> FilterIndex<T> {
    /// Adds a filter with at least one condition; one without is not indexed, as it needs no look-up.
    pub fn insert(&mut self, filter: &Filter, target: &T) {
        let Some((name, any_of)) = filter.conditions.first_key_value() else { return };
        let by_key = self.by_name.entry(name.clone()).or_default();
        for key in any_of.iter().flat_map(Expected::keys) {
            let entries = by_key.entry(key).or_default();
            // `6` and `6.0` share a key: one entry is enough for both.
            if !entries.iter().any(|(_, known)| known == target) {
                entries.push((filter.clone(), target.clone()));
            }
        }
    }

    /// Takes a filter out again.
    pub fn remove(&mut self, filter: &Filter, target: &T) {
        let Some((name, any_of)) = filter.conditions.first_key_value() else { return };
        let Some(by_key) = self.by_name.get_mut(name) else { return };
        for key in any_of.iter().flat_map(Expected::keys) {
            if let Some(entries) = by_key.get_mut(&key) {
                entries.retain(|(_, known)| known != target);
                if entries.is_empty() {
                    by_key.remove(&key);
                }
            }
        }
        if by_key.is_empty() {
            self.by_name.remove(name);
        }
    }

    /// Calls `found` for every filter the record passes, once each.
    pub fn matching<'a>(&'a self, record: &[u8], mut found: impl FnMut(&'a T)) {
        for (name, by_key) in &self.by_name {
            let Some(key) = key_of(field::lookup(record, name)) else { continue };
            for (filter, target) in by_key.get(&key).into_iter().flatten() {
                if filter.passes(record) {
                    found(target);
                }
            }
        }
    }

    /// Whether there are no filters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

#[cfg(test)]
mod tests;
