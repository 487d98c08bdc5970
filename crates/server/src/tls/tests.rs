use std::fs;
use std::path::{Path, PathBuf};

use fluentcast_config::settings::{Origin, Secret, TlsFile, TlsVersion};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion, version};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

/// A file of `testdata/tls`, where `make.sh` says what is what.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/tls").join(name)
}

fn named(parameter: &'static str, path: PathBuf) -> TlsFile {
    TlsFile { parameter, path, origin: Origin::default() }
}

/// With certificate and key from these files.
pub(crate) fn tls(certificate: PathBuf, private_key: PathBuf) -> Tls {
    Tls {
        certificate: named("cert_path", certificate),
        private_key: named("private_key_path", private_key),
        passphrase: None,
        client_ca: None,
        versions: (TlsVersion::V1_2, TlsVersion::V1_3),
    }
}

/// The certificate of `localhost`.
pub(crate) fn server() -> Tls {
    tls(file("server.pem"), file("server.key"))
}

/// What a server with these settings offers.
pub(crate) fn server_config(settings: &Tls) -> Arc<ServerConfig> {
    material::load(settings).unwrap()
}

/// What [`any`] speaks.
pub(crate) fn client_config() -> ClientConfig {
    config(&[&version::TLS12, &version::TLS13], None)
}

fn acceptor(settings: &Tls) -> Arc<Acceptor> {
    Acceptor::of(Some(settings), &Arc::default()).unwrap().unwrap()
}

/// A client that trusts the CA of the tests, speaks these versions, and has this certificate.
fn config(versions: &[&'static SupportedProtocolVersion], certificate: Option<&str>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("authority.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let builder = builder.with_root_certificates(roots);
    match certificate {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let chain = CertificateDer::from_pem_file(file(&format!("{name}.pem"))).unwrap();
            let key = PrivateKeyDer::from_pem_file(file(&format!("{name}.key"))).unwrap();
            builder.with_client_auth_cert(vec![chain], key).unwrap()
        }
    }
}

fn connector(versions: &[&'static SupportedProtocolVersion], certificate: Option<&str>) -> TlsConnector {
    TlsConnector::from(Arc::new(config(versions, certificate)))
}

/// Any version, no certificate.
pub(crate) fn any() -> TlsConnector {
    connector(&[&version::TLS12, &version::TLS13], None)
}

/// A connection to a port, encrypted.
pub(crate) async fn connect(
    with: &TlsConnector,
    address: SocketAddr,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    with.connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// Shakes hands; both sides' ends of it.
async fn shake(
    acceptor: &Acceptor,
    with: &TlsConnector,
) -> (Option<Stream>, std::io::Result<TlsStream<TcpStream>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let accept = async {
        let (stream, peer) = listener.accept().await.unwrap();
        let secured = secure(Some(acceptor), stream, peer, &stop).await;
        // A client of TLS 1.3 hears of a refusal only when it reads.
        if let Some(Stream::Tls(mut stream)) = secured {
            stream.write_all(b"hello").await.unwrap();
            stream.flush().await.unwrap();
            return Some(Stream::Tls(stream));
        }
        None
    };
    let connect = async {
        let mut stream = connect(with, address).await?;
        stream.read_exact(&mut [0; 5]).await?;
        Ok(stream)
    };
    tokio::join!(accept, connect)
}

/// The certificate a client is shown.
async fn shown(acceptor: &Acceptor) -> CertificateDer<'static> {
    let (_, client) = shake(acceptor, &any()).await;
    client.unwrap().get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file(name)).unwrap()
}

#[tokio::test]
async fn versions_are_those_that_are_set() {
    use TlsVersion::{V1_2, V1_3};
    let both = (V1_2, V1_3);
    for (offered, spoken, agreed) in [
        (both, &[&version::TLS12, &version::TLS13][..], Some(ProtocolVersion::TLSv1_3)),
        (both, &[&version::TLS12], Some(ProtocolVersion::TLSv1_2)),
        ((V1_2, V1_2), &[&version::TLS12, &version::TLS13], Some(ProtocolVersion::TLSv1_2)),
        ((V1_3, V1_3), &[&version::TLS13], Some(ProtocolVersion::TLSv1_3)),
        ((V1_3, V1_3), &[&version::TLS12], None),
        ((V1_2, V1_2), &[&version::TLS13], None),
    ] {
        let acceptor = acceptor(&Tls { versions: offered, ..server() });
        let (_, client) = shake(&acceptor, &connector(spoken, None)).await;
        let version = client.ok().and_then(|client| client.get_ref().1.protocol_version());
        assert_eq!(version, agreed, "{offered:?}");
        assert_eq!(acceptor.metrics.tls_handshakes.get(), u64::from(agreed.is_some()));
        assert_eq!(acceptor.metrics.tls_handshakes_failed.get(), u64::from(agreed.is_none()));
    }
}

#[tokio::test]
async fn clients_are_asked_for_a_certificate_where_it_is_set() {
    let settings = Tls { client_ca: Some(named("ca_path", file("authority.pem"))), ..server() };
    for version in [&version::TLS12, &version::TLS13] {
        for (with, welcome) in [(Some("client"), true), (Some("intruder"), false), (None, false)] {
            let acceptor = acceptor(&settings);
            let (accepted, client) = shake(&acceptor, &connector(&[version], with)).await;
            assert_eq!((accepted.is_some(), client.is_ok()), (welcome, welcome), "{with:?} {version:?}");
            assert_eq!(acceptor.metrics.tls_handshakes_failed.get(), u64::from(!welcome));
        }
    }
}

