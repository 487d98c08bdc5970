//! The soak: clients that come and go in every way there is, for a long time, while events pass; and at the end,
//! whether anybody missed one, and what the server has left lying about.
//!
//! It must never take the server's word: what has to come follows from what was sent (`judge`). What it asserts
//! are losses and leaks, never speed, so that it may run on any machine; how fast it was is only told.

mod client;
mod crowd;
mod event;
mod judge;
mod memory;
mod random;
mod report;
mod rounds;
mod server;
mod sources;
mod wire;
mod witness;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

pub use crowd::Tally;
pub use judge::Faults;
pub use memory::Slope;
pub use report::{table, write_page};
pub use server::Held;

use crowd::{Crowd, Shared};
use rounds::Rounds;
use server::Server;
use sources::Senders;
use witness::Witness;

/// How often it is looked whether something is due.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Memory may grow by so much in a minute, beyond twice the error of the measurement, and still be called flat:
/// less than a tenth of a percent of what the server holds.
pub const FLAT_KIB_PER_MINUTE: f64 = 64.0;

/// What is done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long clients come and go.
    pub time: Duration,
    /// How many there are at once.
    pub clients: usize,
    /// Events a second.
    pub rate: u64,
    /// A client lives so long on average.
    pub life: Duration,
    /// Whether the configuration is changed meanwhile; `None`: if the server can.
    pub reload: Option<bool>,
    /// Chance.
    pub seed: u64,
}

impl Plan {
    /// The whole of it.
    pub const FULL: Self = Self {
        time: Duration::from_secs(30 * 60),
        clients: 1000,
        rate: 5000,
        life: Duration::from_secs(20),
        reload: None,
        seed: 0x50a4,
    };

    /// What unoptimised programs do on a busy machine.
    pub const TEST: Self = Self {
        time: Duration::from_secs(60),
        clients: 120,
        rate: 2000,
        life: Duration::from_secs(8),
        ..Self::FULL
    };
}

/// What was seen.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was done.
    pub plan: Plan,
    /// How long it took.
    pub time: Duration,
    /// Events that were sent, and all acked.
    pub sent: u64,
    /// What became of the clients.
    pub tally: Tally,
    /// How often a changed configuration was taken.
    pub reloads: u64,
    /// How often its certificate was another one.
    pub certificates: usize,
    /// Before the first client and after the last.
    pub held: [Held; 2],
    /// The least and the most memory after warm-up, in KiB.
    pub memory_kib: Option<(f64, f64)>,
    /// Whether it grew.
    pub slope: Option<Slope>,
    /// Processor time of the server.
    pub cpu_seconds: f64,
    /// Lines of its log that speak of a fault of its own.
    pub log_faults: Vec<String>,
}

impl Outcome {
    /// All that was wrong, but for memory; empty when nothing was.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.tally.troubles.clone();
        if !self.tally.faults.is_clean() || self.tally.failed > 0 {
            faults.push(format!("{:?}, {} clients failed", self.tally.faults, self.tally.failed));
        }
        faults.extend(self.log_faults.iter().cloned());
        faults
    }

    /// Whether memory stays what it is. False also when too little was seen to say so.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.slope.is_some_and(|slope| slope.kib_per_minute <= FLAT_KIB_PER_MINUTE + 2.0 * slope.error)
    }
}

/// Runs it against this program.
///
/// # Errors
/// When the server does not live through it, holds more at the end than at the beginning, or the soak itself
/// cannot go on.
pub fn run(program: &Path, plan: Plan) -> Result<Outcome> {
    let mut server = Server::start(program)?;
    // Its first answer makes threads and descriptors that stay.
    let can_reload = server.reloads()?.is_some();
    let before = server.held()?;
    let start = Instant::now();
    let mut senders = Senders::start(server.forward, server.http, plan.rate)?;
    let shared = Arc::new(Shared::default());
    let clients = clients(&plan, &server, &senders, &shared)?;
    let witness = Witness::start(server.encrypted, Arc::clone(&senders.progress), Arc::clone(&shared))?;
    let mut rounds = Rounds::new(&plan, plan.reload.unwrap_or(can_reload));
    while start.elapsed() < plan.time && !clients.is_finished() {
        std::thread::sleep(LOOK_INTERVAL);
        senders.check()?;
        rounds.go(start.elapsed(), &mut server, &shared)?;
    }
    // Senders go on until everybody has what was sent by now: whoever was deaf is told what it missed with
    // what comes next.
    shared.stop.store(true, Ordering::SeqCst);
    let tally = clients.join().map_err(|_| anyhow!("the clients' thread panicked"))??;
    let tally = tally.and(witness.join()?);
    let sent = senders.stop()?.into_iter().sum();
    let (time, cpu_seconds) = (start.elapsed(), server.cpu_seconds()?);
    let after = server.wait_until_held(before)?;
    let published = server.counter("fluentcast_websocket_events_total")?;
    // There are two outputs.
    ensure!(published == Some(2 * sent), "{sent} events were acked, and {published:?} published by both");
    let (reloads, certificates) = (server.reloads()?.unwrap_or(0), server.certificates());
    let log = server.stop()?;
    Ok(Outcome {
        plan,
        time,
        sent,
        tally,
        reloads,
        certificates,
        held: [before, after],
        memory_kib: rounds.samples.range(),
        slope: rounds.samples.slope(),
        cpu_seconds,
        log_faults: log.lines().filter(|line| is_fault(line)).map(str::to_owned).collect(),
    })
}

/// The thread that is all clients.
fn clients(
    plan: &Plan,
    server: &Server,
    senders: &Senders,
    shared: &Arc<Shared>,
) -> Result<JoinHandle<Result<Tally>>> {
    let crowd = Crowd { address: server.websocket, clients: plan.clients, life: plan.life, seed: plan.seed };
    let (shared, progress) = (Arc::clone(shared), Arc::clone(&senders.progress));
    let thread = std::thread::Builder::new().name("clients".to_owned());
    Ok(thread.spawn(move || crowd::run(crowd, progress, &shared).context("the clients"))?)
}

fn is_fault(line: &str) -> bool {
    line.contains("panicked") || line.contains("[error]") || line.contains("ERROR")
}
