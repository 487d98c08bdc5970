//! The fields of a record in their order, each value the JSON text it is. Nothing is parsed further, so
//! neither depth nor size costs anything.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Names and values of one record.
#[derive(Debug)]
pub(super) struct Fields<'a>(Vec<(String, &'a RawValue)>);

/// The fields of a record; `None` when it is no object.
pub(super) fn of(record: &RawValue) -> Option<Fields<'_>> {
    serde_json::from_str(record.get()).ok()
}

/// The text of a JSON string; `None` for any other value.
pub(super) fn string(value: &str) -> Option<String> {
    value.starts_with('"').then(|| serde_json::from_str(value).ok()).flatten()
}

impl Fields<'_> {
    /// Which field has the first of these names, in whatever case, and a fitting value.
    pub(super) fn find(&self, names: &[&str], fits: impl Fn(&str) -> bool) -> Option<usize> {
        names.iter().find_map(|wanted| {
            self.0.iter().position(|(name, value)| name.eq_ignore_ascii_case(wanted) && fits(value.get()))
        })
    }

    pub(super) fn value(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(|(_, value)| value.get())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.get()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a record")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(InOrder).map(Self)
    }
}
