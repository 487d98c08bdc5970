//! Reaching into a record for one field.
//!
//! Clients choose the paths and senders the records: a lookup must never enter one nested map twice,
//! whatever the path.

use crate::msgpack::{ReadError, Reader, Value};

#[cfg(test)]
mod tests;

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
    let mut reader = Reader::new(map);
    let Value::Map(len) = reader.read()? else { return Ok(None) };
    let mut longest = None;
    for _ in 0..len {
        let start = reader.clone();
        let key = match reader.read()? {
            Value::Str(key) | Value::Bin(key) => Some(key),
            _ => {
                reader = start;
                reader.skip()?;
                None
            }
        };
        let value = reader.skip()?;
        let Some(key) = key.filter(|key| key.len() < shorter_than) else { continue };
        let leads = path.strip_prefix(key).is_some_and(|rest| matches!(rest, [] | [b'.', ..]));
        if leads && longest.is_none_or(|(len, _)| key.len() >= len) {
            longest = Some((key.len(), value));
        }
    }
    Ok(longest)
}
