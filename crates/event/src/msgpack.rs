//! A bounded reader over raw MessagePack, and the few writers an event needs.
//!
//! The reader never allocates for a declared length, never recurses past
//! [`crate::limits::NESTING_DEPTH_MAX`], and tells "need more bytes" from "never valid".

use crate::EventTime;
use crate::limits::NESTING_DEPTH_MAX;

#[cfg(test)]
mod tests;
mod write;

pub use write::{
    write_array_head, write_bool, write_event_time, write_f64, write_int, write_map_head, write_nil,
    write_str, write_timestamp, write_uint,
};

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
    rest: &'a [u8],
    /// Bytes there were at the beginning.
    len: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, len: bytes.len() }
    }

    /// Bytes read so far.
    #[must_use]
    pub fn position(&self) -> usize {
        self.len - self.rest.len()
    }

    /// What has not been read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// True when everything has been read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads one head: a whole scalar, or the head of a map or array whose contents come next. On an
    /// error the position does not move.
    ///
    /// # Errors
    /// [`ReadError::Incomplete`] and [`ReadError::Reserved`].
    pub fn read(&mut self) -> Result<Value<'a>, ReadError> {
        self.read_inlined()
    }

    /// [`Reader::read`] for the few places where the call and the way of its answer through memory count.
    #[inline(always)]
    pub(crate) fn read_inlined(&mut self) -> Result<Value<'a>, ReadError> {
        let mut rest = Rest(self.rest);
        let value = rest.value()?;
        self.rest = rest.0;
        Ok(value)
    }

    /// Reads a str of less than 32 bytes, as nearly all keys are; does nothing if the next value is no such.
    #[inline(always)]
    pub(crate) fn read_short_str(&mut self) -> Option<&'a [u8]> {
        let (&head @ 0xa0..=0xbf, rest) = self.rest.split_first()? else { return None };
        let (text, rest) = rest.split_at_checked((head & 0x1f).into())?;
        self.rest = rest;
        Some(text)
    }

    /// Reads an EventTime as [`write_event_time`] writes it, the form of nearly all senders. Does nothing if
    /// the next value is no such, or one of 0 seconds, or its nanoseconds are a second or more.
    #[inline(always)]
    pub(crate) fn read_event_time(&mut self) -> Option<EventTime> {
        let (&[0xd7, 0x00, a, b, c, d, ref nanos @ ..], rest) = self.rest.split_first_chunk::<10>()? else {
            return None;
        };
        match (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes(*nanos)) {
            (seconds @ 1.., nanos @ ..1_000_000_000) => {
                self.rest = rest;
                Some(EventTime { seconds: seconds.into(), nanos })
            }
            _ => None,
        }
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
        self.skip_values(1, depth)
    }

    /// [`Reader::skip_at`] for as many values as are left of a map or array.
    #[inline(always)]
    pub(crate) fn skip_values(&mut self, count: u64, depth: usize) -> Result<&'a [u8], ReadError> {
        let end = end_of_values(self.rest, 0, count, depth)?;
        let (values, rest) = self.rest.split_at_checked(end).ok_or(ReadError::Incomplete)?;
        self.rest = rest;
        Ok(values)
    }
}

/// Where `count` values end that start at `position`, within `depth` maps and arrays. May lie behind
/// the end of the bytes; the last value is then cut short.
fn end_of_values(
    bytes: &[u8],
    mut position: usize,
    mut count: u64,
    mut depth: usize,
) -> Result<usize, ReadError> {
    loop {
        (position, count) = after_small_values(bytes, position, count);
        if count == 0 {
            return Ok(position);
        }
        count -= 1;
        let &head = bytes.get(position).ok_or(ReadError::Incomplete)?;
        let contents = match head {
            0x80..=0x8f => {
                position += 1;
                2 * u64::from(head & 0x0f)
            }
            0x90..=0x9f => {
                position += 1;
                u64::from(head & 0x0f)
            }
            _ => {
                let mut reader = Reader::new(bytes.get(position..).ok_or(ReadError::Incomplete)?);
                let value = reader.read()?;
                position += reader.position();
                match value {
                    Value::Array(len) => u64::from(len),
                    Value::Map(len) => 2 * u64::from(len),
                    _ => continue,
                }
            }
        };
        if depth == NESTING_DEPTH_MAX {
            return Err(ReadError::TooDeep);
        }
        if count == 0 {
            // Nothing follows at this level, so there is nothing to come back to.
            (count, depth) = (contents, depth + 1);
        } else {
            position = end_of_values(bytes, position, contents, depth + 1)?;
        }
    }
}

