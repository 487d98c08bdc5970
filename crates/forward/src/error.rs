//! What ends a connection: after any of these the bytes that follow have no meaning, or the message
//! cannot be delivered and must not be acked.

use std::io;

use fluentcast_event::from_json::JsonError;
use fluentcast_event::msgpack::ReadError;

/// Why the connection must be closed without an ack for the message at hand.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The MessagePack itself is broken.
    #[error("broken MessagePack: {0}")]
    MessagePack(#[from] ReadError),
    /// The JSON itself is broken.
    #[error("broken JSON: {0}")]
    Json(#[from] JsonError),
    /// Between two JSON messages stands something that begins neither an array nor an object.
    #[error("broken JSON: byte 0x{0:02x} where a message should begin")]
    JsonStart(u8),
    /// What speaks is no sender. A browser's page can have it post any bytes here, messages among them.
    #[error("it speaks HTTP, which is for an `http` source")]
    Http,
    /// What speaks wants to be encrypted, or has a page's browser pretend so.
    #[error("it speaks TLS: give the source a `<transport tls>`, or the sender none")]
    Tls,
    /// The compressed entries cannot be had.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
}

/// Why compressed entries cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// The option `compressed` names no method known here.
    #[error("unknown compression {0:?}: use \"gzip\", \"zstd\" or \"text\"")]
    Unknown(String),
    /// The bytes are not what the option says.
    #[error("broken {method} data: {source}")]
    Broken {
        /// gzip or zstd.
        method: &'static str,
        /// What the decompressor says.
        source: io::Error,
    },
    /// More comes out than `decompression_size_limit` allows.
    #[error("the entries decompress to more than {0} bytes (decompression_size_limit)")]
    TooLarge(u64),
}
