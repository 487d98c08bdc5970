//! A log: frames back to back in a chain of shared segments, and cursors into it.
//!
//! What is appended gathers in the open segment until somebody needs to read it: the first reader
//! seals it. So a segment holds whatever came since the last reading, one contiguous block for one
//! write: small when the server is idle, large when it is busy, with no timer and no setting.
//!
//! Invariants: a sealed segment never changes; a segment starts and ends where something may go between
//! (a control frame, a notice); only the first is empty; the chain owns its segments forwards only, so a
//! segment is freed when the last cursor has left it.

use std::io::IoSlice;
use std::sync::{Arc, OnceLock};

use fluentcast_event::limits::SEGMENT_BYTES_MAX;

use crate::deflate::{self, SharedDeflater, Sum};
use crate::encode::Shape;
use crate::envelope::Envelope;
use crate::frame;

/// A block of frames that never changes again.
#[derive(Debug, Default)]
pub struct Segment {
    /// Position in the log of the first byte.
    base: u64,
    /// The content begins there; before it is room that the envelope did not need.
    start: usize,
    bytes: Vec<u8>,
    /// Each event is a frame; else the whole segment is one piece.
    frames: bool,
    /// The last event before, and the last one in it.
    seq_before: u64,
    last_seq: u64,
    /// Events of the log before it, and in it; those left out that it tells of count among the former of
    /// the next one.
    events_before: u64,
    events: u32,
    left_out: u64,
    /// Of the content, where it is a part of a gzip stream.
    sum: Sum,
    next: OnceLock<Arc<Segment>>,
}

impl Segment {
    fn end(&self) -> u64 {
        self.base + (self.bytes.len() - self.start) as u64
    }

    /// The segment that would come next, still empty.
    fn successor(&self) -> Self {
        let mut next = Self::default();
        next.base = self.end();
        next.frames = self.frames;
        next.seq_before = self.last_seq;
        next.last_seq = self.last_seq;
        next.events_before = self.events_through();
        next
    }

    /// Events of the log up to its end.
    fn events_through(&self) -> u64 {
        self.events_before + u64::from(self.events) + self.left_out
    }

    /// Offset of the first place at or behind `offset` where something may go between, and how many
    /// events begin before it.
    fn boundary(&self, offset: usize) -> (usize, u32) {
        if !self.frames {
            return if offset > self.start { (self.bytes.len(), self.events) } else { (self.start, 0) };
        }
        let (mut boundary, mut events) = (self.start, 0);
        while boundary < offset {
            boundary += frame::length(&self.bytes[boundary..]);
            events += 1;
        }
        (boundary.min(self.bytes.len()), events)
    }
}

impl Drop for Segment {
    /// Frees a chain that nobody else holds in a loop: by recursion a long one, let go by the slowest
    /// client, would overflow the stack.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut segment) = next.and_then(Arc::into_inner) {
            next = segment.next.take();
        }
    }
}

/// The writing end.
#[derive(Debug)]
pub struct Log {
    envelope: Envelope,
    /// Compresses each message of several events.
    deflater: Option<SharedDeflater>,
    /// The newest sealed segment: where every cursor that has read all stands.
    tail: Arc<Segment>,
    open: Segment,
    /// Bytes to reserve for the next segment: it is likely as large as the one before.
    segment_bytes_guess: usize,
    /// Events since the last segment that were left out because of `$max_rate`.
    left_out: u64,
    touched: bool,
}

/// What a client that was too slow does not get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Number of the first event skipped.
    pub from: u64,
    /// Number of the last event skipped; below `from` when none was.
    pub to: u64,
    /// How many events of the log lie there; those left out (`$max_rate`) that it was not told of count.
    pub events: u64,
    /// Bytes of the log not read.
    pub bytes: u64,
}

impl Log {
    /// An empty log of events in this shape.
    #[must_use]
    pub fn of(shape: &Shape) -> Self {
        let deflater = shape.compress.map(deflate::own);
        Self::new(Envelope::of(shape), deflater, 0)
    }

