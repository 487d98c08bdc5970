//! Fan-out: one hub per websocket output, its views, their shared logs, and the sessions of the
//! clients, each a cursor into one log.
//!
//! ```text
//! Batch ─► Hub ─► per View: encode once, frame once, append to the Log
//!                             └─► Segment ─► Segment ─► …   shared, immutable, ready for a socket
//!                                   ▲ Cursor  ▲ Cursor      one per client
//! ```
//!
//! This crate knows frames and bytes, never a socket: a [`session::Session`] says what to write and is
//! told what was written and read. It must never keep a queue or a copy per client.

pub mod close;
pub mod deflate;
pub mod encode;
pub mod envelope;
pub mod filter;
pub mod frame;
pub mod history;
pub mod hub;
pub mod inbound;
pub mod log;
pub mod notice;
pub mod replay;
mod sampler;
pub mod session;
pub mod tags;
#[cfg(test)]
mod testing;
pub mod view;
