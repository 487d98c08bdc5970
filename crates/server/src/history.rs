//! The history of a websocket output on disk: one thread writes, others read, and what cannot be written
//! makes the server unready, refuses acks, and never stops the live stream.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fluentcast_broadcast::history::{
    Epoch, Journal, JournalRead, NotStored, Piece, Position, Resolved, Storing,
};
use fluentcast_config::settings::{self, Sync};
use fluentcast_event::EventTime;
use fluentcast_event::limits::{
    COMPLAINT_INTERVAL, HISTORY_RETAIN_INTERVAL, HISTORY_STOP_TIMEOUT, HISTORY_WRITE_TIMEOUT,
};
use fluentcast_history::{self as disk, Bounds, Part, Reader, Recovery, Store, Syncer};
use tokio::sync::oneshot;

use crate::metrics::Metrics;
use crate::ratelimit::Gate;

/// One output's history on disk.
#[derive(Debug)]
pub struct DiskHistory {
    /// As written in the configuration, for messages.
    path: String,
    epoch: Epoch,
    newest_at_start: u64,
    sync: Sync,
    reader: Reader,
    syncer: Syncer,
    jobs: Mutex<Sender<Job>>,
    trouble: Arc<Trouble>,
    metrics: Arc<Metrics>,
}

/// What the writing thread is to do.
enum Job {
    Append(disk::Piece, oneshot::Sender<io::Result<()>>),
    /// Numbers up to this were given out and their events not stored.
    Passed(u64),
    /// The orderly end; answers when it is done.
    Close(Sender<io::Result<()>>),
}

/// What is wrong, if something is.
#[derive(Debug)]
struct Trouble {
    reason: Mutex<Option<String>>,
    /// A write has not come back in time; until it does nothing is given to the thread.
    stuck: AtomicBool,
    log: Gate,
}

impl Default for Trouble {
    fn default() -> Self {
        Self { reason: Mutex::default(), stuck: AtomicBool::new(false), log: Gate::new(COMPLAINT_INTERVAL) }
    }
}

impl Trouble {
    fn reason(&self) -> Option<String> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes how the last attempt ended, and says so when that is news or was not said for a while.
    fn note(&self, path: &str, attempt: Result<(), &str>) {
        let now = attempt.err().map(str::to_owned);
        let before =
            std::mem::replace(&mut *self.reason.lock().unwrap_or_else(PoisonError::into_inner), now.clone());
        match (before, now) {
            (None, Some(reason)) => tracing::error!(
                path,
                reason,
                "the history cannot be written: not ready, no acks; the live stream goes on"
            ),
            (Some(_), Some(reason)) => {
                if let Some(suppressed) = self.log.pass() {
                    tracing::error!(path, reason, suppressed, "the history still cannot be written");
                }
            }
            (Some(_), None) => tracing::info!(path, "the history is written again"),
            (None, None) => {}
        }
    }
}

impl DiskHistory {
    /// Opens the history and starts the thread that writes it. Says in the log what was found.
    ///
    /// # Errors
    /// When the directory cannot be used, or is used by another process.
    pub fn open(settings: &settings::History, path: &Path, metrics: Arc<Metrics>) -> io::Result<Self> {
        let bounds =
            Bounds { events: settings.events, bytes: settings.size.map(|size| size.0), age: settings.age };
        let (mut store, recovery) = Store::open(path, bounds).map_err(io::Error::other)?;
        let path = path.display().to_string();
        tell(&path, &recovery);
        retain(&mut store, &path);
        let (jobs, queue) = channel();
        let (reader, syncer) = (store.reader(), store.syncer());
        let history = Self {
            epoch: Epoch(recovery.epoch.0),
            newest_at_start: recovery.next_seq - 1,
            sync: settings.sync,
            reader,
            syncer,
            jobs: Mutex::new(jobs),
            trouble: Arc::default(),
            metrics,
            path,
        };
        let writer = Writer {
            path: history.path.clone(),
            sync_every: match settings.sync {
                Sync::Interval(interval) => Some(interval),
                Sync::Always | Sync::Never => None,
            },
            trouble: Arc::clone(&history.trouble),
        };
        std::thread::Builder::new().name("history".to_owned()).spawn(move || writer.run(store, &queue))?;
        Ok(history)
    }

