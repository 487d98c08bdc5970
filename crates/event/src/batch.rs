//! What travels through Fluentcast: one tag and any number of entries, as raw MessagePack.
//!
//! Nothing here parses a record. An entry's time and the extent of its record are read when somebody
//! iterates; a batch that nobody looks into stays the bytes it arrived as.

use std::iter::FusedIterator;

use bytes::Bytes;

use crate::msgpack::{self, ReadError, Reader, Value};
use crate::{EventTime, Tag};

#[cfg(test)]
mod tests;

/// One tag and its entries: MessagePack arrays `[time, record]` back to back, exactly the content of
/// a PackedForward message. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Where the events go.
    pub tag: Tag,
    /// The entries, not yet checked: see [`Batch::events`].
    pub entries: Bytes,
    /// When Fluentcast received them: the time of an entry whose own time is 0 or nil.
    pub received: EventTime,
}

/// One event of a batch, borrowed from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event<'a> {
    /// The time, with 0 and nil already replaced by the time of reception.
    pub time: EventTime,
    /// The record: the bytes of one MessagePack map, structurally sound to the last byte.
    pub record: &'a [u8],
}

/// Why an entry is not an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// This entry is sound MessagePack but no event; the next one may be.
    #[error("an entry is not [time, record]: {0}")]
    NotAnEvent(&'static str),
    /// The MessagePack itself is broken: nothing after this point can be read.
    #[error("the entries end in broken MessagePack: {0}")]
    Broken(#[from] ReadError),
}

impl Batch {
    /// Iterates over the events. After [`EntryError::Broken`] the iterator ends; after
    /// [`EntryError::NotAnEvent`] it goes on with the next entry.
    ///
    /// Accepted times: integers of any width (0: `received`), floats, nil (`received`), EventTime (ext
    /// type 0, 8 bytes; seconds 0: `received`), the MessagePack timestamp (ext type -1), and Fluent
    /// Bit's `[time, {metadata}]`. The record must be a map.
    pub fn events(&self) -> Events<'_> {
        Events { reader: Reader::new(&self.entries), received: self.received }
    }
}

/// The iterator of [`Batch::events`].
#[derive(Clone, Debug)]
pub struct Events<'a> {
    reader: Reader<'a>,
    received: EventTime,
}

impl Events<'_> {
    /// Bytes of the batch read so far: what lies between two calls is one entry. Says nothing after
    /// [`EntryError::Broken`].
    #[must_use]
    pub fn position(&self) -> usize {
        self.reader.position()
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Result<Event<'a>, EntryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        match read_event(self.reader.clone(), self.received) {
            Ok((event, after)) => {
                self.reader = after;
                Some(Ok(event))
            }
            Err(error) => Some(Err(self.pass_over(error))),
        }
    }
}

impl Events<'_> {
    /// Goes on behind an entry that is no event. Whether only it is lost or all that follows it too, depends
    /// on all of its bytes.
    #[cold]
    fn pass_over(&mut self, error: EntryError) -> EntryError {
        match self.reader.skip() {
            Ok(_) => error,
            Err(broken) => {
                self.reader = Reader::new(&[]);
                broken.into()
            }
        }
    }
}

impl FusedIterator for Events<'_> {}

/// Reads one entry; returns it and the reader behind it. What follows time and record in it is ignored.
#[inline(always)]
fn read_event(mut reader: Reader<'_>, received: EventTime) -> Result<(Event<'_>, Reader<'_>), EntryError> {
    /// An entry's time and record stand within its array.
    const DEPTH: usize = 1;
    let len = match reader.read_inlined()? {
        Value::Array(len @ 2..) => len,
        Value::Array(_) => return Err(EntryError::NotAnEvent("fewer than two elements")),
        _ => return Err(EntryError::NotAnEvent("not an array")),
    };
    let time = match reader.read_event_time() {
        Some(time) => time,
        None => {
            let (time, after) = read_time(reader)?;
            reader = after;
            time.unwrap_or(received)
        }
    };
    let bytes = reader.rest();
    let Value::Map(fields) = reader.read_inlined()? else {
        return Err(EntryError::NotAnEvent("the record is not a map"));
    };
    reader.skip_values(2 * u64::from(fields), DEPTH + 1)?;
    let record = &bytes[..bytes.len() - reader.rest().len()];
    if len > 2 {
        reader.skip_values(u64::from(len) - 2, DEPTH)?;
    }
    Ok((Event { time, record }, reader))
}

