//! The source on real sockets, and what the tests of its layers share.

use std::sync::Mutex;
use std::time::Duration;

use fluentcast_config::settings::{ByteSize, Listen};
use fluentcast_event::{Batch, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::*;
use crate::emit::{Emit, EmitError, Emitted};

/// The defaults, on a port that the system chooses.
pub(super) fn settings() -> HttpSource {
    HttpSource {
        listen: Listen { host: "127.0.0.1".into(), port: 0, origin: Default::default() },
        backlog: None,
        body_size_limit: ByteSize(32 << 20),
        decompression_size_limit: ByteSize(256 << 20),
        keepalive_timeout: Duration::from_secs(10),
        add_http_headers: false,
        add_remote_addr: false,
        add_query_params: false,
        add_tag_prefix: None,
        cors_allow_origins: None,
        cors_allow_credentials: false,
        respond_with_empty_img: false,
        use_204_response: false,
        dump_error_log: true,
        time_key: "time".into(),
        keep_time_key: false,
        connection_limit: 100,
        tls: None,
    }
}

/// A pipeline that keeps what it is given.
pub(super) struct Kept {
    /// See [`Kept::events`].
    pub(super) events: Mutex<Vec<String>>,
    /// One permit per batch that is let through.
    pub(super) gate: Semaphore,
    /// The answer to every batch.
    pub(super) error: Option<EmitError>,
}

impl Default for Kept {
    fn default() -> Self {
        Self { events: Mutex::default(), gate: Semaphore::new(Semaphore::MAX_PERMITS), error: None }
    }
}

impl Kept {
    /// Events so far: tag, blank, JSON.
    pub(super) fn events(&self) -> Vec<String> {
        self.events.lock().expect("unpoisoned").clone()
    }
}

impl Emit for Kept {
    fn emit(&self, batch: Batch) -> Emitted<'_> {
        Box::pin(async move {
            self.gate.acquire().await.expect("open").forget();
            for event in batch.events() {
                let mut text = format!("{} ", batch.tag).into_bytes();
                json::write_value(&mut text, event.expect("an event").record).expect("sound");
                let text = String::from_utf8(text).expect("UTF-8");
                self.events.lock().expect("unpoisoned").push(text);
            }
            self.error.clone().map_or(Ok(()), Err)
        })
    }
}

/// An answer as it stood on the wire.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// The status line.
    pub(super) status: String,
    /// The header lines, sorted.
    pub(super) headers: Vec<String>,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// The other end of a connection.
pub(super) struct Client<S>(pub(super) S);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Writes bytes as they are.
    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("the server reads");
    }

    /// Reads one answer; `None` when the connection ends first. A body is read by its Content-Length.
    pub(super) async fn reply(&mut self) -> Option<Reply> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).expect("UTF-8");
        let mut lines = head.lines().filter(|line| !line.is_empty()).map(str::to_owned);
        let status = lines.next().expect("a status line");
        let mut headers: Vec<_> = lines.collect();
        headers.sort();
        let length = headers.iter().find_map(|header| header.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
        self.0.read_exact(&mut body).await.expect("the whole body");
        Some(Reply { status, headers, body })
    }

    /// True when the server closes without another byte.
    pub(super) async fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0; 1]).await, Ok(0) | Err(_))
    }
}

/// A request with a body.
pub(super) fn request(line: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("{line} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

struct Running {
    address: SocketAddr,
    kept: Arc<Kept>,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

fn start(settings: HttpSource, kept: Kept) -> Running {
    let bound = bind(&settings).expect("a free port");
    let (kept, metrics, shutdown) = (Arc::new(kept), Arc::new(Metrics::default()), CancellationToken::new());
    let address = bound.local_addr();
    let emitter = Arc::clone(&kept) as Emitter;
    let task = tokio::spawn(serve(bound, settings, emitter, Arc::clone(&metrics), shutdown.clone()));
    Running { address, kept, metrics, shutdown, task }
}

impl Running {
    async fn connect(&self) -> Client<TcpStream> {
        Client(TcpStream::connect(self.address).await.expect("the source listens"))
    }
}

/// `curl -X POST -d 'json={"action":"login","user":6}' http://localhost:8888/foo/bar`
#[tokio::test]
async fn takes_the_curl_of_the_readme() {
    let running = start(settings(), Kept::default());
    let mut client = running.connect().await;
    client
        .send(
            "POST /foo/bar HTTP/1.1\r\nHost: localhost:8888\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\
             Content-Length: 32\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n\
             json={\"action\":\"login\",\"user\":6}",
        )
        .await;
    assert_eq!(client.reply().await.expect("an answer").status, "HTTP/1.1 200 OK");
    assert_eq!(running.kept.events(), [r#"foo.bar {"action":"login","user":6}"#]);
    assert_eq!(running.metrics.http_connections.get(), 1);
    assert_eq!(running.metrics.http_requests.get(), 1);
    assert_eq!(running.metrics.http_requests_rejected.get(), 0);
    assert_eq!(running.metrics.batches_received.get(), 1);
}

#[tokio::test]
async fn a_port_in_use_is_an_error() {
    let first = bind(&settings()).expect("a free port");
    let mut second = settings();
    second.listen.port = first.local_addr().port();
    assert_eq!(bind(&second).expect_err("in use").kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_counted() {
    let running = start(HttpSource { connection_limit: 1, ..settings() }, Kept::default());
    let mut first = running.connect().await;
    first.send(request("POST /t?json={}", &[], "")).await;
    first.reply().await.expect("an answer");
    assert!(running.connect().await.is_closed().await);
    assert_eq!(running.metrics.http_connections_refused.get(), 1);
    first.send(request("POST /t?json={}", &[], "")).await;
    first.reply().await.expect("the neighbour is still served");
}

#[tokio::test]
async fn stopping_answers_what_has_begun_and_closes_what_is_idle() {
    let running = start(settings(), Kept { gate: Semaphore::new(0), ..Kept::default() });
    let mut idle = running.connect().await;
    idle.send(request("PUT /t", &[], "")).await;
    idle.reply().await.expect("an answer");
    let mut busy = running.connect().await;
    busy.send(request("POST /t?json={}", &[], "")).await;
    while running.metrics.batches_received.get() == 0 {
        tokio::task::yield_now().await;
    }
    running.shutdown.cancel();
    assert!(idle.is_closed().await);
    assert!(TcpStream::connect(running.address).await.is_err(), "the listener is closed");
    assert!(!running.task.is_finished());
    running.kept.gate.add_permits(1);
    let reply = busy.reply().await.expect("an answer");
    assert_eq!(reply.status, "HTTP/1.1 200 OK");
    assert!(reply.headers.contains(&"Connection: close".into()), "{reply:?}");
    assert!(busy.is_closed().await);
    running.task.await.expect("ends by itself");
    assert_eq!(running.kept.events(), ["t {}"]);
}

/// A refusal goes out while the sender is still writing: it must be able to read it.
#[tokio::test]
async fn a_sender_that_writes_on_reads_the_refusal() {
    let running = start(HttpSource { body_size_limit: ByteSize(100), ..settings() }, Kept::default());
    let mut client = running.connect().await;
    client.send("POST /t HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n").await;
    for _ in 0..40 {
        client.send(vec![b'x'; 100_000]).await;
    }
    let reply = client.reply().await.expect("the refusal");
    assert_eq!(reply.status, "HTTP/1.1 413 Request Entity Too Large");
    assert_eq!(reply.body, b"Too large");
}
