//! The built binary from outside: real sockets, real senders, signals and exit codes.
//!
//! Nothing here knows the crates behind it; what goes in and what comes out is written down by hand. No
//! test sleeps to wait for a state: each waits for a message, a log line or an exit, until a deadline
//! that only a broken server reaches.

mod chaos;
mod cli;
mod defects;
mod descriptors;
mod history;
mod lag;
mod matrix;
mod protocol_page;
mod readme;
mod resume;
mod scale;
mod senders;
mod stop;
mod stuck;
mod support;
mod tls;
mod vectors;
