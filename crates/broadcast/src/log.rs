//! A log: frames back to back in a chain of shared segments, and cursors into it.
//!
//! What is appended gathers in the open segment until somebody needs to read it: the first reader
//! seals it. So a segment holds whatever came since the last reading, one contiguous block for one
//! write: small when the server is idle, large when it is busy, with no timer and no setting.
//!
//! Invariants: a sealed segment never changes; a segment starts and ends on a frame boundary; the chain
//! owns its segments forwards only, so a segment is freed when the last cursor has left it and the
//! history does not hold it.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::{Arc, OnceLock};

use fluentcast_event::limits::SEGMENT_BYTES_MAX;

use crate::frame;

/// Where an event's frame begins in its segment.
#[derive(Clone, Copy, Debug)]
struct Mark {
    seq: u64,
    start: usize,
}

/// A block of frames that never changes again.
#[derive(Debug, Default)]
pub struct Segment {
    /// Position in the log of the first byte.
    base: u64,
    bytes: Vec<u8>,
    /// One per event, only in logs that keep history.
    marks: Vec<Mark>,
    next: OnceLock<Arc<Segment>>,
}

impl Segment {
    fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
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
    /// The newest sealed segment: where every cursor that has read all stands.
    tail: Arc<Segment>,
    open: Segment,
    /// Bytes to reserve for the next segment: it is likely as large as the one before.
    segment_bytes_guess: usize,
    /// Events to keep for those who come later; 0: none, and no marks either.
    history_events: u64,
    /// Sealed segments that hold at least one event of the history, oldest first.
    history: VecDeque<Arc<Segment>>,
    touched: bool,
}

impl Log {
    /// An empty log that keeps the last `history_events` events.
    #[must_use]
    pub fn new(history_events: u64) -> Self {
        Self {
            tail: Arc::default(),
            open: Segment::default(),
            segment_bytes_guess: 0,
            history_events,
            history: VecDeque::new(),
            touched: false,
        }
    }

