//! A crowd of WebSocket clients on one thread: they connect, then only count.
//!
//! Every client checks the number of every event it gets, so that a lost, repeated or misplaced one
//! shows however many clients there are. Nothing else is looked at: on a machine that clients and
//! server share, whatever a client does is taken from the server.

mod client;
mod latency;
mod progress;
mod thread;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use crate::record::Layout;
pub use latency::Latencies;
pub(crate) use progress::MILESTONE_EVENTS;
use progress::Progress;

/// How long nothing may happen before a wait is given up.
const STANDSTILL: Duration = Duration::from_secs(10);

/// What one client does.
#[derive(Clone, Debug)]
pub struct ClientPlan {
    /// Path and query it connects to.
    pub target: String,
    /// Whether it reads after its handshake.
    pub reads: bool,
    /// Number of the first event it must get; `None`: whichever comes first.
    pub first_seq: Option<u64>,
    /// What it gets: every event, every second one, ...
    pub step: u64,
}

impl ClientPlan {
    /// A client that gets every event from the first on.
    #[must_use]
    pub fn of_everything(target: &str) -> Self {
        Self { target: target.to_owned(), reads: true, first_seq: Some(1), step: 1 }
    }
}

/// What a crowd does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where they connect.
    pub address: SocketAddr,
    /// Each of them.
    pub clients: Vec<ClientPlan>,
    /// Handshakes under way at once.
    pub handshakes_max: usize,
    /// Where a message holds what is checked.
    pub layout: Layout,
    /// Events in a message; the first is looked at.
    pub message_events: u64,
    /// Nothing is waited for beyond this.
    pub deadline: Instant,
}

/// Which part of a run it is. Latencies are kept apart by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not measured.
    WarmUp,
    /// Measured.
    Measured,
    /// Measured, while the server does something else, too.
    Disturbed,
    /// Measured, while another server does that.
    Neighbour,
}

const PHASES: usize = 4;

impl Phase {
    const ALL: [Self; PHASES] = [Self::WarmUp, Self::Measured, Self::Disturbed, Self::Neighbour];

    fn index(self) -> usize {
        match self {
            Self::WarmUp => 0,
            Self::Measured => 1,
            Self::Disturbed => 2,
            Self::Neighbour => 3,
        }
    }
}

/// What the thread tells while it runs.
#[derive(Debug, Default)]
struct Shared {
    connected: AtomicUsize,
    /// Handshakes that were cut and tried again.
    retried: AtomicU64,
    /// Events that all clients got, together.
    received: AtomicU64,
    /// Reads that brought events.
    reads: AtomicU64,
    /// Clients that were cut after their handshake.
    cut: AtomicUsize,
    phase: AtomicUsize,
    stop: AtomicBool,
    progress: Progress,
}

/// What became of the clients.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Latencies of each phase.
    latencies: [Latencies; PHASES],
    /// Events that readers should have got and did not.
    pub lost: u64,
    /// Events they got again or out of order.
    pub duplicated: u64,
    /// Messages that were none of the bench's.
    pub strange: u64,
    /// Readers that were cut.
    pub cut: u64,
    /// The fewest events a reader got.
    pub received_min: u64,
}

impl Outcome {
    /// Latencies of one phase.
    #[must_use]
    pub fn latencies(&self, phase: Phase) -> &Latencies {
        &self.latencies[phase.index()]
    }
}

/// A running crowd.
#[derive(Debug)]
pub struct Crowd {
    shared: Arc<Shared>,
    thread: JoinHandle<Result<thread::Clients>>,
    clients: usize,
    deadline: Instant,
}

impl Crowd {
    /// Starts to connect.
    ///
    /// # Errors
    /// When there are no threads or file descriptors.
    pub fn start(plan: Plan) -> Result<Self> {
        let (clients, deadline) = (plan.clients.len(), plan.deadline);
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("crowd".to_owned());
        let thread = thread.spawn(move || thread::run(&plan, &theirs))?;
        Ok(Self { shared, thread, clients, deadline })
    }

    /// Waits until every client has finished its handshake.
    ///
    /// # Errors
    /// When no more do.
    pub fn wait_connected(&self) -> Result<()> {
        let connected = || self.shared.connected.load(Ordering::Acquire);
        self.wait(|| connected() == self.clients, || connected() as u64)
            .map_err(|error| error.context(format!("{} of {} clients connected", connected(), self.clients)))
    }

    /// Waits until the clients together got so many events; false when no more come, or not in time.
    #[must_use]
    pub fn wait_received(&self, events: u64) -> bool {
        self.wait(|| self.received() >= events, || self.received()).is_ok()
    }

    fn wait(&self, mut is_over: impl FnMut() -> bool, mut state: impl FnMut() -> u64) -> Result<()> {
        let (mut last, mut since) = (state(), Instant::now());
        while !is_over() {
            if self.thread.is_finished() {
                bail!("the clients' thread has ended");
            }
            if state() != last {
                (last, since) = (state(), Instant::now());
            }
            if since.elapsed() > STANDSTILL {
                bail!("nothing has happened for {} s", STANDSTILL.as_secs());
            }
            self.check_time()?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Fails when the run's time is over.
    pub(crate) fn check_time(&self) -> Result<()> {
        if Instant::now() > self.deadline {
            bail!("it takes too long: {} events have come by now", self.received());
        }
        Ok(())
    }

    /// Waits until every reader has every event up to this one, as far as events are awaited in order.
    ///
    /// # Errors
    /// When no more come.
    pub fn wait_all_have(&self, seq: u64) -> Result<()> {
        self.check_time()?;
        if self.clients == 0 || self.shared.progress.wait(seq, STANDSTILL) {
            return Ok(());
        }
        bail!(
            "some clients get nothing more: all have {} events, {} were awaited",
            self.shared.progress.all_have(),
            seq
        )
    }

    /// Events that all clients got, together.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Acquire)
    }

    /// Reads that brought them.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.shared.reads.load(Ordering::Acquire)
    }

    /// Handshakes that had to be tried again.
    #[must_use]
    pub fn retried(&self) -> u64 {
        self.shared.retried.load(Ordering::Acquire)
    }

    /// From now on latencies count for this phase.
    pub fn enter(&self, phase: Phase) {
        self.shared.phase.store(phase.index(), Ordering::Release);
    }

    /// Ends all connections; the last event published was this.
    ///
    /// # Errors
    /// When the clients failed of themselves.
    pub fn finish(self, last_seq: u64) -> Result<Outcome> {
        self.shared.stop.store(true, Ordering::Release);
        let clients = self.thread.join().map_err(|_| anyhow!("the clients' thread panicked"))??;
        Ok(clients.outcome(last_seq))
    }
}
