//! Websocket ports on real sockets, with clients on an independent implementation of the protocol.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fluentcast_broadcast::encode::{Format, Shape};
use fluentcast_broadcast::hub::Hub;
use fluentcast_config::settings::{Listen, Secret};
use fluentcast_event::{Batch, BatchBuilder, EventTime, Tag, from_json};
use prometheus_client::registry::Registry;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tungstenite::protocol::Role;
use tungstenite::{Error, Message, WebSocket};

use super::listener::{Port, Site};
use super::worker::{ClientLimits, WorkerPool, Workers};
use crate::accept::{self, Admission};
use crate::metrics::Metrics;

mod churn;
mod ending;
mod handshake;
mod liveness;
mod stop;
mod stream;

/// Longest wait for anything: what takes longer will never come.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long to wait between two looks at a state.
const PAUSE: Duration = Duration::from_millis(1);

/// What a close frame without a code counts as (RFC 6455 section 7.1.5).
const NO_CODE: u16 = 1005;

/// An output.
struct Output {
    path: &'static str,
    history: u64,
    token: Option<&'static str>,
    connection_limit: u32,
    limits: ClientLimits,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            path: "/",
            history: 0,
            token: None,
            connection_limit: 10_000,
            limits: ClientLimits {
                lag_bytes_max: 1 << 30,
                ping_interval: Duration::ZERO,
                ping_timeout: DEADLINE,
            },
        }
    }
}

/// A port with its outputs.
struct Server {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    hubs: Vec<Arc<Hub>>,
    pool: WorkerPool,
    workers: Option<Workers>,
    stop: CancellationToken,
    runtime: Runtime,
}

impl Server {
    fn start(outputs: Vec<Output>) -> Self {
        let metrics = Arc::new(Metrics::default());
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let workers = Workers::start(2, &metrics).expect("workers");
        let pool = workers.pool();
        let sites: Vec<_> = outputs.into_iter().map(|output| site(output, &pool)).collect();
        let hubs = sites.iter().map(|site| Arc::clone(&site.hub)).collect();
        let port = Arc::new(Port::new(sites, pool.clone(), Arc::clone(&metrics), Arc::new(registry)));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let stop = CancellationToken::new();
        let address = {
            let _inside = runtime.enter();
            let at = Listen { host: "127.0.0.1".to_owned(), port: 0, origin: Default::default() };
            let listener = accept::listen(&at, None).and_then(TcpListener::from_std).expect("a free port");
            let address = listener.local_addr().expect("an address");
            let admission = Admission {
                name: "websocket".to_owned(),
                connection_limit: u32::MAX,
                accepted: metrics.websocket_connections.clone(),
                refused: metrics.websocket_connections_refused.clone(),
                errors: metrics.accept_errors.clone(),
            };
            let stop_connections = stop.clone();
            runtime.spawn(accept::serve(listener, admission, stop.clone(), move |stream, peer| {
                Arc::clone(&port).serve(stream, peer, stop_connections.clone())
            }));
            address
        };
        Self { address, metrics, hubs, pool, workers: Some(workers), stop, runtime }
    }

    /// One output on any path.
    fn one(output: Output) -> Self {
        Self::start(vec![output])
    }

    fn publish(&self, output: usize, batch: &Batch) {
        let published = self
            .runtime
            .block_on(async { tokio::time::timeout(DEADLINE, self.hubs[output].publish(batch)).await });
        published.expect("a publisher waits for ever");
    }

    /// Publishes small events with these numbers on the first output.
    fn publish_numbers(&self, numbers: Range<u64>) {
        self.publish(0, &batch(numbers, 0));
    }

    fn connect(&self, path: &str) -> Client {
        self.try_connect(path).unwrap_or_else(|status| panic!("{path}: {status}"))
    }

