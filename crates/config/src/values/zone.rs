//! Time zones as Fluentd writes them.

use super::Advice;
use crate::settings::Zone;

/// `+09:00`, `+0900`, `+09`, or a name such as `Asia/Tokyo` that this system knows.
///
/// # Errors
/// Anything else.
pub fn zone(text: &str) -> Result<Zone, Advice> {
    if let Some(offset) = offset(text) {
        return Ok(Zone::Named(offset));
    }
    let looks_like_a_name = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if looks_like_a_name && jiff::tz::TimeZone::get(text).is_ok() {
        return Ok(Zone::Named(text.to_owned()));
    }
    Err(Advice::new(format!("unknown time zone `{text}`")).help(
        "write `+09:00`, or a name this system knows, such as `Asia/Tokyo` (names need the system's tzdata)",
    ))
}

/// The offset in its long form, if the text is one.
fn offset(text: &str) -> Option<String> {
    let sign = text.chars().next().filter(|c| matches!(c, '+' | '-'))?;
    let digits = text[1..].replacen(':', "", usize::from(text.as_bytes().get(3) == Some(&b':')));
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        2 => (&digits[..], "00"),
        4 => digits.split_at(2),
        _ => return None,
    };
    let in_range = hours.parse::<u8>().is_ok_and(|h| h <= 14) && minutes.parse::<u8>().is_ok_and(|m| m < 60);
    in_range.then(|| format!("{sign}{hours}:{minutes}"))
}
