//! A large history on disk: how long the server takes to open it, to find a time in it, to send it, and
//! what that does to those who watch live.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::crowd::Phase;
use crate::measure::{Counts, Options, Run, Seen, SeenHistory, Window};
use crate::process;
use crate::publisher::Publisher;
use crate::record::RECORD_BYTES;
use crate::scenario::{Pace, Scenario};
use crate::server::{Kind, Server};

/// How long all of it may take.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(300);

/// Times into which the events of the history are divided.
const TIMES: u64 = 50;

/// How long nothing may come from the server.
const STANDSTILL: Duration = Duration::from_secs(10);

/// The last bytes of an answer that are looked into.
const TAIL_BYTES: usize = 4 * 1024;

/// Replays of each kind; the quickest counts: what a neighbour takes is not the server's.
const REPLAYS: usize = 3;

/// Looks at those who watch live, alone and then beside a replay: more than one, as other work of the
/// machine comes and goes.
const TURNS: u32 = 4;

/// Fills a history, opens it again, reads it, and reads it while others watch.
pub(crate) fn run(kind: Kind, scenario: &Scenario, options: &Options) -> Result<Seen> {
    let mut server = Server::start(kind, scenario, &options.programs)?;
    let mut seen = Seen { memory_cold: process::memory(server.id())?.now, ..Seen::default() };
    let middle = fill(&server, scenario, options.length.history_events)?;
    let start_up = server.restart(scenario, &options.programs)?.as_secs_f64();
    seen.memory_before = process::memory(server.id())?.now;

    let address = server.websocket();
    let ago = middle.elapsed().as_secs() + 1;
    let since_time_ms = first_event(address, &format!("$since={ago}s&$follow=false"))?.as_secs_f64() * 1e3;
    let events = options.length.history_events;
    let best = |resumable| -> Result<f64> {
        let mut rates = Vec::new();
        for _ in 0..REPLAYS {
            rates.push(replay(address, resumable, events, &AtomicBool::new(false))?.0);
        }
        Ok(rates.into_iter().fold(0.0, f64::max))
    };
    let (lines_rate, resumable_rate) = (best(false)?, best(true)?);
    seen.history = Some(SeenHistory { start_up, since_time_ms, lines_rate, resumable_rate });
    seen.remarks.push(format!(
        "{events} events: served {start_up:.2} s after the start; first event of a time after \
         {since_time_ms:.1} ms; replay {lines_rate:.0} MB/s as lines, {resumable_rate:.0} MB/s as WebSocket"
    ));
    let run = Run { kind, scenario, options, server: &server, deadline: Instant::now() + HISTORY_TIMEOUT };
    let mut neighbour = Server::start(kind, scenario, &options.programs)?;
    fill(&neighbour, scenario, events)?;
    neighbour.restart(scenario, &options.programs)?;
    live(&run, &neighbour, events, &mut seen)?;
    neighbour.stop()?;
    server.stop()?;
    Ok(seen)
}

/// Sends the events, acknowledged; when half of them were sent.
fn fill(server: &Server, scenario: &Scenario, events: u64) -> Result<Instant> {
    let mut middle = Instant::now();
    for part in 0..TIMES {
        if part == TIMES / 2 {
            middle = Instant::now();
        }
        // A block has the time at which it was made.
        let burst = Scenario { pace: Pace::Burst, ..scenario.clone() };
        let mut publisher = Publisher::connect(server.publisher(&burst), Instant::now() + HISTORY_TIMEOUT)?;
        while publisher.last_seq < events / TIMES {
            publisher.send()?;
        }
        publisher.flush()?;
    }
    Ok(middle)
}

