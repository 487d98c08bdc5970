//! Connections over TLS, and the certificates of `testdata/tls`.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::DEADLINE;
use super::tools::repository;
use super::websocket::Client;

pub(crate) type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A file of `testdata/tls`.
pub(crate) fn file(name: &str) -> PathBuf {
    repository("testdata/tls").join(name).canonicalize().expect("it is there")
}

/// A `<transport tls>` with these files and these lines.
pub(crate) fn transport(certificate: &str, key: &str, lines: &str) -> String {
    format!("<transport tls>\ncert_path {certificate}\nprivate_key_path {key}\n{lines}\n</transport>\n")
}

/// One with the certificate of `localhost`.
pub(crate) fn ordinary() -> String {
    let [certificate, key] = ["server.pem", "server.key"].map(|name| file(name).display().to_string());
    transport(&certificate, &key, "")
}

/// A connection behind its handshake.
pub(crate) fn connect(address: SocketAddr) -> Stream {
    let mut roots = RootCertStore::empty();
    roots.add(certificate("authority")).expect("a CA");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.expect("versions").with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let socket = TcpStream::connect(address).expect("the port answers");
    socket.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    let mut stream = StreamOwned::new(connection, socket);
    stream.conn.complete_io(&mut stream.sock).expect("a handshake");
    stream
}

/// A WebSocket client.
pub(crate) fn client(address: SocketAddr) -> Client<Stream> {
    Client::over(connect(address), &format!("wss://{address}/"))
}

/// The certificate that is shown to whoever connects.
pub(crate) fn shown(address: SocketAddr) -> CertificateDer<'static> {
    let stream = connect(address);
    let chain = stream.conn.peer_certificates().expect("a certificate");
    chain[0].clone().into_owned()
}

/// That of a file.
pub(crate) fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(file(&format!("{name}.pem"))).expect("a certificate")
}
