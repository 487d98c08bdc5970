//! Sources, pipelines and outputs on real sockets and files.
//!
//! A subsystem goes settings → bound → spawned → drained: it takes a bound listener, an [`emit::Emitter`]
//! (sources) and a shutdown token, and ends by itself when told. Nothing here reads argv, the
//! environment, or decides an exit code.

pub mod accept;
pub mod build;
pub mod emit;
pub mod file;
pub mod filters;
pub mod format;
pub mod forward;
pub mod history;
pub mod http;
pub mod metrics;
pub mod pipeline;
pub mod ratelimit;
pub mod sample;
pub mod server;
pub mod stdout;
pub mod tls;
pub mod websocket;
