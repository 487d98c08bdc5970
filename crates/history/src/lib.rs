//! The history of one websocket output on disk: the numbered events as they came, in checksummed segment
//! files that are only ever appended to and deleted whole.
//!
//! Why it exists: a client that comes back, after its own absence or the server's, finds what it missed,
//! or is told exactly which numbers are gone. What it must never do: give out a number twice under one
//! epoch, call durable what may not be, show a block whose checksum is wrong, or grow beyond its bounds.
//! It knows files; it must not know sockets, threads, clocks or who asks.
//!
//! ```text
//! DIR/history.lock               held while a process uses the directory
//! DIR/state                      epoch, former epochs, how the last process ended (`state.rs`)
//! DIR/00000000000000000001.seg   blocks, back to back; named by the first number (`segment.rs`, `block.rs`)
//! DIR/00000000000000071234.seg
//! ```
//!
//! One [`Store`] writes. Any number of [`Reader`]s read meanwhile, and [`Syncer`]s bring onto the medium
//! what was appended, from whatever thread the caller chooses.

mod block;
mod disk;
mod epoch;
mod error;
mod index;
mod policy;
mod reader;
mod recovery;
mod scan;
mod segment;
mod state;
mod store;
mod sync;
#[cfg(test)]
mod tests;
mod walk;

pub use epoch::{Epoch, Former, ParseEpochError, Resolved};
pub use error::OpenError;
pub use policy::{Bounds, SyncPolicy};
pub use reader::{Gap, Part, Read, Reader, WhyGone};
pub use recovery::{Damage, Hole, NewEpoch, Recovery};
pub use store::{Piece, Retained, Store};
pub use sync::{Synced, Syncer};
