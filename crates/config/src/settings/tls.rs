//! `<transport tls>`: how a listener proves who it is, and who may connect.

use std::path::PathBuf;

use super::{Origin, Secret};

/// `<transport tls>`.
#[derive(Clone, Debug)]
pub struct Tls {
    /// `cert_path`: the certificate and those between it and its CA, PEM.
    pub certificate: TlsFile,
    /// `private_key_path`: its key, PEM.
    pub private_key: TlsFile,
    /// `private_key_passphrase`: what the key is encrypted with.
    pub passphrase: Option<Secret>,
    /// `client_cert_auth` with `ca_path`: who connects must have a certificate of one of these CAs.
    pub client_ca: Option<TlsFile>,
    /// `version`, `min_version`, `max_version`: the oldest and the newest that are spoken.
    pub versions: (TlsVersion, TlsVersion),
}

/// A file, and where the configuration names it.
#[derive(Clone, Debug)]
pub struct TlsFile {
    /// Which parameter names it.
    pub parameter: &'static str,
    /// The path, as written.
    pub path: PathBuf,
    /// The place in the configuration.
    pub origin: Origin,
}

/// A version of TLS that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// 1.2
    V1_2,
    /// 1.3
    V1_3,
}

impl Tls {
    /// Whether the two say the same, wherever they stand.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let key = |tls: &Self| {
            let client_ca = tls.client_ca.as_ref().map(|file| file.path.clone());
            let (certificate, private_key) = (tls.certificate.path.clone(), tls.private_key.path.clone());
            (certificate, private_key, tls.passphrase.clone(), client_ca, tls.versions)
        };
        key(self) == key(other)
    }
}
