//! The `http` source: events in requests, answered as Fluentd's `in_http` answers them.
//!
//! Layers, from pure to wet: the parts of a request (`params`, `tag`, `time`, `added`, `decode`), its
//! records (`records`), the whole request without a socket (`intake`), one request and its answer
//! (`exchange`), one connection (`connection`). An answer of success must never go out before the
//! pipeline has accepted the events.

mod added;
mod connection;
mod cors;
mod decode;
mod exchange;
mod guard;
pub mod intake;
mod params;
mod records;
mod respond;
mod tag;
mod time;

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use fluentcast_config::settings::HttpSource;
use fluentcast_event::limits::PEER_FAULT_LOG_INTERVAL;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::accept::{self, Admission};
use crate::emit::Emitter;
use crate::metrics::Metrics;
use crate::ratelimit::Gate;
use crate::tls::{self, Acceptor};

/// A source that listens and does not answer yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    local_addr: SocketAddr,
    acceptor: Option<Arc<Acceptor>>,
}

impl Bound {
    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The same, encrypted by this acceptor.
    #[must_use]
    pub fn behind(self, acceptor: Option<Arc<Acceptor>>) -> Self {
        Self { acceptor, ..self }
    }
}

/// Binds and listens. Belongs into a tokio runtime.
///
/// # Errors
/// What the system says: the port is in use, the host has no address...
pub fn bind(settings: &HttpSource) -> io::Result<Bound> {
    let listener = TcpListener::from_std(accept::listen(&settings.listen, settings.backlog)?)?;
    let local_addr = listener.local_addr()?;
    Ok(Bound { listener, local_addr, acceptor: None })
}

/// Serves until shutdown: then no connection is accepted any more, requests that have begun are
/// answered, and it returns.
pub async fn serve(
    bound: Bound,
    settings: HttpSource,
    emitter: Emitter,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
) {
    let admission = Admission {
        name: format!("http {}", bound.local_addr),
        connection_limit: settings.connection_limit,
        accepted: metrics.http_connections.clone(),
        refused: metrics.http_connections_refused.clone(),
        errors: metrics.accept_errors.clone(),
    };
    let context = Arc::new(Context::new(settings, emitter, metrics));
    let (until, acceptor) = (shutdown.clone(), bound.acceptor);
    accept::serve(bound.listener, admission, shutdown, move |stream, peer| {
        let (context, acceptor, until) = (Arc::clone(&context), acceptor.clone(), until.clone());
        async move {
            if let Some(stream) = tls::secure(acceptor.as_deref(), stream, peer, &until).await {
                connection::serve(stream, peer, context, until).await;
            }
        }
    })
    .await;
}

/// What the requests of one source share.
struct Context {
    settings: Arc<HttpSource>,
    emitter: Emitter,
    metrics: Arc<Metrics>,
    /// Bad requests in the log.
    requests_log: Gate,
    /// Events that were not accepted, in the log: apart, since bad requests must not hide them.
    emits_log: Gate,
}

impl Context {
    fn new(settings: HttpSource, emitter: Emitter, metrics: Arc<Metrics>) -> Self {
        let (requests_log, emits_log) =
            (Gate::new(PEER_FAULT_LOG_INTERVAL), Gate::new(PEER_FAULT_LOG_INTERVAL));
        Self { settings: Arc::new(settings), emitter, metrics, requests_log, emits_log }
    }

    fn log_bad_request(&self, peer: IpAddr, error: &dyn Display) {
        if let Some(suppressed) = self.requests_log.pass().filter(|_| self.settings.dump_error_log) {
            tracing::error!(%peer, %error, suppressed, "a request was refused");
        }
    }

    fn log_failed_emit(&self, peer: IpAddr, error: &dyn Display) {
        if let Some(suppressed) = self.emits_log.pass().filter(|_| self.settings.dump_error_log) {
            tracing::error!(%peer, %error, suppressed, "events were not accepted");
        }
    }
}

#[cfg(test)]
mod tests;
