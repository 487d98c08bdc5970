//! Whole servers on ports of their own: how they start, and how they stop.

use std::net::Ipv4Addr;
use std::time::Duration;

use fluentcast_config::check;
use fluentcast_config::load::{self, Environment};
use fluentcast_event::{Batch, BatchBuilder, EventTime, msgpack};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tungstenite::Message;

use super::*;
use crate::emit::{Emit, Emitted};

mod start;
mod stop;

/// How long anything may take before a test gives up. Never part of what is asserted.
const DEADLINE: Duration = Duration::from_secs(60);

/// No step of a stop may take as long.
const NO_BOUNDS: StopBounds = StopBounds { sources: HOUR, files: HOUR, clients: HOUR };
const HOUR: Duration = Duration::from_secs(3600);

/// A forward and an http source; what comes is for an output at the end of the text.
const SOURCES: &str = "
<source>
  @type forward
  bind 127.0.0.1
  port 0
</source>
<source>
  @type http
  bind 127.0.0.1
  port 0
</source>
";

const WEBSOCKET: &str = "
<match **>
  @type websocket
  host 127.0.0.1
  port 0
  client_lag_limit 1g
</match>
";

fn settings(text: &str) -> Settings {
    let mut loaded = load::load_text("t.conf", text, &Environment::default());
    let settings = check::check(&loaded.root, &loaded.sources, &mut loaded.diagnostics);
    settings.unwrap_or_else(|| panic!("{}", loaded.diagnostics.render(&loaded.sources)))
}

fn bind(text: &str) -> Server {
    Server::bind(&settings(text), "host").unwrap()
}

/// A server that runs.
struct Running {
    addresses: Vec<Listening>,
    metrics: Arc<Metrics>,
    root: Emitter,
    stop: CancellationToken,
    task: JoinHandle<bool>,
}

impl Running {
    fn start(server: Server, bounds: StopBounds) -> Self {
        let (addresses, metrics) = (server.listening.clone(), Arc::clone(&server.metrics));
        let root = server.built.pipeline.emitter(settings::ScopeId::ROOT);
        let stop = CancellationToken::new();
        let task = tokio::spawn(server.run_within(stop.clone(), bounds));
        Self { addresses, metrics, root, stop, task }
    }

    fn address(&self, kind: &str) -> SocketAddr {
        address(&self.addresses, kind)
    }

    async fn connect(&self, kind: &str) -> TcpStream {
        TcpStream::connect(self.address(kind)).await.unwrap()
    }

    /// Connects a WebSocket client that reads to the end, and waits until it is sent what comes.
    async fn watch(&self) -> JoinHandle<(Vec<String>, Option<u16>)> {
        let accepted = self.metrics.websocket_clients_accepted.get();
        let address = self.address("websocket");
        let client = tokio::task::spawn_blocking(move || watch(address));
        until(|| self.metrics.websocket_clients_accepted.get() > accepted).await;
        client
    }

    /// Waits for the end of the server.
    async fn ended(self) -> bool {
        tokio::time::timeout(DEADLINE, self.task).await.expect("it ends").unwrap()
    }
}

fn address(addresses: &[Listening], kind: &str) -> SocketAddr {
    addresses.iter().find(|listening| listening.kind == kind).unwrap().address
}

/// Reads every message and the code of the close frame.
fn watch(address: SocketAddr) -> (Vec<String>, Option<u16>) {
    let stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let (mut socket, _) = tungstenite::client(format!("ws://{address}/"), stream).unwrap();
    let (mut texts, mut code) = (Vec::new(), None);
    while let Ok(message) = socket.read() {
        match message {
            Message::Text(text) => texts.push(text.to_string()),
            Message::Close(frame) => code = frame.map(|frame| frame.code.into()),
            _ => {}
        }
    }
    (texts, code)
}

/// `["t", 1, {"n": n}, {"chunk": n}]`, the chunk in five digits.
fn message(n: u16) -> Vec<u8> {
    let [high, low] = n.to_be_bytes();
    let chunk = format!("{n:05}");
    [&b"\x94\xa1t\x01\x81\xa1n\xcd"[..], &[high, low], b"\x81\xa5chunk\xa5", chunk.as_bytes()].concat()
}

fn ack(n: u16) -> Vec<u8> {
    [b"\x81\xa3ack\xa5", format!("{n:05}").as_bytes()].concat()
}

/// Bytes of an ack.
const ACK_BYTES: usize = 11;

async fn read(stream: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    stream.read_exact(&mut out).await.unwrap();
    out
}

/// Waits for a state that comes by itself.
async fn until(mut reached: impl FnMut() -> bool) {
    let all = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(DEADLINE, all).await.expect("the state comes");
}