/// Reads the time, bare or as `[time, metadata]`; `None` stands for the time of reception. Takes the reader
/// and gives it back, so that the usual way, which does not come here, keeps its own in registers.
#[inline(never)]
fn read_time(mut reader: Reader<'_>) -> Result<(Option<EventTime>, Reader<'_>), EntryError> {
    /// Time and metadata stand within two arrays.
    const DEPTH: usize = 2;
    let time = match reader.read()? {
        Value::Array(0) => return Err(EntryError::NotAnEvent("the time is an empty array")),
        Value::Array(len) => {
            let time = scalar_time(reader.read()?)?;
            reader.skip_values(u64::from(len) - 1, DEPTH)?;
            time
        }
        value => scalar_time(value)?,
    };
    Ok((time, reader))
}

fn scalar_time(value: Value<'_>) -> Result<Option<EventTime>, EntryError> {
    let time = match value {
        Value::Nil | Value::UInt(0) | Value::F32(0.0) | Value::F64(0.0) => return Ok(None),
        Value::UInt(seconds) => i64::try_from(seconds).ok().map(EventTime::from_seconds),
        Value::Int(seconds) => Some(EventTime::from_seconds(seconds)),
        Value::F32(seconds) => EventTime::from_seconds_f64(seconds.into()),
        Value::F64(seconds) => EventTime::from_seconds_f64(seconds),
        Value::Ext(0, [0, 0, 0, 0, _, _, _, _]) => return Ok(None),
        Value::Ext(0, data) => event_time(data),
        Value::Ext(-1, data) => timestamp(data),
        _ => return Err(EntryError::NotAnEvent("the time is neither a number nor a time")),
    };
    time.map(Some).ok_or(EntryError::NotAnEvent("the time is malformed or out of range"))
}

/// Fluentd's EventTime: 32 bits of seconds, 32 of nanoseconds.
fn event_time(data: &[u8]) -> Option<EventTime> {
    let (seconds, nanos) = data.split_first_chunk()?;
    carried(u32::from_be_bytes(*seconds).into(), u32::from_be_bytes(nanos.try_into().ok()?))
}

/// MessagePack's timestamp in its three sizes: 32 bits of seconds; 30 bits of nanoseconds and 34 of
/// seconds; 32 of nanoseconds and 64 of (signed) seconds. Its 0 is 1970, not the time of reception.
fn timestamp(data: &[u8]) -> Option<EventTime> {
    if let Ok(seconds) = data.try_into() {
        return Some(EventTime::from_seconds(u32::from_be_bytes(seconds).into()));
    }
    if let Ok(both) = data.try_into().map(u64::from_be_bytes) {
        return carried((both & 0x3_ffff_ffff).cast_signed(), u32::try_from(both >> 34).ok()?);
    }
    let (nanos, seconds) = data.split_first_chunk()?;
    carried(i64::from_be_bytes(seconds.try_into().ok()?), u32::from_be_bytes(*nanos))
}

/// A sender's nanoseconds may make more than a second.
fn carried(seconds: i64, nanos: u32) -> Option<EventTime> {
    let seconds = seconds.checked_add((nanos / 1_000_000_000).into())?;
    Some(EventTime { seconds, nanos: nanos % 1_000_000_000 })
}

/// Builds a batch event by event, for sources and filters that make records of their own.
#[derive(Debug)]
pub struct BatchBuilder {
    tag: Tag,
    entries: Vec<u8>,
    received: EventTime,
}

impl BatchBuilder {
    /// An empty batch.
    #[must_use]
    pub fn new(tag: Tag, received: EventTime) -> Self {
        Self { tag, entries: Vec::new(), received }
    }

    /// Appends one event whose record is already MessagePack (one whole map). The time is kept exactly:
    /// 1970 stays 1970 and does not become the time of reception.
    pub fn push(&mut self, time: EventTime, record: &[u8]) {
        msgpack::write_array_head(&mut self.entries, 2);
        if (1..=i64::from(u32::MAX)).contains(&time.seconds) {
            msgpack::write_event_time(&mut self.entries, time);
        } else {
            msgpack::write_timestamp(&mut self.entries, time);
        }
        self.entries.extend_from_slice(record);
    }

    /// True when nothing was pushed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The finished batch.
    #[must_use]
    pub fn finish(self) -> Batch {
        Batch { tag: self.tag, entries: self.entries.into(), received: self.received }
    }
}
