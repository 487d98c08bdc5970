//! The `stdout` output and filter: events as lines on the process's standard output.
//!
//! Whoever reads the standard output may be slow, stop reading, or go away. Slow means that `deliver`
//! waits (and with it the sender); gone means that the lines are dropped and counted. Neither may stop
//! the process or block a thread of the runtime.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use fluentcast_config::settings::LineFormat;
use fluentcast_event::Batch;
use fluentcast_event::limits::{STDOUT_QUEUE_BYTES_MAX, STDOUT_WOULD_BLOCK_WAIT};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::format::Formatter;
use crate::metrics::Metrics;

#[cfg(test)]
mod tests;

/// A permit is worth one byte in the queue.
#[expect(clippy::cast_possible_truncation, reason = "a constant, checked below")]
const PERMITS: u32 = STDOUT_QUEUE_BYTES_MAX as u32;
const _: () =
    assert!(STDOUT_QUEUE_BYTES_MAX <= u32::MAX as usize && STDOUT_QUEUE_BYTES_MAX <= Semaphore::MAX_PERMITS);

/// One `stdout` output or filter.
#[derive(Debug)]
pub struct Stdout {
    formatter: Mutex<Formatter>,
    lines: mpsc::Sender<Lines>,
    /// Room in the queue, in bytes.
    room: Arc<Semaphore>,
    metrics: Arc<Metrics>,
}

/// The lines of one batch on their way to the thread that writes.
#[derive(Debug)]
struct Lines {
    text: Vec<u8>,
    events: u64,
    /// Given back when the lines are written.
    _room: OwnedSemaphorePermit,
}

impl Stdout {
    /// Writes to the process's standard output, on a thread of its own.
    ///
    /// # Errors
    /// When the system does not know the time zone, or has no descriptor or thread left.
    pub fn new(format: &LineFormat, metrics: Arc<Metrics>) -> io::Result<Self> {
        // Its own descriptor, without the buffer of `std::io::stdout`: after an error that buffer could
        // not tell what had been written.
        let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Self::to(stdout, format, metrics)
    }

    fn to(
        target: impl Write + Send + 'static,
        format: &LineFormat,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        let formatter = Mutex::new(Formatter::new(format)?);
        let (lines, queue) = mpsc::channel();
        let printer = Printer { target, torn: false, failed: false, metrics: Arc::clone(&metrics) };
        thread::Builder::new().name("stdout".to_owned()).spawn(move || printer.run(&queue))?;
        Ok(Self { formatter, lines, room: Arc::new(Semaphore::new(STDOUT_QUEUE_BYTES_MAX)), metrics })
    }

    /// Queues the lines of a batch; waits while the queue is full.
    pub async fn deliver(&self, batch: &Batch) {
        let (text, events) = self.format(batch);
        if events == 0 {
            return;
        }
        // A batch longer than the queue goes in when the queue is empty.
        let bytes = u32::try_from(text.len()).unwrap_or(PERMITS).min(PERMITS);
        let Ok(room) = Arc::clone(&self.room).acquire_many_owned(bytes).await else { return };
        if self.lines.send(Lines { text, events, _room: room }).is_err() {
            self.metrics.stdout_events_dropped.inc_by(events);
        }
    }

    /// Waits until everything queued so far is written or dropped. For the stop; bound it, a reader
    /// that never reads would make it wait for ever.
    pub async fn drain(&self) {
        // All the room there is: nothing is in the queue or half written.
        let _ = self.room.acquire_many(PERMITS).await;
    }

    fn format(&self, batch: &Batch) -> (Vec<u8>, u64) {
        let (mut text, mut events, mut invalid) = (Vec::new(), 0, 0);
        let mut formatter = self.formatter.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in batch.events() {
            let line = entry.map(|event| formatter.append(&mut text, batch.tag.as_str(), &event));
            if let Ok(Ok(mended)) = line {
                events += 1;
                self.metrics.json_floats_not_finite.inc_by(mended.not_finite.into());
                self.metrics.json_strings_repaired.inc_by(mended.invalid_utf8.into());
            } else {
                invalid += 1;
            }
        }
        self.metrics.entries_invalid.inc_by(invalid);
        (text, events)
    }
}

/// The end of the queue, on its own thread.
struct Printer<W> {
    target: W,
    /// The last write ended within a line.
    torn: bool,
    /// The last write failed; said once, until one succeeds.
    failed: bool,
    metrics: Arc<Metrics>,
}

impl<W: Write> Printer<W> {
    fn run(mut self, queue: &mpsc::Receiver<Lines>) {
        for lines in queue {
            match self.print(&lines.text) {
                Ok(()) => {
                    self.failed = false;
                    self.metrics.stdout_events.inc_by(lines.events);
                }
                Err(error) => {
                    self.metrics.stdout_events_dropped.inc_by(lines.events);
                    if !self.failed {
                        tracing::error!(%error, "cannot write to the standard output; dropping its events");
                    }
                    self.failed = true;
                }
            }
        }
    }

    /// Writes whole lines, beginning a new one when an earlier write ended within its line.
    fn print(&mut self, text: &[u8]) -> io::Result<()> {
        if self.torn {
            self.write_all(b"\n")?;
            self.torn = false;
        }
        self.write_all(text)
    }

    fn write_all(&mut self, text: &[u8]) -> io::Result<()> {
        let mut written = 0;
        while written < text.len() {
            match self.target.write(&text[written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => written += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    thread::sleep(STDOUT_WOULD_BLOCK_WAIT)
                }
                Err(error) => {
                    self.torn |= written > 0 && text[written - 1] != b'\n';
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