    /// Position after the last byte appended.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.open.end()
    }

    /// Appends the frame of event `seq`, written by `fill` straight into the segment.
    ///
    /// # Errors
    /// What `fill` returns; nothing is appended then.
    pub fn append<T, E>(
        &mut self,
        seq: u64,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<T, E>,
    ) -> Result<T, E> {
        let start = self.open.bytes.len();
        if start == 0 {
            self.open.bytes.reserve(self.segment_bytes_guess);
        }
        let filled = fill(&mut self.open.bytes).inspect_err(|_| self.open.bytes.truncate(start))?;
        if self.history_events > 0 {
            self.open.marks.push(Mark { seq, start });
        }
        if self.open.bytes.len() >= SEGMENT_BYTES_MAX {
            self.seal();
        }
        Ok(filled)
    }

    /// Appends the frame of event `seq`, already made.
    pub fn append_frame(&mut self, seq: u64, frame: &[u8]) {
        let appended: Result<(), std::convert::Infallible> = self.append(seq, |out| {
            out.extend_from_slice(frame);
            Ok(())
        });
        let Ok(()) = appended;
    }

    /// Notes that the piece of a batch that is being published has touched this log; returns whether
    /// that was known.
    pub(crate) fn set_touched(&mut self) -> bool {
        std::mem::replace(&mut self.touched, true)
    }

    /// The piece is over, `newest_seq` its last event: lets go of what the history no longer needs.
    pub(crate) fn finish_piece(&mut self, newest_seq: u64) {
        self.touched = false;
        self.trim(newest_seq);
    }

    /// Makes what was appended readable: cursors that stand at the end now find it. Returns the end.
    pub fn seal(&mut self) -> u64 {
        if !self.open.bytes.is_empty() {
            let mut fresh = Segment::default();
            fresh.base = self.open.end();
            let mut sealed = std::mem::replace(&mut self.open, fresh);
            if sealed.bytes.capacity() > 2 * sealed.bytes.len() {
                sealed.bytes.shrink_to_fit();
            }
            self.segment_bytes_guess = sealed.bytes.len().min(SEGMENT_BYTES_MAX);
            let sealed = Arc::new(sealed);
            if self.history_events > 0 {
                self.history.push_back(Arc::clone(&sealed));
            }
            let unset = self.tail.next.set(Arc::clone(&sealed));
            debug_assert!(unset.is_ok(), "only the tail is extended, and only once");
            self.tail = sealed;
        }
        self.tail.end()
    }

    /// Lets go of segments whose events are all older than the history, given the newest event's
    /// number.
    fn trim(&mut self, newest_seq: u64) {
        while let Some(front) = self.history.front()
            && front.marks.last().is_none_or(|mark| mark.seq + self.history_events <= newest_seq)
        {
            self.history.pop_front();
        }
    }

    /// A cursor at the end: it will read what is appended from now on.
    pub fn cursor_live(&mut self) -> Cursor {
        self.seal();
        Cursor { offset: self.tail.bytes.len(), segment: Arc::clone(&self.tail) }
    }

    /// A cursor that first reads the history, given the newest event's number.
    pub fn cursor_replay(&mut self, newest_seq: u64) -> Cursor {
        self.seal();
        self.trim(newest_seq);
        let first_seq = (newest_seq + 1).saturating_sub(self.history_events);
        match self.history.front() {
            None => self.cursor_live(),
            Some(segment) => {
                let index = segment.marks.partition_point(|mark| mark.seq < first_seq);
                let offset = segment.marks.get(index).map_or(segment.bytes.len(), |mark| mark.start);
                Cursor { segment: Arc::clone(segment), offset }
            }
        }
    }
}

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
        self.segment.base + self.offset as u64
    }

    /// What is readable from here, as slices for one vectored write. Fills at most `slices_max` slices
    /// and stops once they hold `bytes_max`.
    pub fn gather<'a>(&'a self, slices: &mut Vec<IoSlice<'a>>, slices_max: usize, bytes_max: usize) {
        let (mut segment, mut offset, mut bytes) = (&self.segment, self.offset, 0);
        loop {
            let rest = &segment.bytes[offset..];
            if !rest.is_empty() {
                slices.push(IoSlice::new(rest));
                bytes += rest.len();
            }
            if slices.len() >= slices_max || bytes >= bytes_max {
                return;
            }
            match segment.next.get() {
                None => return,
                Some(next) => (segment, offset) = (next, 0),
            }
        }
    }

    /// Moves on by the bytes that were written. More than is readable is a bug of the caller; it moves
    /// to the end.
    pub fn advance(&mut self, mut bytes: usize) {
        loop {
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
            (self.segment, self.offset) = (next, 0);
        }
    }

    /// Whether nothing is readable.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.offset == self.segment.bytes.len() && self.segment.next.get().is_none()
    }

    /// The bytes from here to the end of the frame the cursor stands in; empty on a frame boundary.
    /// Linear in the segment: for the rare moment when something must go between two frames.
    #[must_use]
    pub fn rest_of_frame(&self) -> &[u8] {
        let bytes = &self.segment.bytes;
        let mut boundary = 0;
        while boundary < self.offset {
            boundary += frame::length(&bytes[boundary..]);
        }
        &bytes[self.offset..boundary.min(bytes.len())]
    }

    /// Bytes to the end of the frame the cursor stands in, or of the next one on a frame boundary; 0 when
    /// nothing is readable. As costly as [`Cursor::rest_of_frame`].
    #[must_use]
    pub fn frame_ahead(&self) -> usize {
        let rest = self.rest_of_frame().len();
        if rest > 0 {
            return rest;
        }
        let here = &self.segment.bytes[self.offset..];
        let next =
            if here.is_empty() { self.segment.next.get().map_or(here, |next| &next.bytes) } else { here };
        if next.is_empty() { 0 } else { frame::length(next) }
    }
}

#[cfg(test)]
mod tests;
