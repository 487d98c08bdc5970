//! Reaching into a record for one field, or for many at once.
//!
//! Clients choose the paths and senders the records: a lookup must never enter one nested map twice,
//! whatever the path.

use crate::msgpack::{ReadError, Reader, Value};

mod paths;
#[cfg(test)]
mod tests;

pub use paths::{Found, PathId, PathSet};

/// The value at a dotted path in a record: a key that really contains the dots wins over nesting; the
/// last of duplicate keys wins. Scalars are complete; of a map or an array only the head is returned.
/// `None` when nothing is there. Keys compare by bytes, str and bin alike.
#[must_use]
pub fn lookup<'a>(record: &'a [u8], path: &str) -> Option<Value<'a>> {
    find(record, path.as_bytes())
}

fn find<'a>(map: &'a [u8], path: &[u8]) -> Option<Value<'a>> {
    let mut shorter_than = usize::MAX;
    loop {
        let (key_len, value) = longest_key(map, path, shorter_than).ok()??;
        match path.get(key_len + 1..) {
            None => return Reader::new(value).read().ok(),
            Some(inner) => {
                if let Some(found) = find(value, inner) {
                    return Some(found);
                }
            }
        }
        shorter_than = key_len;
    }
}

/// Of the keys that are `path` or its beginning up to a dot, the longest below `shorter_than`: its
/// length, and the value of its last occurrence.
fn longest_key<'a>(
    map: &'a [u8],
    path: &[u8],
    shorter_than: usize,
) -> Result<Option<(usize, &'a [u8])>, ReadError> {
    let mut longest = None;
    let mut entries = Entries::of(map)?;
    while let Some((key, value)) = entries.next()? {
        let leads = path.strip_prefix(key).is_some_and(|rest| matches!(rest, [] | [b'.', ..]));
        if leads && key.len() < shorter_than && longest.is_none_or(|(len, _)| key.len() >= len) {
            longest = Some((key.len(), value));
        }
    }
    Ok(longest)
}

/// The entries of a map whose keys are text, in their order.
struct Entries<'a> {
    reader: Reader<'a>,
    /// Entries not read yet, whatever their keys.
    left: u32,
}

impl<'a> Entries<'a> {
    /// Of the map that `value` is; what is no map has none.
    fn of(value: &'a [u8]) -> Result<Self, ReadError> {
        let mut reader = Reader::new(value);
        let left = if let Value::Map(len) = reader.read()? { len } else { 0 };
        Ok(Self { reader, left })
    }

    /// The next key and its value.
    fn next(&mut self) -> Result<Option<(&'a [u8], &'a [u8])>, ReadError> {
        while self.left > 0 {
            self.left -= 1;
            let start = self.reader.clone();
            if let Value::Str(key) | Value::Bin(key) = self.reader.read()? {
                return Ok(Some((key, self.reader.skip()?)));
            }
            self.reader = start;
            self.reader.skip()?;
            self.reader.skip()?;
        }
        Ok(None)
    }
}
