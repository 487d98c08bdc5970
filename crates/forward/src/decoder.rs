//! The bytes of one connection, and the messages in them.
//!
//! Every byte is looked at once to find where a message ends, however small the pieces it arrives in.
//! What is kept is at most one message of the largest legal size and what was read behind it.

use bytes::buf::Limit;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use fluentcast_event::{EventTime, Tag, from_json};

use crate::ack::Encoding;
use crate::error::DecodeError;
use crate::json_scan::{JsonScanner, blank_prefix};
use crate::message::{Item, Whole};
use crate::scan::{Elements, Progress, Scanner};

#[cfg(test)]
mod tests;

/// What one message may cost. Nesting is bounded by
/// [`fluentcast_event::limits::NESTING_DEPTH_MAX`], the tag by its
/// [`TAG_BYTES_MAX`](fluentcast_event::limits::TAG_BYTES_MAX).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one message as it is sent. A larger one is passed over without being kept.
    pub message_bytes_max: u64,
    /// Entries of one message. In Forward mode the array's head tells; packed entries are counted, but
    /// only in a message that has the bytes for so many.
    pub entries_max: u32,
    /// Bytes the entries of one compressed message may grow to.
    pub decompressed_bytes_max: u64,
}

/// Decodes one connection.
///
/// Fill it ([`Decoder::space`] or [`Decoder::feed`]), then call [`Decoder::next`] until it returns
/// `None`.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// From the start of the current value; from the first byte not looked at while passing over one.
    buffer: BytesMut,
    /// Bytes of the current value that were looked at.
    seen: u64,
    /// The current value is too large and is not kept.
    passing_over: bool,
    scan: Scan,
    tag_before: Option<Tag>,
}

/// The scan of the current value, once the first byte has decided what the connection speaks.
#[derive(Debug)]
enum Scan {
    Undecided,
    MessagePack(Scanner),
    Json(JsonScanner),
}

impl Decoder {
    /// A decoder at the start of a connection.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            buffer: BytesMut::new(),
            seen: 0,
            passing_over: false,
            scan: Scan::Undecided,
            tag_before: None,
        }
    }

    /// A decoder behind a handshake, which has decided for MessagePack.
    #[must_use]
    pub fn of_messagepack(limits: Limits) -> Self {
        Self { scan: Scan::MessagePack(Scanner::default()), ..Self::new(limits) }
    }

    /// Room for the next `bytes` bytes of the connection, to be read into.
    pub fn space(&mut self, bytes: usize) -> Limit<&mut BytesMut> {
        self.buffer.reserve(bytes);
        (&mut self.buffer).limit(bytes)
    }

    /// Appends the next bytes of the connection.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// True when the connection may end here: no message has begun that is not complete.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.seen == 0 && self.buffer.is_empty()
    }

    /// The next item; `None` when more bytes are needed. `now` is the time of reception.
    ///
    /// # Errors
    /// The connection must be closed: see [`DecodeError`]. What comes out of this decoder afterwards
    /// means nothing.
    pub fn next(&mut self, now: EventTime) -> Result<Option<Item>, DecodeError> {
        let progress = self.advance()?;
        self.seen += progress.used as u64;
        let bytes_min = match &self.scan {
            Scan::MessagePack(scanner) => scanner.bytes_min(),
            Scan::Undecided | Scan::Json(_) => self.seen,
        };
        if self.passing_over {
            self.buffer.advance(progress.used);
        } else if bytes_min > self.limits.message_bytes_max {
            self.passing_over = true;
            self.take();
        }
        if !progress.complete {
            self.release_if_empty();
            return Ok(None);
        }
        let elements = self.finish();
        let bytes = self.seen;
        let item = if std::mem::take(&mut self.passing_over) {
            Ok(Item::Oversize { bytes })
        } else {
            let value = self.take();
            self.whole(value, elements)?.read(&self.limits, &mut self.tag_before, now)
        };
        self.seen = 0;
        item.map(Some)
    }

    fn advance(&mut self) -> Result<Progress, DecodeError> {
        if let (Scan::Undecided, Some(first)) = (&self.scan, self.buffer.first()) {
            self.scan = match first {
                b'{' | b'[' => Scan::Json(JsonScanner::default()),
                _ => Scan::MessagePack(Scanner::default()),
            };
        }
        if let (Scan::Json(_), 0) = (&self.scan, self.seen) {
            self.buffer.advance(blank_prefix(&self.buffer));
        }
        let looked_at = if self.passing_over { 0 } else { usize::try_from(self.seen).unwrap_or(usize::MAX) };
        let piece = self.buffer.get(looked_at..).unwrap_or_default();
        match &mut self.scan {
            Scan::Undecided => Ok(Progress { used: 0, complete: false }),
            Scan::MessagePack(scanner) => Ok(scanner.advance(piece)?),
            Scan::Json(scanner) => scanner.advance(piece),
        }
    }

    /// Makes the scan ready for the next value.
    fn finish(&mut self) -> Elements {
        match &mut self.scan {
            Scan::MessagePack(scanner) => scanner.finish(),
            Scan::Undecided | Scan::Json(_) => Elements::default(),
        }
    }

    /// Takes the current value, as far as it was looked at, out of the buffer. A large value must not
    /// keep its memory alive through the few bytes behind it; that those are fewer than the value keeps
    /// the copying linear.
    fn take(&mut self) -> BytesMut {
        let len = usize::try_from(self.seen).unwrap_or(usize::MAX).min(self.buffer.len());
        let value = self.buffer.split_to(len);
        if len > SHARED_BYTES_MAX && self.buffer.len() < len {
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        value
    }

    /// An idle connection holds no memory.
    fn release_if_empty(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Brings a value of either encoding to MessagePack with known elements.
    fn whole(&self, value: BytesMut, elements: Elements) -> Result<Whole, DecodeError> {
        let bytes = self.seen;
        if let Scan::Json(_) = self.scan {
            let mut converted = Vec::new();
            from_json::append(&mut converted, &value)?;
            let mut scanner = Scanner::default();
            scanner.advance(&converted)?;
            let elements = scanner.finish();
            let value = Bytes::from(converted).into();
            return Ok(Whole { value, elements, encoding: Encoding::Json, bytes });
        }
        Ok(Whole { value, elements, encoding: Encoding::MessagePack, bytes })
    }
}

/// The largest message, in bytes, that may share its memory with what follows it: about what one read
/// brings.
const SHARED_BYTES_MAX: usize = 64 * 1024;
