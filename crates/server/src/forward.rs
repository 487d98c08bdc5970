//! The `forward` source: Fluentd's Forward protocol on TCP, and its heartbeats on UDP.
//!
//! One task per connection reads, decodes, hands batches to the pipeline, waits for it, and acks. That
//! waiting is the back-pressure: a connection whose batch is not accepted yet is not read. An ack must
//! never go out before the pipeline has accepted the events. Where `<security>` is set, nothing is decoded
//! before the sender has proved who it is.

mod connection;
mod door;
mod fields;
mod greeting;
mod heartbeat;
mod retag;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use fluentcast_config::settings::ForwardSource;
use fluentcast_event::limits::{FREE_PORT_TRIES_MAX, PEER_FAULT_LOG_INTERVAL};
use fluentcast_forward::Limits;
use tokio::net::{TcpListener, UdpSocket};
use tokio_util::sync::CancellationToken;

use crate::accept::{self, Admission};
use crate::emit::Emitter;
use crate::metrics::Metrics;
use crate::ratelimit::Gate;
use crate::tls::{self, Acceptor};

use connection::Connection;
pub use door::{Door, UnknownHost};

#[cfg(test)]
mod tests;

/// A forward source whose ports are taken, not served yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    heartbeats: UdpSocket,
    address: SocketAddr,
    door: Option<Door>,
    acceptor: Option<Arc<Acceptor>>,
}

impl Bound {
    /// Takes the port for TCP and the same one for UDP. To be called within the tokio runtime.
    ///
    /// # Errors
    /// What the system says; the message tells TCP from UDP.
    pub fn bind(settings: &ForwardSource) -> io::Result<Self> {
        let tries = if settings.listen.port == 0 { FREE_PORT_TRIES_MAX } else { 1 };
        let mut result = Self::try_bind(settings);
        for _ in 1..tries {
            match &result {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => result = Self::try_bind(settings),
                _ => break,
            }
        }
        result
    }

    fn try_bind(settings: &ForwardSource) -> io::Result<Self> {
        let say = |what: &str, error: io::Error| io::Error::new(error.kind(), format!("{what}: {error}"));
        let listener =
            accept::listen(&settings.listen, settings.backlog).map_err(|error| say("TCP", error))?;
        let address = listener.local_addr()?;
        let heartbeats = std::net::UdpSocket::bind(address).map_err(|error| say("UDP", error))?;
        heartbeats.set_nonblocking(true)?;
        Ok(Self {
            listener: TcpListener::from_std(listener)?,
            heartbeats: UdpSocket::from_std(heartbeats)?,
            address,
            door: None,
            acceptor: None,
        })
    }

    /// The same, encrypted by this acceptor, with senders that must pass this door.
    #[must_use]
    pub fn behind(self, acceptor: Option<Arc<Acceptor>>, door: Option<Door>) -> Self {
        Self { door, acceptor, ..self }
    }

    /// The address taken, with the port the system chose where it was asked to.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

/// Serves until the shutdown token is cancelled. Then the listener closes, every connection takes and
/// acks what had been received, and this returns when they have all ended. The caller sets the
/// deadline: dropping the future cuts the connections off.
pub async fn serve(
    bound: Bound,
    settings: ForwardSource,
    emitter: Emitter,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
) {
    let name = format!("forward {}", bound.address);
    let admission = Admission {
        name: name.clone(),
        connection_limit: settings.connection_limit,
        accepted: metrics.forward_connections.clone(),
        refused: metrics.forward_connections_refused.clone(),
        errors: metrics.accept_errors.clone(),
    };
    let source =
        Arc::new(Source { name, settings, door: bound.door, emitter, metrics, logs: Logs::default() });
    let heartbeats = heartbeat::answer(bound.heartbeats, source.metrics.clone(), shutdown.clone());
    let (stop, acceptor) = (shutdown.clone(), bound.acceptor);
    let connections = accept::serve(bound.listener, admission, shutdown, move |stream, peer| {
        let (source, acceptor, stop) = (Arc::clone(&source), acceptor.clone(), stop.clone());
        async move {
            if let Some(stream) = tls::secure(acceptor.as_deref(), stream, peer, &stop).await {
                Connection::new(source, stream, peer).run(stop).await;
            }
        }
    });
    tokio::join!(connections, heartbeats);
}

/// What the connections of one source share.
struct Source {
    /// For the log.
    name: String,
    settings: ForwardSource,
    door: Option<Door>,
    emitter: Emitter,
    metrics: Arc<Metrics>,
    logs: Logs,
}

impl Source {
    fn limits(&self) -> Limits {
        Limits {
            message_bytes_max: self.settings.chunk_size_limit.0,
            entries_max: self.settings.entry_limit,
            decompressed_bytes_max: self.settings.decompression_size_limit.0,
        }
    }
}

/// One gate per kind of line that a sender can cause.
struct Logs {
    invalid: Gate,
    oversize: Gate,
    large: Gate,
    entries: Gate,
    broken: Gate,
    not_accepted: Gate,
    refused: Gate,
    cut: Gate,
}

impl Default for Logs {
    fn default() -> Self {
        let gate = || Gate::new(PEER_FAULT_LOG_INTERVAL);
        Self {
            invalid: gate(),
            oversize: gate(),
            large: gate(),
            entries: gate(),
            broken: gate(),
            not_accepted: gate(),
            refused: gate(),
            cut: gate(),
        }
    }
}
