//! Finds where one MessagePack value ends, in pieces of any size, looking at every byte once.
//!
//! The state between two pieces is a short stack of counts, so a value that arrives byte by byte costs
//! no more than one that arrives whole, and a value too large to keep can be passed over without being
//! kept. Must never reserve anything for a declared length or count.

use std::ops::Range;

use fluentcast_event::limits::NESTING_DEPTH_MAX;
use fluentcast_event::msgpack::ReadError;

#[cfg(test)]
mod tests;

/// Open arrays and maps, in levels: an entry of the deepest legal kind (see [`NESTING_DEPTH_MAX`])
/// within the entries array within the message.
const OPEN_MAX: usize = NESTING_DEPTH_MAX + 2;

/// Elements whose place is remembered: no kind of message has more that mean anything.
const ELEMENTS_MAX: usize = 4;

/// How far one piece took the scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Bytes of the piece that need not be shown again. When the value is not complete, what remains
    /// is the first part of a head, a few bytes.
    pub(crate) used: usize,
    /// The value ends with the last byte used.
    pub(crate) complete: bool,
}

/// The scan of one value.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    /// Bytes passed since the start of the value.
    position: u64,
    /// Values still to come in each open array and map, outermost first.
    open: Vec<u64>,
    /// Bytes of the current scalar still to come.
    skip: u64,
    elements: Elements,
    /// Heads read and skips made: what a test holds against the number of bytes.
    #[cfg(test)]
    steps: u64,
}

/// Where the first elements of a top-level array lie, relative to the start of the array.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Elements {
    /// Element `i` is `bounds[i]..bounds[i + 1]`.
    bounds: [u64; ELEMENTS_MAX + 1],
    /// How many bounds are set; 0 when the value is not an array.
    set: usize,
}

impl Elements {
    /// True when the value is an array.
    pub(crate) fn is_array(&self) -> bool {
        self.set > 0
    }

    /// The place of an element; `None` when the array is shorter.
    pub(crate) fn get(&self, index: usize) -> Option<Range<usize>> {
        let bounds = self.bounds[..self.set].get(index..index + 2)?;
        Some(usize::try_from(bounds[0]).ok()?..usize::try_from(bounds[1]).ok()?)
    }

    fn push(&mut self, bound: u64) {
        if let Some(slot) = self.bounds.get_mut(self.set) {
            *slot = bound;
            self.set += 1;
        }
    }
}

impl Scanner {
    /// Goes on with the next piece of the value. Not to be called again once the value is complete,
    /// except after [`Scanner::finish`].
    pub(crate) fn advance(&mut self, piece: &[u8]) -> Result<Progress, ReadError> {
        let mut used = 0;
        loop {
            #[cfg(test)]
            {
                self.steps += 1;
            }
            let rest = &piece[used..];
            let skipped = rest.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
            if self.skip > 0 {
                self.pass(&mut used, skipped);
                self.skip -= skipped as u64;
            } else {
                let Some(head) = Head::read(rest)? else { return Ok(Progress { used, complete: false }) };
                self.pass(&mut used, head.len);
                if self.enter(&head)? {
                    continue;
                }
            }
            if self.skip == 0 && self.close() {
                return Ok(Progress { used, complete: true });
            }
            if used == piece.len() {
                return Ok(Progress { used, complete: false });
            }
        }
    }

    /// Bytes the value will have at the least.
    pub(crate) fn bytes_min(&self) -> u64 {
        self.position.saturating_add(self.skip)
    }

    /// The elements of the value just completed; ready for the next value.
    pub(crate) fn finish(&mut self) -> Elements {
        self.position = 0;
        std::mem::take(&mut self.elements)
    }

    /// Begins the value of a head. True when values within it come next.
    fn enter(&mut self, head: &Head) -> Result<bool, ReadError> {
        match head.contents {
            Contents::Bytes(bytes) => self.skip = bytes,
            Contents::Array(_) | Contents::Map(_) if self.open.len() == OPEN_MAX => {
                return Err(ReadError::TooDeep);
            }
            Contents::Array(values) => {
                if self.open.is_empty() {
                    self.elements.push(self.position);
                }
                return Ok(self.open_values(values));
            }
            Contents::Map(pairs) => return Ok(self.open_values(2 * pairs)),
        }
        Ok(false)
    }

    fn open_values(&mut self, values: u64) -> bool {
        if values > 0 {
            self.open.push(values);
        }
        values > 0
    }

    fn pass(&mut self, used: &mut usize, bytes: usize) {
        *used += bytes;
        self.position += bytes as u64;
    }

    /// A value has ended, and with it every array and map it was the last of. True when that was all.
    fn close(&mut self) -> bool {
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            let ended = *left == 0;
            if self.open.len() == 1 && self.elements.is_array() {
                self.elements.push(self.position);
            }
            if !ended {
                return false;
            }
            self.open.pop();
        }
        true
    }
}

/// The fixed part of a value.
struct Head {
    /// Its bytes.
    len: usize,
    contents: Contents,
}

/// What comes behind a head.
enum Contents {
    /// So many bytes; none for what is all head.
    Bytes(u64),
    /// So many values.
    Array(u64),
    /// So many pairs of values.
    Map(u64),
}

impl Head {
    /// `None`: the head is cut short.
    fn read(bytes: &[u8]) -> Result<Option<Self>, ReadError> {
        use Contents::{Array, Bytes, Map};
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        let (width, contents) = match first {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => (0, Some(Bytes(0))),
            0x80..=0x8f => (0, Some(Map((first & 0x0f).into()))),
            0x90..=0x9f => (0, Some(Array((first & 0x0f).into()))),
            0xa0..=0xbf => (0, Some(Bytes((first & 0x1f).into()))),
            0xc1 => return Err(ReadError::Reserved),
            0xcc | 0xd0 => (0, Some(Bytes(1))),
            0xcd | 0xd1 => (0, Some(Bytes(2))),
            0xca | 0xce | 0xd2 => (0, Some(Bytes(4))),
            0xcb | 0xcf | 0xd3 => (0, Some(Bytes(8))),
            // An ext has one byte more than its length says: its type.
            0xd4..=0xd8 => (0, Some(Bytes(1 + (1 << (first - 0xd4))))),
            0xc7..=0xc9 => {
                let width = 1 << (first - 0xc7);
                (width, uint(rest, width).map(|len| Bytes(len + 1)))
            }
            0xc4..=0xc6 | 0xd9..=0xdb => {
                let width = 1 << (first - if first < 0xd9 { 0xc4 } else { 0xd9 });
                (width, uint(rest, width).map(Bytes))
            }
            0xdc => (2, uint(rest, 2).map(Array)),
            0xdd => (4, uint(rest, 4).map(Array)),
            0xde => (2, uint(rest, 2).map(Map)),
            0xdf => (4, uint(rest, 4).map(Map)),
        };
        Ok(contents.map(|contents| Self { len: 1 + width, contents }))
    }
}

/// A big-endian number of `width` bytes; `None` when they are not all there.
fn uint(bytes: &[u8], width: usize) -> Option<u64> {
    Some(bytes.get(..width)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}
