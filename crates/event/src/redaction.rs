//! A record without some fields, wherever in it their names lead.
//!
//! The opposite of [`crate::projection`], and stricter: that finds a field, this must not miss one. A name
//! leads to a key that is the whole of it, dots included, and to every way to take it apart at its dots;
//! through lists into each of their elements; to every key of several that are the same; and to keys that
//! are no text by what JSON makes of them.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::json;
use crate::msgpack::{self, ReadError, Reader, Value};
use crate::projection::{ProjectionError, sorted_names};

#[cfg(test)]
mod tests;

/// The fields that are not to be there. Those of the same fields are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Redaction {
    /// Sorted, without duplicates.
    names: Vec<String>,
}

/// What of the names still leads on within a map or list.
type Paths<'a> = SmallVec<[&'a [u8]; 8]>;

impl Redaction {
    /// From names such as `user.password`.
    ///
    /// # Errors
    /// All of [`ProjectionError`].
    pub fn of(list: impl IntoIterator<Item = String>) -> Result<Self, ProjectionError> {
        Ok(Self { names: sorted_names(list)? })
    }

    /// Appends the record without these fields, in its own order.
    ///
    /// # Errors
    /// When the record is broken; then nothing is appended.
    pub fn write(&self, record: &[u8], out: &mut Vec<u8>) -> Result<(), ReadError> {
        // Also bounds how deep the rest recurses.
        Reader::new(record).skip()?;
        let start = out.len();
        let paths: Paths<'_> = self.names.iter().map(|name| name.as_bytes()).collect();
        write_value(&mut Reader::new(record), &paths, out).inspect_err(|_| out.truncate(start))
    }
}

/// Appends the next value without what the paths lead to.
fn write_value(reader: &mut Reader<'_>, paths: &[&[u8]], out: &mut Vec<u8>) -> Result<(), ReadError> {
    let mut inside = reader.clone();
    match inside.read()? {
        Value::Map(len) if !paths.is_empty() => {
            *reader = inside;
            write_map(reader, len, paths, out)
        }
        Value::Array(len) if !paths.is_empty() => {
            *reader = inside;
            msgpack::write_array_head(out, len);
            (0..len).try_for_each(|_| write_value(reader, paths, out))
        }
        _ => {
            out.extend_from_slice(reader.skip()?);
            Ok(())
        }
    }
}

fn write_map(reader: &mut Reader<'_>, len: u32, paths: &[&[u8]], out: &mut Vec<u8>) -> Result<(), ReadError> {
    let mut kept = 0;
    let mut entries = Vec::new();
    for _ in 0..len {
        let key = reader.skip()?;
        let mut inner = Paths::new();
        if leads(key, paths, &mut inner)? {
            reader.skip()?;
            continue;
        }
        kept += 1;
        entries.extend_from_slice(key);
        write_value(reader, &inner, &mut entries)?;
    }
    msgpack::write_map_head(out, kept);
    out.extend_from_slice(&entries);
    Ok(())
}

/// Whether a path leads to this key; else puts down what of those that lead through it is left.
fn leads<'a>(key: &[u8], paths: &[&'a [u8]], inner: &mut Paths<'a>) -> Result<bool, ReadError> {
    let name: Cow<'_, [u8]> = match Reader::new(key).read()? {
        Value::Str(text) | Value::Bin(text) => text.into(),
        Value::Nil => Cow::default(),
        // A map as a key holds fields of its own. Nobody sends such; nobody gets one.
        Value::Array(_) | Value::Map(_) => return Ok(true),
        _ => {
            let mut text = Vec::new();
            json::write_value(&mut text, key)?;
            text.into()
        }
    };
    for path in paths {
        match path.strip_prefix(&*name) {
            Some([]) => return Ok(true),
            Some([b'.', rest @ ..]) => inner.push(rest),
            _ => {}
        }
    }
    Ok(false)
}
