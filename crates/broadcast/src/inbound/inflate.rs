//! Inflating a compressed message (RFC 7692 section 7.2.2) as it comes, within a bound.
//!
//! An inflater lives for one message (about 40 KiB: the window and the tables), as clients agreed to
//! begin each anew. It must never make more of a message than the limit, whatever few bytes promise.

use flate2::{Decompress, FlushDecompress, Status};
use fluentcast_event::limits::INFLATED_PART_BYTES;

use crate::close::CloseReason;
use crate::deflate::{LAST_BLOCK, SYNC_TAIL};

/// The inflater of one message.
#[derive(Debug)]
pub(super) struct Inflater {
    /// Allocated when there is something to inflate.
    stream: Option<Decompress>,
    /// A stream has begun and not ended.
    within: bool,
    /// Bytes that the message may still grow by.
    room: u64,
}

impl Inflater {
    /// For a message of at most so many bytes, inflated.
    pub(super) fn new(message_bytes_max: u64) -> Self {
        Self { stream: None, within: false, room: message_bytes_max }
    }

    /// Inflates the next part of the payload and hands on what it makes, in parts.
    pub(super) fn push(
        &mut self,
        mut payload: &[u8],
        on: &mut impl FnMut(&[u8]) -> Result<(), CloseReason>,
    ) -> Result<(), CloseReason> {
        while !payload.is_empty() {
            payload = &payload[self.step(payload, on)?..];
        }
        Ok(())
    }

    /// The message is over: what the client left off is put back, and must end it.
    pub(super) fn finish(
        &mut self,
        on: &mut impl FnMut(&[u8]) -> Result<(), CloseReason>,
    ) -> Result<(), CloseReason> {
        // Either nothing at all, or an end without the octet that has to follow it: what is meant is clear.
        if !self.within {
            return Ok(());
        }
        self.push(&SYNC_TAIL, on)?;
        // Inside a block it would be data: only between two blocks does this one end the stream.
        let mut grown = false;
        self.push(&LAST_BLOCK, &mut |_| {
            grown = true;
            Ok(())
        })?;
        if self.within || grown { Err(CloseReason::InvalidDeflate) } else { Ok(()) }
    }

    /// Inflates until the bytes are used up or the stream ends; returns how many were used.
    fn step(
        &mut self,
        bytes: &[u8],
        on: &mut impl FnMut(&[u8]) -> Result<(), CloseReason>,
    ) -> Result<usize, CloseReason> {
        let stream = self.stream.get_or_insert_with(|| Decompress::new(false));
        let mut part = [0; INFLATED_PART_BYTES];
        let mut used = 0;
        self.within = true;
        loop {
            let (in_before, out_before) = (stream.total_in(), stream.total_out());
            let inflated = stream.decompress(&bytes[used..], &mut part, FlushDecompress::None);
            used += usize::try_from(stream.total_in() - in_before).unwrap_or(usize::MAX);
            let made = stream.total_out() - out_before;
            self.room = self.room.checked_sub(made).ok_or(CloseReason::TooBig)?;
            let made = usize::try_from(made).unwrap_or(part.len());
            if made > 0 {
                // Before an error too: what is wrong first is the reason, however the bytes were split.
                on(&part[..made])?;
            }
            if inflated.map_err(|_| CloseReason::InvalidDeflate)? == Status::StreamEnd {
                // Whoever cannot flush may end the stream (section 7.2.3.4); another one follows.
                stream.reset(false);
                self.within = false;
                return Ok(used);
            }
            // Room left in the part says that there is no more to be had of these bytes.
            if made < part.len() {
                return if used == bytes.len() { Ok(used) } else { Err(CloseReason::InvalidDeflate) };
            }
        }
    }
}

#[cfg(test)]
mod tests;
