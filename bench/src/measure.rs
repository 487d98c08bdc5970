//! One run: a fresh server, a crowd, a publisher, and what was seen.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::crowd::{self, ClientPlan, Crowd, Latencies, Phase};
use crate::process::{self, Process};
use crate::publisher::Publisher;
use crate::record::shard_value;
use crate::scenario::{Audience, Length, Pace, Scenario};
use crate::server::{Kind, Programs, Server};
use crate::{history, storm};

/// Handshakes under way at once, where the scenario is not about them.
const HANDSHAKES_MAX: usize = 256;

/// How long a server gets to let go of what its clients held.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one server may take for one scenario. Thrice what the slowest needs: whoever reaches it does
/// not get on.
const RUN_TIMEOUT: Duration = Duration::from_secs(60);

/// Clients of the first wave, at most: what they leave behind should not hide what thousands do.
const FIRST_WAVE_CLIENTS: usize = 100;

/// How long they are sent events.
const FIRST_WAVE: Duration = Duration::from_millis(100);

/// What memory is looked at after: long enough for a server's housekeeping.
const SETTLE: Duration = Duration::from_millis(1000);

/// How a run is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long.
    pub length: Length,
    /// Where the servers are.
    pub programs: Programs,
    /// Where `perf record` puts what it sees of the server while measuring.
    pub perf: Option<PathBuf>,
}

/// What was seen of one server in one run.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Events published while measuring.
    pub events: u64,
    /// Events received by all clients together while measuring; without clients those acknowledged.
    pub deliveries: u64,
    /// How long that took.
    pub seconds: f64,
    /// CPU time of the server for it.
    pub server_cpu_seconds: f64,
    /// CPU time of clients and publisher for it.
    pub client_cpu_seconds: f64,
    /// Events that one read of a client brought, on average.
    pub events_per_read: Option<f64>,
    /// Median, 99th and 99.9th percentile of the latency, in milliseconds.
    pub latency_ms: Option<[f64; 3]>,
    /// The same before the storm.
    pub latency_before_ms: Option<[f64; 3]>,
    /// The same beside a replay that another server makes.
    pub latency_neighbour_ms: Option<[f64; 3]>,
    /// Clients that were connected before events.
    pub clients: u64,
    /// Memory of the server when it has just started.
    pub memory_cold: u64,
    /// After a first, small wave of clients has come and gone.
    pub memory_before: u64,
    /// With all clients connected, before events.
    pub memory_connected: u64,
    /// The most.
    pub memory_peak: u64,
    /// After all clients left.
    pub memory_after: u64,
    /// Events not delivered.
    pub lost: u64,
    /// Events delivered twice or out of order.
    pub duplicated: u64,
    /// What was seen of a history on disk.
    pub history: Option<SeenHistory>,
    /// What else is worth knowing.
    pub remarks: Vec<String>,
}

/// What was seen of a history on disk.
#[derive(Clone, Copy, Debug)]
pub struct SeenHistory {
    /// From the start of the process until it serves, in seconds.
    pub start_up: f64,
    /// From asking for a time until the first event, in milliseconds.
    pub since_time_ms: f64,
    /// Millions of bytes a second to one client, as lines of JSON.
    pub lines_rate: f64,
    /// Likewise as resumable WebSocket stream.
    pub resumable_rate: f64,
}

impl Seen {
    /// The figure of merit.
    #[must_use]
    pub fn deliveries_per_cpu_second(&self) -> f64 {
        self.deliveries as f64 / self.server_cpu_seconds
    }

    /// The 99th percentile of the latency, in milliseconds.
    #[must_use]
    pub fn p99_ms(&self) -> f64 {
        self.latency_ms.map_or(f64::NAN, |[_, p99, _]| p99)
    }

    /// Memory that a connected client costs before it is sent anything, in bytes.
    #[must_use]
    pub fn memory_each(&self) -> f64 {
        self.memory_connected.saturating_sub(self.memory_before) as f64 / self.clients as f64
    }
}

