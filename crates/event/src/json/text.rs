//! Strings of JSON.

use super::out::Out;
use crate::word;

/// Appends `text` as a JSON string.
pub fn write_str(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|&byte| ESCAPE_BY_BYTE[usize::from(byte)] != 0) {
        let (run, tail) = rest.split_at(at);
        out.extend_from_slice(run);
        write_escaped(out, tail[0]);
        rest = &tail[1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn write_escaped(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    match ESCAPE_BY_BYTE[usize::from(byte)] {
        b'u' => {
            let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0x0f)]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
        letter => out.extend_from_slice(&[b'\\', letter]),
    }
}

/// What stands behind the backslash, `u` for `\u00XX`; 0 for what needs no escape.
static ESCAPE_BY_BYTE: [u8; 256] = {
    let mut table = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = b'u';
        control += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

/// Appends `text` between `before` and `after` if it is plain, or else nothing; returns whether it is.
#[inline(always)]
pub(super) fn write_plain<const BEFORE: usize, const AFTER: usize>(
    out: &mut Out,
    before: [u8; BEFORE],
    text: &[u8],
    after: [u8; AFTER],
) -> bool {
    /// Longest `before` and `after` together, in bytes.
    const AROUND_BYTES_MAX: usize = 4;
    const { assert!(BEFORE + AFTER <= AROUND_BYTES_MAX) };
    let len = text.len();
    match len {
        0..8 => {
            let word = word::of_short(text);
            if !word::is_short_plain(word, len) {
                return false;
            }
            out.write::<{ 8 + AROUND_BYTES_MAX }>(move |room| {
                let len = len & 7;
                room[..BEFORE].copy_from_slice(&before);
                room[BEFORE..][..8].copy_from_slice(&word.to_le_bytes());
                room[BEFORE + len..][..AFTER].copy_from_slice(&after);
                BEFORE + len + AFTER
            });
        }
        8..=16 => {
            let Some((first, last)) = word::ends(text) else { return false };
            if !(word::is_plain(first) && word::is_plain(last)) {
                return false;
            }
            out.write::<{ 32 + AROUND_BYTES_MAX }>(move |room| {
                let len = len & 31;
                room[..BEFORE].copy_from_slice(&before);
                room[BEFORE..][..8].copy_from_slice(&first.to_le_bytes());
                room[BEFORE + len - 8..][..8].copy_from_slice(&last.to_le_bytes());
                room[BEFORE + len..][..AFTER].copy_from_slice(&after);
                BEFORE + len + AFTER
            });
        }
        _ => {
            if !is_plain(text) {
                return false;
            }
            out.push(before);
            out.extend(text);
            out.push(after);
        }
    }
    true
}

/// Whether `text` is ASCII without anything to escape, as nearly all is: then its bytes are its JSON.
pub(super) fn is_plain(text: &[u8]) -> bool {
    /// A register of the processor.
    const LANES: usize = 16;
    let Some(last) = text.last_chunk::<LANES>() else {
        return match word::ends(text) {
            Some((first, last)) => word::is_plain(first) && word::is_plain(last),
            None => word::is_short_plain(word::of_short(text), text.len()),
        };
    };
    // What is left over at the end is looked at with what stands before it, some of it again.
    let mut special = [0; LANES];
    for chunk in text.as_chunks::<LANES>().0.iter().chain([last]) {
        for (special, &byte) in special.iter_mut().zip(chunk) {
            // As a signed number, what is not ASCII is below the control characters.
            *special |=
                u8::from(byte.cast_signed() < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
        }
    }
    u128::from_le_bytes(special) == 0
}
