//! The Forward protocol without sockets: bytes of a sender in, messages and acks out. And the little of the
//! other side that a sender needs.
//!
//! [`Decoder`] takes the bytes of one connection in whatever pieces they arrive and hands out
//! [`Item`]s. The entries of Forward and PackedForward messages are slices of the bytes received:
//! nothing here parses a record. [`handshake`] comes first where senders must prove who they are. This
//! crate must never know a socket or a clock, must never wait, and must never trust a declared length.

mod ack;
mod decoder;
mod decompress;
mod encode;
mod error;
pub mod handshake;
mod json_scan;
mod message;
mod scan;
mod values;

pub use ack::{Ack, Encoding};
pub use decoder::{Decoder, Limits};
pub use encode::{NoAck, TooLong, read_ack, write_chunk};
pub use error::{DecodeError, DecompressError};
pub use message::{Invalid, Item, Message};
pub use values::{StreamValue, Values};
