//! Two senders, each on a thread of its own: Forward with acks, and HTTP. Both keep a rate, and say how far they
//! are: what was begun may have come to somebody, what is acked must have.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use fluentcast_event::msgpack;

use super::event::{self, CHUNK_EVENTS, SOURCES};
use super::judge::Numbers;

/// How long an answer may take. Only a broken server needs that long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Chunks on one connection: senders come and go, too.
const CHUNKS_PER_CONNECTION: u64 = 500;

/// Bytes of an answer's head.
const HEAD_BYTES_MAX: usize = 4096;

/// How far the senders are.
#[derive(Debug, Default)]
pub(super) struct Progress {
    begun: [AtomicU64; SOURCES],
    acked: [AtomicU64; SOURCES],
    stop: AtomicBool,
}

impl Progress {
    /// Events from these numbers on have not been sent yet.
    pub(super) fn begun(&self) -> Numbers {
        self.begun.each_ref().map(|number| number.load(Ordering::SeqCst))
    }

    /// Events before these numbers are acked.
    pub(super) fn acked(&self) -> Numbers {
        self.acked.each_ref().map(|number| number.load(Ordering::SeqCst))
    }
}

/// The running senders.
#[derive(Debug)]
pub(super) struct Senders {
    pub(super) progress: Arc<Progress>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Senders {
    /// Begins to send so many events a second together, four fifths of them by Forward.
    pub(super) fn start(forward: SocketAddr, http: SocketAddr, rate: u64) -> Result<Self> {
        let progress = Arc::new(Progress::default());
        let mut threads = Vec::new();
        let by_http = (rate / 5).max(1);
        for (source, address, rate) in [(0, forward, rate - by_http), (1, http, by_http)] {
            let progress = Arc::clone(&progress);
            let thread = std::thread::Builder::new().name(format!("sender-{source}"));
            threads.push(thread.spawn(move || run(&progress, source, address, rate))?);
        }
        Ok(Self { progress, threads })
    }

    /// Fails when a sender has ended.
    pub(super) fn check(&mut self) -> Result<()> {
        match self.threads.iter().position(JoinHandle::is_finished) {
            None => Ok(()),
            Some(ended) => match self.threads.swap_remove(ended).join() {
                Ok(Err(error)) => Err(error).context("a sender failed"),
                _ => bail!("a sender has ended"),
            },
        }
    }

    /// Lets each finish its chunk and end.
    pub(super) fn stop(self) -> Result<Numbers> {
        self.progress.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().map_err(|_| anyhow!("a sender panicked"))?.context("a sender failed")?;
        }
        ensure!(self.progress.begun() == self.progress.acked(), "not all that was sent is acked");
        Ok(self.progress.acked())
    }
}

fn run(progress: &Progress, source: usize, address: SocketAddr, rate: u64) -> Result<()> {
    let pause = Duration::from_secs_f64(CHUNK_EVENTS as f64 / rate.max(1) as f64);
    let (mut first, mut due) = (0, Instant::now());
    let mut connection = connect(address)?;
    while !progress.stop.load(Ordering::SeqCst) {
        if (first / CHUNK_EVENTS) % CHUNKS_PER_CONNECTION == CHUNKS_PER_CONNECTION - 1 {
            connection = connect(address)?;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        // What the machine did not let us send in time is not made up for in a burst.
        due = (due + pause).max(Instant::now());
        let next = first + CHUNK_EVENTS;
        progress.begun[source].store(next, Ordering::SeqCst);
        if source == 0 {
            forward(&mut connection, source, first)?;
        } else {
            post(&mut connection, source, first)?;
        }
        progress.acked[source].store(next, Ordering::SeqCst);
        first = next;
    }
    Ok(())
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).context("a sender cannot connect")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    Ok(stream)
}

/// One PackedForward chunk, and its ack.
fn forward(stream: &mut TcpStream, source: usize, first: u64) -> Result<()> {
    let mut entries = Vec::new();
    for n in first..first + CHUNK_EVENTS {
        event::append_entry(&mut entries, source, n);
    }
    let id = first.to_string();
    let mut chunk = Vec::new();
    msgpack::write_array_head(&mut chunk, 3);
    msgpack::write_str(&mut chunk, if event::is_database(first) { "soak.db" } else { "soak.web" });
    chunk.push(0xc6);
    chunk.extend_from_slice(&u32::try_from(entries.len())?.to_be_bytes());
    chunk.append(&mut entries);
    msgpack::write_map_head(&mut chunk, 1);
    msgpack::write_str(&mut chunk, "chunk");
    msgpack::write_str(&mut chunk, &id);
    stream.write_all(&chunk).context("a chunk is not taken")?;
    let mut expected = Vec::new();
    msgpack::write_map_head(&mut expected, 1);
    msgpack::write_str(&mut expected, "ack");
    msgpack::write_str(&mut expected, &id);
    let mut ack = vec![0; expected.len()];
    stream.read_exact(&mut ack).with_context(|| format!("no ack for the events from {first} on"))?;
    ensure!(ack == expected, "the ack is not the one of chunk {id}: {ack:02x?}");
    Ok(())
}

/// One request with a list of records, and its answer.
fn post(stream: &mut TcpStream, source: usize, first: u64) -> Result<()> {
    let records: Vec<String> = (first..first + CHUNK_EVENTS).map(|n| event::json(source, n)).collect();
    let body = format!("[{}]", records.join(","));
    let path = if event::is_database(first) { "/soak/db" } else { "/soak/web" };
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).context("a request is not taken")?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") && answer.len() < HEAD_BYTES_MAX {
        let mut byte = [0];
        stream.read_exact(&mut byte).with_context(|| format!("no answer for the events from {first} on"))?;
        answer.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    ensure!(head.starts_with("http/1.1 200"), "events were refused: {head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(Ok(0), |length| length.trim().parse::<u64>())?;
    std::io::copy(&mut stream.take(length), &mut std::io::sink())?;
    Ok(())
}