#[test]
fn a_file_that_cannot_be_used_is_told() {
    let folder = TempDir::new().unwrap();
    let written = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let s3cret = || Some(Secret::new("s3cr3t".into()));
    let (pem, key) = (|| file("server.pem"), || file("server.key"));
    let with_passphrase = |passphrase| Tls { passphrase, ..tls(pem(), file("server.encrypted.key")) };
    let large = vec![b'x'; usize::try_from(fluentcast_event::limits::TLS_FILE_BYTES_MAX).unwrap() + 1];
    let with_ca = |path| Tls { client_ca: Some(named("ca_path", path)), ..server() };
    for (settings, parameter, says) in [
        (tls(folder.path().join("none"), key()), "cert_path", "No such file"),
        (tls(written("empty", b""), key()), "cert_path", "there is no certificate in it"),
        (tls(key(), key()), "cert_path", "there is no certificate in it"),
        (tls(written("broken", b"-----BEGIN CERTIFICATE-----\n!"), key()), "cert_path", "it is broken"),
        (tls(written("large", &large), key()), "cert_path", "far too large"),
        (tls(pem(), folder.path().join("none")), "private_key_path", "No such file"),
        (tls(pem(), pem()), "private_key_path", "there is no key in it"),
        (tls(pem(), file("renewed.key")), "private_key_path", "it is not the key of the certificate in "),
        (tls(pem(), file("server.legacy.key")), "private_key_path", "openssl pkcs8 -topk8"),
        (with_passphrase(None), "private_key_path", "set `private_key_passphrase`"),
        (with_passphrase(Some(Secret::new("guess".into()))), "private_key_path", "it cannot be decrypted"),
        (with_ca(folder.path().join("none")), "ca_path", "No such file"),
        (with_ca(key()), "ca_path", "there is no certificate in it"),
    ] {
        let error = Acceptor::of(Some(&settings), &Arc::default()).unwrap_err().to_string();
        assert!(error.contains(&format!(": {parameter} ")) && error.contains(says), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
    }
    Acceptor::of(Some(&with_passphrase(s3cret())), &Arc::default()).unwrap();
    // A passphrase too many does no harm, as with OpenSSL.
    Acceptor::of(Some(&Tls { passphrase: s3cret(), ..server() }), &Arc::default()).unwrap();
    assert!(Acceptor::of(None, &Arc::default()).unwrap().is_none());
}

#[tokio::test]
async fn an_encrypted_key_works_like_another() {
    let passphrase = Some(Secret::new("s3cr3t".into()));
    let acceptor = acceptor(&Tls { passphrase, ..tls(file("server.pem"), file("server.encrypted.key")) });
    assert_eq!(shown(&acceptor).await, certificate("server.pem"));
    assert!(!format!("{acceptor:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn what_is_renewed_is_for_the_next_and_costs_nobody_his_connection() {
    let folder = TempDir::new().unwrap();
    let (pem, key) = (folder.path().join("pem"), folder.path().join("key"));
    let put = |name: &str| {
        fs::copy(file(&format!("{name}.pem")), &pem).unwrap();
        fs::copy(file(&format!("{name}.key")), &key).unwrap();
    };
    put("server");
    let acceptor = acceptor(&tls(pem.clone(), key.clone()));
    let (Some(mut old), Ok(mut old_client)) = shake(&acceptor, &any()).await else { panic!("no handshake") };

    put("renewed");
    acceptor.reload();
    assert_eq!(shown(&acceptor).await, certificate("renewed.pem"));

    // A mistake leaves what there is.
    fs::write(&key, "nothing").unwrap();
    acceptor.reload();
    assert_eq!(shown(&acceptor).await, certificate("renewed.pem"));
    assert_eq!((acceptor.metrics.tls_reloads.get(), acceptor.metrics.tls_reload_errors.get()), (1, 1));

    old.write_all(b"still").await.unwrap();
    old.flush().await.unwrap();
    let mut text = [0; 5];
    old_client.read_exact(&mut text).await.unwrap();
    assert_eq!(&text, b"still");
}

#[tokio::test]
async fn what_is_no_tls_is_counted_and_what_says_nothing_is_not() {
    let acceptor = acceptor(&server());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (said, failed) in [(&b""[..], 0), (b"GET / HTTP/1.0\r\n\r\n", 1)] {
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.write_all(said).await.unwrap();
        client.shutdown().await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        assert!(secure(Some(&acceptor), stream, peer, &CancellationToken::new()).await.is_none());
        assert_eq!(acceptor.metrics.tls_handshakes_failed.get(), failed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_takes_no_longer_than_it_may_and_does_not_hold_up_the_stop() {
    let acceptor = acceptor(&server());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
    stopped.cancel();
    for (token, failed) in [(&stop, 1), (&stopped, 1)] {
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        // The head of a record that does not come.
        client.write_all(&[0x16, 3, 1, 2, 0]).await.unwrap();
        let (stream, peer) = listener.accept().await.unwrap();
        let begun = tokio::time::Instant::now();
        assert!(secure(Some(&acceptor), stream, peer, token).await.is_none());
        assert_eq!(begun.elapsed() >= TLS_HANDSHAKE_TIMEOUT, !token.is_cancelled());
        assert_eq!(acceptor.metrics.tls_handshakes_failed.get(), failed);
    }
}
