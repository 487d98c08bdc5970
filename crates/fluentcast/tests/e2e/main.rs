//! The built binary from outside: real sockets, real senders, signals and exit codes.
//!
//! Nothing here knows the crates behind it; what goes in and what comes out is written down by hand. No
//! test sleeps to wait for a state: each waits for a message, a log line or an exit, until a deadline
//! that only a broken server reaches.

mod chaos;
mod cli;
mod defects;
mod descriptors;
mod faults;
mod history;
mod js_client;
mod lag;
mod manual;
mod matrix;
mod page;
mod pages_elsewhere;
mod protocol_page;
mod readme;
mod resume;
mod scale;
mod secrets;
mod send;
mod senders;
mod stop;
mod stuck;
mod support;
mod tail;
mod tls;
mod vectors;
