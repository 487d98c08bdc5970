//! From one whole MessagePack value to a message.
//!
//! All three modes end as the same thing, entries back to back, and none of them is copied: the
//! entries of Forward and PackedForward lie so in the message, and the time and record of a Message
//! become an entry by writing an array head over the last byte of the tag before them.

use std::fmt;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use fluentcast_event::limits::TAG_BYTES_MAX;
use fluentcast_event::msgpack::{ReadError, Reader, Value};
use fluentcast_event::{Batch, EventTime, Tag};

use crate::ack::{Ack, Encoding};
use crate::decoder::Limits;
use crate::decompress::{Compression, decompress};
use crate::error::DecodeError;
use crate::scan::Elements;

/// What a sender said.
#[derive(Clone, Debug)]
pub enum Item {
    /// nil: an old heartbeat. Nothing to do.
    Heartbeat,
    /// A value that is no message. The connection goes on; the ack, if asked for, is due (a retry would
    /// not make it better).
    Invalid {
        /// What is wrong.
        reason: Invalid,
        /// The ack it asks for.
        ack: Option<Ack>,
    },
    /// A message beyond a limit, passed over. The connection goes on; no ack.
    Oversize {
        /// Its size, in bytes.
        bytes: u64,
    },
    /// Metrics or traces of Fluent Bit, in its own format: no entries, nothing to broadcast. The ack, if
    /// asked for, is due.
    Telemetry {
        /// The ack it asks for.
        ack: Option<Ack>,
    },
    /// A message.
    Message(Message),
}

/// A message and what must happen when it has been delivered.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its tag and entries; the entries may be none, and are not checked.
    pub batch: Batch,
    /// The ack it asks for.
    pub ack: Option<Ack>,
    /// Its size as it was sent, in bytes.
    pub bytes: u64,
}

/// Why a value is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// Not an array (an HTTP request gives one per byte).
    NotAnArray,
    /// An array of too few elements.
    TooShort,
    /// The tag is neither str nor bin.
    TagNotAString,
    /// The tag is longer than [`TAG_BYTES_MAX`].
    TagTooLong,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnArray => f.write_str("it is not an array"),
            Self::TooShort => f.write_str("it has too few elements"),
            Self::TagNotAString => f.write_str("its tag is not a string"),
            Self::TagTooLong => write!(f, "its tag is longer than {TAG_BYTES_MAX} bytes"),
        }
    }
}

/// One whole value as it came off the connection.
pub(crate) struct Whole {
    pub(crate) value: BytesMut,
    pub(crate) elements: Elements,
    pub(crate) encoding: Encoding,
    /// Its size as it was sent, in bytes.
    pub(crate) bytes: u64,
}

impl Whole {
    /// Reads the value. `tag_before` is the tag of the message before, to be shared when it is the same.
    pub(crate) fn read(
        mut self,
        limits: &Limits,
        tag_before: &mut Option<Tag>,
        now: EventTime,
    ) -> Result<Item, DecodeError> {
        if self.value[..] == [0xc0] {
            return Ok(Item::Heartbeat);
        }
        if !self.elements.is_array() {
            return Ok(Item::Invalid { reason: Invalid::NotAnArray, ack: None });
        }
        let Some(layout) = Layout::of(&self.value, &self.elements)? else {
            return Ok(Item::Invalid { reason: Invalid::TooShort, ack: None });
        };
        let tag = self.tag(tag_before)?;
        if layout.mode == Mode::Message {
            self.value[layout.entries.start] = ARRAY_OF_TWO;
        }
        let value = self.value.freeze();
        let options = match self.elements.get(layout.option) {
            Some(place) => Options::read(&value, place)?,
            None => Options::default(),
        };
        let ack = options.chunk.map(|chunk| Ack::new(chunk, self.encoding));
        let tag = match tag {
            Ok(tag) => tag,
            Err(reason) => return Ok(Item::Invalid { reason, ack }),
        };
        let entries = value.slice(layout.entries);
        let (entries, count_known) = match layout.mode {
            Mode::Packed if options.telemetry => return Ok(Item::Telemetry { ack }),
            Mode::Packed => match options
                .compressed
                .map_or(Ok(None), |name| Compression::from_option(&name))?
            {
                Some(method) => (decompress(method, &entries, limits.decompressed_bytes_max)?.into(), None),
                None => (entries, None),
            },
            Mode::Forward(count) => (entries, Some(count)),
            Mode::Message => (entries, Some(1)),
        };
        if count_known.map_or_else(|| exceeds(&entries, limits.entries_max), |n| n > limits.entries_max) {
            return Ok(Item::Oversize { bytes: self.bytes });
        }
        Ok(Item::Message(Message { batch: Batch { tag, entries, received: now }, ack, bytes: self.bytes }))
    }

