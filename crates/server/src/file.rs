//! The `file` output: events as lines in files, by time slice and tag.
//!
//! [`FileOutput::deliver`] formats a batch into a bounded buffer in memory; one background task writes
//! the buffer every `flush_interval`, when much has come together, and at the stop. A disk that fails
//! costs memory up to `total_limit_size`, then batches are refused. It must never make another output
//! wait, and never cost a line or double one while the process runs.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use fluentcast_config::settings;
use fluentcast_event::Batch;
use fluentcast_event::limits::{
    COMPLAINT_INTERVAL, FILE_BLOCK_BYTES_MAX, FILE_FLUSH_INTERVAL_MIN, FILE_STOP_RETRY_WAIT,
    FILE_STOP_TIMEOUT, FILE_SYNC_TIMEOUT,
};
use tokio::sync::Notify;
use tokio::time;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::ratelimit::Gate;

mod buffer;
mod compose;
mod disk;
mod name;
mod slice;
mod writer;

#[cfg(test)]
mod tests;

use buffer::{Buffer, Refusal};
use compose::{Composed, Composer};
use disk::{Disk, RealDisk};
use writer::{Effort, Now, Writer, lock};

/// Why a batch was not taken. Nothing of it will be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Too much waits to be written.
    #[error(
        "the file output {path} takes no more: {waiting} bytes wait to be written, total_limit_size is \
         {limit}; see the log for why its files cannot be written, or raise total_limit_size"
    )]
    Full {
        /// `path` of the output.
        path: String,
        /// Bytes that wait.
        waiting: u64,
        /// `total_limit_size`.
        limit: u64,
    },
    /// The output has been stopped.
    #[error("the file output {path} has been stopped")]
    Stopped {
        /// `path` of the output.
        path: String,
    },
}

/// One `file` output.
pub struct FileOutput {
    settings: settings::FileOutput,
    metrics: Arc<Metrics>,
    composer: Mutex<Composer>,
    buffer: Mutex<Buffer>,
    writer: Mutex<Writer>,
    refusals: Gate,
    /// Much has come together: write before the interval is over.
    flush_now: Notify,
}

