//! A bounded reader over raw MessagePack, and the few writers an event needs.
//!
//! The reader never allocates for a declared length, never recurses past
//! [`crate::limits::NESTING_DEPTH_MAX`], and tells "need more bytes" from "never valid".

use crate::EventTime;
use crate::limits::NESTING_DEPTH_MAX;

#[cfg(test)]
mod tests;

/// Why a value could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The value goes on past the end of the bytes at hand.
    #[error("the value is cut short")]
    Incomplete,
    /// 0xc1, which MessagePack reserves and never uses.
    #[error("0xc1 is no MessagePack type")]
    Reserved,
    /// Nested deeper than [`crate::limits::NESTING_DEPTH_MAX`].
    #[error("nested too deep")]
    TooDeep,
}

/// A value's head: everything but the contents of maps and arrays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// nil
    Nil,
    /// true or false
    Bool(bool),
    /// Any non-negative integer, of any width.
    UInt(u64),
    /// Any negative integer, of any width.
    Int(i64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// A str (raw in the old specification); not necessarily UTF-8.
    Str(&'a [u8]),
    /// A bin.
    Bin(&'a [u8]),
    /// An array of so many values, which follow.
    Array(u32),
    /// A map of so many key-value pairs, which follow.
    Map(u32),
    /// An extension: its type and its data.
    Ext(i8, &'a [u8]),
}

/// A cursor over MessagePack bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bytes read so far.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// What has not been read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.position..]
    }

    /// True when everything has been read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.position == self.bytes.len()
    }

    /// Reads one head: a whole scalar, or the head of a map or array whose contents come next. On an
    /// error the position does not move.
    ///
    /// # Errors
    /// [`ReadError::Incomplete`] and [`ReadError::Reserved`].
    pub fn read(&mut self) -> Result<Value<'a>, ReadError> {
        let start = self.position;
        let value = self.read_head();
        if value.is_err() {
            self.position = start;
        }
        value
    }

    /// Skips one whole value with its contents and returns its bytes. On an error the position does not move.
    ///
    /// # Errors
    /// All of [`ReadError`]. What is met first decides: a nesting too deep or a reserved byte is
    /// reported although bytes are missing behind it.
    pub fn skip(&mut self) -> Result<&'a [u8], ReadError> {
        self.skip_at(0)
    }

    /// [`Reader::skip`] for a value that stands within `depth` maps and arrays.
    pub(crate) fn skip_at(&mut self, depth: usize) -> Result<&'a [u8], ReadError> {
        let start = self.position;
        let skipped = self.skip_values(1, depth);
        let value = skipped.and_then(|()| self.bytes.get(start..self.position).ok_or(ReadError::Incomplete));
        if value.is_err() {
            self.position = start;
        }
        value
    }

    /// Skips `count` values at nesting `depth`. May leave the position behind the end of the bytes; the
    /// value was then cut short.
    fn skip_values(&mut self, mut count: u64, depth: usize) -> Result<(), ReadError> {
        while count > 0 {
            count -= 1;
            let &head = self.bytes.get(self.position).ok_or(ReadError::Incomplete)?;
            let size = SIZE_BY_HEAD[usize::from(head)];
            if size > 0 {
                self.position += usize::from(size);
                continue;
            }
            let contents = match self.read_head()? {
                Value::Array(len) => u64::from(len),
                Value::Map(len) => 2 * u64::from(len),
                _ => continue,
            };
            if depth == NESTING_DEPTH_MAX {
                return Err(ReadError::TooDeep);
            }
            self.skip_values(contents, depth + 1)?;
        }
        Ok(())
    }

    fn read_head(&mut self) -> Result<Value<'a>, ReadError> {
        let [head] = self.take()?;
        Ok(match head {
            0x00..=0x7f => Value::UInt(head.into()),
            0x80..=0x8f => Value::Map((head & 0x0f).into()),
            0x90..=0x9f => Value::Array((head & 0x0f).into()),
            0xa0..=0xbf => Value::Str(self.take_slice((head & 0x1f).into())?),
            0xc0 => Value::Nil,
            0xc1 => return Err(ReadError::Reserved),
            0xc2 => Value::Bool(false),
            0xc3 => Value::Bool(true),
            0xc4..=0xc6 => Value::Bin(self.take_sized(head - 0xc4)?),
            0xc7..=0xc9 => {
                let len = self.take_len(head - 0xc7)?;
                self.take_ext(len)?
            }
            0xca => Value::F32(f32::from_be_bytes(self.take()?)),
            0xcb => Value::F64(f64::from_be_bytes(self.take()?)),
            0xcc => Value::UInt(u8::from_be_bytes(self.take()?).into()),
            0xcd => Value::UInt(u16::from_be_bytes(self.take()?).into()),
            0xce => Value::UInt(u32::from_be_bytes(self.take()?).into()),
            0xcf => Value::UInt(u64::from_be_bytes(self.take()?)),
            0xd0 => integer(i8::from_be_bytes(self.take()?).into()),
            0xd1 => integer(i16::from_be_bytes(self.take()?).into()),
            0xd2 => integer(i32::from_be_bytes(self.take()?).into()),
            0xd3 => integer(i64::from_be_bytes(self.take()?)),
            0xd4..=0xd8 => self.take_ext(1 << (head - 0xd4))?,
            0xd9..=0xdb => Value::Str(self.take_sized(head - 0xd9)?),
            0xdc => Value::Array(u16::from_be_bytes(self.take()?).into()),
            0xdd => Value::Array(u32::from_be_bytes(self.take()?)),
            0xde => Value::Map(u16::from_be_bytes(self.take()?).into()),
            0xdf => Value::Map(u32::from_be_bytes(self.take()?)),
            0xe0..=0xff => integer(i8::from_be_bytes([head]).into()),
        })
    }

    /// The next `N` bytes.
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let chunk =
            self.bytes.get(self.position..).and_then(<[u8]>::first_chunk).ok_or(ReadError::Incomplete)?;
        self.position += N;
        Ok(*chunk)
    }

    fn take_slice(&mut self, len: u32) -> Result<&'a [u8], ReadError> {
        let rest = self.bytes.get(self.position..).ok_or(ReadError::Incomplete)?;
        let len = usize::try_from(len).map_err(|_| ReadError::Incomplete)?;
        let slice = rest.get(..len).ok_or(ReadError::Incomplete)?;
        self.position += len;
        Ok(slice)
    }

    /// A length of 1, 2 or 4 bytes: the three widths of every sized type, in the order of their heads.
    fn take_len(&mut self, width: u8) -> Result<u32, ReadError> {
        Ok(match width {
            0 => u8::from_be_bytes(self.take()?).into(),
            1 => u16::from_be_bytes(self.take()?).into(),
            _ => u32::from_be_bytes(self.take()?),
        })
    }

    fn take_sized(&mut self, width: u8) -> Result<&'a [u8], ReadError> {
        let len = self.take_len(width)?;
        self.take_slice(len)
    }

    fn take_ext(&mut self, len: u32) -> Result<Value<'a>, ReadError> {
        let kind = i8::from_be_bytes(self.take()?);
        Ok(Value::Ext(kind, self.take_slice(len)?))
    }
}

