//! TLS on listeners: certificates from files, handshakes, and new certificates without an end of old
//! connections.
//!
//! Everything is loaded and checked before any port is taken. What replaces a certificate later must pass
//! the same checks, else the old one stays. No key and no passphrase may ever be shown.

mod material;
mod renewal;
mod stream;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use fluentcast_config::settings::Tls;
use fluentcast_event::limits::{PEER_FAULT_LOG_INTERVAL, TLS_HANDSHAKE_TIMEOUT};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::ratelimit::Gate;

pub use material::TlsError;
pub use renewal::{Renewal, renew};
pub use stream::Stream;

#[cfg(test)]
pub(crate) mod tests;

/// What a listener with `<transport tls>` offers to whoever connects.
#[derive(Debug)]
pub struct Acceptor {
    settings: Tls,
    /// For connections from now on.
    current: RwLock<Arc<ServerConfig>>,
    metrics: Arc<Metrics>,
    failed_log: Gate,
}

impl Acceptor {
    /// Loads and checks the files; `None` when it is to be in the clear.
    ///
    /// # Errors
    /// What is wrong with which file, and where the configuration names it.
    pub fn of(settings: Option<&Tls>, metrics: &Arc<Metrics>) -> Result<Option<Arc<Self>>, TlsError> {
        let Some(settings) = settings else { return Ok(None) };
        let current = RwLock::new(material::load(settings)?);
        let failed_log = Gate::new(PEER_FAULT_LOG_INTERVAL);
        let metrics = Arc::clone(metrics);
        Ok(Some(Arc::new(Self { settings: settings.clone(), current, metrics, failed_log })))
    }

    /// Loads and checks the files anew, for connections from now on.
    fn reload(&self) {
        match material::load(&self.settings) {
            Ok(config) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
                self.metrics.tls_reloads.inc();
                tracing::info!(file = %self.settings.certificate.path.display(), "certificate renewed");
            }
            Err(error) => {
                self.metrics.tls_reload_errors.inc();
                tracing::error!(%error, "certificate not renewed: the one before stays");
            }
        }
    }

    /// The handshake of a connection; `None` when it does not come to one.
    async fn accept(&self, stream: TcpStream, peer: SocketAddr) -> Option<Stream> {
        let config = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let handshake = TlsAcceptor::from(config).accept(stream);
        let failure = match tokio::time::timeout(TLS_HANDSHAKE_TIMEOUT, handshake).await {
            Ok(Ok(stream)) => {
                self.metrics.tls_handshakes.inc();
                return Some(Stream::Tls(Box::new(stream)));
            }
            // A probe of a load balancer, or a client that did not like what it saw and went.
            Ok(Err(error))
                if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) =>
            {
                tracing::debug!(%peer, %error, "a connection ended before its TLS handshake did");
                return None;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        self.metrics.tls_handshakes_failed.inc();
        if let Some(suppressed) = self.failed_log.pass() {
            tracing::warn!(%peer, suppressed, "a TLS handshake failed: {failure}");
        }
        None
    }
}

/// What a new connection speaks from now on: TLS after its handshake, where there is an acceptor. `None`
/// when that fails, or the server stops before.
pub async fn secure(
    acceptor: Option<&Acceptor>,
    stream: TcpStream,
    peer: SocketAddr,
    stop: &CancellationToken,
) -> Option<Stream> {
    // What is sent is complete, and the peer waits for it.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot turn off Nagle's algorithm");
    }
    let Some(acceptor) = acceptor else { return Some(Stream::Plain(stream)) };
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        secured = acceptor.accept(stream, peer) => secured,
    }
}
