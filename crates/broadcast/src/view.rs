//! A view: what a set of clients asked to see, and the log that all of them read.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fluentcast_event::limits::BACKLOG_BYTES_MAX;

use tokio::sync::Notify;

use crate::deflate::SharedDeflater;
use crate::encode::Shape;
use crate::envelope::Envelope;
use crate::filter::Filter;
use crate::log::{Cursor, Log, Skipped};
use crate::sampler::Sampler;
use crate::tags::TagChoice;

/// Index of a worker: the thread that writes to a share of the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Worker(pub usize);

/// What a client asked to see. Clients that ask for the same share one view.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ViewKey {
    /// In which form.
    pub shape: Shape,
    /// Events of which tags.
    pub tags: TagChoice,
    /// Of those, which events.
    pub filter: Filter,
    /// Of those, at most so many per second; the history aside.
    pub max_rate: Option<NonZeroU32>,
}

/// Tells views of a process apart, also after one is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ViewId(u64);

impl ViewId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Tells workers that there is something to read.
pub trait Wake: Send + Sync {
    /// These views have news for clients of this worker. Each is named once until the worker calls
    /// [`View::start_sweep`].
    fn wake(&self, worker: Worker, views: Vec<Arc<View>>);
}

/// What the view knows of one worker.
#[derive(Debug, Default)]
struct Share {
    /// Clients of that worker on this view.
    clients: AtomicUsize,
    /// The worker was woken and has not started its sweep yet.
    woken: AtomicBool,
    /// Position up to which the worker has offered the log to each of its clients.
    swept: AtomicU64,
}

/// What the workers have yet to do of a hub's views, and the publishers that wait for it.
#[derive(Debug)]
pub(crate) struct Waiting {
    publishers: AtomicUsize,
    caught_up: Notify,
    /// The sum of what was counted of each view, and above which publishers wait.
    backlog: AtomicU64,
    backlog_max: u64,
}

impl Waiting {
    pub(crate) fn above(backlog_max: u64) -> Self {
        Self {
            publishers: AtomicUsize::new(0),
            caught_up: Notify::new(),
            backlog: AtomicU64::new(0),
            backlog_max,
        }
    }

    /// Bytes that are to be swept of all views together.
    pub(crate) fn backlog(&self) -> u64 {
        self.backlog.load(Ordering::SeqCst)
    }

    /// Waits until `is_over`, which is asked again whenever a view, or the sum of all, comes within its bound.
    pub(crate) async fn until(&self, mut is_over: impl FnMut() -> bool) {
        self.publishers.fetch_add(1, Ordering::SeqCst);
        let _count_out = Decrement(&self.publishers);
        loop {
            let mut caught_up = std::pin::pin!(self.caught_up.notified());
            // Registered before looking, so that a sweep that ends in between is not missed.
            caught_up.as_mut().enable();
            if is_over() {
                return;
            }
            caught_up.await;
        }
    }

    /// Whether all views together have as much to be swept as they may.
    pub(crate) fn is_full(&self) -> bool {
        self.backlog() > self.backlog_max
    }

    /// A view has another backlog than before; returns whether the sum came within its bound by that.
    fn recount(&self, before: u64, now: u64) -> bool {
        if now >= before {
            self.backlog.fetch_add(now - before, Ordering::SeqCst);
            return false;
        }
        let sum = self.backlog.fetch_sub(before - now, Ordering::SeqCst);
        sum > self.backlog_max && sum - (before - now) <= self.backlog_max
    }

    /// Lets publishers look again.
    fn release(&self) {
        if self.publishers.load(Ordering::SeqCst) > 0 {
            self.caught_up.notify_waiters();
        }
    }
}

struct Decrement<'a>(&'a AtomicUsize);

impl Drop for Decrement<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A log, and what decides about what goes in.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) log: Log,
    pub(crate) sampler: Option<Sampler>,
    /// The backlog when it was counted last, for publishers to wait by. Counted under the lock of the log after
    /// every change: so what was counted last is what is.
    counted: u64,
}

/// One view with its log.
#[derive(Debug)]
pub struct View {
    id: ViewId,
    key: ViewKey,
    feed: Mutex<Feed>,
    shares: Box<[Share]>,
    flush_interval: Duration,
    /// The publishers of the view's hub.
    waiting: Arc<Waiting>,
}

impl View {
    /// A view of what comes after event `newest_seq`.
    pub(crate) fn new(
        key: ViewKey,
        newest_seq: u64,
        workers: usize,
        flush_interval: Duration,
        waiting: Arc<Waiting>,
        deflater: Option<SharedDeflater>,
    ) -> Self {
        let log = Log::new(Envelope::of(&key.shape), deflater, newest_seq);
        let sampler = key.max_rate.map(|max_rate| Sampler::new(max_rate, Instant::now()));
        Self {
            id: ViewId::next(),
            key,
            feed: Mutex::new(Feed { log, sampler, counted: 0 }),
            shares: std::iter::repeat_with(Share::default).take(workers).collect(),
            flush_interval,
            waiting,
        }
    }

