//! Events as the rest of Fluentcast sees them: a tag, and entries of time and record kept as the raw
//! MessagePack they arrived as.
//!
//! This crate knows MessagePack, JSON and tag patterns. It must never know a socket, a file or the
//! configuration language.

pub mod batch;
mod dedup;
pub mod field;
pub mod from_json;
pub mod json;
pub mod limits;
pub mod msgpack;
pub mod pattern;
pub mod projection;
pub mod record;
pub mod redaction;
pub mod reduction;
pub mod route;
pub mod ruby_regex;
pub mod tag;
pub mod template;
pub mod time;
mod word;

pub use batch::{Batch, BatchBuilder, EntryError, Event};
pub use tag::Tag;
pub use time::EventTime;
