//! One client over TLS, which sees everything from the beginning to the end, however often the certificate
//! changes under it; and what certificate whoever connects is shown.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::crowd::Shared;
use super::event::Want;
use super::judge::{Judge, Numbers, Told};
use super::sources::Progress;
use super::wire::{Sign, Way, Wire};

/// How long what is due may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it looks whether it is the end.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

const WAY: Way = Way::ResumableJson;

/// The running client.
#[derive(Debug)]
pub(super) struct Witness(JoinHandle<Result<(Judge, Option<String>)>>);

impl Witness {
    pub(super) fn start(address: SocketAddr, progress: Arc<Progress>, shared: Arc<Shared>) -> Result<Self> {
        let thread = std::thread::Builder::new().name("witness".to_owned());
        Ok(Self(thread.spawn(move || watch(address, &progress, &shared))?))
    }

    /// Its judge after the end, and why it did not come to its own.
    pub(super) fn join(self) -> Result<(Judge, Option<String>)> {
        self.0.join().map_err(|_| anyhow!("the witness panicked"))?.context("the client over TLS")
    }
}

fn watch(address: SocketAddr, progress: &Progress, shared: &Shared) -> Result<(Judge, Option<String>)> {
    let mut stream = connect(address)?;
    stream.write_all(WAY.request("").as_bytes())?;
    stream.sock.set_read_timeout(Some(LOOK_INTERVAL))?;
    let (mut wire, mut judge, mut buffer) = (Wire::new(WAY), None, vec![0; 256 * 1024]);
    let mut due: Option<(Numbers, Instant)> = None;
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(0) => return ended(judge, "the server ended the connection"),
            Ok(read) => read,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => 0,
            Err(error) => return ended(judge, &error.to_string()),
        };
        let mut pings = Vec::new();
        wire.push(&buffer[..read], |sign| match sign {
            Sign::Told(told) => judge.get_or_insert_with(|| new_judge(progress)).hear(told),
            Sign::Ping(payload) => pings.push(payload),
            Sign::Close(code) => {
                let judge = judge.get_or_insert_with(|| new_judge(progress));
                judge.hear(Told::Strange(format!("closed with {code:?}")));
            }
        })?;
        for payload in pings {
            let length = u8::try_from(payload.len().min(125)).unwrap_or(125);
            stream
                .write_all(&[&[0x8a, 0x80 | length, 0, 0, 0, 0], &payload[..usize::from(length)]].concat())?;
        }
        if due.is_none() && shared.stop.load(Ordering::SeqCst) {
            due = Some((progress.acked(), Instant::now()));
        }
        if let (Some((numbers, since)), Some(judge)) = (&due, &mut judge)
            && (judge.has_all_before(numbers) || since.elapsed() > PATIENCE)
        {
            judge.give_up(numbers);
            return Ok((judge.clone(), None));
        }
    }
}

fn new_judge(progress: &Progress) -> Judge {
    Judge::new(Want::Everything, false, progress.begun())
}

fn ended(judge: Option<Judge>, why: &str) -> Result<(Judge, Option<String>)> {
    match judge {
        Some(judge) => Ok((judge, Some(why.to_owned()))),
        None => bail!("it was not answered: {why}"),
    }
}

/// A file of the certificates that the tests have.
pub(super) fn file(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/tls")).join(name)
}

/// The certificate of that name.
pub(super) fn certificate(name: &str) -> Result<CertificateDer<'static>> {
    CertificateDer::from_pem_file(file(&format!("{name}.pem")))
        .with_context(|| format!("no certificate {name}"))
}

/// The certificate that whoever connects is shown.
pub(super) fn shown(address: SocketAddr) -> Result<CertificateDer<'static>> {
    let stream = connect(address)?;
    let chain = stream.conn.peer_certificates().context("no certificate is shown")?;
    Ok(chain.first().context("no certificate is shown")?.clone().into_owned())
}

fn connect(address: SocketAddr) -> Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate("authority")?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?;
    let socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(connection, socket);
    stream.conn.complete_io(&mut stream.sock).context("no handshake")?;
    Ok(stream)
}
