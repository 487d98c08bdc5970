//! Connections of the tools: in the clear, or over TLS to a server that proves who it is.
//!
//! Must never speak to a server whose certificate is not that of the host that was asked for; there is no flag
//! that says otherwise.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use fluentcast_event::limits::CLIENT_CONNECT_TIMEOUT;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The flags about trust.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Trust {
    /// Trust servers with a certificate of these CAs (PEM), instead of those that the system trusts.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// What both kinds of connection are.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

/// How to connect.
#[derive(Clone, Default)]
pub(crate) struct Dialer {
    tls: Option<TlsConnector>,
}

impl Dialer {
    /// Over TLS.
    ///
    /// # Errors
    /// When there is no CA to trust.
    pub(crate) fn secure(trust: &Trust) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = builder.context("no version of TLS is spoken here")?;
        let config = config.with_root_certificates(trust.roots()?).with_no_client_auth();
        Ok(Self { tls: Some(TlsConnector::from(Arc::new(config))) })
    }

    /// Connects, within [`CLIENT_CONNECT_TIMEOUT`].
    pub(crate) async fn dial(&self, host: &str, port: u16) -> io::Result<Box<dyn Connection>> {
        let slow = |_| io::Error::new(io::ErrorKind::TimedOut, "it does not answer");
        timeout(CLIENT_CONNECT_TIMEOUT, self.connect(host, port)).await.map_err(slow)?
    }

    async fn connect(&self, host: &str, port: u16) -> io::Result<Box<dyn Connection>> {
        let stream = TcpStream::connect((host, port)).await?;
        // A record that somebody has just typed does not wait for more.
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        match tls.connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(explained(error)),
        }
    }
}

impl Trust {
    /// Whether a flag was given.
    pub(crate) fn is_set(&self) -> bool {
        self.ca_file.is_some()
    }

    fn roots(&self) -> anyhow::Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let Some(file) = &self.ca_file else {
            // What the system trusts may have some that mean nothing here.
            let found = rustls_native_certs::load_native_certs();
            if roots.add_parsable_certificates(found.certs).0 == 0 {
                bail!("this system has no certificates of CAs to trust; name a file with --ca-file");
            }
            return Ok(roots);
        };
        for certificate in certificates(file).with_context(|| format!("--ca-file {}", file.display()))? {
            roots.add(certificate).with_context(|| format!("--ca-file {}", file.display()))?;
        }
        Ok(roots)
    }
}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let text = std::fs::read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.context("it is broken")?;
    if found.is_empty() {
        bail!("there is no certificate in it; it begins `-----BEGIN CERTIFICATE-----`");
    }
    Ok(found)
}

/// Whether a failure to connect is one that trying again does not change: what was said within TLS, or asked for.
pub(crate) fn is_lasting(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
}

/// A failed handshake in words that say what to do.
fn explained(error: io::Error) -> io::Error {
    let advice = match error.get_ref().and_then(|cause| cause.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(_)) => "--ca-file FILE names a CA to trust",
        Some(rustls::Error::InvalidMessage(_)) => "does this port speak TLS?",
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{error}; {advice}"))
}
