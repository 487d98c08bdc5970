//! The bench: a crowd of WebSocket clients that only counts, publishers, the floor to compare with, and
//! the driver that puts servers through the same scenarios and prints one table.
//!
//! What this crate says about a server it must have seen from outside: bytes on sockets, and what the
//! kernel says of the process. It must never favour one: all get the same events, paced by the same
//! code, and are read by the same clients.

pub mod bars;
pub mod block;
pub mod crowd;
pub mod floor;
pub mod history;
pub mod instructions;
pub mod measure;
pub mod paths;
pub mod process;
pub mod publisher;
pub mod record;
pub mod report;
pub mod scenario;
pub mod server;
pub mod soak;
pub mod storm;

/// One line for whoever watches.
#[expect(clippy::print_stderr, reason = "talking to the terminal is what a bench does")]
pub fn say(line: &str) {
    eprintln!("{line}");
}