    /// An empty log that continues after event `newest_seq`.
    pub(crate) fn new(envelope: Envelope, deflater: Option<SharedDeflater>, newest_seq: u64) -> Self {
        let mut tail = Segment::default();
        tail.frames = envelope == Envelope::None;
        tail.seq_before = newest_seq;
        tail.last_seq = newest_seq;
        Self {
            envelope,
            deflater: deflater.filter(|_| envelope != Envelope::None),
            open: tail.successor(),
            tail: Arc::new(tail),
            segment_bytes_guess: 0,
            left_out: 0,
            touched: false,
        }
    }

    /// Position after the last byte appended, what closes the open segment aside.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.open.end()
    }

    /// Appends event `seq`, written by `fill` straight into the segment.
    ///
    /// # Errors
    /// What `fill` returns; nothing is appended then.
    pub fn append<T, E>(
        &mut self,
        seq: u64,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.append_events(seq, 1, fill)
    }

    fn append_events<T, E>(
        &mut self,
        last_seq: u64,
        events: u32,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<T, E>,
    ) -> Result<T, E> {
        let before = self.open.bytes.len();
        if before == 0 {
            self.open.bytes.reserve(self.segment_bytes_guess);
            self.envelope.open(&mut self.open.bytes);
        } else if self.open.events > 0 {
            self.envelope.separate(&mut self.open.bytes);
        }
        let filled = fill(&mut self.open.bytes).inspect_err(|_| self.open.bytes.truncate(before))?;
        self.open.events += events;
        self.open.last_seq = last_seq;
        if self.open.bytes.len() >= SEGMENT_BYTES_MAX {
            self.seal();
        }
        Ok(filled)
    }

    /// Appends so many events, the last of which is `last_seq`, already encoded and put together.
    pub fn append_bytes(&mut self, last_seq: u64, events: u32, bytes: &[u8]) {
        let appended: Result<(), std::convert::Infallible> = self.append_events(last_seq, events, |out| {
            out.extend_from_slice(bytes);
            Ok(())
        });
        let Ok(()) = appended;
    }

    /// Appends a whole message of its own: a notice, which accounts for the events up to `through` if that
    /// is given.
    pub(crate) fn append_notice(&mut self, message: &[u8], through: Option<u64>) {
        self.seal();
        self.open.bytes.extend_from_slice(message);
        if self.is_gzip() {
            self.open.sum = Sum::of_chunks(message);
        }
        self.open.last_seq = self.open.last_seq.max(through.unwrap_or(0));
        self.link(0);
    }

    /// Counts event `seq` as left out; the next segment tells, where there is a way to.
    pub(crate) fn leave_out(&mut self, seq: u64) {
        if self.envelope != Envelope::None {
            self.left_out += 1;
            self.open.last_seq = seq;
        }
    }

    /// Notes that the piece of a batch that is being published has touched this log; returns whether
    /// that was known.
    pub(crate) fn set_touched(&mut self) -> bool {
        std::mem::replace(&mut self.touched, true)
    }

    /// The piece is over.
    pub(crate) fn untouch(&mut self) {
        self.touched = false;
    }

    /// Events left out that no segment has told yet.
    pub(crate) fn untold(&self) -> u64 {
        self.left_out
    }

    /// Makes what was appended readable: cursors that stand at the end now find it. Returns the end.
    pub fn seal(&mut self) -> u64 {
        if self.open.events > 0 {
            self.close_open();
        }
        self.tail.end()
    }

    /// Like [`Log::seal`], and tells of events left out even when none was sent.
    pub(crate) fn seal_and_tell(&mut self) -> u64 {
        if self.left_out > 0 && self.open.events == 0 {
            self.envelope.open(&mut self.open.bytes);
            self.close_open();
        }
        self.seal()
    }

    fn close_open(&mut self) {
        self.open.left_out = std::mem::take(&mut self.left_out);
        let left_out = self.open.left_out;
        let events = self.open.events;
        let start = match &self.deflater {
            None => self.envelope.close(&mut self.open.bytes, events, left_out),
            Some(deflater) => {
                let mut deflater = deflate::lock(deflater);
                let bytes = &mut self.open.bytes;
                self.open.sum = self.envelope.close_compressed(bytes, events, left_out, &mut deflater);
                0
            }
        };
        self.link(start);
    }

    /// Whether its segments are parts of gzip streams.
    fn is_gzip(&self) -> bool {
        self.deflater.is_some() && matches!(self.envelope, Envelope::Chunk(_))
    }

    /// Makes the open segment, whose content begins at `start`, the tail.
    fn link(&mut self, start: usize) {
        self.open.start = start;
        if self.open.bytes.capacity() > 2 * self.open.bytes.len() {
            self.open.bytes.shrink_to_fit();
        }
        self.segment_bytes_guess = self.open.bytes.len().min(SEGMENT_BYTES_MAX);
        let successor = self.open.successor();
        let sealed = Arc::new(std::mem::replace(&mut self.open, successor));
        let unset = self.tail.next.set(Arc::clone(&sealed));
        debug_assert!(unset.is_ok(), "only the tail is extended, and only once");
        self.tail = sealed;
    }

    /// Whether nothing was ever appended.
    pub(crate) fn is_untouched(&self) -> bool {
        self.tail.bytes.is_empty() && self.open.bytes.is_empty()
    }

    /// All there is in a log whose first segment is still there: what was begun with `start` at the front.
    pub(crate) fn chain(&self, start: &Arc<Segment>) -> Chain {
        Chain(start.next.get().map(|first| (Arc::clone(first), Arc::clone(&self.tail))))
    }

    /// Where an untouched log begins.
    pub(crate) fn front(&self) -> Arc<Segment> {
        Arc::clone(&self.tail)
    }

    /// An untouched log gets what another one holds that began with the same event. Neither may be appended
    /// to any more.
    pub(crate) fn adopt(&mut self, Chain(chain): &Chain) {
        debug_assert!(self.is_untouched(), "there is something already");
        if let Some((first, last)) = chain {
            let unset = self.tail.next.set(Arc::clone(first));
            debug_assert!(unset.is_ok(), "only the tail is extended, and only once");
            self.tail = Arc::clone(last);
            self.open = last.successor();
        }
    }

    /// A cursor at the end: it will read what is appended from now on, and is not told what was left out
    /// before.
    pub fn cursor(&mut self) -> Cursor {
        self.seal_and_tell();
        Cursor { offset: self.tail.bytes.len(), segment: Arc::clone(&self.tail) }
    }

    /// Moves a cursor that stands where something may go between to the end.
    pub(crate) fn skip(&mut self, cursor: &mut Cursor) -> Skipped {
        let (sent_seq, sent_events) = cursor.sent();
        let position = cursor.position();
        *cursor = self.cursor();
        Skipped {
            from: sent_seq + 1,
            to: self.tail.last_seq,
            events: self.tail.events_through() - sent_events,
            bytes: cursor.position() - position,
        }
    }
}

