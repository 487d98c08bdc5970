//! Duplicate keys of maps that are being written: the first position and the last value stay, as in a
//! Ruby hash.
//!
//! Fields are written as they come; only a map that turns out to hold a key twice is put together
//! again from the pieces already written. So a map without duplicates costs a small sort, and one
//! made of nothing else stays linear: it must never be written a second time from its source, for
//! nested maps would then double the work at each level.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use smallvec::SmallVec;

/// Fields noted without an allocation: an everyday record has no more.
const FIELDS_INLINE: usize = 16;

/// The fields of all maps that are open at the moment, innermost last.
#[derive(Debug)]
pub(crate) struct OpenMaps {
    fields: SmallVec<[Field; FIELDS_INLINE]>,
}

#[derive(Clone, Copy, Debug)]
struct Field {
    key_hash: u64,
    /// Where the key starts in the output.
    key: usize,
    /// Where the value starts; everything before it is the key.
    value: usize,
}

/// A map that was opened and must be closed.
#[derive(Debug)]
#[must_use]
pub(crate) struct OpenMap {
    first: usize,
}

impl OpenMaps {
    pub(crate) fn new() -> Self {
        Self { fields: SmallVec::new() }
    }

    pub(crate) fn open(&self) -> OpenMap {
        OpenMap { first: self.fields.len() }
    }

    /// Notes that a key was just written from `key` to the end of `out`, and that its value comes next.
    pub(crate) fn note_key(&mut self, out: &[u8], key: usize) {
        let key_hash = hash(out.get(key..).unwrap_or_default());
        self.fields.push(Field { key_hash, key, value: out.len() });
    }

    /// Ends the innermost map, whose last value ends `out`, and returns how many fields it keeps.
    /// `separator` stands between two fields.
    pub(crate) fn close(&mut self, map: OpenMap, out: &mut Vec<u8>, separator: &[u8]) -> usize {
        let Some(fields) = self.fields.get_mut(map.first..) else { return 0 };
        fields.sort_unstable_by_key(|field| field.key_hash);
        let kept = if fields.windows(2).any(|pair| pair[0].key_hash == pair[1].key_hash) {
            fields.sort_unstable_by_key(|field| field.key);
            drop_duplicates(fields, out, separator)
        } else {
            fields.len()
        };
        self.fields.truncate(map.first);
        kept
    }
}

/// Puts the fields at the end of `out` together again, each key once.
fn drop_duplicates(fields: &[Field], out: &mut Vec<u8>, separator: &[u8]) -> usize {
    let start = fields.first().map_or(out.len(), |field| field.key);
    let written = out.split_off(start);
    let ends = fields.iter().skip(1).map(|next| next.key - separator.len() - start).chain([written.len()]);

    let mut kept: Vec<(&[u8], &[u8])> = Vec::with_capacity(fields.len());
    let mut position_by_key = HashMap::with_capacity(fields.len());
    for (field, end) in fields.iter().zip(ends) {
        let (key, value) = written[..end].split_at(field.value - start);
        let key = &key[field.key - start..];
        match position_by_key.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(kept.len());
                kept.push((key, value));
            }
            Entry::Occupied(position) => kept[*position.get()].1 = value,
        }
    }
    for (index, (key, value)) in kept.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(key);
        out.extend_from_slice(value);
    }
    kept.len()
}

/// Quick, and no more: keys made to collide only cost a look at the keys themselves.
fn hash(key: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, tail) = key.as_chunks::<8>();
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(ODD);
    let hash = words.iter().fold(0, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    mix(hash, tail.iter().fold(1, |word, &byte| word << 8 | u64::from(byte)))
}
