//! MessagePack to JSON, directly, into the caller's buffer.
//!
//! What comes out must always be valid UTF-8 and valid JSON, whatever a sender put into its strings,
//! keys and floats: one record that a client cannot read would cost it the stream.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dedup::OpenMaps;
use crate::limits::NESTING_DEPTH_MAX;
use crate::msgpack::{ReadError, Reader, Value};

#[cfg(test)]
mod tests;

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
    let start = out.len();
    let mut writer = Writer { out, maps: OpenMaps::new(), in_key: false, mended: Mended::default() };
    match writer.value(&mut Reader::new(value), 0) {
        Ok(()) => Ok(writer.mended),
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

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

/// Whether `text` is ASCII without anything to escape, as nearly all is: then its bytes are its JSON.
/// Looks at eight bytes at a time, and at the last eight of them again for what is left over.
fn is_plain(text: &[u8]) -> bool {
    match text.last_chunk::<8>() {
        Some(last) => {
            text.as_chunks::<8>().0.iter().chain([last]).all(|word| is_plain_word(u64::from_le_bytes(*word)))
        }
        None => text.iter().all(|&byte| byte < 0x80 && ESCAPE_BY_BYTE[usize::from(byte)] == 0),
    }
}

/// [`is_plain`] of eight bytes, by the classic test for a byte below a limit.
fn is_plain_word(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x80 * ONES;
    let below = |word: u64, limit: u64| word.wrapping_sub(limit * ONES) & !word;
    let equals = |byte: u8| below(word ^ (u64::from(byte) * ONES), 1);
    (word | below(word, 0x20) | equals(b'"') | equals(b'\\')) & HIGH_BITS == 0
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

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    maps: OpenMaps,
    /// Whether what is being written will be quoted as a key. Quoting what is quoted already doubles
    /// its backslashes, and so would each further level of maps as keys of maps.
    in_key: bool,
    mended: Mended,
}

impl Writer<'_> {
    /// Writes the next value, at nesting `depth`.
    fn value(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<(), ReadError> {
        match reader.read()? {
            Value::Str(text) => self.text(text),
            Value::UInt(number) => self.out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
            Value::Int(number) => self.out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::Bool(true) => self.out.extend_from_slice(b"true"),
            Value::Bool(false) => self.out.extend_from_slice(b"false"),
            Value::F32(number) => self.float(number.into()),
            Value::F64(number) => self.float(number),
            Value::Array(_) | Value::Map(_) if depth == NESTING_DEPTH_MAX => return Err(ReadError::TooDeep),
            Value::Array(len) => self.array(reader, len, depth + 1)?,
            Value::Map(len) => self.map(reader, len, depth + 1)?,
            Value::Bin(data) => self.bin(data),
            Value::Ext(0, &[a, b, c, d, _, _, _, _]) => {
                let seconds = u32::from_be_bytes([a, b, c, d]);
                self.out.extend_from_slice(itoa::Buffer::new().format(seconds).as_bytes());
            }
            Value::Ext(_, data) => self.base64(data),
        }
        Ok(())
    }

    fn array(&mut self, reader: &mut Reader<'_>, len: u32, depth: usize) -> Result<(), ReadError> {
        self.out.push(b'[');
        for index in 0..len {
            if index > 0 {
                self.out.push(b',');
            }
            self.value(reader, depth)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn map(&mut self, reader: &mut Reader<'_>, len: u32, depth: usize) -> Result<(), ReadError> {
        self.out.push(b'{');
        let map = self.maps.open();
        for index in 0..len {
            if index > 0 {
                self.out.push(b',');
            }
            let key = self.out.len();
            self.key(reader, depth)?;
            self.out.push(b':');
            self.maps.note_key(self.out, key);
            self.value(reader, depth)?;
        }
        self.maps.close(map, self.out, b",");
        self.out.push(b'}');
        Ok(())
    }

    fn key(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<(), ReadError> {
        let start = reader.clone();
        match reader.read()? {
            Value::Str(text) => self.text(text),
            Value::Bin(data) => self.bin(data),
            Value::Nil => write_str(self.out, ""),
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
        let json = self.out.split_off(start);
        if json.starts_with(b"\"") {
            self.out.extend_from_slice(&json);
        } else {
            write_str(self.out, &String::from_utf8_lossy(&json));
        }
        Ok(())
    }

    fn text(&mut self, text: &[u8]) {
        if is_plain(text) {
            self.out.push(b'"');
            self.out.extend_from_slice(text);
            self.out.push(b'"');
            return;
        }
        match std::str::from_utf8(text) {
            Ok(text) => write_str(self.out, text),
            Err(_) => {
                self.mended.invalid_utf8 = self.mended.invalid_utf8.saturating_add(1);
                write_str(self.out, &String::from_utf8_lossy(text));
            }
        }
    }

    fn bin(&mut self, data: &[u8]) {
        match std::str::from_utf8(data) {
            Ok(text) => write_str(self.out, text),
            Err(_) => self.base64(data),
        }
    }

    fn base64(&mut self, data: &[u8]) {
        write_str(self.out, &STANDARD.encode(data));
    }

    fn float(&mut self, number: f64) {
        if number.is_finite() {
            self.out.extend_from_slice(ryu::Buffer::new().format_finite(number).as_bytes());
        } else {
            self.mended.not_finite = self.mended.not_finite.saturating_add(1);
            self.out.extend_from_slice(b"null");
        }
    }
}
