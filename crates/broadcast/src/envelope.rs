//! What stands around the events of one segment: nothing, or one message that holds all of them.
//!
//! A message is closed when its segment is sealed, so it holds whatever gathered since the last reading,
//! and its bytes are made once for all clients of a view. The head, whose length depends on what comes,
//! is written right before the content into room that was kept for it.

use fluentcast_event::msgpack;

use crate::deflate::{Deflater, Sum};
use crate::encode::{Format, Protocol, Shape};
use crate::frame;

/// Room kept before a message: the longest head of a WebSocket frame, and exactly the head of a chunk.
const HEAD_BYTES: usize = frame::HEAD_BYTES_MAX;

/// The head of a chunk of an HTTP answer.
pub(crate) const CHUNK_HEAD_BYTES: usize = HEAD_BYTES;

const JSON_PREFIX: &[u8] = br#"{"events":["#;
const MSGPACK_PREFIX: &[u8] = b"\x81\xa6events\xdd\0\0\0\0";

/// How the events of a segment are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// Not at all: each is a message.
    None,
    /// One WebSocket message.
    Message(Format),
    /// One chunk of an HTTP answer (RFC 9112 section 7.1) with a notice in this protocol when events were
    /// left out.
    Chunk(Protocol),
}

impl Envelope {
    pub(crate) fn of(shape: &Shape) -> Self {
        match shape.protocol {
            Protocol::Classic => Self::None,
            Protocol::Resumable => Self::Message(shape.format),
            Protocol::EventStream | Protocol::Lines => Self::Chunk(shape.protocol),
        }
    }

    /// Begins a segment.
    pub(crate) fn open(self, out: &mut Vec<u8>) {
        let prefix: &[u8] = match self {
            Self::None => return,
            Self::Message(Format::Json) => JSON_PREFIX,
            Self::Message(Format::Msgpack) => MSGPACK_PREFIX,
            Self::Chunk(_) => b"",
        };
        out.resize(HEAD_BYTES, 0);
        out.extend_from_slice(prefix);
    }

    /// Goes between two events.
    pub(crate) fn separate(self, out: &mut Vec<u8>) {
        if self == Self::Message(Format::Json) {
            out.push(b',');
        }
    }

    /// Ends a segment of so many events, `left_out` more of which were not sent because of the client's
    /// `$max_rate`. Returns where it begins.
    pub(crate) fn close(self, out: &mut Vec<u8>, events: u32, left_out: u64) -> usize {
        self.end(out, events, left_out);
        match self {
            Self::None => 0,
            Self::Message(format) => {
                let (head, head_bytes) = frame::head(format.opcode(), out.len() - HEAD_BYTES);
                let start = HEAD_BYTES - head_bytes;
                out[start..HEAD_BYTES].copy_from_slice(&head[..head_bytes]);
                start
            }
            Self::Chunk(_) => {
                let head = chunk_head(out.len() - HEAD_BYTES);
                out[..HEAD_BYTES].copy_from_slice(&head);
                out.extend_from_slice(b"\r\n");
                0
            }
        }
    }

    /// The same, compressed. Returns what the end of a gzip stream has to say of the content.
    pub(crate) fn close_compressed(
        self,
        out: &mut Vec<u8>,
        events: u32,
        left_out: u64,
        deflater: &mut Deflater,
    ) -> Sum {
        self.end(out, events, left_out);
        let plain = std::mem::take(out);
        match self {
            Self::None => *out = plain,
            Self::Message(format) => deflater.compress_frame(out, format.opcode(), &plain[HEAD_BYTES..]),
            Self::Chunk(_) => {
                let mut part = Vec::new();
                deflater.compress_part(&mut part, &plain[HEAD_BYTES..]);
                write_chunk(out, &part);
                return Sum::of(&plain[HEAD_BYTES..]);
            }
        }
        Sum::default()
    }

