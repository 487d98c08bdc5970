//! Looking into a raw record and taking things out of it, for filters.
//!
//! Nothing here builds a tree: values are found by skipping over the others and stay the bytes they are.
//! Records come from senders; what is not sound counts as not there, and nothing may panic.

use std::borrow::Cow;
use std::ops::Range;

use crate::json;
use crate::msgpack::{self, Reader, Value};

#[cfg(test)]
mod tests;

/// A step of a record accessor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// A key of a map.
    Key(String),
    /// An index of an array; negative counts from the end.
    Index(i64),
}

/// A key and a value of a map, each one whole MessagePack value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

impl<'a> Field<'a> {
    /// The bytes of the key, str and bin alike; `None` for a key of any other type.
    #[must_use]
    pub fn name(&self) -> Option<&'a [u8]> {
        match Reader::new(self.key).read() {
            Ok(Value::Str(name) | Value::Bin(name)) => Some(name),
            _ => None,
        }
    }
}

/// The fields of a map in order, duplicates included; nothing for anything else.
pub fn fields(map: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut reader = Reader::new(map);
    let count = match reader.read() {
        Ok(Value::Map(count)) => count,
        _ => 0,
    };
    (0..count).map_while(move |_| Some(Field { key: reader.skip().ok()?, value: reader.skip().ok()? }))
}

/// The whole value at a path; of duplicate keys the last. The empty path leads to the record itself.
#[must_use]
pub fn find<'a>(record: &'a [u8], path: &[PathStep]) -> Option<&'a [u8]> {
    locate(record, path).map(|place| &record[place])
}

/// The record without the value at a path, or `None` when nothing is there. Of duplicate keys all go; the
/// elements of an array move up.
#[must_use]
pub fn without(record: &[u8], path: &[PathStep]) -> Option<Vec<u8>> {
    let (step, parents) = path.split_last()?;
    let place = locate(record, parents)?;
    let container = &record[place.clone()];
    // Lengths in bytes stand nowhere in MessagePack's containers: only the nearest one's count changes.
    let mut out = Vec::with_capacity(record.len());
    out.extend_from_slice(&record[..place.start]);
    match step {
        PathStep::Key(name) => {
            let Value::Map(count) = Reader::new(container).read().ok()? else { return None };
            let mut kept: Vec<_> = fields(container).collect();
            let complete = u32::try_from(kept.len()) == Ok(count);
            kept.retain(|field| field.name() != Some(name.as_bytes()));
            let left = u32::try_from(kept.len()).ok().filter(|left| complete && *left < count)?;
            msgpack::write_map_head(&mut out, left);
            for field in kept {
                out.extend_from_slice(field.key);
                out.extend_from_slice(field.value);
            }
        }
        PathStep::Index(_) => {
            let gone = child(container, step)?;
            let mut reader = Reader::new(container);
            let Value::Array(count @ 1..) = reader.read().ok()? else { return None };
            msgpack::write_array_head(&mut out, count - 1);
            out.extend_from_slice(&container[reader.position()..gone.start]);
            out.extend_from_slice(&container[gone.end..]);
        }
    }
    out.extend_from_slice(&record[place.end..]);
    Some(out)
}

/// A value as text: strings as they are (invalid UTF-8 replaced), nil as nothing, everything else as JSON.
#[must_use]
pub fn text(value: &[u8]) -> Cow<'_, str> {
    match Reader::new(value).read() {
        Ok(Value::Str(text) | Value::Bin(text)) => String::from_utf8_lossy(text),
        Ok(Value::Nil) | Err(_) => Cow::Borrowed(""),
        Ok(Value::Bool(true)) => Cow::Borrowed("true"),
        Ok(Value::Bool(false)) => Cow::Borrowed("false"),
        Ok(Value::UInt(number)) => Cow::Owned(number.to_string()),
        Ok(Value::Int(number)) => Cow::Owned(number.to_string()),
        Ok(_) => {
            let mut out = Vec::new();
            // What cannot be written leaves `out` empty: nothing, like a value that is not there.
            let _ = json::write_value(&mut out, value);
            Cow::Owned(String::from_utf8(out).unwrap_or_default())
        }
    }
}

fn locate(record: &[u8], path: &[PathStep]) -> Option<Range<usize>> {
    path.iter().try_fold(0..record.len(), |outer, step| {
        let inner = child(&record[outer.clone()], step)?;
        Some(outer.start + inner.start..outer.start + inner.end)
    })
}

/// Where one step into a container leads.
fn child(container: &[u8], step: &PathStep) -> Option<Range<usize>> {
    let mut reader = Reader::new(container);
    let next = |reader: &mut Reader<'_>| {
        let start = reader.position();
        reader.skip().ok()?;
        Some(start..reader.position())
    };
    match (reader.read().ok()?, step) {
        (Value::Map(count), PathStep::Key(name)) => {
            let mut found = None;
            for _ in 0..count {
                let key = Reader::new(reader.skip().ok()?).read();
                let value = next(&mut reader)?;
                if matches!(key, Ok(Value::Str(key) | Value::Bin(key)) if key == name.as_bytes()) {
                    found = Some(value);
                }
            }
            found
        }
        (Value::Array(count), PathStep::Index(index)) => {
            let count = i64::from(count);
            let index = if *index < 0 { count.checked_add(*index)? } else { *index };
            if !(0..count).contains(&index) {
                return None;
            }
            for _ in 0..index {
                reader.skip().ok()?;
            }
            next(&mut reader)
        }
        _ => None,
    }
}