fn integer(value: i64) -> Value<'static> {
    u64::try_from(value).map_or(Value::Int(value), Value::UInt)
}

/// The size of a whole value by its head, where the head alone decides; 0 where more must be read.
/// Most values of a record are such, and skipping is the hot path of ingest.
static SIZE_BY_HEAD: [u8; 256] = {
    let mut sizes = [0; 256];
    let mut head: u8 = 0;
    loop {
        sizes[head as usize] = match head {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 1,
            0xa0..=0xbf => 1 + (head & 0x1f),
            0xcc | 0xd0 => 2,
            0xcd | 0xd1 => 3,
            0xca | 0xce | 0xd2 => 5,
            0xcb | 0xcf | 0xd3 => 9,
            0xd4..=0xd8 => 2 + (1 << (head - 0xd4)),
            _ => 0,
        };
        if head == u8::MAX {
            break sizes;
        }
        head += 1;
    }
};

/// Appends the head of an array (`fixarray`, `array16` or `array32`, the shortest).
pub fn write_array_head(out: &mut Vec<u8>, len: u32) {
    write_container_head(out, len, 0x90, 0xdc);
}

/// Appends the head of a map, the shortest form.
pub fn write_map_head(out: &mut Vec<u8>, len: u32) {
    write_container_head(out, len, 0x80, 0xde);
}

