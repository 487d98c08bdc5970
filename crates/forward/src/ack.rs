//! The reply that tells a sender its chunk has arrived.

use bytes::Bytes;
use fluentcast_event::{json, msgpack};

/// How a connection speaks; decided once, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// MessagePack.
    MessagePack,
    /// JSON.
    Json,
}

/// An ack that is due once the message is where it must be. Senders compare it byte by byte, so the
/// chunk id is never interpreted: it keeps its type (str or bin), its bytes and the width of its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The chunk id: one whole MessagePack value.
    chunk: Bytes,
    encoding: Encoding,
}

impl Ack {
    pub(crate) fn new(chunk: Bytes, encoding: Encoding) -> Self {
        Self { chunk, encoding }
    }

    /// Appends the reply, in the encoding of its connection. Replies follow each other without anything
    /// in between.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::MessagePack => {
                msgpack::write_map_head(out, 1);
                msgpack::write_str(out, "ack");
                out.extend_from_slice(&self.chunk);
            }
            Encoding::Json => {
                out.extend_from_slice(br#"{"ack":"#);
                // Cannot fail: the chunk was written by the JSON reader. A null acks nothing.
                if json::write_value(out, &self.chunk).is_err() {
                    out.extend_from_slice(b"null");
                }
                out.push(b'}');
            }
        }
    }
}
