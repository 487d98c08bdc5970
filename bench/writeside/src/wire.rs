//! What both ends of a server say, the same for every way: the floor's protocol (see
//! `fluentcast_bench::floor`), without its replay and its limits.

use bytes::{Bytes, BytesMut};
use fluentcast_bench::block::BLOB_WANTS_ACK;

/// Bytes read from the publisher at once: what came with one read goes out with one write.
pub(crate) const READ_BYTES: usize = 256 * 1024;

/// The answer to a client's handshake, whatever it said.
pub(crate) const SWITCH: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Whether a client's request is whole.
pub(crate) fn is_whole(request: &[u8]) -> bool {
    request.ends_with(b"\r\n\r\n")
}

/// Takes the publisher's blobs apart.
#[derive(Default)]
pub(crate) struct Unpacker {
    /// What of the next blob's length has come.
    head: Vec<u8>,
    /// Bytes of the blob still to come.
    rest: usize,
    wants_ack: bool,
    frames: BytesMut,
}

impl Unpacker {
    /// The frames in what was read, as one block, and the acks now due.
    pub(crate) fn unpack(&mut self, mut read: &[u8]) -> (Bytes, Vec<u8>) {
        let mut acks = Vec::new();
        self.frames.reserve(read.len());
        while !read.is_empty() {
            if self.rest == 0 {
                let (head, after) = read.split_at(read.len().min(4 - self.head.len()));
                self.head.extend_from_slice(head);
                read = after;
                let Ok(head) = <[u8; 4]>::try_from(self.head.as_slice()) else { break };
                self.head.clear();
                let head = u32::from_be_bytes(head);
                self.wants_ack = head & BLOB_WANTS_ACK != 0;
                self.rest = usize::try_from(head & !BLOB_WANTS_ACK).unwrap_or(usize::MAX);
                continue;
            }
            let (frames, after) = read.split_at(read.len().min(self.rest));
            self.frames.extend_from_slice(frames);
            self.rest -= frames.len();
            read = after;
            if self.rest == 0 && self.wants_ack {
                acks.push(b'a');
            }
        }
        (self.frames.split().freeze(), acks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_come_apart_however_they_are_cut() {
        let ack = (BLOB_WANTS_ACK | 3).to_be_bytes();
        let bytes = [&ack[..], b"abc", &2_u32.to_be_bytes(), b"de", &ack, b"fgh"].concat();
        for piece in 1..=bytes.len() {
            let mut unpacker = Unpacker::default();
            let (mut frames, mut acks) = (Vec::new(), 0);
            for read in bytes.chunks(piece) {
                let (more, due) = unpacker.unpack(read);
                frames.extend_from_slice(&more);
                acks += due.len();
            }
            assert_eq!((frames.as_slice(), acks), (&b"abcdefgh"[..], 2), "{piece}");
        }
    }
}