    /// Writes what ends the content.
    fn end(self, out: &mut Vec<u8>, events: u32, left_out: u64) {
        match self {
            Self::None => {}
            Self::Message(Format::Json) if left_out > 0 => {
                out.extend_from_slice(format!("],\"left_out\":{left_out}}}").as_bytes());
            }
            Self::Message(Format::Json) => out.extend_from_slice(b"]}"),
            Self::Message(Format::Msgpack) => {
                let count_at = HEAD_BYTES + MSGPACK_PREFIX.len() - 4;
                out[count_at..count_at + 4].copy_from_slice(&events.to_be_bytes());
                if left_out > 0 {
                    out[HEAD_BYTES] += 1;
                    msgpack::write_str(out, "left_out");
                    msgpack::write_uint(out, left_out);
                }
            }
            Self::Chunk(Protocol::Lines) if left_out > 0 => {
                out.extend_from_slice(format!("{{\"left_out\":{left_out}}}\n").as_bytes());
            }
            Self::Chunk(_) if left_out > 0 => {
                out.extend_from_slice(format!("event: left_out\ndata: {left_out}\n\n").as_bytes());
            }
            Self::Chunk(_) => {}
        }
    }
}

/// The head of a chunk: leading zeros are allowed, so it is always as long.
fn chunk_head(bytes: usize) -> [u8; HEAD_BYTES] {
    let mut head = [b'0'; HEAD_BYTES];
    let digits = format!("{bytes:08x}\r\n");
    // 4 GiB do not fit into a segment.
    head.copy_from_slice(&digits.as_bytes()[..HEAD_BYTES]);
    head
}

/// Appends bytes as one chunk of an HTTP answer. Empty bytes would end the answer and are no chunk.
pub fn write_chunk(out: &mut Vec<u8>, bytes: &[u8]) {
    if !bytes.is_empty() {
        out.extend_from_slice(&chunk_head(bytes.len()));
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\r\n");
    }
}

/// The end of an HTTP answer in chunks.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(envelope: Envelope, events: &[&[u8]], left_out: u64) -> Vec<u8> {
        let mut out = Vec::new();
        envelope.open(&mut out);
        for (index, event) in events.iter().enumerate() {
            if index > 0 {
                envelope.separate(&mut out);
            }
            out.extend_from_slice(event);
        }
        let start = envelope.close(&mut out, u32::try_from(events.len()).unwrap(), left_out);
        out.split_off(start)
    }

    #[test]
    fn json_messages() {
        let json = Envelope::Message(Format::Json);
        assert_eq!(closed(json, &[b"[1]", b"[2]"], 0), b"\x81\x14{\"events\":[[1],[2]]}");
        assert_eq!(closed(json, &[b"[1]"], 7), b"\x81\x1d{\"events\":[[1]],\"left_out\":7}");
        assert_eq!(closed(json, &[], 7), b"\x81\x1a{\"events\":[],\"left_out\":7}");
        let long = vec![b'1'; 70_000];
        for bytes in [100, 114, 115, 1_000, 65_523, 65_524, 70_000] {
            let message = closed(json, &[&long[..bytes]], 0);
            assert_eq!(frame::length(&message), message.len(), "{bytes}");
        }
    }

    #[test]
    fn msgpack_messages() {
        let msgpack = Envelope::Message(Format::Msgpack);
        let read = |bytes: &[u8]| rmpv::decode::read_value(&mut &bytes[2..]).unwrap().to_string();
        assert_eq!(read(&closed(msgpack, &[b"\x91\x01", b"\x91\x02"], 0)), r#"{"events": [[1], [2]]}"#);
        assert_eq!(read(&closed(msgpack, &[b"\x91\x01"], 300)), r#"{"events": [[1]], "left_out": 300}"#);
    }

    #[test]
    fn chunks() {
        let lines = Envelope::Chunk(Protocol::Lines);
        assert_eq!(closed(lines, &[b"{}\n", b"{}\n"], 0), b"00000006\r\n{}\n{}\n\r\n");
        assert_eq!(closed(lines, &[], 12), b"00000010\r\n{\"left_out\":12}\n\r\n");
        let sse = Envelope::Chunk(Protocol::EventStream);
        assert_eq!(closed(sse, &[], 12), b"0000001a\r\nevent: left_out\ndata: 12\n\n\r\n");
    }
}
