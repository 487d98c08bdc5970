//! Duplicate keys of maps that are being written: the first position and the last value stay, as in a
//! Ruby hash.
//!
//! Fields are written as they come; only a map that turns out to hold a key twice is put together
//! again from the pieces already written. So a map without duplicates costs a bit set for each key, or
//! a sort at worst, and one made of nothing else stays linear: it must never be written a second time from its source, for
//! nested maps would then double the work at each level.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use smallvec::SmallVec;

use crate::word;

/// Fields noted without an allocation: an everyday record has no more.
const FIELDS_INLINE: usize = 16;

/// Bits per map: enough that in most everyday maps each key has one of its own.
const SEEN_BITS: usize = 1024;

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
    /// A bit for each key so far: keys on bits of their own differ.
    seen: [u64; SEEN_BITS / 64],
    /// Whether a key fell on a bit that was set.
    seen_twice: bool,
}

impl OpenMaps {
    pub(crate) fn new() -> Self {
        Self { fields: SmallVec::new() }
    }

    pub(crate) fn open(&self) -> OpenMap {
        OpenMap { first: self.fields.len(), seen: [0; SEEN_BITS / 64], seen_twice: false }
    }

    /// Notes that a key was just written, from `key` up to `value`, and that its value comes next.
    /// `key_hash` is the [`hash`] of it or of a part that stands for it.
    #[inline]
    pub(crate) fn note_key(&mut self, map: &mut OpenMap, key_hash: u64, key: usize, value: usize) {
        let at = usize::try_from(mix(0, key_hash) >> 48).unwrap_or(0) % SEEN_BITS;
        let (seen, bit) = (&mut map.seen[at / 64], 1 << (at % 64));
        map.seen_twice |= *seen & bit != 0;
        *seen |= bit;
        self.fields.push(Field { key_hash, key, value });
    }

    /// Whether two keys of the innermost map may be the same: then [`OpenMaps::drop_duplicates`] must have
    /// a look, once the map's last value is written.
    #[inline]
    pub(crate) fn may_hold_duplicates(&mut self, map: &OpenMap) -> bool {
        map.seen_twice && self.have_equal_hashes(map)
    }

    #[inline(never)]
    fn have_equal_hashes(&mut self, map: &OpenMap) -> bool {
        let Some(fields) = self.fields.get_mut(map.first..) else { return false };
        fields.sort_unstable_by_key(|field| field.key_hash);
        let found = fields.windows(2).any(|pair| pair[0].key_hash == pair[1].key_hash);
        fields.sort_unstable_by_key(|field| field.key);
        found
    }

    /// Puts the innermost map, whose last value ends `out`, together again with each key once.
    /// `separator` stands between two fields.
    #[cold]
    pub(crate) fn drop_duplicates(&mut self, map: &OpenMap, out: &mut Vec<u8>, separator: &[u8]) {
        let kept = drop_duplicates(self.fields.get(map.first..).unwrap_or_default(), out, separator);
        self.fields.truncate(map.first + kept);
    }

    /// Ends the innermost map and returns how many fields it has kept.
    #[inline]
    pub(crate) fn close(&mut self, map: &OpenMap) -> usize {
        let kept = self.fields.len().saturating_sub(map.first);
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

/// Quick, and no more: keys made to collide only cost a look at the keys themselves. Texts shorter than a
/// word never collide, but for those that end in NUL.
#[inline(always)]
pub(crate) fn hash(key: &[u8]) -> u64 {
    if key.len() < 8 {
        return word::of_short(key);
    }
    match word::ends(key) {
        Some((first, last)) if key.len() <= 16 => mix(mix(key.len() as u64, first), last),
        _ => hash_of_long(key),
    }
}

fn hash_of_long(key: &[u8]) -> u64 {
    let (words, tail) = key.as_chunks::<8>();
    let hash = words.iter().fold(0, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    mix(hash, word::of_short(tail) | (tail.len() as u64) << 56)
}

#[inline(always)]
fn mix(hash: u64, word: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    (hash.rotate_left(5) ^ word).wrapping_mul(ODD)
}