/// Puts one server through one scenario.
///
/// # Errors
/// When the run is worth nothing: the server fell over, clients could not connect, nothing moved.
pub fn run(kind: Kind, scenario: &Scenario, options: &Options) -> Result<Seen> {
    if scenario.audience == Audience::History {
        return history::run(kind, scenario, options).with_context(|| scenario.name.clone());
    }
    let server = Server::start(kind, scenario, &options.programs)?;
    let mut seen = Seen { memory_cold: process::memory(server.id())?.now, ..Seen::default() };
    let deadline = Instant::now() + RUN_TIMEOUT;
    let run = Run { kind, scenario, options, server: &server, deadline };
    let outcome = run.first_wave().and_then(|()| {
        seen.memory_before = process::memory(server.id())?.now;
        match scenario.audience {
            Audience::Storm(clients) => storm::run(&run, clients, &mut seen),
            _ => run.ordinary(&mut seen),
        }
    });
    outcome.with_context(|| format!("{} with {}", scenario.name, kind.name()))?;
    server.stop()?;
    Ok(seen)
}

/// A run under way.
pub(crate) struct Run<'a> {
    pub(crate) kind: Kind,
    pub(crate) scenario: &'a Scenario,
    pub(crate) options: &'a Options,
    pub(crate) server: &'a Server,
    pub(crate) deadline: Instant,
}

