//! The history of a websocket output on disk: one thread writes, one syncs, others read; what cannot be
//! written makes the server unready, refuses acks, and never stops the live stream.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use fluentcast_broadcast::history::{
    Epoch, Journal, JournalRead, NotStored, Piece, Position, Resolved, Storing,
};
use fluentcast_config::settings::{self, Sync};
use fluentcast_event::EventTime;
use fluentcast_event::limits::{COMPLAINT_INTERVAL, HISTORY_STOP_TIMEOUT};
use fluentcast_history::{self as disk, Bounds, Part, Reader, Recovery, Store, WhyGone};

use crate::metrics::Metrics;
use crate::ratelimit::Gate;

mod syncing;
mod trouble;
mod writing;

use syncing::Syncing;
use trouble::Trouble;
use writing::{Medium, OnDisk, Writing};

/// One output's history on disk.
#[derive(Debug)]
pub struct DiskHistory {
    /// As written in the configuration, for messages.
    path: String,
    epoch: Epoch,
    newest_at_start: u64,
    reader: Reader,
    writing: Writing,
    /// Brings it onto the medium; `None`: the system does that.
    syncing: Option<Syncing>,
    trouble: Arc<Trouble>,
    read_log: Gate,
    metrics: Arc<Metrics>,
}

impl DiskHistory {
    /// Opens the history and starts the threads that write it. Says in the log what was found.
    ///
    /// # Errors
    /// When the directory cannot be used, or is used by another process.
    pub fn open(settings: &settings::History, path: &Path, metrics: Arc<Metrics>) -> io::Result<Self> {
        let bounds =
            Bounds { events: settings.events, bytes: settings.size.map(|size| size.0), age: settings.age };
        let (store, recovery) = Store::open(path, bounds).map_err(io::Error::other)?;
        tell(&path.display().to_string(), &recovery);
        let (reader, syncer) = (store.reader(), store.syncer());
        let mut medium = OnDisk::new(store, path);
        medium.retain()?;
        Self::start(settings.sync, path, &recovery, reader, medium, move || syncer.sync(), metrics)
    }

    /// Starts the threads on a medium.
    fn start(
        sync: Sync,
        path: &Path,
        recovery: &Recovery,
        reader: Reader,
        medium: impl Medium,
        syncer: impl FnMut() -> io::Result<disk::Synced> + Send + 'static,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        let path = path.display().to_string();
        let trouble = Arc::new(Trouble::new(path.clone()));
        let writing = Writing::start(medium, Arc::clone(&trouble))?;
        let syncing = match sync {
            Sync::Never => None,
            Sync::Always => Some(Syncing::start(None, syncer, Arc::clone(&trouble))?),
            Sync::Interval(every) => Some(Syncing::start(Some(every), syncer, Arc::clone(&trouble))?),
        };
        Ok(Self {
            epoch: Epoch(recovery.epoch.0),
            newest_at_start: recovery.next_seq - 1,
            reader,
            writing,
            syncing,
            trouble,
            read_log: Gate::new(COMPLAINT_INTERVAL),
            metrics,
            path,
        })
    }

    /// Why events are not stored at the moment, if they are not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble
            .reason()
            .map(|reason| format!("the history in {} cannot be written: {reason}", self.path))
    }

    /// Brings everything onto the medium and ends the writing of all at once; blocks, within a bound for all.
    pub fn close<'a>(histories: impl IntoIterator<Item = &'a Self>) {
        let deadline = Instant::now() + HISTORY_STOP_TIMEOUT;
        let closing: Vec<_> =
            histories.into_iter().map(|history| (&history.path, history.writing.close())).collect();
        for (path, closed) in closing {
            match closed.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(path, %error, "the history could not be closed"),
                Err(_) => tracing::error!(path, "the disk does not answer; the history is left as it is"),
            }
        }
    }

    fn not_stored(&self, reason: &str) -> NotStored {
        NotStored(format!("history {}: {reason}", self.path))
    }

    /// Says that events are gone which the bounds would have kept: clients ask for them again and again.
    fn tell_gap(&self, gap: &disk::Gap) {
        if gap.why == WhyGone::Lost
            && let Some(suppressed) = self.read_log.pass()
        {
            let disk::Gap { from, to, .. } = gap;
            tracing::warn!(path = self.path, from, to, suppressed, "events are missing in a history");
        }
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
            let written = self.writing.append(for_disk(piece)).await;
            match &written {
                Ok(()) => self.metrics.history_events.inc_by(events),
                Err(_) => self.metrics.history_events_not_stored.inc_by(events),
            };
            written.map_err(|reason| self.not_stored(&reason))
        })
    }

    fn durable(&self, seq: u64) -> Storing<'_> {
        Box::pin(async move {
            let Some(syncing) = &self.syncing else { return Ok(()) };
            syncing.durable(seq).await.map_err(|reason| {
                self.metrics.history_sync_errors.inc();
                self.not_stored(&reason)
            })
        })
    }

    fn read(&self, seq: u64, bytes: usize) -> io::Result<JournalRead> {
        let read = self.reader.read(seq, bytes).inspect_err(|error| {
            if let Some(suppressed) = self.read_log.pass() {
                tracing::error!(path = self.path, %error, suppressed, "the history cannot be read");
            }
        })?;
        let mut lost_through = None;
        let mut pieces = Vec::new();
        for part in read.parts {
            if let Part::Gap(gap) = &part {
                self.tell_gap(gap);
            }
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

#[cfg(test)]
mod tests;
