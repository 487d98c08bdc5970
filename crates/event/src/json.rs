//! MessagePack to JSON, directly, into the caller's buffer.
//!
//! What comes out must always be valid UTF-8 and valid JSON, whatever a sender put into its strings,
//! keys and floats: one record that a client cannot read would cost it the stream.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dedup::{self, OpenMaps};
use crate::limits::NESTING_DEPTH_MAX;
use crate::msgpack::{ReadError, Reader, Value};

use out::Out;

mod number;
mod out;
#[cfg(test)]
mod tests;
mod text;

pub use text::write_str;

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
/// strings: their JSON text as a string, nil the empty one; a map or array as a key within such a key: base64 of its
/// MessagePack. A duplicate key keeps the first position and the last value.
/// EventTime: whole seconds. Other ext: base64 of the data.
///
/// # Errors
/// [`ReadError`] when the value was not sound after all; `out` is then as it was.
pub fn write_value(out: &mut Vec<u8>, value: &[u8]) -> Result<Mended, ReadError> {
    /// Most that is made ready at once, in bytes; a longer text makes itself more room as it goes.
    const ROOM_BYTES_MAX: usize = 64 * 1024;
    let start = out.len();
    // JSON is about half as long again as MessagePack.
    let room = (2 * value.len() + 64).min(ROOM_BYTES_MAX);
    let writing = Out::new(std::mem::take(out), room);
    let mut writer = Writer { out: writing, maps: OpenMaps::new(), in_key: false, mended: Mended::default() };
    let written = writer.value(&mut Reader::new(value), 0);
    let end = if written.is_ok() { writer.out.len() } else { start };
    *out = writer.out.finish(end);
    written.map(|()| writer.mended)
}

struct Writer {
    out: Out,
    maps: OpenMaps,
    /// Whether what is being written will be quoted as a key. Quoting what is quoted already doubles
    /// its backslashes, and so would each further level of maps as keys of maps.
    in_key: bool,
    mended: Mended,
}

impl Writer {
    /// Writes the next value, at nesting `depth`.
    fn value(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<(), ReadError> {
        self.value_inlined(reader, depth)
    }

    #[inline(always)]
    fn value_inlined(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<(), ReadError> {
        match reader.read_inlined()? {
            Value::Str(text) => self.text(text),
            Value::UInt(number) => number::write_uint(&mut self.out, number),
            Value::Int(number) => number::write_int(&mut self.out, number),
            Value::Nil => self.out.push(*b"null"),
            Value::Bool(true) => self.out.push(*b"true"),
            Value::Bool(false) => self.out.push(*b"false"),
            Value::F32(number) => self.float(number.into()),
            Value::F64(number) => self.float(number),
            Value::Array(_) | Value::Map(_) if depth == NESTING_DEPTH_MAX => return Err(ReadError::TooDeep),
            Value::Array(len) => self.array(reader, len, depth + 1)?,
            Value::Map(len) => self.map(reader, len, depth + 1)?,
            Value::Bin(data) => self.bin(data),
            Value::Ext(0, &[a, b, c, d, _, _, _, _]) => {
                number::write_uint(&mut self.out, u32::from_be_bytes([a, b, c, d]).into());
            }
            Value::Ext(_, data) => self.base64(data),
        }
        Ok(())
    }

    #[inline(never)]
    fn array(&mut self, reader: &mut Reader<'_>, len: u32, depth: usize) -> Result<(), ReadError> {
        self.out.push(*b"[");
        for index in 0..len {
            if index > 0 {
                self.out.push(*b",");
            }
            self.value(reader, depth)?;
        }
        self.out.push(*b"]");
        Ok(())
    }

    #[inline(never)]
    fn map(&mut self, reader: &mut Reader<'_>, len: u32, depth: usize) -> Result<(), ReadError> {
        let mut map = self.maps.open();
        let mut before = b'{';
        for _ in 0..len {
            let key = self.out.len() + 1;
            let key_hash = match reader.read_short_str() {
                Some(text) => {
                    let hash = dedup::hash(text);
                    if text::write_plain(&mut self.out, [before, b'"'], text, *b"\":") {
                        hash
                    } else {
                        self.other_key(reader, Some(text), before, depth)?
                    }
                }
                None => self.other_key(reader, None, before, depth)?,
            };
            self.maps.note_key(&mut map, key_hash, key, self.out.len());
            self.value_inlined(reader, depth)?;
            before = b',';
        }
        if len == 0 {
            self.out.push(*b"{");
        }
        if self.maps.may_hold_duplicates(&map) {
            let Self { out, maps, .. } = self;
            out.append(|out| maps.drop_duplicates(&map, out, b","));
        }
        self.maps.close(&map);
        self.out.push(*b"}");
        Ok(())
    }

    /// Writes a key that takes more than its text in quotes: `read`, or else the next value. Returns its hash.
    #[inline(never)]
    fn other_key(
        &mut self,
        reader: &mut Reader<'_>,
        read: Option<&[u8]>,
        before: u8,
        depth: usize,
    ) -> Result<u64, ReadError> {
        self.out.push([before]);
        let start = self.out.len();
        match read {
            Some(text) => self.other_text(text),
            None => self.key(reader, depth)?,
        }
        // Without the quotes, as the hash of a plain key.
        let hash = match self.out.since(start) {
            [_, text @ .., _] => dedup::hash(text),
            _ => 0,
        };
        self.out.push(*b":");
        Ok(hash)
    }

    fn key(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<(), ReadError> {
        let start = reader.clone();
        match reader.read()? {
            Value::Str(text) => self.other_text(text),
            Value::Bin(data) => self.bin(data),
            Value::Nil => self.out.push(*b"\"\""),
            Value::Array(_) | Value::Map(_) if self.in_key => {
                *reader = start;
                self.base64(reader.skip_at(depth)?);
            }
            _ => {
                *reader = start;
                self.quoted(reader, depth)?;
            }
        }
        Ok(())
    }

    /// Writes the next value as a string that holds its JSON text.
    fn quoted(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<(), ReadError> {
        let start = self.out.len();
        let outer = std::mem::replace(&mut self.in_key, true);
        self.value(reader, depth)?;
        self.in_key = outer;
        if !self.out.since(start).starts_with(b"\"") {
            self.out.append(|out| {
                let json = out.split_off(start);
                write_str(out, &String::from_utf8_lossy(&json));
            });
        }
        Ok(())
    }

    #[inline(always)]
    fn text(&mut self, text: &[u8]) {
        if !text::write_plain(&mut self.out, *b"\"", text, *b"\"") {
            self.other_text(text);
        }
    }

    #[inline(never)]
    fn other_text(&mut self, text: &[u8]) {
        match std::str::from_utf8(text) {
            Ok(text) => self.str(text),
            Err(_) => {
                self.mended.invalid_utf8 = self.mended.invalid_utf8.saturating_add(1);
                self.str(&String::from_utf8_lossy(text));
            }
        }
    }

    fn bin(&mut self, data: &[u8]) {
        match std::str::from_utf8(data) {
            Ok(text) => self.str(text),
            Err(_) => self.base64(data),
        }
    }

    fn base64(&mut self, data: &[u8]) {
        self.str(&STANDARD.encode(data));
    }

    fn str(&mut self, text: &str) {
        self.out.append(|out| write_str(out, text));
    }

    fn float(&mut self, number: f64) {
        if number.is_finite() {
            number::write_float(&mut self.out, number);
        } else {
            self.mended.not_finite = self.mended.not_finite.saturating_add(1);
            self.out.push(*b"null");
        }
    }
}