/// The segments of a log that is complete: the first and the last, if there are any.
#[derive(Clone, Debug)]
pub(crate) struct Chain(Option<(Arc<Segment>, Arc<Segment>)>);

/// A client's place in a log.
#[derive(Clone, Debug)]
pub struct Cursor {
    segment: Arc<Segment>,
    offset: usize,
}

impl Cursor {
    /// Position in the log.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.segment.base + (self.offset - self.segment.start) as u64
    }

    /// What is readable from here, as slices for one vectored write: fills `slices` from the front until
    /// they are all used or hold `bytes_max`, and returns how many were used.
    pub fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>], bytes_max: usize) -> usize {
        let (mut segment, mut offset, mut bytes, mut used) = (&self.segment, self.offset, 0, 0);
        while used < slices.len() && bytes < bytes_max {
            let rest = &segment.bytes[offset..];
            let rest = &rest[..rest.len().min(bytes_max - bytes)];
            if !rest.is_empty() {
                slices[used] = IoSlice::new(rest);
                used += 1;
                bytes += rest.len();
            }
            match segment.next.get() {
                None => break,
                Some(next) => (segment, offset) = (next, next.start),
            }
        }
        used
    }

    /// Moves on by the bytes that were written. More than is readable is a bug of the caller; it moves
    /// to the end.
    pub fn advance(&mut self, bytes: usize) {
        self.advance_over(bytes, |_| {});
    }

    /// The same; `begun` gets the sum of each segment whose first byte was among those written: the rest of it
    /// goes before anything else.
    pub(crate) fn advance_over(&mut self, mut bytes: usize, mut begun: impl FnMut(Sum)) {
        loop {
            if bytes > 0 && self.offset == self.segment.start {
                begun(self.segment.sum);
            }
            let rest = self.segment.bytes.len() - self.offset;
            if bytes < rest {
                self.offset += bytes;
                return;
            }
            bytes -= rest;
            self.offset += rest;
            // Moving on even with nothing left to skip frees the segment at once.
            let Some(next) = self.segment.next.get().cloned() else {
                debug_assert_eq!(bytes, 0, "advanced past the end of the log");
                return;
            };
            (self.offset, self.segment) = (next.start, next);
        }
    }

    /// What is readable from here of the events up to `seq`, at the last of which a segment ends; `None`
    /// when it is more than `bytes_max`.
    pub(crate) fn rest_through(&self, seq: u64, bytes_max: usize) -> Option<Vec<u8>> {
        let mut rest = Vec::new();
        let (mut segment, mut offset) = (&self.segment, self.offset);
        if offset == segment.start && segment.last_seq > seq {
            return Some(rest);
        }
        loop {
            let bytes = &segment.bytes[offset..];
            if rest.len() + bytes.len() > bytes_max {
                return None;
            }
            rest.extend_from_slice(bytes);
            match segment.next.get() {
                Some(next) if next.last_seq <= seq => (segment, offset) = (next, next.start),
                _ => return Some(rest),
            }
        }
    }

    /// Whether nothing is readable.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.offset == self.segment.bytes.len() && self.segment.next.get().is_none()
    }

    /// Whether the segment it stands in is the last one there is.
    pub(crate) fn in_last_segment(&self) -> bool {
        self.segment.next.get().is_none()
    }

    /// The bytes from here to where something may go between; empty if it may here. Linear in the
    /// segment: for the rare moment when something must.
    #[must_use]
    pub fn rest_of_frame(&self) -> &[u8] {
        let (boundary, _) = self.segment.boundary(self.offset);
        &self.segment.bytes[self.offset..boundary]
    }

    /// Bytes to the end of the frame the cursor stands in, or of the next one if it stands between two; 0
    /// when nothing is readable. As costly as [`Cursor::rest_of_frame`].
    #[must_use]
    pub fn frame_ahead(&self) -> usize {
        let rest = self.rest_of_frame().len();
        if rest > 0 {
            return rest;
        }
        let here = (&self.segment, self.offset);
        let (segment, offset) = match self.segment.next.get() {
            Some(next) if here.1 == self.segment.bytes.len() => (next, next.start),
            _ => here,
        };
        let bytes = &segment.bytes[offset..];
        if bytes.is_empty() || !segment.frames { bytes.len() } else { frame::length(bytes) }
    }

    /// The last event that was sent whole when the frame it stands in is, and how many of the log were.
    pub(crate) fn sent(&self) -> (u64, u64) {
        let segment = &self.segment;
        let (boundary, events) = segment.boundary(self.offset);
        if boundary == segment.bytes.len() {
            return (segment.last_seq, segment.events_through());
        }
        // Within a segment of frames, numbers are known only where none is filtered out; who reads frames
        // is not told numbers.
        (segment.seq_before + u64::from(events), segment.events_before + u64::from(events))
    }
}

#[cfg(test)]
mod tests;
