//! Websocket ports on real sockets, with clients on an independent implementation of the protocol.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fluentcast_broadcast::encode::{Format, Protocol, Shape};
use fluentcast_broadcast::filter::Filter;
use fluentcast_broadcast::history::Bounds;
use fluentcast_broadcast::hub::{Hub, Options};
use fluentcast_broadcast::tags::TagChoice;
use fluentcast_broadcast::view::ViewKey;
use fluentcast_config::check::check;
use fluentcast_config::host::AllowedHosts;
use fluentcast_config::load::{Environment, load_text};
use fluentcast_config::origin::AllowedOrigins;
use fluentcast_config::settings::{Listen, OutputKind, Rule, Secret, SlowClient, Token, Websocket};
use fluentcast_event::{Batch, BatchBuilder, EventTime, Tag, from_json};
use prometheus_client::registry::Registry;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tungstenite::protocol::Role;
use tungstenite::{Error, Message, WebSocket};

use super::admit::Site;
use super::grants::Grants;
use super::listener::Port;
use super::worker::{ClientLimits, WorkerPool, Workers};
use crate::accept::{self, Admission};
use crate::metrics::Metrics;
use client::{Client, End};
use http::Http;
use reader::{FORMS, Form, Item, Reader};

mod answers;
mod churn;
mod classic;
mod client;
mod compression;
mod ending;
mod events;
mod fixture;
mod handshake;
mod http;
mod liveness;
mod newcomers;
mod origins;
mod reader;
mod renewal;
mod resumable;
mod rights;
pub(crate) mod signing;
mod slowness;
mod stop;
mod stream;
mod subscribe;
mod thinning;
mod ui;

/// Longest wait for anything: what takes longer will never come.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long to wait between two looks at a state.
const PAUSE: Duration = Duration::from_millis(1);

/// What a close frame without a code counts as (RFC 6455 section 7.1.5).
const NO_CODE: u16 = 1005;

/// An output.
struct Output {
    path: &'static str,
    /// The newest events that a client gets first, and those that are kept for whoever asks.
    history: u64,
    kept: u64,
    token: Option<&'static str>,
    /// `<token>` sections.
    tokens: &'static str,
    unauthenticated_limit: u32,
    authenticate_timeout: Duration,
    allow_origin: AllowedOrigins,
    allow_host: AllowedHosts,
    connection_limit: u32,
    limits: ClientLimits,
    slow_client: Option<SlowClient>,
    flush_interval: Duration,
    compress: bool,
    ui: bool,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            path: "/",
            history: 0,
            kept: 0,
            token: None,
            tokens: "",
            unauthenticated_limit: 1000,
            authenticate_timeout: DEADLINE,
            allow_origin: AllowedOrigins::SameHost,
            allow_host: AllowedHosts::Any,
            connection_limit: 10_000,
            limits: ClientLimits {
                lag_bytes_max: 1 << 30,
                slow_client: SlowClient::Disconnect,
                ping_interval: Duration::ZERO,
                ping_timeout: DEADLINE,
            },
            slow_client: None,
            flush_interval: Duration::ZERO,
            compress: false,
            ui: true,
        }
    }
}

