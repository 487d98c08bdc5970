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
mod server;
mod sources;
mod wire;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

pub use crowd::Tally;
pub use judge::Faults;
pub use memory::Slope;
pub use report::{table, write_page};
pub use server::Held;

use crowd::{Crowd, Shared};
use memory::Samples;
use sources::Senders;

/// How often memory is looked at.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(2);

/// How often the configuration is changed.
const RELOAD_INTERVAL: Duration = Duration::from_secs(20);

/// How often somebody who watches is told how it goes.
const TELL_INTERVAL: Duration = Duration::from_secs(60);

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
    let mut server = server::Server::start(program)?;
    // Its first answer makes threads and descriptors that stay.
    let can_reload = server.reloads()?.is_some();
    let reload = plan.reload.unwrap_or(can_reload);
    let before = server.held()?;
    let start = Instant::now();
    let mut senders = Senders::start(server.forward, server.http, plan.rate)?;
    let shared = Arc::new(Shared::default());
    let crowd = Crowd { address: server.websocket, clients: plan.clients, life: plan.life, seed: plan.seed };
    let (theirs, progress) = (Arc::clone(&shared), Arc::clone(&senders.progress));
    let clients = std::thread::Builder::new().name("clients".to_owned());
    let clients = clients.spawn(move || crowd::run(crowd, progress, &theirs))?;

    let mut samples = Samples::default();
    let (mut sample_due, mut reload_due, mut tell_due) = (warm_up(plan.time), RELOAD_INTERVAL, TELL_INTERVAL);
    while start.elapsed() < plan.time && !clients.is_finished() {
        std::thread::sleep(Duration::from_millis(100));
        server.check_alive()?;
        senders.check()?;
        let now = start.elapsed();
        if now >= sample_due {
            sample_due += SAMPLE_INTERVAL;
            samples.add(now.as_secs_f64(), server.memory()?);
        }
        if reload && now >= reload_due {
            reload_due += RELOAD_INTERVAL;
            server.reload()?;
        }
        if now >= tell_due {
            tell_due += TELL_INTERVAL;
            let (lives, events) =
                (shared.lives.load(Ordering::Relaxed), shared.events.load(Ordering::Relaxed));
            let minutes = now.as_secs() / 60;
            crate::say(&format!(
                "{minutes} min: {lives} lives, {events} events judged, {} KiB",
                server.memory()? / 1024
            ));
        }
    }
    shared.stop.store(true, Ordering::SeqCst);
    let tally =
        clients.join().map_err(|_| anyhow!("the clients' thread panicked"))?.context("the clients")?;
    let sent = senders.stop()?.into_iter().sum();
    let time = start.elapsed();
    let cpu_seconds = server.cpu_seconds()?;
    let after = server.wait_until_held(before)?;
    let published = server.counter("fluentcast_websocket_events_total")?;
    anyhow::ensure!(published == Some(sent), "{sent} events were acked, and {published:?} published");
    let reloads = server.reloads()?.unwrap_or(0);
    let log = server.stop()?;
    Ok(Outcome {
        plan,
        time,
        sent,
        tally,
        reloads,
        held: [before, after],
        memory_kib: samples.range(),
        slope: samples.slope(),
        cpu_seconds,
        log_faults: log.lines().filter(|line| is_fault(line)).map(str::to_owned).collect(),
    })
}

/// Memory is looked at after a fifth of the time: by then every kind of client was there many times over.
fn warm_up(time: Duration) -> Duration {
    time / 5
}

fn is_fault(line: &str) -> bool {
    line.contains("panicked") || line.contains("[error]") || line.contains("ERROR")
}