/// Those who watch live: alone, beside a replay, and beside one that another server makes. What the last costs
/// is the machine's doing.
fn live(run: &Run<'_>, neighbour: &Server, events: u64, seen: &mut Seen) -> Result<()> {
    let mut clients = run.clients();
    // The newest event of the history has a number that these do not await.
    clients.iter_mut().for_each(|client| client.target = "/?$last=0".to_owned());
    let crowd = run.connect(clients.clone(), clients.len())?;
    crowd.wait_connected()?;
    let mut publisher = run.publisher()?;
    let time = run.options.length.paced;
    run.publish(&mut publisher, &crowd, run.options.length.warm_up)?;
    run.settle(&mut publisher, &crowd, &clients)?;
    let window = Window::open(run.server.id(), Counts::of(&publisher, &[&crowd]))?;
    let mut replayed = 0;
    for _ in 0..TURNS {
        crowd.enter(Phase::Measured);
        run.publish(&mut publisher, &crowd, time / TURNS)?;
        run.settle(&mut publisher, &crowd, &clients)?;
        crowd.enter(Phase::Disturbed);
        replayed += beside_replay(run.server.websocket(), events, || {
            run.publish(&mut publisher, &crowd, time / TURNS)
        })?;
        run.settle(&mut publisher, &crowd, &clients)?;
        crowd.enter(Phase::Neighbour);
        beside_replay(neighbour.websocket(), events, || run.publish(&mut publisher, &crowd, time / TURNS))?;
        run.settle(&mut publisher, &crowd, &clients)?;
    }
    window.close(run.server.id(), Counts::of(&publisher, &[&crowd]), seen)?;
    let outcome = crowd.finish(publisher.last_seq)?;
    seen.latency_before_ms = outcome.latencies(Phase::Measured).quantiles_ms();
    seen.note(&outcome, outcome.latencies(Phase::Disturbed));
    if let Some([_, p99, _]) = seen.latency_before_ms {
        seen.remarks.push(format!("p99 without a replay {p99:.2} ms"));
    }
    seen.latency_neighbour_ms = outcome.latencies(Phase::Neighbour).quantiles_ms();
    if let Some([_, p99, _]) = seen.latency_neighbour_ms {
        seen.remarks.push(format!("beside the replay of another server {p99:.2} ms"));
    }
    let rate = replayed as f64 / time.as_secs_f64() / 1e6;
    seen.remarks.push(format!("{rate:.0} MB/s replayed beside the others"));
    let memory = process::memory(run.server.id())?;
    (seen.memory_after, seen.memory_peak) = (memory.now, memory.peak);
    Ok(())
}

/// Does something while the history is replayed again and again; the bytes that were.
fn beside_replay(address: SocketAddr, events: u64, act: impl FnOnce() -> Result<()>) -> Result<u64> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| -> Result<u64> {
            let mut bytes = 0;
            while !over.load(Ordering::Relaxed) {
                bytes += replay(address, false, events, &over)?.1;
            }
            Ok(bytes)
        });
        let acted = act();
        over.store(true, Ordering::Relaxed);
        let replayed = reader.join();
        acted.and(replayed.unwrap_or_else(|_| bail!("the reader panicked")))
    })
}

/// Asks for the stream.
fn ask(address: SocketAddr, path: &str, headers: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).context("the reader cannot connect")?;
    stream.set_read_timeout(Some(STANDSTILL))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// How long it takes until the first event comes.
fn first_event(address: SocketAddr, query: &str) -> Result<Duration> {
    let start = Instant::now();
    let mut stream = ask(address, &format!("/events?{query}"), "")?;
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    while !contains(&bytes, b"{\"seq\":") {
        let count = stream.read(&mut buffer)?;
        ensure!(count > 0, "no event came: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&buffer[..count]);
    }
    Ok(start.elapsed())
}

/// Reads so many events from the first on, unless it is over before; millions of bytes a second, and bytes.
fn replay(address: SocketAddr, resumable: bool, events: u64, over: &AtomicBool) -> Result<(f64, u64)> {
    let start = Instant::now();
    let query = "$since=1970-01-01T00:00:00Z&$follow=false";
    let (mut stream, last) = if resumable {
        let headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
                       Sec-WebSocket-Protocol: fluentcast.v1.json\r\n";
        (ask(address, &format!("/?{query}"), headers)?, format!("[{events},"))
    } else {
        (ask(address, &format!("/events?{query}"), "")?, format!("{{\"seq\":{events},"))
    };
    let (mut buffer, mut tail, mut bytes) = (vec![0; 1024 * 1024], Vec::new(), 0);
    while !over.load(Ordering::Relaxed) && !contains(&tail, last.as_bytes()) {
        let count = stream.read(&mut buffer).context("while reading a replay")?;
        ensure!(count > 0, "the replay ended early: {}", String::from_utf8_lossy(&tail));
        bytes += count as u64;
        tail.extend_from_slice(&buffer[count.saturating_sub(TAIL_BYTES)..count]);
        tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
    }
    let (seconds, is_whole) = (start.elapsed().as_secs_f64(), !over.load(Ordering::Relaxed));
    ensure!(!is_whole || bytes > events * RECORD_BYTES as u64, "{bytes} bytes are no {events} events");
    Ok((bytes as f64 / seconds / 1e6, bytes))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