/// A port with its outputs.
struct Server {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    grants: Vec<Arc<Grants>>,
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
        let grants = sites.iter().map(|site| Arc::clone(&site.grants)).collect();
        let (counted, registry) = (Arc::clone(&metrics), Arc::new(registry));
        let port = Arc::new(Port::new(sites, pool.clone(), Vec::new(), counted, registry, None));
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
        Self { address, metrics, grants, hubs, pool, workers: Some(workers), stop, runtime }
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
        let mut stream = self.narrow_stream();
        stream.write_all(upgrade("/", "").as_bytes()).expect("sent");
        assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
        Client { socket: WebSocket::from_raw_socket(stream, Role::Client, None) }
    }

    fn narrow_stream(&self) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        socket.connect(&self.address.into()).expect("connected");
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        stream
    }

    /// A client of a numbered stream.
    fn read(&self, form: Form, path: &str) -> Reader {
        Reader::open(stream_to(self.address), form, path, "")
    }

    /// Likewise, one that falls behind soon when it does not read.
    fn read_narrow(&self, form: Form, path: &str) -> Reader {
        Reader::open(self.narrow_stream(), form, path, "")
    }

    fn clients(&self) -> i64 {
        self.metrics.websocket_clients.get()
    }

    /// Waits until nobody is connected, and checks that nothing is left of anybody.
    fn wait_until_empty(&self) {
        until("all clients are gone", || self.clients() == 0);
        let newcomers = || self.metrics.websocket_clients_unauthenticated.get();
        until("all newcomers are gone", || newcomers() == 0);
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
    let options = Options {
        buffered_messages: output.history,
        bounds: Bounds { events: Some(output.history.max(output.kept)), ..Bounds::default() },
        journal: None,
        flush_interval: output.flush_interval,
        workers: pool.len(),
    };
    Site {
        path: output.path.to_owned(),
        shape: CLASSIC,
        grants: Arc::new(grants(output.token, output.tokens)),
        allow_origin: output.allow_origin,
        allow_host: output.allow_host,
        hub: Arc::new(Hub::new(options, Arc::new(pool.clone()))),
        limits: output.limits,
        slow_client: output.slow_client,
        compress: output.compress,
        ui: output.ui,
        connection_limit: output.connection_limit,
        connected: Arc::default(),
        authenticate_timeout: output.authenticate_timeout,
        unauthenticated_limit: output.unauthenticated_limit,
        newcomers: Arc::default(),
    }
}

/// The tokens of an output, read as the server reads them.
pub(super) fn grants(token: Option<&str>, sections: &str) -> Grants {
    let token = token.map(|token| Secret::new(token.to_owned()));
    let read = websocket(sections);
    Grants::of(token.as_ref(), &read.tokens, &read.jwts).expect("tokens")
}

/// The `<token>` sections of an output.
pub(super) fn tokens(sections: &str) -> Vec<Token> {
    websocket(sections).tokens
}

/// An output with these sections.
pub(super) fn websocket(sections: &str) -> Websocket {
    let text = format!("<match **>\n@type websocket\nhost 127.0.0.1\n{sections}\n</match>");
    let mut loaded = load_text("tokens", &text, &Environment::default());
    let settings = check(&loaded.root, &loaded.sources, &mut loaded.diagnostics);
    let told = loaded.diagnostics.render(&loaded.sources);
    assert!(told.is_empty(), "{told}");
    let settings = settings.expect("settings");
    match settings.scopes.into_iter().flat_map(|scope| scope.rules).next() {
        Some(Rule::Match(rule)) => match rule.output.kind {
            OutputKind::Websocket(websocket) => *websocket,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Options of a hub that keeps nothing.
fn without_history(workers: usize) -> Options {
    Options {
        buffered_messages: 0,
        bounds: Bounds::NOTHING,
        journal: None,
        flush_interval: Duration::ZERO,
        workers,
    }
}

/// The form of an output's classic stream.
const CLASSIC: Shape = Shape {
    protocol: Protocol::Classic,
    format: Format::Json,
    add_tag: false,
    add_time: false,
    fields: None,
    compress: None,
};

/// The view of everything.
fn everything(shape: Shape) -> ViewKey {
    ViewKey { shape, tags: TagChoice::default(), filter: Filter::default(), max_rate: None }
}

/// Events `{"n":…,"odd":…}` with these numbers, so many bytes larger than they need to be.
fn batch(numbers: Range<u64>, padding: usize) -> Batch {
    tagged("t", numbers, padding)
}

/// Likewise with a tag. The time is the number, in seconds.
fn tagged(tag: &str, numbers: Range<u64>, padding: usize) -> Batch {
    let mut builder = BatchBuilder::new(Tag::from(tag), EventTime::now());
    let padding = "x".repeat(padding);
    for n in numbers {
        let mut record = Vec::new();
        let json = format!(r#"{{"n":{n},"odd":{},"padding":"{padding}"}}"#, n % 2 == 1);
        from_json::append(&mut record, json.as_bytes()).expect("JSON");
        builder.push(EventTime::from_seconds(i64::try_from(n).expect("a small number")), &record);
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

/// Xorshift: the same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Waits for a state that comes by itself.
fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !reached() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(PAUSE);
    }
}