/// Steps over those of `count` values whose size is soon known, up to the first other; returns where that
/// is, and how many are left. A loop by itself, so that it stays tight: skipping is the hot path of ingest.
#[inline(never)]
fn after_small_values(bytes: &[u8], mut position: usize, mut count: u64) -> (usize, u64) {
    let size_at =
        |position| bytes.get(position).map_or(0, |&head| usize::from(SIZE_BY_HEAD[usize::from(head)]));
    loop {
        // Two at a time, in a map a key and its value.
        while count >= 2 {
            let first = size_at(position);
            // After a first one of no known size this is that one again.
            let second = size_at(position + first);
            if second == 0 {
                position += first;
                count -= u64::from(first > 0);
                break;
            }
            position += first + second;
            count -= 2;
        }
        if count == 0 {
            return (position, count);
        }
        position += match bytes.get(position..) {
            // A str of up to 255 bytes.
            Some([0xd9, len, ..]) => 2 + usize::from(*len),
            _ => match size_at(position) {
                0 => return (position, count),
                size => size,
            },
        };
        count -= 1;
    }
}

/// The bytes that have not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    #[inline(always)]
    fn value(&mut self) -> Result<Value<'a>, ReadError> {
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
            0xc4 => Value::Bin(self.take_sized::<1>()?),
            0xc5 => Value::Bin(self.take_sized::<2>()?),
            0xc6 => Value::Bin(self.take_sized::<4>()?),
            0xc7 => self.take_sized_ext::<1>()?,
            0xc8 => self.take_sized_ext::<2>()?,
            0xc9 => self.take_sized_ext::<4>()?,
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
            0xd4 => self.take_ext(1)?,
            0xd5 => self.take_ext(2)?,
            0xd6 => self.take_ext(4)?,
            0xd7 => self.take_ext(8)?,
            0xd8 => self.take_ext(16)?,
            0xd9 => Value::Str(self.take_sized::<1>()?),
            0xda => Value::Str(self.take_sized::<2>()?),
            0xdb => Value::Str(self.take_sized::<4>()?),
            0xdc => Value::Array(u16::from_be_bytes(self.take()?).into()),
            0xdd => Value::Array(u32::from_be_bytes(self.take()?)),
            0xde => Value::Map(u16::from_be_bytes(self.take()?).into()),
            0xdf => Value::Map(u32::from_be_bytes(self.take()?)),
            0xe0..=0xff => integer(i8::from_be_bytes([head]).into()),
        })
    }

    /// The next `N` bytes.
    #[inline(always)]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (chunk, rest) = self.0.split_first_chunk().ok_or(ReadError::Incomplete)?;
        self.0 = rest;
        Ok(*chunk)
    }

    #[inline(always)]
    fn take_slice(&mut self, len: u32) -> Result<&'a [u8], ReadError> {
        let len = usize::try_from(len).map_err(|_| ReadError::Incomplete)?;
        let (slice, rest) = self.0.split_at_checked(len).ok_or(ReadError::Incomplete)?;
        self.0 = rest;
        Ok(slice)
    }

    /// A length of `WIDTH` bytes, 4 at most.
    #[inline(always)]
    fn take_len<const WIDTH: usize>(&mut self) -> Result<u32, ReadError> {
        Ok(self.take::<WIDTH>()?.iter().fold(0, |len, &byte| len << 8 | u32::from(byte)))
    }

    #[inline(always)]
    fn take_sized<const WIDTH: usize>(&mut self) -> Result<&'a [u8], ReadError> {
        let len = self.take_len::<WIDTH>()?;
        self.take_slice(len)
    }

    #[inline(always)]
    fn take_sized_ext<const WIDTH: usize>(&mut self) -> Result<Value<'a>, ReadError> {
        let len = self.take_len::<WIDTH>()?;
        self.take_ext(len)
    }

    #[inline(always)]
    fn take_ext(&mut self, len: u32) -> Result<Value<'a>, ReadError> {
        let [kind] = self.take()?;
        Ok(Value::Ext(kind.cast_signed(), self.take_slice(len)?))
    }
}

fn integer(value: i64) -> Value<'static> {
    u64::try_from(value).map_or(Value::Int(value), Value::UInt)
}

/// The size of a whole value by its head, where the head alone decides; 0 where more must be read.
/// Most values of a record are such, and skipping is the hot path of ingest.
pub(crate) static SIZE_BY_HEAD: [u8; 256] = {
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
