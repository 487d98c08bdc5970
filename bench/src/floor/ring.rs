//! The one buffer: contiguous, so that all that is new for a client is one slice.

use std::io::{self, IoSliceMut, Read};

/// Bytes of the buffer. What is still needed moves to its front when it is full: next to nothing when the
/// clients keep up, a third of what passes through at worst.
const BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// The newest bytes of an endless stream.
pub(super) struct Ring {
    buffer: Box<[u8]>,
    /// Position in the stream of the buffer's first byte.
    base: u64,
    /// Bytes filled.
    filled: usize,
    /// Position up to which nobody needs anything.
    needed: u64,
    /// Position behind the last whole blob.
    boundary: u64,
    replay_bytes: u64,
}

impl Ring {
    pub(super) fn new(replay_bytes: u64) -> Self {
        Self {
            buffer: vec![0; BUFFER_BYTES].into(),
            base: 0,
            filled: 0,
            needed: 0,
            boundary: 0,
            replay_bytes,
        }
    }

    pub(super) fn end(&self) -> u64 {
        self.base + self.filled as u64
    }

    /// Where a new client begins.
    pub(super) fn start(&self) -> u64 {
        self.boundary.saturating_sub(self.replay_bytes).max(self.base)
    }

    pub(super) fn note_boundary(&mut self) {
        self.boundary = self.end();
    }

    /// All from a position on.
    pub(super) fn since(&self, position: u64) -> &[u8] {
        let start = usize::try_from(position - self.base).unwrap_or(usize::MAX);
        &self.buffer[start..self.filled]
    }

    /// No client needs what is before this.
    pub(super) fn release_before(&mut self, position: u64) {
        self.needed = position.min(self.boundary.saturating_sub(self.replay_bytes)).max(self.base);
    }

    /// Appends up to `bytes_max` bytes of the stream; what follows them goes into `next`.
    pub(super) fn read_from(
        &mut self,
        stream: &mut impl Read,
        bytes_max: usize,
        next: &mut [u8],
    ) -> io::Result<usize> {
        if self.buffer.len() - self.filled < bytes_max {
            let start = usize::try_from(self.needed - self.base).unwrap_or(usize::MAX);
            self.buffer.copy_within(start..self.filled, 0);
            self.filled -= start;
            self.base = self.needed;
        }
        let room = &mut self.buffer[self.filled..self.filled + bytes_max];
        let read = stream.read_vectored(&mut [IoSliceMut::new(room), IoSliceMut::new(next)])?;
        self.filled += read.min(bytes_max);
        Ok(read)
    }
}