impl Run<'_> {
    /// A few clients come, are sent something and go: what a process takes once, when it first does its
    /// work (pages of its own code, stacks, pools), is not the doing of the clients that come after.
    fn first_wave(&self) -> Result<()> {
        let mut clients = self.clients();
        clients.retain(|client| client.reads);
        clients.truncate(FIRST_WAVE_CLIENTS);
        if clients.is_empty() {
            return Ok(());
        }
        let crowd = self.connect(clients.clone(), HANDSHAKES_MAX)?;
        crowd.wait_connected()?;
        let descriptors = process::descriptors(self.server.id())?.saturating_sub(clients.len());
        let mut last_seq = 0;
        // A storm is sent what was published before it, so nothing may have been.
        if !matches!(self.scenario.audience, Audience::Storm(_)) {
            let mut publisher = self.publisher()?;
            self.publish(&mut publisher, &crowd, FIRST_WAVE)?;
            self.settle(&mut publisher, &crowd, &clients)?;
            last_seq = publisher.last_seq;
        }
        crowd.finish(last_seq)?;
        if !self.wait_released(descriptors)? {
            bail!("the server keeps connections of the first clients, that have left");
        }
        std::thread::sleep(SETTLE);
        Ok(())
    }

    fn ordinary(&self, seen: &mut Seen) -> Result<()> {
        let clients = self.clients();
        let crowd = self.connect(clients.clone(), HANDSHAKES_MAX)?;
        crowd.wait_connected()?;
        let descriptors = self.note_connected(seen)?;
        let mut publisher = self.publisher()?;
        let length = self.options.length;
        self.publish(&mut publisher, &crowd, length.warm_up)?;
        self.settle(&mut publisher, &crowd, &clients)?;
        crowd.enter(Phase::Measured);
        let perf = self.start_perf()?;
        let window = Window::open(self.server.id(), Counts::of(&publisher, &[&crowd]))?;
        self.publish(&mut publisher, &crowd, length.measured(self.scenario.pace))?;
        self.settle(&mut publisher, &crowd, &clients)?;
        window.close(self.server.id(), Counts::of(&publisher, &[&crowd]), seen)?;
        if clients.is_empty() {
            seen.deliveries = seen.events;
        }
        if let Some(mut perf) = perf {
            perf.end(Signal::INT)?;
        }
        let outcome = crowd.finish(publisher.last_seq)?;
        seen.note(&outcome, outcome.latencies(Phase::Measured));
        if let Some(remark) = publisher.remark() {
            seen.remarks.push(remark);
        }
        drop(publisher);
        self.note_released(seen, descriptors)
    }

    /// What each client of the scenario does; those of a storm not among them.
    pub(crate) fn clients(&self) -> Vec<ClientPlan> {
        let path = self.server.path();
        let step = self.scenario.shards();
        (0..self.scenario.clients)
            .map(|index| match self.scenario.audience {
                Audience::Everything | Audience::History | Audience::Storm(_) => {
                    ClientPlan { step: self.kind.message_events() as u64, ..ClientPlan::of_everything(path) }
                }
                Audience::Unread(unread) => {
                    ClientPlan { reads: index >= unread, ..ClientPlan::of_everything(path) }
                }
                Audience::OneFilter(_) => filtered(path, 0, step),
                Audience::OwnFilter => filtered(path, index as u64, step),
            })
            .collect()
    }

    pub(crate) fn connect(&self, clients: Vec<ClientPlan>, handshakes_max: usize) -> Result<Crowd> {
        Crowd::start(crowd::Plan {
            address: self.server.websocket(),
            clients,
            handshakes_max,
            layout: self.server.layout(self.scenario),
            message_events: self.kind.message_events() as u64,
            deadline: self.deadline,
        })
    }

    pub(crate) fn publisher(&self) -> Result<Publisher> {
        Publisher::connect(self.server.publisher(self.scenario), self.deadline)
    }

    /// Publishes at the scenario's pace for so long.
    pub(crate) fn publish(&self, publisher: &mut Publisher, crowd: &Crowd, time: Duration) -> Result<()> {
        match self.scenario.pace {
            Pace::Burst => self.burst(publisher, crowd, time),
            Pace::PerSecond(rate) => paced(publisher, crowd, rate, time),
        }
    }

    fn burst(&self, publisher: &mut Publisher, crowd: &Crowd, time: Duration) -> Result<()> {
        let ahead = self.kind.ahead_events(self.scenario);
        let start = Instant::now();
        while start.elapsed() < time {
            let last = publisher.last_seq + publisher.block_events();
            crowd.wait_all_have(last.saturating_sub(ahead))?;
            publisher.send()?;
        }
        Ok(())
    }

    /// Waits until everything published is acknowledged and received.
    pub(crate) fn settle(
        &self,
        publisher: &mut Publisher,
        crowd: &Crowd,
        clients: &[ClientPlan],
    ) -> Result<()> {
        publisher.flush()?;
        let all: u64 = clients.iter().map(|client| awaited(client, publisher.last_seq)).sum();
        if !crowd.wait_received(all * self.kind.message_events() as u64) {
            // What has not come in time is not lost.
            crowd.check_time()?;
            crate::say(&format!(
                "  {} with {}: of {all} deliveries {} came",
                self.scenario.name,
                self.kind.name(),
                crowd.received()
            ));
        }
        Ok(())
    }

    /// Looks at memory when clients are connected; returns how many file descriptors the server will have
    /// when they have left.
    pub(crate) fn note_connected(&self, seen: &mut Seen) -> Result<usize> {
        std::thread::sleep(SETTLE);
        seen.memory_connected = process::memory(self.server.id())?.now;
        seen.clients = self.scenario.clients as u64;
        if seen.clients >= 1000 {
            seen.remarks.push(format!("{:.0} B of RSS for an idle client", seen.memory_each()));
        }
        Ok(process::descriptors(self.server.id())?.saturating_sub(self.scenario.clients))
    }

    /// Looks at memory after the clients have left.
    pub(crate) fn note_released(&self, seen: &mut Seen, descriptors: usize) -> Result<()> {
        if !self.wait_released(descriptors)? {
            seen.remarks.push("kept connections of clients that had left".to_owned());
        }
        std::thread::sleep(SETTLE);
        let memory = process::memory(self.server.id())?;
        (seen.memory_after, seen.memory_peak) = (memory.now, memory.peak);
        Ok(())
    }

    /// Waits until the server has so many file descriptors; false when it keeps more.
    fn wait_released(&self, descriptors: usize) -> Result<bool> {
        let since = Instant::now();
        while process::descriptors(self.server.id())? > descriptors {
            if since.elapsed() > RELEASE_TIMEOUT {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(true)
    }

    fn start_perf(&self) -> Result<Option<Process>> {
        let Some(folder) = &self.options.perf else { return Ok(None) };
        std::fs::create_dir_all(folder)?;
        let file = folder.join(format!("{}-{}.perf", self.scenario.name, self.kind.name()));
        let mut command = Command::new("perf");
        command.args(["record", "--quiet", "-g", "-F", "997", "-o"]).arg(file);
        command.arg("-p").arg(self.server.id().to_string());
        let perf = Process::start(&mut command)?;
        std::thread::sleep(SETTLE);
        Ok(Some(perf))
    }
}

fn filtered(path: &str, shard: u64, step: u64) -> ClientPlan {
    ClientPlan {
        target: format!("{path}?shard={}", shard_value(shard)),
        reads: true,
        first_seq: Some(if shard == 0 { step } else { shard }),
        step,
    }
}

/// Messages that the client must have got when this event is the last.
fn awaited(client: &ClientPlan, last_seq: u64) -> u64 {
    match client.first_seq {
        Some(first) if client.reads && first <= last_seq => (last_seq - first) / client.step + 1,
        _ => 0,
    }
}

/// Sends single blocks, so many a second, on the dot; late ones at once.
fn paced(publisher: &mut Publisher, crowd: &Crowd, rate: u32, time: Duration) -> Result<()> {
    if rate == 0 {
        bail!("a rate of nothing a second");
    }
    let start = Instant::now();
    let interval = Duration::from_secs(1) / rate;
    let blocks = u32::try_from(time.as_nanos() / interval.as_nanos())?.max(1);
    for block in 0..blocks {
        let due = start + interval * block;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        crowd.check_time()?;
        publisher.send()?;
    }
    Ok(())
}

/// What publisher and clients have counted so far.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    events: u64,
    received: u64,
    reads: u64,
}

