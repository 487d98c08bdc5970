//! The threads that own the clients' sockets, and the way to them: an inbox and a waker each.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use fluentcast_broadcast::replay::Replay;
use fluentcast_broadcast::session::Session;
use fluentcast_broadcast::view::{View, Wake, Worker};
use fluentcast_config::settings::SlowClient;
use mio::{Poll, Token};

use crate::metrics::Metrics;
use crate::websocket::engine::Engine;
use crate::websocket::grants::Place;
use crate::websocket::replayer::{OnItsWay, Replayer};
use crate::websocket::resubscribe::Resubscriber;

/// The token of the waker; clients have the index of their slot.
pub(super) const WAKER: Token = Token(usize::MAX);

/// What a client is bound by.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimits {
    /// Bytes it may be behind.
    pub lag_bytes_max: u64,
    /// What happens when it is.
    pub slow_client: SlowClient,
    /// Time between pings; zero: none.
    pub ping_interval: Duration,
    /// Time a sign of life may take after a ping.
    pub ping_timeout: Duration,
}

/// A client that has finished its handshake.
#[derive(Debug)]
pub struct NewClient {
    /// Its socket, already non-blocking.
    pub stream: std::net::TcpStream,
    /// Its TLS session, behind its handshake, if it has one.
    pub tls: Option<Box<rustls::ServerConnection>>,
    /// Its address, for the log.
    pub peer: SocketAddr,
    /// Its session, begun, with a stream for this worker.
    pub session: Session,
    /// Changes what it is sent, if it may ask for that.
    pub resubscriber: Option<Box<Resubscriber>>,
    /// What it sent right behind its handshake.
    pub read_already: Vec<u8>,
    /// Its bounds.
    pub limits: ClientLimits,
    /// When its token is worth nothing any more.
    pub expires: Option<SystemTime>,
    /// Counts it as connected until it is dropped.
    pub counted: ConnectedGuard,
}

/// Counts a client as connected, from the handshake to the end of its connection.
#[derive(Debug)]
pub struct ConnectedGuard {
    metrics: Arc<Metrics>,
    connected: Arc<AtomicU32>,
    /// Counts it among those with its token.
    _place: Option<Place>,
}

impl ConnectedGuard {
    /// Counts one more client of an output if that stays within `limit`.
    #[must_use]
    pub fn admit(
        metrics: &Arc<Metrics>,
        connected: &Arc<AtomicU32>,
        limit: u32,
        place: Option<Place>,
    ) -> Option<Self> {
        let more = |now: u32| (now < limit).then_some(now + 1);
        connected.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()?;
        metrics.websocket_clients.inc();
        Some(Self { metrics: Arc::clone(metrics), connected: Arc::clone(connected), _place: place })
    }
}

impl Drop for ConnectedGuard {
    fn drop(&mut self) {
        self.connected.fetch_sub(1, Ordering::SeqCst);
        self.metrics.websocket_clients.dec();
    }
}

/// Tells clients of a worker apart: the slot, which is used again, and a number, which is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClientId {
    pub(super) slot: usize,
    pub(super) number: u64,
}

pub(super) enum Command {
    Join(Box<NewClient>),
    News(Vec<Arc<View>>),
    /// A step of a client's replay was made.
    Replayed(ClientId, Box<Replay>, OnItsWay),
    /// A client cannot be served any more.
    Fail(ClientId),
    /// Send everything, close with 1001, and end by the deadline.
    Drain(Instant),
}

/// The way to one worker.
pub(super) struct Inbox {
    /// `None` once the worker has ended.
    commands: Mutex<Option<Vec<Command>>>,
    waker: mio::Waker,
}

impl Inbox {
    fn commands(&self) -> MutexGuard<'_, Option<Vec<Command>>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all commands.
    pub(super) fn take(&self) -> Vec<Command> {
        self.commands().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Nobody will take commands any more: those there are and those to come are dropped, so that a
    /// client on its way here does not count for ever.
    pub(super) fn close(&self) {
        let left = self.commands().take();
        drop(left);
    }

    pub(super) fn push(&self, command: Command) {
        let mut guard = self.commands();
        let Some(commands) = &mut *guard else { return };
        commands.push(command);
        let first = commands.len() == 1;
        drop(guard);
        // Whoever is second knows that the first has woken the worker, which takes all at once.
        if first && let Err(error) = self.waker.wake() {
            tracing::error!(%error, "cannot wake a websocket worker");
        }
    }
}

/// All workers. Dropping it without [`Workers::drain`] leaves them running.
pub struct Workers {
    inboxes: Arc<[Inbox]>,
    threads: Vec<JoinHandle<()>>,
}

/// The part of [`Workers`] that hubs and listeners share.
#[derive(Clone)]
pub struct WorkerPool {
    inboxes: Arc<[Inbox]>,
    next: Arc<AtomicUsize>,
}

impl std::fmt::Debug for WorkerPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} workers", self.inboxes.len())
    }
}

impl WorkerPool {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inboxes.len()
    }

    /// Never true: there is at least one worker.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inboxes.is_empty()
    }

    /// The worker for the next client, in turn.
    #[must_use]
    pub fn assign(&self) -> Worker {
        Worker(self.next.fetch_add(1, Ordering::Relaxed) % self.len())
    }

    /// Hands a client to its worker.
    pub fn join(&self, worker: Worker, client: NewClient) {
        self.inboxes[worker.0].push(Command::Join(Box::new(client)));
    }
}

impl Wake for WorkerPool {
    fn wake(&self, worker: Worker, views: Vec<Arc<View>>) {
        self.inboxes[worker.0].push(Command::News(views));
    }
}

impl Workers {
    /// Starts the threads.
    ///
    /// # Errors
    /// When epoll or a thread cannot be had.
    pub fn start(workers: usize, metrics: &Arc<Metrics>) -> io::Result<Self> {
        let mut polls = Vec::new();
        let mut inboxes = Vec::new();
        for _ in 0..workers {
            let poll = Poll::new()?;
            let waker = mio::Waker::new(poll.registry(), WAKER)?;
            inboxes.push(Inbox { commands: Mutex::new(Some(Vec::new())), waker });
            polls.push(poll);
        }
        let inboxes: Arc<[Inbox]> = inboxes.into();
        let replayer = Replayer::start(&inboxes)?;
        let mut threads = Vec::new();
        for (index, poll) in polls.into_iter().enumerate() {
            let (inboxes, metrics) = (Arc::clone(&inboxes), Arc::clone(metrics));
            let engine = Engine::new(Worker(index), poll, inboxes, replayer.clone(), metrics);
            let builder = std::thread::Builder::new().name(format!("websocket-{index}"));
            threads.push(builder.spawn(move || engine.run())?);
        }
        Ok(Self { inboxes, threads })
    }

    /// The part that hubs and listeners share.
    #[must_use]
    pub fn pool(&self) -> WorkerPool {
        WorkerPool { inboxes: Arc::clone(&self.inboxes), next: Arc::default() }
    }

    /// Sends every client what is still to come, closes it with 1001, and ends the threads; at the
    /// deadline whoever is left is cut and named. Blocks until then.
    pub fn drain(self, deadline: Instant) {
        for inbox in &*self.inboxes {
            inbox.push(Command::Drain(deadline));
        }
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a websocket worker could not be stopped");
            }
        }
    }
}
