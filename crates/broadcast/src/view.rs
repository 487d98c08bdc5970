//! A view: what a set of clients asked to see, and the log that all of them read.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::encode::Shape;
use crate::filter::Filter;
use crate::log::Log;

/// Index of a worker: the thread that writes to a share of the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Worker(pub usize);

/// What a client asked to see. Clients that ask for the same share one view.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ViewKey {
    /// What one message holds.
    pub shape: Shape,
    /// Which events.
    pub filter: Filter,
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
    /// The view has news for clients of this worker. Called once until the worker calls
    /// [`View::start_sweep`].
    fn wake(&self, worker: Worker, view: &Arc<View>);
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

/// Publishers that wait until the workers have caught up.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    publishers: AtomicUsize,
    caught_up: Notify,
}

impl Waiting {
    /// Waits until `is_over`, which is asked again whenever a worker has finished a sweep.
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

    /// Lets publishers look again.
    pub(crate) fn release(&self) {
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

/// One view with its log.
#[derive(Debug)]
pub struct View {
    id: ViewId,
    key: ViewKey,
    log: Mutex<Log>,
    shares: Box<[Share]>,
    /// The publishers of the view's hub.
    waiting: Arc<Waiting>,
}

impl View {
    pub(crate) fn new(key: ViewKey, history_events: u64, workers: usize, waiting: Arc<Waiting>) -> Self {
        Self {
            id: ViewId::next(),
            key,
            log: Mutex::new(Log::new(history_events)),
            shares: std::iter::repeat_with(Share::default).take(workers).collect(),
            waiting,
        }
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

    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        // A panic while appending leaves whole frames: append truncates what failed.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a client in. Like [`View::leave`] called under the lock of the hub only.
    pub(crate) fn join(&self, worker: Worker) {
        let share = &self.shares[worker.0];
        if share.clients.load(Ordering::SeqCst) == 0 {
            // Whoever was last here stopped sweeping; what came since is not this client's backlog.
            // Said before the client counts, or a publisher would wait for a sweep that is not due.
            share.swept.fetch_max(self.log().end(), Ordering::SeqCst);
        }
        share.clients.fetch_add(1, Ordering::SeqCst);
    }

    /// Counts a client out; returns how many remain.
    pub(crate) fn leave(&self, worker: Worker) -> usize {
        self.shares[worker.0].clients.fetch_sub(1, Ordering::SeqCst);
        self.shares.iter().map(|share| share.clients.load(Ordering::SeqCst)).sum()
    }

    /// Wakes every worker with clients here that is not woken yet.
    pub(crate) fn wake(self: &Arc<Self>, wake: &dyn Wake) {
        for (index, share) in self.shares.iter().enumerate() {
            if share.clients.load(Ordering::SeqCst) > 0 && !share.woken.swap(true, Ordering::SeqCst) {
                wake.wake(Worker(index), self);
            }
        }
    }

    /// A worker is about to offer what is new to its clients: makes it readable and returns where the
    /// log now ends. News after this call wake the worker again.
    pub fn start_sweep(&self, worker: Worker) -> u64 {
        self.shares[worker.0].woken.store(false, Ordering::SeqCst);
        self.log().seal()
    }

    /// The worker has offered everything up to `end` to each of its clients. Every
    /// [`View::start_sweep`] must be followed by this, or publishers wait for ever.
    pub fn finish_sweep(&self, worker: Worker, end: u64) {
        self.shares[worker.0].swept.fetch_max(end, Ordering::SeqCst);
        self.waiting.release();
    }

    /// Makes everything appended so far readable.
    pub fn seal(&self) {
        self.log().seal();
    }

    /// Position after the last byte appended.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.log().end()
    }

    /// Bytes that some worker has not got round to offering to its clients yet. Not the lag of a
    /// client: one that does not read costs its worker one refused write.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        let end = self.log().end();
        let swept = |share: &Share| match share.clients.load(Ordering::SeqCst) {
            0 => end,
            _ => share.swept.load(Ordering::SeqCst),
        };
        end.saturating_sub(self.shares.iter().map(swept).min().unwrap_or(end))
    }
}
