//! The thread that brings a history onto the medium. Whoever waits at the same time shares one sync; a disk
//! that does not answer holds one thread and whom it found waiting, however many come.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fluentcast_event::limits::HISTORY_WRITE_TIMEOUT;
use fluentcast_history::Synced;
use tokio::sync::oneshot;

use super::trouble::{Step, Trouble};

/// Waits until events up to this one are durable.
struct Waiter {
    seq: u64,
    done: oneshot::Sender<Result<(), String>>,
}

/// The way to the thread, which ends with this.
#[derive(Debug)]
pub(super) struct Syncing {
    waiters: Mutex<Sender<Waiter>>,
    /// By itself, that often; then nobody waits.
    every: Option<Duration>,
    /// When the sync under way began.
    begun: Arc<Mutex<Option<Instant>>>,
    trouble: Arc<Trouble>,
}

impl Syncing {
    /// Starts the thread.
    pub(super) fn start(
        every: Option<Duration>,
        sync: impl FnMut() -> io::Result<Synced> + Send + 'static,
        trouble: Arc<Trouble>,
    ) -> io::Result<Self> {
        let (waiters, queue) = channel();
        let begun = Arc::default();
        let thread = Thread { every, sync, begun: Arc::clone(&begun), trouble: Arc::clone(&trouble) };
        std::thread::Builder::new().name("history-sync".to_owned()).spawn(move || thread.run(&queue))?;
        Ok(Self { waiters: Mutex::new(waiters), every, begun, trouble })
    }

    /// Waits until the events up to this one are durable, if an ack promises that.
    pub(super) async fn durable(&self, seq: u64) -> Result<(), String> {
        if self.every.is_some() {
            return Ok(());
        }
        let begun = *self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.is_some_and(|begun| begun.elapsed() > HISTORY_WRITE_TIMEOUT) {
            return Err("the disk does not answer".to_owned());
        }
        let (done, wait) = oneshot::channel();
        // Fails only when the thread is gone, and then so is `done`.
        let _ = self.waiters.lock().unwrap_or_else(PoisonError::into_inner).send(Waiter { seq, done });
        match tokio::time::timeout(HISTORY_WRITE_TIMEOUT, wait).await {
            Ok(Ok(synced)) => synced,
            Ok(Err(_)) => Err("the syncing has ended".to_owned()),
            Err(_) => {
                let reason = format!("a sync takes longer than {} s", HISTORY_WRITE_TIMEOUT.as_secs());
                self.trouble.note(Step::Sync, Err(&reason));
                Err(reason)
            }
        }
    }
}

struct Thread<S> {
    every: Option<Duration>,
    sync: S,
    begun: Arc<Mutex<Option<Instant>>>,
    trouble: Arc<Trouble>,
}

impl<S: FnMut() -> io::Result<Synced>> Thread<S> {
    fn run(mut self, queue: &Receiver<Waiter>) {
        loop {
            let first = match self.every {
                None => queue.recv().map(Some).map_err(|_| RecvTimeoutError::Disconnected),
                Some(every) => queue.recv_timeout(every).map(Some),
            };
            let waiters: Vec<Waiter> = match first {
                Ok(first) => first.into_iter().chain(queue.try_iter()).collect(),
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let synced = self.sync();
            for Waiter { seq, done } in waiters {
                let synced = match &synced {
                    Ok(synced) if synced.covers(seq) => Ok(()),
                    Ok(_) => Err("a sync has failed for these events".to_owned()),
                    Err(reason) => Err(reason.clone()),
                };
                // Nobody waits any more when it took too long.
                let _ = done.send(synced);
            }
        }
    }

    fn sync(&mut self) -> Result<Synced, String> {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        let synced = (self.sync)().map_err(|error| format!("sync: {error}"));
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.trouble.note(Step::Sync, synced.as_ref().map(|_| ()).map_err(String::as_str));
        synced
    }
}