    fn tag(&self, before: &mut Option<Tag>) -> Result<Result<Tag, Invalid>, ReadError> {
        let place = self.elements.get(0).unwrap_or_default();
        let (Value::Str(name) | Value::Bin(name)) = Reader::new(&self.value[place]).read()? else {
            return Ok(Err(Invalid::TagNotAString));
        };
        if name.len() > TAG_BYTES_MAX {
            return Ok(Err(Invalid::TagTooLong));
        }
        match before {
            Some(tag) if tag.as_str().as_bytes() == name => Ok(Ok(tag.clone())),
            _ => Ok(Ok(before.insert(Tag::from_bytes_lossy(name)).clone())),
        }
    }
}

/// The head of an array of two elements: an entry begins with it.
const ARRAY_OF_TWO: u8 = 0x92;

/// The smallest entry: an array of two, a time of one byte, an empty map.
const ENTRY_BYTES_MIN: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Message,
    /// With its number of entries.
    Forward(u32),
    Packed,
}

/// Where the parts of a message lie.
struct Layout {
    mode: Mode,
    /// The entries; in a Message the byte before time and record, time and record.
    entries: Range<usize>,
    /// Which element is the option.
    option: usize,
}

impl Layout {
    /// `None`: too few elements.
    fn of(value: &[u8], elements: &Elements) -> Result<Option<Self>, ReadError> {
        let Some(second) = elements.get(1) else { return Ok(None) };
        let mut reader = Reader::new(&value[second.clone()]);
        Ok(match reader.read()? {
            Value::Str(entries) | Value::Bin(entries) => {
                Some(Self { mode: Mode::Packed, entries: second.end - entries.len()..second.end, option: 2 })
            }
            Value::Array(count) => Some(Self {
                mode: Mode::Forward(count),
                entries: second.start + reader.position()..second.end,
                option: 2,
            }),
            _ => elements.get(2).map(|record| Self {
                mode: Mode::Message,
                entries: second.start - 1..record.end,
                option: 3,
            }),
        })
    }
}

/// The options that mean something here. What is no map is no options.
#[derive(Default)]
struct Options {
    /// `chunk`, as one whole value.
    chunk: Option<Bytes>,
    /// `compressed`.
    compressed: Option<Bytes>,
    /// `fluent_signal` says metrics or traces.
    telemetry: bool,
}

impl Options {
    fn read(message: &Bytes, place: Range<usize>) -> Result<Self, ReadError> {
        let mut options = Self::default();
        let mut reader = Reader::new(&message[place]);
        let Value::Map(pairs) = reader.read()? else { return Ok(options) };
        for _ in 0..pairs {
            let key = Reader::new(reader.skip()?).read()?;
            let whole = reader.skip()?;
            let (Value::Str(key) | Value::Bin(key)) = key else { continue };
            let value = Reader::new(whole).read()?;
            match (key, value) {
                (b"chunk", Value::Nil | Value::Bool(false)) => options.chunk = None,
                (b"chunk", _) => options.chunk = Some(message.slice_ref(whole)),
                (b"compressed", Value::Str(name) | Value::Bin(name)) => {
                    options.compressed = Some(message.slice_ref(name));
                }
                (b"fluent_signal", signal) => options.telemetry = matches!(signal, Value::UInt(1 | 2)),
                _ => {}
            }
        }
        Ok(options)
    }
}

/// Whether there are more than `entries_max` packed entries. They are counted only when so many could
/// be there at all: a message of ordinary size is not looked into.
fn exceeds(entries: &[u8], entries_max: u32) -> bool {
    let entries_max = usize::try_from(entries_max).unwrap_or(usize::MAX);
    if entries.len() / ENTRY_BYTES_MIN <= entries_max {
        return false;
    }
    let mut reader = Reader::new(entries);
    (0..=entries_max).all(|_| !reader.is_empty() && reader.skip().is_ok())
}
