//! The websocket output on real sockets.
//!
//! A listener's task speaks HTTP (hyper) until a client is upgraded; then the bare socket goes to one of
//! a few worker threads, which read and write many clients through epoll. A worker is woken once for
//! all its clients; each client then gets everything new in one write.

pub mod admit;
mod client;
mod deadlines;
pub mod digest;
mod engine;
pub mod events;
pub mod grants;
pub mod handshake;
mod later;
pub mod listener;
mod origin;
mod page;
pub mod query;
mod replayer;
mod resubscribe;
pub mod rights;
mod scrape;
mod since;
mod socket;
mod ui;
pub mod worker;

#[cfg(test)]
mod tests;