fn write_container_head(out: &mut Vec<u8>, len: u32, fix: u8, sized: u8) {
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=15), _) => out.push(fix | len),
        (_, Ok(len)) => write_with(out, sized, len.to_be_bytes()),
        _ => write_with(out, sized + 1, len.to_be_bytes()),
    }
}

/// Appends a str, the shortest head.
///
/// # Panics
/// When `text` is longer than MessagePack can say (4 GiB).
pub fn write_str(out: &mut Vec<u8>, text: &str) {
    #[expect(clippy::expect_used, reason = "documented; the limits of every source are far below")]
    let len = u32::try_from(text.len()).expect("a str of more than 4 GiB has no MessagePack form");
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=31), _) => out.push(0xa0 | len),
        (Ok(len), _) => write_with(out, 0xd9, len.to_be_bytes()),
        (_, Ok(len)) => write_with(out, 0xda, len.to_be_bytes()),
        _ => write_with(out, 0xdb, len.to_be_bytes()),
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends an integer in its shortest form.
pub fn write_int(out: &mut Vec<u8>, value: i64) {
    if let Ok(value) = u64::try_from(value) {
        write_uint(out, value);
    } else if let Ok(value) = i8::try_from(value) {
        if value >= -32 {
            out.extend_from_slice(&value.to_be_bytes());
        } else {
            write_with(out, 0xd0, value.to_be_bytes());
        }
    } else if let Ok(value) = i16::try_from(value) {
        write_with(out, 0xd1, value.to_be_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        write_with(out, 0xd2, value.to_be_bytes());
    } else {
        write_with(out, 0xd3, value.to_be_bytes());
    }
}

/// Appends an unsigned integer in its shortest form.
pub fn write_uint(out: &mut Vec<u8>, value: u64) {
    if let Ok(value) = u8::try_from(value) {
        if value <= 0x7f {
            out.push(value);
        } else {
            write_with(out, 0xcc, value.to_be_bytes());
        }
    } else if let Ok(value) = u16::try_from(value) {
        write_with(out, 0xcd, value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        write_with(out, 0xce, value.to_be_bytes());
    } else {
        write_with(out, 0xcf, value.to_be_bytes());
    }
}

/// Appends a 64-bit float.
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    write_with(out, 0xcb, value.to_be_bytes());
}

/// Appends nil.
pub fn write_nil(out: &mut Vec<u8>) {
    out.push(0xc0);
}

/// Appends a boolean.
pub fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xc3 } else { 0xc2 });
}

/// Appends a time as Fluentd's EventTime, fixext8 of type 0 (seconds clamped to what its u32 holds).
pub fn write_event_time(out: &mut Vec<u8>, time: EventTime) {
    let seconds = u32::try_from(time.seconds.max(0)).unwrap_or(u32::MAX);
    out.extend_from_slice(&[0xd7, 0x00]);
    out.extend_from_slice(&seconds.to_be_bytes());
    out.extend_from_slice(&time.nanos.to_be_bytes());
}

/// Appends a time as the MessagePack timestamp in its 12-byte form, which holds every time.
pub fn write_timestamp(out: &mut Vec<u8>, time: EventTime) {
    out.extend_from_slice(&[0xc7, 12, 0xff]);
    out.extend_from_slice(&time.nanos.to_be_bytes());
    out.extend_from_slice(&time.seconds.to_be_bytes());
}

fn write_with<const N: usize>(out: &mut Vec<u8>, head: u8, big_endian: [u8; N]) {
    out.push(head);
    out.extend_from_slice(&big_endian);
}