    /// Why events are not stored at the moment, if they are not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble
            .reason()
            .map(|reason| format!("the history in {} cannot be written: {reason}", self.path))
    }

    /// Brings everything onto the medium and ends the writing; blocks, within a bound.
    pub fn close(&self) {
        let (done, wait) = channel();
        self.send(Job::Close(done));
        match wait.recv_timeout(HISTORY_STOP_TIMEOUT) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(path = self.path, %error, "the history could not be closed"),
            Err(_) => {
                tracing::error!(path = self.path, "the disk does not answer; the history is left as it is")
            }
        }
    }

    fn send(&self, job: Job) {
        // Fails only when the thread has ended, which is after the close.
        let _ = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).send(job);
    }

    async fn write(&self, piece: Piece) -> Result<(), NotStored> {
        let last_seq = piece.last_seq();
        if self.trouble.stuck.load(Ordering::SeqCst) {
            self.send(Job::Passed(last_seq));
            return Err(NotStored("the disk does not answer".to_owned()));
        }
        let (done, wait) = oneshot::channel();
        // Taken back by the thread when the write has come back, however late.
        self.trouble.stuck.store(true, Ordering::SeqCst);
        self.send(Job::Append(for_disk(piece), done));
        let attempt = match tokio::time::timeout(HISTORY_WRITE_TIMEOUT, wait).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => Err(error.to_string()),
            Ok(Err(_)) => Err("the writing has ended".to_owned()),
            Err(_) => Err(format!("the disk has not answered for {} s", HISTORY_WRITE_TIMEOUT.as_secs())),
        };
        self.trouble.note(&self.path, attempt.as_ref().map(|()| ()).map_err(String::as_str));
        attempt.map_err(NotStored)
    }
}

impl Journal for DiskHistory {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn newest_seq(&self) -> u64 {
        self.newest_at_start
    }

    fn oldest_seq(&self) -> u64 {
        self.reader.oldest()
    }

    fn append(&self, piece: Piece) -> Storing<'_> {
        Box::pin(async move {
            let events = piece.events;
            let written = self.write(piece).await;
            match &written {
                Ok(()) => self.metrics.history_events.inc_by(events),
                Err(_) => self.metrics.history_events_not_stored.inc_by(events),
            };
            written.map_err(|NotStored(reason)| NotStored(format!("history {}: {reason}", self.path)))
        })
    }

    fn durable(&self, seq: u64) -> Storing<'_> {
        Box::pin(async move {
            if self.sync != Sync::Always {
                return Ok(());
            }
            let syncer = self.syncer.clone();
            let synced = tokio::task::spawn_blocking(move || syncer.sync());
            let attempt = match tokio::time::timeout(HISTORY_WRITE_TIMEOUT, synced).await {
                Ok(Ok(Ok(synced))) if synced.covers(seq) => Ok(()),
                Ok(Ok(Ok(_))) => Err("a sync has failed for these events".to_owned()),
                Ok(Ok(Err(error))) => Err(error.to_string()),
                Ok(Err(_)) => Err("a sync was given up".to_owned()),
                Err(_) => Err(format!("a sync takes longer than {} s", HISTORY_WRITE_TIMEOUT.as_secs())),
            };
            self.trouble.note(&self.path, attempt.as_ref().map(|()| ()).map_err(String::as_str));
            attempt.map_err(|reason| {
                self.metrics.history_sync_errors.inc();
                NotStored(format!("history {}: {reason}", self.path))
            })
        })
    }

    fn read(&self, seq: u64, bytes: usize) -> io::Result<JournalRead> {
        let read = self.reader.read(seq, bytes).inspect_err(|error| {
            if let Some(suppressed) = self.trouble.log.pass() {
                tracing::error!(path = self.path, %error, suppressed, "the history cannot be read");
            }
        })?;
        let mut lost_through = None;
        let mut pieces = Vec::new();
        for part in read.parts {
            match part {
                // A gap behind pieces is told when reading goes on there.
                Part::Gap(gap) if pieces.is_empty() => lost_through = Some(gap.to),
                Part::Gap(_) => break,
                Part::Piece(piece) => pieces.push(from_disk(piece)),
            }
        }
        Ok(JournalRead { lost_through, pieces })
    }

    fn seq_at(&self, time: EventTime) -> io::Result<Option<u64>> {
        let seq = self.reader.seq_at(time)?;
        Ok((seq <= self.reader.newest()).then_some(seq))
    }

    fn resolve(&self, position: Position) -> Resolved {
        match self.reader.resolve(disk::Epoch(position.epoch.0), position.seq) {
            disk::Resolved::At(seq) => Resolved::At(seq),
            disk::Resolved::Beyond { known_up_to } => Resolved::Beyond(known_up_to),
            disk::Resolved::Unknown => Resolved::Unknown,
        }
    }
}

