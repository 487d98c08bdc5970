//! Listening and accepting, the same for every kind of source and output.
//!
//! Whatever a peer or the system does, an accept loop must go on: it pauses when the system has nothing
//! left to give (file descriptors above all), and only the shutdown token ends it.

use std::future::Future;
use std::io;
use std::net::{self, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use fluentcast_config::settings::Listen;
use fluentcast_event::limits::{ACCEPT_PAUSE_MAX, ACCEPT_PAUSE_MIN, LISTEN_BACKLOG, PEER_FAULT_LOG_INTERVAL};
use prometheus_client::metrics::counter::Counter;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ratelimit::Gate;

#[cfg(test)]
mod tests;

/// Binds and listens (non-blocking, SO_REUSEADDR), on the first address of the host that can be bound.
///
/// # Errors
/// What the system says of the last address tried.
pub fn listen(at: &Listen, backlog: Option<u32>) -> io::Result<net::TcpListener> {
    let mut result = Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address"));
    for address in (at.host.as_str(), at.port).to_socket_addrs()? {
        result = listen_on(address, backlog);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn listen_on(address: SocketAddr, backlog: Option<u32>) -> io::Result<net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog.unwrap_or(LISTEN_BACKLOG)).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

/// What connections come from.
pub trait Listener: Send {
    /// A connection.
    type Connection: Send + 'static;

    /// Waits for the next connection. May be dropped while it waits, without losing one.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Connection, SocketAddr)>> + Send;
}

impl Listener for TcpListener {
    type Connection = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        TcpListener::accept(self).await
    }
}

/// Who is let in, and where that is counted.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Who listens, for the log (`forward 127.0.0.1:24224`).
    pub name: String,
    /// Connections at once; one more is closed at once.
    pub connection_limit: u32,
    /// Counts the connections let in.
    pub accepted: Counter,
    /// Counts the connections closed because of the limit.
    pub refused: Counter,
    /// Counts the failures to accept.
    pub errors: Counter,
}

/// Accepts until the shutdown token is cancelled; runs `handle` for each connection in a task of its
/// own. On shutdown the listener closes first, then this waits for the connections, which must hear of
/// the shutdown themselves. Dropping the future cuts the connections off.
pub async fn serve<L, H, F>(mut listener: L, admission: Admission, shutdown: CancellationToken, handle: H)
where
    L: Listener,
    H: Fn(L::Connection, SocketAddr) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let Admission { name, connection_limit, accepted, refused, errors } = admission;
    let connection_limit = usize::try_from(connection_limit).unwrap_or(usize::MAX);
    let (refused_log, errors_log) = (Gate::new(PEER_FAULT_LOG_INTERVAL), Gate::new(PEER_FAULT_LOG_INTERVAL));
    let mut pause = Pause::default();
    let mut connections = JoinSet::new();
    loop {
        // The stop comes first: under a storm of connections the other arms are always ready. Ended
        // connections come second, because they make room for the next.
        let connection = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(ended) = connections.join_next() => {
                report(&name, ended);
                continue;
            }
            connection = listener.accept() => connection,
        };
        match connection {
            Ok((connection, peer)) => {
                pause = Pause::default();
                if connections.len() < connection_limit {
                    accepted.inc();
                    connections.spawn(handle(connection, peer));
                    continue;
                }
                refused.inc();
                if let Some(suppressed) = refused_log.pass() {
                    tracing::warn!(listener = name, %peer, suppressed, connection_limit, "connection closed at once: connection_limit is reached");
                }
            }
            // The peer gave up before it was accepted: nothing is wrong here.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                errors.inc();
                let pause = pause.next();
                if let Some(suppressed) = errors_log.pass() {
                    tracing::error!(listener = name, %error, suppressed, ?pause, "cannot accept connections; trying again");
                }
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        report(&name, ended);
    }
}

/// A task ends by returning; anything else is a bug of ours, to be seen.
fn report(name: &str, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(listener = name, %error, "a connection's task failed");
    }
}

/// How long to wait after failures in a row: twice as long each time, within bounds.
#[derive(Debug, Default)]
struct Pause(Duration);

impl Pause {
    fn next(&mut self) -> Duration {
        self.0 = (self.0 * 2).clamp(ACCEPT_PAUSE_MIN, ACCEPT_PAUSE_MAX);
        self.0
    }
}