impl Counts {
    pub(crate) fn of(publisher: &Publisher, crowds: &[&Crowd]) -> Self {
        Self {
            events: publisher.last_seq,
            received: crowds.iter().map(|crowd| crowd.received()).sum(),
            reads: crowds.iter().map(|crowd| crowd.reads()).sum(),
        }
    }
}

/// The time between two moments at each of which everything published has been received.
pub(crate) struct Window {
    start: Instant,
    server_cpu: u64,
    client_cpu: u64,
    counts: Counts,
}

impl Window {
    pub(crate) fn open(server: u32, counts: Counts) -> Result<Self> {
        let (server_cpu, client_cpu) = (process::cpu_ns(server)?, process::own_cpu_ns()?);
        Ok(Self { start: Instant::now(), server_cpu, client_cpu, counts })
    }

    pub(crate) fn close(self, server: u32, counts: Counts, seen: &mut Seen) -> Result<()> {
        seen.seconds = self.start.elapsed().as_secs_f64();
        let seconds = |from: u64, to: u64| to.saturating_sub(from) as f64 / 1e9;
        seen.server_cpu_seconds = seconds(self.server_cpu, process::cpu_ns(server)?);
        seen.client_cpu_seconds = seconds(self.client_cpu, process::own_cpu_ns()?);
        seen.events = counts.events - self.counts.events;
        let received = counts.received - self.counts.received;
        let reads = counts.reads - self.counts.reads;
        seen.deliveries = received;
        seen.events_per_read = (reads > 0).then(|| received as f64 / reads as f64);
        Ok(())
    }
}

impl Seen {
    pub(crate) fn note(&mut self, outcome: &crowd::Outcome, latencies: &Latencies) {
        self.lost += outcome.lost;
        self.duplicated += outcome.duplicated;
        if outcome.cut > 0 {
            self.remarks.push(format!("{} clients were cut", outcome.cut));
        }
        if outcome.strange > 0 {
            self.remarks.push(format!("{} messages were none of the bench's", outcome.strange));
        }
        self.latency_ms = latencies.quantiles_ms();
    }
}