impl std::fmt::Debug for FileOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileOutput").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl FileOutput {
    /// Prepares an output and checks that it can write: makes the directory as far as it is the same
    /// for all files, and a file in it.
    ///
    /// # Errors
    /// When the directory or the file cannot be written, or the system does not know the time zone.
    pub fn open(settings: &settings::FileOutput, metrics: Arc<Metrics>) -> io::Result<Self> {
        let (file_permission, dir_permission) = (settings.file_permission, settings.dir_permission);
        let disk = RealDisk { file_permission, dir_permission };
        let output = Self::open_on(settings, metrics, Box::new(disk))?;
        let composer = lock(&output.composer);
        let (directory, only_file) = (composer.template().directory(), composer.template().only_file());
        disk.check(directory, only_file.as_deref()).map_err(|error| {
            let (path, directory) = (&settings.path, directory.display());
            let message = format!(
                "cannot write files of path {path:?} in directory {directory}: {error}; let the user that \
                 runs fluentcast write there, or choose another path"
            );
            io::Error::new(error.kind(), message)
        })?;
        drop(composer);
        Ok(output)
    }

    fn open_on(
        settings: &settings::FileOutput,
        metrics: Arc<Metrics>,
        disk: Box<dyn Disk>,
    ) -> io::Result<Self> {
        let composer = Composer::new(settings)?;
        let chunk_bytes_max = usize::try_from(settings.chunk_limit_size.0).unwrap_or(usize::MAX);
        // Without `append` a file ends between two pieces, so none may be longer than a file.
        let piece_bytes_max =
            if settings.append { FILE_BLOCK_BYTES_MAX } else { FILE_BLOCK_BYTES_MAX.min(chunk_bytes_max) };
        let slicer = composer.slicer().cloned();
        let writer = Writer::new(settings, slicer, piece_bytes_max, disk, Arc::clone(&metrics));
        Ok(Self {
            metrics,
            composer: Mutex::new(composer),
            buffer: Mutex::new(Buffer::new(settings.total_limit_size.0, piece_bytes_max)),
            writer: Mutex::new(writer),
            refusals: Gate::new(COMPLAINT_INTERVAL),
            flush_now: Notify::new(),
            settings: settings.clone(),
        })
    }

    /// Takes a batch, as a whole or not at all, into the buffer. Never waits for the disk. Entries that
    /// are no events, and events whose tag cannot be part of the path, are dropped and counted.
    ///
    /// # Errors
    /// When `total_limit_size` would be passed, or after the stop.
    pub fn deliver(&self, batch: &Batch) -> Result<(), FileError> {
        let mut composer = lock(&self.composer);
        let lines = composer.compose(batch);
        let added = lock(&self.buffer).add(lines);
        match added {
            Ok(flush_now) => {
                if flush_now {
                    self.flush_now.notify_one();
                }
                self.count_drops(batch, lines);
                Ok(())
            }
            Err(refusal) => {
                self.metrics.file_events_dropped.inc_by(lines.events());
                let path = self.settings.path.clone();
                Err(match refusal {
                    Refusal::Full { waiting } => {
                        FileError::Full { path, waiting, limit: self.settings.total_limit_size.0 }
                    }
                    Refusal::Closed => FileError::Stopped { path },
                })
            }
        }
    }

    fn count_drops(&self, batch: &Batch, lines: &Composed) {
        self.metrics.entries_invalid.inc_by(lines.invalid);
        self.metrics.json_floats_not_finite.inc_by(lines.mended.not_finite.into());
        self.metrics.json_strings_repaired.inc_by(lines.mended.invalid_utf8.into());
        let Some((events, error)) = lines.refused else { return };
        self.metrics.file_events_dropped.inc_by(events);
        if let Some(suppressed) = self.refusals.pass() {
            let (path, tag) = (&self.settings.path, batch.tag.as_str());
            tracing::error!(path, tag, events, suppressed, "dropped events: {error}");
        }
    }

    /// Writes what is delivered until `shutdown`; then takes nothing more, writes the rest for as long
    /// as [`FILE_STOP_TIMEOUT`] allows, and counts and says what could not be written.
    ///
    /// The writing runs on the runtime's threads for blocking work: there is one write at a time, a
    /// thread that hangs in it (a dead network disk) holds up neither the runtime nor this task, and an
    /// idle output has no thread.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let interval = self.settings.flush_interval.max(FILE_FLUSH_INTERVAL_MIN);
        let mut next = Instant::now() + interval;
        loop {
            // The stop first: nothing that waits may delay it.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = self.flush_now.notified() => {}
                () = time::sleep_until(next.into()) => {}
            }
            let flush = self.flush(Effort::Due);
            let retry_at = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                retry_at = flush => retry_at,
            };
            next = Instant::now() + interval;
            next = retry_at.map_or(next, |retry_at| next.min(retry_at));
        }
        self.stop().await;
    }

    /// One flush on a thread for blocking work; it goes on even if nobody waits for it.
    fn flush(self: &Arc<Self>, effort: Effort) -> impl Future<Output = Option<Instant>> + use<> {
        let output = Arc::clone(self);
        let flush = tokio::task::spawn_blocking(move || {
            lock(&output.writer).flush(&output.buffer, effort, Now::read())
        });
        async { flush.await.ok().flatten() }
    }

    async fn stop(self: Arc<Self>) {
        lock(&self.buffer).close();
        let everything = async {
            loop {
                self.flush(Effort::All).await;
                if lock(&self.buffer).waiting_events() == 0 {
                    break;
                }
                time::sleep(FILE_STOP_RETRY_WAIT).await;
            }
        };
        let path = &self.settings.path;
        if time::timeout(FILE_STOP_TIMEOUT, everything).await.is_err() {
            let events = lock(&self.buffer).waiting_events();
            self.metrics.file_events_dropped.inc_by(events);
            tracing::error!(path, events, "gave up events that could not be written before the stop");
        }
        let output = Arc::clone(&self);
        let finish = tokio::task::spawn_blocking(move || lock(&output.writer).finish());
        if time::timeout(FILE_SYNC_TIMEOUT, finish).await.is_err() {
            self.metrics.file_write_errors.inc();
            tracing::error!(path, "did not wait any longer for the files to be on the disk");
        }
    }
}
