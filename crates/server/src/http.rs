//! The `http` source: events in requests, answered as Fluentd's `in_http` answers them.
//!
//! Layers, from pure to wet: the parts of a request ([`params`], [`tag`], [`time`], [`added`],
//! [`decode`]), its records ([`records`]), the whole request without a socket ([`intake`]), one
//! request and its answer ([`exchange`]), one connection ([`connection`]). An answer of success must
//! never go out before the pipeline has accepted the events.

mod added;
mod connection;
mod cors;
mod decode;
mod exchange;
mod guard;
mod intake;
mod params;
mod records;
mod respond;
mod tag;
mod time;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use fluentcast_config::settings::HttpSource;
use tokio_util::sync::CancellationToken;

use crate::emit::Emitter;
use crate::metrics::Metrics;

/// What the requests of one source share.
struct Context {
    settings: Arc<HttpSource>,
    emitter: Emitter,
    metrics: Arc<Metrics>,
}

#[cfg(test)]
mod tests;