fn for_disk(piece: Piece) -> disk::Piece {
    let Piece { first_seq, events, batch } = piece;
    let newest_time = batch.events().flatten().map(|event| event.time).max().unwrap_or(batch.received);
    disk::Piece { first_seq, events: u32::try_from(events).unwrap_or(u32::MAX), newest_time, batch }
}

fn from_disk(piece: disk::Piece) -> Piece {
    Piece { first_seq: piece.first_seq, events: u64::from(piece.events), batch: piece.batch }
}

/// The thread that writes.
struct Writer {
    path: String,
    sync_every: Option<Duration>,
    trouble: Arc<Trouble>,
}

impl Writer {
    fn run(self, mut store: Store, queue: &Receiver<Job>) {
        let mut unsynced = false;
        let mut next_retain = Instant::now() + HISTORY_RETAIN_INTERVAL;
        let mut next_sync = Instant::now();
        loop {
            let sync_at = self.sync_every.filter(|_| unsynced).map(|_| next_sync);
            let until = sync_at.map_or(next_retain, |at| at.min(next_retain));
            match queue.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Job::Append(piece, done)) => {
                    let appended = store.append(&piece);
                    if !unsynced {
                        unsynced = true;
                        next_sync = Instant::now() + self.sync_every.unwrap_or_default();
                    }
                    self.trouble.stuck.store(false, Ordering::SeqCst);
                    // Nobody waits any more when it took too long.
                    let _ = done.send(appended);
                }
                Ok(Job::Passed(seq)) => store.passed(seq),
                Ok(Job::Close(done)) => {
                    let _ = done.send(store.close());
                    return;
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = Instant::now();
            if sync_at.is_some_and(|at| at <= now) {
                unsynced = false;
                let synced = store.syncer().sync().map(|_| ()).map_err(|error| error.to_string());
                self.trouble.note(&self.path, synced.as_ref().map(|()| ()).map_err(String::as_str));
            }
            if next_retain <= now {
                next_retain = now + HISTORY_RETAIN_INTERVAL;
                retain(&mut store, &self.path);
            }
        }
    }
}

/// Deletes what is beyond the bounds.
fn retain(store: &mut Store, path: &str) {
    if let Err(error) = store.retain(EventTime::now()) {
        tracing::warn!(path, %error, "old files of a history could not be deleted");
    }
}

/// Says what was found on disk.
fn tell(path: &str, recovery: &Recovery) {
    let Recovery { events, bytes, next_seq, epoch, .. } = recovery;
    tracing::info!(path, events, bytes, next_seq, %epoch, "history opened");
    if recovery.is_sound() {
        return;
    }
    if let Some(why) = recovery.new_epoch {
        tracing::warn!(path, %why, %epoch, "a new epoch begins: clients are told that the numbering was broken off");
    }
    if let Some(cut) = &recovery.truncated {
        tracing::warn!(path, file = %cut.file.display(), at = cut.at, bytes = cut.bytes, "the torn end of a history was cut off");
    }
    for hole in &recovery.holes {
        tracing::warn!(path, from = hole.from, to = hole.to, "events are missing in a history");
    }
    for damage in &recovery.damaged {
        tracing::warn!(path, file = %damage.file.display(), at = damage.at, bytes = damage.bytes, "a file of a history is damaged");
    }
}
