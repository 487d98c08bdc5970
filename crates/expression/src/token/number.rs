//! Numbers: `500`, `0x1f`, `7u`, `0.5`, `.5`, `1e6`.

use super::{Kind, is_name_part};
use crate::error::quoted;

/// The number at the beginning of a text that begins with one, and its length in bytes.
pub(super) fn read(text: &str) -> Result<(Kind<'static>, usize), String> {
    let word = word(text);
    let number = match word.strip_prefix("0x") {
        Some(digits) => integer(digits, 16),
        None if word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'u' | b'U')) => {
            integer(word, 10)
        }
        None => double(word),
    };
    match number {
        Some(number) => Ok((number, word.len())),
        None => Err(format!("{} is no number that can be expressed", quoted(word))),
    }
}

/// All that clings together: digits, letters, one dot before a digit, a sign behind an exponent.
fn word(text: &str) -> &str {
    let bytes = text.as_bytes();
    let is_hex = text.starts_with("0x");
    let mut seen_dot = is_hex;
    let mut end = 0;
    while let Some(&byte) = bytes.get(end) {
        let next_is_digit = bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        match byte {
            b'.' if !seen_dot && next_is_digit => seen_dot = true,
            b'+' | b'-' if !is_hex && next_is_digit && end > 0 && matches!(bytes[end - 1], b'e' | b'E') => {}
            _ if is_name_part(byte.into()) => {}
            _ => break,
        }
        end += 1;
    }
    &text[..end]
}

fn integer(digits: &str, radix: u32) -> Option<Kind<'static>> {
    let magnitude = digits.strip_suffix(['u', 'U']);
    let unsigned = magnitude.is_some();
    let magnitude = magnitude.unwrap_or(digits);
    if magnitude.starts_with('+') {
        return None;
    }
    Some(Kind::Integer { magnitude: u64::from_str_radix(magnitude, radix).ok()?, unsigned })
}

fn double(word: &str) -> Option<Kind<'static>> {
    let is_plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    if !word.bytes().all(is_plain) {
        return None;
    }
    word.parse().ok().filter(|double: &f64| double.is_finite()).map(Kind::Double)
}
