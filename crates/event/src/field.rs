//! Reaching into a record for one field, or for many at once.
//!
//! Clients choose the paths and senders the records: a lookup must never enter one nested map twice,
//! whatever the path.

use crate::msgpack::{ReadError, Reader, SIZE_BY_HEAD, Value};

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
    each_entry(map, |key, value| {
        let leads = path.strip_prefix(key).is_some_and(|rest| matches!(rest, [] | [b'.', ..]));
        if leads && key.len() < shorter_than && longest.is_none_or(|(len, _)| key.len() >= len) {
            longest = Some((key.len(), value));
        }
    })?;
    Ok(longest)
}

/// Calls `each` with the entries of a map whose keys are text, in their order. What is no map has none.
///
/// Short keys with short values are most of what records are made of. They are read right here: a
/// [`Reader`] for them would cost more than all the rest of a lookup.
#[inline]
fn each_entry<'a>(map: &'a [u8], mut each: impl FnMut(&'a [u8], &'a [u8])) -> Result<(), ReadError> {
    let (len, mut rest) = match map {
        [head @ 0x80..=0x8f, rest @ ..] => (u32::from(head & 0x0f), rest),
        _ => any_map(map)?,
    };
    for _ in 0..len {
        let (key, after) = match short_key(rest) {
            Some((key, after)) => (Some(key), after),
            None => any_key(rest)?,
        };
        let (value, after) = match short_value(after) {
            Some(split) => split,
            None => any_value(after)?,
        };
        rest = after;
        if let Some(key) = key {
            each(key, value);
        }
    }
    Ok(())
}

/// Entries of the map, and what follows its head.
#[cold]
fn any_map(bytes: &[u8]) -> Result<(u32, &[u8]), ReadError> {
    let mut reader = Reader::new(bytes);
    let len = if let Value::Map(len) = reader.read()? { len } else { 0 };
    Ok((len, reader.rest()))
}

/// A short str, and what follows it.
#[inline]
fn short_key(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head @ 0xa0..=0xbf, rest) = bytes.split_first()? else { return None };
    rest.split_at_checked((head & 0x1f).into())
}

/// A value whose size its first bytes tell, whole, and what follows it.
#[inline]
fn short_value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let size = match SIZE_BY_HEAD[usize::from(*bytes.first()?)] {
        0 => match bytes {
            [0xd9, len, ..] => 2 + usize::from(*len),
            _ => return None,
        },
        size => size.into(),
    };
    bytes.split_at_checked(size)
}

/// A key, if it is text, and what follows it.
#[cold]
fn any_key(bytes: &[u8]) -> Result<(Option<&[u8]>, &[u8]), ReadError> {
    let mut reader = Reader::new(bytes);
    if let Value::Str(key) | Value::Bin(key) = reader.read()? {
        return Ok((Some(key), reader.rest()));
    }
    Ok((None, any_value(bytes)?.1))
}

/// A whole value, and what follows it.
#[cold]
fn any_value(bytes: &[u8]) -> Result<(&[u8], &[u8]), ReadError> {
    let mut reader = Reader::new(bytes);
    Ok((reader.skip()?, reader.rest()))
}
