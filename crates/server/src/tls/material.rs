//! From the files that a `<transport tls>` names to what rustls needs.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::Arc;

use fluentcast_config::settings::{Origin, Secret, Tls, TlsFile, TlsVersion};
use fluentcast_event::limits::TLS_FILE_BYTES_MAX;
use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};

/// A file that cannot be used. Never says what is in it.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {parameter} {path}: {what}")]
pub struct TlsError {
    /// The place in the configuration.
    pub origin: Origin,
    /// Which parameter names the file.
    pub parameter: &'static str,
    /// The file.
    pub path: String,
    /// What is wrong with it, and what to do.
    pub what: String,
}

fn wrong(file: &TlsFile, what: impl Into<String>) -> TlsError {
    TlsError {
        origin: file.origin.clone(),
        parameter: file.parameter,
        path: file.path.display().to_string(),
        what: what.into(),
    }
}

/// Reads and checks all files.
pub(super) fn load(tls: &Tls) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let certified = certified_key(tls, &provider)?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(tls.versions))
        .map_err(|error| wrong(&tls.certificate, error.to_string()))?;
    let builder = match &tls.client_ca {
        Some(ca) => builder.with_client_cert_verifier(client_verifier(ca, provider)?),
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))))
}

fn versions((oldest, newest): (TlsVersion, TlsVersion)) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TlsVersion::V1_2, &version::TLS12), (TlsVersion::V1_3, &version::TLS13)];
    let spoken = all.into_iter().filter(|(version, _)| (oldest..=newest).contains(version));
    spoken.map(|(_, version)| version).collect()
}

fn certified_key(tls: &Tls, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(&tls.certificate)?;
    let key = private_key(&tls.private_key, tls.passphrase.as_ref())?;
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|error| wrong(&tls.private_key, format!("it cannot be used: {error}")))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => {
            let certificate = tls.certificate.path.display();
            Err(wrong(&tls.private_key, format!("it is not the key of the certificate in {certificate}")))
        }
        Err(error) => Err(wrong(&tls.certificate, format!("it cannot be used: {error}"))),
    }
}

/// All certificates of a file; at least one.
fn certificates(file: &TlsFile) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| wrong(file, format!("it is broken: {error}")))?;
    if found.is_empty() {
        return Err(wrong(file, "there is no certificate in it; it begins `-----BEGIN CERTIFICATE-----`"));
    }
    Ok(found)
}

fn private_key(file: &TlsFile, passphrase: Option<&Secret>) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read(file)?;
    let text = String::from_utf8_lossy(&bytes);
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        let what =
            "it is encrypted in an old way; `openssl pkcs8 -topk8 -in OLD -out NEW` writes it in the new one";
        return Err(wrong(file, what));
    }
    if text.contains(ENCRYPTED) {
        let passphrase = passphrase
            .ok_or_else(|| wrong(file, "it is encrypted: set `private_key_passphrase`, or decrypt it"))?;
        return decrypt(&text, passphrase).ok_or_else(|| {
            wrong(
                file,
                "it cannot be decrypted: `private_key_passphrase` is not the right one, or it is broken",
            )
        });
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        wrong(file, format!("there is no key in it that can be used (PKCS#8, PKCS#1 or SEC1, PEM): {error}"))
    })
}

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";

fn decrypt(text: &str, passphrase: &Secret) -> Option<PrivateKeyDer<'static>> {
    let begin = text.find(ENCRYPTED)?;
    let end = begin + text[begin..].find(ENCRYPTED_END)? + ENCRYPTED_END.len();
    let (_, document) = SecretDocument::from_pem(&text[begin..end]).ok()?;
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).ok()?;
    let key = encrypted.decrypt(passphrase.expose()).ok()?;
    Some(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

/// Asks clients for a certificate of these CAs.
fn client_verifier(
    file: &TlsFile,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| wrong(file, format!("it cannot be used: {error}")))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| wrong(file, format!("it cannot be used: {error}")))
}

fn read(file: &TlsFile) -> Result<Vec<u8>, TlsError> {
    let mut bytes = Vec::new();
    let read = File::open(&file.path).and_then(|open| {
        open.take(TLS_FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > TLS_FILE_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "it is far too large for what it should be",
            ));
        }
        Ok(())
    });
    read.map_err(|error| wrong(file, error.to_string()))?;
    Ok(bytes)
}