    /// The status when it is declined.
    fn try_connect(&self, path: &str) -> Result<Client, u16> {
        let stream = stream_to(self.address);
        match tungstenite::client(format!("ws://{}{path}", self.address), stream) {
            Ok((socket, _)) => Ok(Client { socket }),
            Err(tungstenite::HandshakeError::Failure(Error::Http(answer))) => Err(answer.status().as_u16()),
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// A client whose system takes little for it, so that it falls behind soon when it does not read.
    fn connect_narrow(&self) -> Client {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        socket.connect(&self.address.into()).expect("connected");
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        stream.write_all(upgrade("/", "").as_bytes()).expect("sent");
        assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
        Client { socket: WebSocket::from_raw_socket(stream, Role::Client, None) }
    }

    fn clients(&self) -> i64 {
        self.metrics.websocket_clients.get()
    }

    /// Waits until nobody is connected, and checks that nothing is left of anybody.
    fn wait_until_empty(&self) {
        until("all clients are gone", || self.clients() == 0);
        for hub in &self.hubs {
            until("all views are gone", || hub.views() == 0);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(workers) = self.workers.take() {
            workers.drain(Instant::now());
        }
    }
}

fn site(output: Output, pool: &WorkerPool) -> Site {
    Site {
        path: output.path.to_owned(),
        shape: Shape { format: Format::Json, add_tag: false, add_time: false },
        token: output.token.map(|token| Secret::new(token.to_owned())),
        hub: Arc::new(Hub::new(output.history, pool.len(), Arc::new(pool.clone()))),
        limits: output.limits,
        connection_limit: output.connection_limit,
        connected: Arc::default(),
    }
}

/// Events `{"n":…,"odd":…}` with these numbers, so many bytes larger than they need to be.
fn batch(numbers: Range<u64>, padding: usize) -> Batch {
    let mut builder = BatchBuilder::new(Tag::from("t"), EventTime::default());
    let padding = "x".repeat(padding);
    for n in numbers {
        let mut record = Vec::new();
        let json = format!(r#"{{"n":{n},"odd":{},"padding":"{padding}"}}"#, n % 2 == 1);
        from_json::append(&mut record, json.as_bytes()).expect("JSON");
        builder.push(EventTime::from_seconds(1), &record);
    }
    builder.finish()
}

fn stream_to(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    stream.set_nodelay(true).expect("nodelay");
    stream
}

/// A good handshake.
fn upgrade(path: &str, more_headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more_headers}\r\n"
    )
}

/// The head of an HTTP answer, and not a byte more.
fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a whole head");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

/// A frame of a client, with a mask that changes nothing.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a short payload");
    assert!(length < 126);
    [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// Waits for a state that comes by itself.
fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !reached() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(PAUSE);
    }
}

struct Client {
    socket: WebSocket<TcpStream>,
}

/// What ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Close(u16),
    /// The end of the stream without a close frame.
    Cut,
    Reset,
}

impl Client {
    /// The number of the next event.
    fn receive(&mut self) -> Result<u64, End> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                    return Ok(json[0]["n"].as_u64().expect("a number"));
                }
                Ok(Message::Close(frame)) => {
                    // The answer; whoever closed may have gone already.
                    let _ = self.socket.flush();
                    return Err(End::Close(frame.map_or(NO_CODE, |frame| frame.code.into())));
                }
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(other) => panic!("{other:?}"),
                Err(Error::Protocol(_) | Error::ConnectionClosed) => return Err(End::Cut),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Err(End::Reset);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Reads exactly these events.
    #[track_caller]
    fn expect(&mut self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            assert_eq!(self.receive(), Ok(number));
        }
    }

    /// All numbers to the end, and the end.
    fn read_to_end(&mut self) -> (Vec<u64>, End) {
        let mut numbers = Vec::new();
        loop {
            match self.receive() {
                Ok(number) => numbers.push(number),
                Err(end) => return (numbers, end),
            }
        }
    }

    fn send_raw(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).expect("sent");
    }

    /// Everything to the end of the stream. Valid only before any other reading.
    fn raw_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.socket.get_mut().read_to_end(&mut bytes).expect("an orderly end");
        bytes
    }

    /// Ends the connection as a crash would.
    fn reset(self) {
        SockRef::from(self.socket.get_ref()).set_linger(Some(Duration::ZERO)).expect("linger");
    }
}
