//! Compressing what the server sends (RFC 7692), once for all clients of a view: the compressor begins
//! anew with every frame, so that a client may join at any of them, and must never know a client.
//!
//! Why this level, this window and this backend: `docs/decisions/0012-permessage-deflate.md`.

mod sum;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flate2::{Compress, CompressError, Compression, FlushCompress};
use fluentcast_event::limits::COMPRESSED_MESSAGE_BYTES_MIN;

use crate::frame::{self, Opcode};
pub(crate) use sum::Sum;

/// How far back a compressed message refers to itself. Each that is in use compresses every event once
/// more, so there are two only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Window {
    /// 4 KiB hold what an event repeats of those just before it.
    #[default]
    Usual,
    /// 512 bytes, zlib's smallest: for whoever insists on less than the usual.
    Small,
}

impl Window {
    /// The largest that a client takes that has room for so many bytes, as a power of two.
    #[must_use]
    pub fn within(bits: u8) -> Option<Self> {
        [Self::Usual, Self::Small].into_iter().find(|window| window.bits() <= bits)
    }

    /// Its size, as a power of two.
    #[must_use]
    pub fn bits(self) -> u8 {
        match self {
            Self::Usual => 12,
            Self::Small => 9,
        }
    }
}

/// Fewer bytes for every client are worth more than the time they cost once.
const LEVEL: u32 = 6;

/// Smallest room that is worth a call of the compressor, in bytes.
const ROOM_BYTES_MIN: usize = 256;

/// What every sync flush ends with: the lengths of an empty stored block.
pub(crate) const SYNC_TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// An empty stored block that is the last of a stream.
pub const LAST_BLOCK: [u8; 5] = [0x01, 0x00, 0x00, 0xff, 0xff];

/// The head of a gzip stream (RFC 1952 section 2.3): deflate, no name, no time, unknown system.
pub const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff];

/// Longest payload of a stored block, in bytes.
const STORED_BYTES_MAX: usize = 0xffff;

/// One for several logs, each of which holds it while it compresses.
pub(crate) type SharedDeflater = Arc<Mutex<Deflater>>;

/// The compressors of a hub.
#[derive(Debug)]
pub(crate) struct Deflaters {
    usual: SharedDeflater,
    small: SharedDeflater,
}

impl Default for Deflaters {
    fn default() -> Self {
        Self { usual: own(Window::Usual), small: own(Window::Small) }
    }
}

impl Deflaters {
    /// The one with this window, which a shape may ask for.
    pub(crate) fn of(&self, window: Option<Window>) -> Option<SharedDeflater> {
        Some(Arc::clone(match window? {
            Window::Usual => &self.usual,
            Window::Small => &self.small,
        }))
    }
}

/// One of its own.
pub(crate) fn own(window: Window) -> SharedDeflater {
    Arc::new(Mutex::new(Deflater::new(window)))
}

/// Takes the compressor; it keeps nothing from one frame to the next.
pub(crate) fn lock(deflater: &SharedDeflater) -> MutexGuard<'_, Deflater> {
    deflater.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A few bytes as blocks of a raw deflate stream, not compressed (RFC 1951 section 3.2.4).
pub(crate) fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 10);
    store(&mut out, bytes);
    out
}

/// A compressor of about 200 KiB, for one frame after the other.
#[derive(Debug, Default)]
pub struct Deflater {
    window: Window,
    /// Made when the first frame comes: most are never asked for one.
    compress: Option<Compress>,
}

/// A frame would not become smaller.
struct NotSmaller;

impl Deflater {
    /// One whose frames refer no farther back than that.
    #[must_use]
    pub fn new(window: Window) -> Self {
        Self { window, compress: None }
    }

    /// Appends a frame with that payload, for clients that agreed on permessage-deflate. It is compressed
    /// if that makes it smaller; every message may be either.
    pub fn compress_frame(&mut self, out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
        let start = out.len();
        let compressed = frame::write_with(out, opcode, |out| self.compress_message(out, payload));
        match compressed {
            Ok(()) => out[start] |= frame::RSV1,
            Err(NotSmaller) => frame::write(out, opcode, payload),
        }
    }

    fn compress_message(&mut self, out: &mut Vec<u8>, payload: &[u8]) -> Result<(), NotSmaller> {
        if payload.len() < COMPRESSED_MESSAGE_BYTES_MIN {
            return Err(NotSmaller);
        }
        let start = out.len();
        self.run(out, payload).map_err(|_| NotSmaller)?;
        out.truncate(out.len() - SYNC_TAIL.len());
        if out.len() - start < payload.len() { Ok(()) } else { Err(NotSmaller) }
    }

    /// Appends blocks of a raw deflate stream, ended by a sync flush. They refer to nothing before them:
    /// such parts in any order are one stream. Behind [`GZIP_HEAD`], and before [`LAST_BLOCK`] and the
    /// checksum, they are a gzip stream.
    pub fn compress_part(&mut self, out: &mut Vec<u8>, payload: &[u8]) {
        let start = out.len();
        if self.run(out, payload).is_err() {
            // No input does this; what is sent must be right even so.
            out.truncate(start);
            store(out, payload);
        }
    }

    fn run(&mut self, out: &mut Vec<u8>, payload: &[u8]) -> Result<(), CompressError> {
        let bits = self.window.bits();
        let fresh = || Compress::new_with_window_bits(Compression::new(LEVEL), false, bits);
        let compress = self.compress.get_or_insert_with(fresh);
        compress.reset();
        let mut rest = payload;
        loop {
            out.reserve(rest.len() / 2 + ROOM_BYTES_MIN);
            let taken = compress.total_in();
            compress.compress_vec(rest, out, FlushCompress::Sync)?;
            let taken = usize::try_from(compress.total_in() - taken).unwrap_or(usize::MAX);
            rest = rest.get(taken..).unwrap_or_default();
            // Room that is left says that the flush is complete.
            if rest.is_empty() && out.len() < out.capacity() {
                return Ok(());
            }
        }
    }
}

/// Appends the payload as stored blocks, and an empty one.
fn store(out: &mut Vec<u8>, payload: &[u8]) {
    for block in payload.chunks(STORED_BYTES_MAX).chain([&[][..]]) {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(0);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
}

#[cfg(test)]
mod tests;
