//! What travels through Fluentcast: one tag and any number of entries, as raw MessagePack.
//!
//! Nothing here parses a record. An entry's time and the extent of its record are read when somebody
//! iterates; a batch that nobody looks into stays the bytes it arrived as.

use bytes::Bytes;

use crate::msgpack::{ReadError, Reader};
use crate::{EventTime, Tag};

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

impl<'a> Iterator for Events<'a> {
    type Item = Result<Event<'a>, EntryError>;

    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
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

    /// Appends one event whose record is already MessagePack (one whole map).
    pub fn push(&mut self, time: EventTime, record: &[u8]) {
        todo!()
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