    /// Least time between two sweeps; zero: none.
    #[must_use]
    pub fn flush_interval(&self) -> Duration {
        self.flush_interval
    }

    /// Its identity.
    #[must_use]
    pub fn id(&self) -> ViewId {
        self.id
    }

    /// What its clients asked to see.
    #[must_use]
    pub fn key(&self) -> &ViewKey {
        &self.key
    }

    pub(crate) fn feed(&self) -> MutexGuard<'_, Feed> {
        // A panic while appending leaves whole frames: append truncates what failed.
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a client in. Like [`View::leave`] called under the lock of the hub only.
    pub(crate) fn join(&self, worker: Worker) {
        let share = &self.shares[worker.0];
        if share.clients.load(Ordering::SeqCst) == 0 {
            // Whoever was last here stopped sweeping; what came since is not this client's backlog.
            // Said before the client counts, or a publisher would wait for a sweep that is not due.
            share.swept.fetch_max(self.end(), Ordering::SeqCst);
            // Nor does it wait for a sweep that was planned for others and may have gone with them.
            share.woken.store(false, Ordering::SeqCst);
        }
        share.clients.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts a client out; returns how many remain.
    pub(crate) fn leave(&self, worker: Worker) -> usize {
        self.shares[worker.0].clients.fetch_sub(1, Ordering::SeqCst);
        self.shares.iter().map(|share| share.clients.load(Ordering::SeqCst)).sum()
    }

    /// Whether this worker has clients here and is not woken yet, or takes its time though publishers
    /// wait; it is to be woken then.
    pub(crate) fn to_wake(&self, worker: Worker) -> bool {
        let share = &self.shares[worker.0];
        let has_clients = self.has_clients(worker);
        let is_late = || !self.flush_interval.is_zero() && self.backlog() > BACKLOG_BYTES_MAX;
        has_clients && (!share.woken.swap(true, Ordering::SeqCst) || is_late())
    }

    pub(crate) fn has_clients(&self, worker: Worker) -> bool {
        self.shares[worker.0].clients.load(Ordering::SeqCst) > 0
    }

    /// A worker is about to offer what is new to its clients: makes it readable and returns where the
    /// log now ends. News after this call wake the worker again.
    pub fn start_sweep(&self, worker: Worker) -> u64 {
        self.shares[worker.0].woken.store(false, Ordering::SeqCst);
        self.feed().log.seal()
    }

    /// The worker has offered everything up to `end` to each of its clients. Every
    /// [`View::start_sweep`] must be followed by this, or publishers wait for ever.
    pub fn finish_sweep(&self, worker: Worker, end: u64) {
        self.shares[worker.0].swept.fetch_max(end, Ordering::SeqCst);
        self.count_backlog();
    }

    /// Whether events were left out (`$max_rate`) that no client was told of yet. Should nothing else
    /// come, somebody must call [`View::tell`].
    #[must_use]
    pub fn has_untold(&self) -> bool {
        self.key.max_rate.is_some() && self.feed().log.untold() > 0
    }

    /// Makes readable how many events were left out.
    pub fn tell(&self) {
        self.feed().log.seal_and_tell();
    }

    /// Position after the last byte appended.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.feed().log.end()
    }

    /// Moves a cursor that stands where something may go between to the newest event.
    pub fn skip(&self, cursor: &mut Cursor) -> Skipped {
        self.feed().log.skip(cursor)
    }

    /// Bytes that some worker has not got round to offering to its clients yet. Not the lag of a
    /// client: one that does not read costs its worker one refused write.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        self.backlog_at(self.end())
    }

    fn backlog_at(&self, end: u64) -> u64 {
        let swept = |share: &Share| match share.clients.load(Ordering::SeqCst) {
            0 => end,
            _ => share.swept.load(Ordering::SeqCst),
        };
        end.saturating_sub(self.shares.iter().map(swept).min().unwrap_or(end))
    }

    /// Counts the backlog anew: after every change of it, or publishers wait for what is done already.
    pub(crate) fn count_backlog(&self) {
        let mut feed = self.feed();
        let backlog = self.backlog_at(feed.log.end());
        let before = std::mem::replace(&mut feed.counted, backlog);
        let is_room = self.waiting.recount(before, backlog);
        drop(feed);
        if is_room || before > BACKLOG_BYTES_MAX && backlog <= BACKLOG_BYTES_MAX {
            self.waiting.release();
        }
    }

    /// Whether publishers wait for this view by itself.
    pub(crate) fn is_behind(&self) -> bool {
        self.feed().counted > BACKLOG_BYTES_MAX
    }

    /// Whether publishers wait for what is to be swept here, so that it must not take its time.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        let backlog = self.backlog();
        backlog > BACKLOG_BYTES_MAX || backlog > 0 && self.waiting.is_full()
    }
}
