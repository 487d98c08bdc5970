//! Text looked at eight bytes at a time, as little-endian words: most keys and many values are one or
//! two of those.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x80 * ONES;

/// The bytes of a text shorter than a word, the rest 0.
#[inline(always)]
pub(crate) fn of_short(text: &[u8]) -> u64 {
    debug_assert!(text.len() < 8);
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let shift = 8 * (text.len() - 4);
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << shift;
    }
    match *text {
        [a] => a.into(),
        [a, b] => u16::from_le_bytes([a, b]).into(),
        [a, b, c] => u32::from_le_bytes([a, b, c, 0]).into(),
        _ => 0,
    }
}

/// The first and the last eight bytes, which are all of a text up to twice as long.
#[inline(always)]
pub(crate) fn ends(text: &[u8]) -> Option<(u64, u64)> {
    Some((u64::from_le_bytes(*text.first_chunk()?), u64::from_le_bytes(*text.last_chunk()?)))
}

/// Whether these eight bytes are ASCII without anything that JSON escapes: then they are their JSON.
///
/// Subtracting sets a byte's high bit where it was smaller, or where it was set before and so disqualifies
/// the byte anyway. What is borrowed from the next byte is borrowed by one that disqualifies itself.
/// Turning over the bit that tells `"` from a space puts `"` next to the control characters.
#[inline(always)]
pub(crate) fn is_plain(word: u64) -> bool {
    const QUOTE_OR_SPACE: u8 = b'"' ^ b' ';
    let control_or_quote = (word ^ (u64::from(QUOTE_OR_SPACE) * ONES)).wrapping_sub(0x21 * ONES);
    let backslash = (word ^ (u64::from(b'\\') * ONES)).wrapping_sub(ONES);
    (word | control_or_quote | backslash) & HIGH_BITS == 0
}

/// [`is_plain`] for what [`of_short`] made of a text of `len` bytes.
#[inline(always)]
pub(crate) fn is_short_plain(word: u64, len: usize) -> bool {
    const SPACES: u64 = 0x20 * ONES;
    is_plain(word | SPACES << (8 * len))
}
