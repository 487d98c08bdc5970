use std::sync::Mutex;
use std::time::Duration;

use fluentcast_config::settings::{ByteSize, Listen};
use fluentcast_event::{Batch, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::*;
use crate::emit::{Emit, EmitError, Emitted};

mod connections;
mod encrypted;
mod messages;
mod security;
mod stop;

/// `["app.log", 1500000000, {"k":"v"}]`
const MESSAGE: &[u8] = b"\x93\xa7app.log\xce\x59\x68\x2f\x00\x81\xa1k\xa1v";

/// The same with a chunk id of one byte.
fn with_chunk(id: u8) -> Vec<u8> {
    let mut message = MESSAGE.to_vec();
    message[0] = 0x94;
    message.extend_from_slice(b"\x81\xa5chunk\xa1");
    message.push(id);
    message
}

fn ack(id: u8) -> Vec<u8> {
    [&b"\x81\xa3ack\xa1"[..], &[id]].concat()
}

/// A pipeline that keeps what it gets. Every batch needs a permit; refuses the tag `refused`.
struct Recorder {
    batches: Mutex<Vec<Batch>>,
    permits: Semaphore,
}

impl Recorder {
    fn with_permits(permits: usize) -> Self {
        Self { batches: Mutex::default(), permits: Semaphore::new(permits) }
    }
}

impl Emit for Recorder {
    fn emit(&self, batch: Batch) -> Emitted<'_> {
        Box::pin(async move {
            self.permits.acquire().await.unwrap().forget();
            if batch.tag.as_str() == "refused" {
                return Err(EmitError("no room".into()));
            }
            self.batches.lock().unwrap().push(batch);
            Ok(())
        })
    }
}

/// A source on a port of its own.
struct Server {
    address: SocketAddr,
    recorder: Arc<Recorder>,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

pub(super) fn settings() -> ForwardSource {
    ForwardSource {
        listen: Listen { host: "127.0.0.1".into(), port: 0, origin: Default::default() },
        backlog: None,
        tag: None,
        add_tag_prefix: None,
        chunk_size_limit: ByteSize(1000),
        chunk_size_warn_limit: None,
        decompression_size_limit: ByteSize(1000),
        source_address_key: None,
        source_hostname_key: None,
        deny_keepalive: false,
        send_keepalive_packet: false,
        linger_timeout: None,
        connection_limit: 100,
        entry_limit: 100,
        security: None,
        tls: None,
    }
}

impl Server {
    fn start(settings: ForwardSource) -> Self {
        Self::start_with(settings, Semaphore::MAX_PERMITS)
    }

    /// With a pipeline that takes only so many batches until it gets more permits.
    fn start_with(settings: ForwardSource, permits: usize) -> Self {
        let metrics = Arc::new(Metrics::default());
        let acceptor = Acceptor::of(settings.tls.as_deref(), &metrics).unwrap();
        let bound = Bound::bind(&settings).unwrap().behind(acceptor, Door::of(&settings).unwrap());
        let address = bound.local_addr();
        let recorder = Arc::new(Recorder::with_permits(permits));
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(serve(
            bound,
            settings,
            Arc::clone(&recorder) as Emitter,
            Arc::clone(&metrics),
            shutdown.clone(),
        ));
        Self { address, recorder, metrics, shutdown, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends the bytes, ends the sending side, and returns all that comes back until the server closes.
    async fn exchange(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        read_to_end(&mut stream).await
    }

    /// Stops the source and waits for its end.
    async fn stop(self) -> Arc<Metrics> {
        self.shutdown.cancel();
        self.task.await.unwrap();
        self.metrics
    }

    /// The events received: tag and record.
    fn events(&self) -> Vec<String> {
        let batches = self.recorder.batches.lock().unwrap();
        let mut events = Vec::new();
        for batch in &*batches {
            for event in batch.events() {
                let mut record = Vec::new();
                json::write_value(&mut record, event.unwrap().record).unwrap();
                events.push(format!("{} {}", batch.tag, String::from_utf8(record).unwrap()));
            }
        }
        events
    }
}

/// A connection that nobody serves yet, and its sender.
async fn pair(settings: ForwardSource, recorder: &Arc<Recorder>) -> (Connection, TcpStream) {
    let source = Source {
        name: "test".into(),
        settings,
        door: None,
        emitter: Arc::clone(recorder) as Emitter,
        metrics: Arc::default(),
        logs: Logs::default(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sender = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    (Connection::new(Arc::new(source), tls::Stream::Plain(stream), peer), sender)
}

async fn read(stream: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    stream.read_exact(&mut out).await.unwrap();
    out
}

async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut out = Vec::new();
    stream.read_to_end(&mut out).await.unwrap();
    out
}

/// Waits for a state that comes by itself; a test that waits in vain is ended from outside.
async fn until(mut reached: impl FnMut() -> bool) {
    while !reached() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
