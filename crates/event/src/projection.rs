//! Some fields of a record instead of all (`$fields=a,b.c`).
//!
//! Clients choose the fields and senders the records. A field is found as [`crate::field::lookup`] finds
//! it: a key that really contains the dots wins over nesting, of duplicate keys the last counts, and no
//! nested map is entered twice for one field. Nothing is decoded: what is kept is copied as the bytes it
//! is.

use smallvec::SmallVec;

use crate::limits::{FILTER_NAME_BYTES_MAX, PROJECTION_FIELDS_MAX};
use crate::msgpack::{self, ReadError, Reader, Value};

#[cfg(test)]
mod tests;

/// The fields that a client asks for. Those of the same fields are equal, in whatever order and however
/// often they were named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Projection {
    /// Sorted, without duplicates.
    names: Vec<String>,
}

/// Why a list of fields is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectionError {
    /// Nothing before, between or behind the commas.
    #[error("field {0} of the list has no name: write the names with one comma between two, such as a,b.c")]
    EmptyName(usize),
    /// More than [`PROJECTION_FIELDS_MAX`].
    #[error("more than {PROJECTION_FIELDS_MAX} fields: leave some out, or take whole maps")]
    TooMany,
    /// Longer than [`FILTER_NAME_BYTES_MAX`].
    #[error("the name of field {0} of the list has more than {FILTER_NAME_BYTES_MAX} bytes")]
    NameTooLong(usize),
}

impl Projection {
    /// From names with commas between them. There is no way to name a field that contains a comma, other
    /// than by the map it is in.
    ///
    /// # Errors
    /// All of [`ProjectionError`].
    pub fn parse(list: &str) -> Result<Self, ProjectionError> {
        Self::of(list.split(',').map(str::to_owned))
    }

    /// From names.
    ///
    /// # Errors
    /// All of [`ProjectionError`].
    pub fn of(list: impl IntoIterator<Item = String>) -> Result<Self, ProjectionError> {
        Ok(Self { names: sorted_names(list)? })
    }

    /// The names, sorted.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Appends the record with these fields only, in the record's own order; nested ones stay within
    /// their maps. Fields that are not there are left out; what is no map has none.
    ///
    /// # Errors
    /// When the record is broken; then nothing is appended.
    pub fn write(&self, record: &[u8], out: &mut Vec<u8>) -> Result<(), ReadError> {
        Reader::new(record).skip()?;
        let mut places: SmallVec<[Place; 8]> = SmallVec::new();
        for name in &self.names {
            let mut place = Place::new();
            if locate(record, 0, name.as_bytes(), &mut place) {
                places.push(place);
            }
        }
        // By where they stand. A whole map comes before what is in it.
        places.sort_unstable();
        write_map(record, &places, 0, out);
        Ok(())
    }
}

/// The names of a list that is none of the mistakes there are, sorted, each once.
pub(crate) fn sorted_names(list: impl IntoIterator<Item = String>) -> Result<Vec<String>, ProjectionError> {
    let mut names = Vec::new();
    for (index, name) in list.into_iter().enumerate() {
        if index == PROJECTION_FIELDS_MAX {
            return Err(ProjectionError::TooMany);
        }
        if name.is_empty() {
            return Err(ProjectionError::EmptyName(index + 1));
        }
        if name.len() > FILTER_NAME_BYTES_MAX {
            return Err(ProjectionError::NameTooLong(index + 1));
        }
        names.push(name);
    }
    if names.is_empty() {
        return Err(ProjectionError::EmptyName(1));
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// The entries that lead to a field, outermost first.
type Place = SmallVec<[Entry; 4]>;

/// An entry of a map: where in the record its key and its value start, and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    key: usize,
    value: usize,
    end: usize,
}

/// Adds the entries that lead to a path in the map at `start`; says whether there are any.
fn locate(record: &[u8], start: usize, path: &[u8], place: &mut Place) -> bool {
    let mut shorter_than = usize::MAX;
    while let Ok(Some((key_len, entry))) = longest_key(record, start, path, shorter_than) {
        place.push(entry);
        match path.get(key_len + 1..) {
            None => return true,
            Some(inner) if locate(record, entry.value, inner, place) => return true,
            Some(_) => {}
        }
        place.pop();
        shorter_than = key_len;
    }
    false
}

/// Of the keys that are `path` or its beginning up to a dot, the longest below `shorter_than`: its
/// length, and its last entry.
fn longest_key(
    record: &[u8],
    start: usize,
    path: &[u8],
    shorter_than: usize,
) -> Result<Option<(usize, Entry)>, ReadError> {
    let mut reader = Reader::new(record.get(start..).unwrap_or_default());
    let Value::Map(len) = reader.read()? else { return Ok(None) };
    let mut longest = None;
    for _ in 0..len {
        let key = start + reader.position();
        let name = Reader::new(reader.skip()?).read()?;
        let value = start + reader.position();
        reader.skip()?;
        let (Value::Str(name) | Value::Bin(name)) = name else { continue };
        let leads = path.strip_prefix(name).is_some_and(|rest| matches!(rest, [] | [b'.', ..]));
        if leads && name.len() < shorter_than && longest.is_none_or(|(len, _)| name.len() >= len) {
            longest = Some((name.len(), Entry { key, value, end: start + reader.position() }));
        }
    }
    Ok(longest)
}

/// Appends a map of the entries that the places have at `level`.
fn write_map(record: &[u8], places: &[Place], level: usize, out: &mut Vec<u8>) {
    let entries = || places.chunk_by(|one, other| one.get(level) == other.get(level));
    // At most `PROJECTION_FIELDS_MAX`.
    msgpack::write_map_head(out, u32::try_from(entries().count()).unwrap_or(u32::MAX));
    for places in entries() {
        let Some(Entry { key, value, end }) = places.first().and_then(|place| place.get(level)) else {
            continue;
        };
        if places.iter().any(|place| place.len() == level + 1) {
            out.extend_from_slice(record.get(*key..*end).unwrap_or_default());
        } else {
            out.extend_from_slice(record.get(*key..*value).unwrap_or_default());
            write_map(record, places, level + 1, out);
        }
    }
}
