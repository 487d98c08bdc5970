//! MessagePack to JSON, directly, into the caller's buffer.

/// What one record's translation had to mend. The caller counts these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// NaN or infinite floats written as `null`.
    pub not_finite: u32,
    /// Strings with invalid UTF-8, which was replaced by U+FFFD.
    pub invalid_utf8: u32,
}

impl std::ops::AddAssign for Mended {
    fn add_assign(&mut self, more: Self) {
        self.not_finite = self.not_finite.saturating_add(more.not_finite);
        self.invalid_utf8 = self.invalid_utf8.saturating_add(more.invalid_utf8);
    }
}

/// Appends one whole MessagePack value as JSON and returns what had to be mended. `value` must be
/// structurally sound (an [`crate::Event`]'s record is).
///
/// Always valid UTF-8 and valid JSON. Nothing but `"`, `\` and control characters is escaped (`\b \f \n \r \t`, else
/// `\u001F` with upper-case hex). Integers are exact. Floats are the shortest text that reads back to the same double,
/// with `.0` kept. NaN and infinity: `null`. bin: text when it is UTF-8, else base64. Keys that are no
/// strings: their JSON text as a string. A duplicate key keeps the first position and the last value.
/// EventTime: whole seconds. Other ext: base64 of the data.
///
/// # Errors
/// [`crate::msgpack::ReadError`] when the value was not sound after all; `out` is then as it was.
pub fn write_value(out: &mut Vec<u8>, value: &[u8]) -> Result<Mended, crate::msgpack::ReadError> {
    todo!()
}

/// Appends `text` as a JSON string.
pub fn write_str(out: &mut Vec<u8>, text: &str) {
    todo!()
}
