//! The way of a log line to standard output or a file: through a bounded queue and a thread.
//!
//! Whoever reads the log may stop reading (a pager, a full pipe, a dead disk). That must neither hold up
//! the process nor its end: lines that find no room are lost, counted, and missed in the log.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use fluentcast_event::limits::{LOG_LINES_WAITING_MAX, LOG_STOP_TIMEOUT};

/// The beginning of the queue. Cheap to clone; a line is one call of `write`.
#[derive(Clone, Debug)]
pub(crate) struct LogWriter {
    queue: SyncSender<Item>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Item {
    Line(Vec<u8>),
    /// Says when everything before it is written.
    Mark(SyncSender<()>),
}

impl LogWriter {
    /// Starts the thread that writes to `target`.
    pub(super) fn start(target: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, items) = mpsc::sync_channel(LOG_LINES_WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Self { queue, lost: Arc::clone(&lost) };
        thread::Builder::new().name("log".to_owned()).spawn(move || write_items(target, &items, &lost))?;
        Ok(writer)
    }

    /// Waits until everything said so far is written, for a bounded time.
    pub(crate) fn finish(&self) {
        let (mark, written) = mpsc::sync_channel(1);
        if self.queue.try_send(Item::Mark(mark)).is_ok() {
            // If it is not written by then it never will be.
            let _ = written.recv_timeout(LOG_STOP_TIMEOUT);
        }
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Item::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// When the log cannot be written nobody is left to tell.
fn write_items(mut target: impl Write, items: &Receiver<Item>, lost: &AtomicU64) {
    for item in items {
        match item {
            Item::Line(line) => {
                let _ = target.write_all(&line);
            }
            Item::Mark(mark) => {
                let _ = mark.send(());
            }
        }
        let lines = lost.swap(0, Ordering::Relaxed);
        if lines > 0 {
            let now = super::now();
            let _ = writeln!(
                target,
                "{now} [warn]: the log was not read fast enough: lines are lost lines={lines}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Blocks for as long as the test holds the lock.
    #[derive(Clone, Default)]
    struct Target(Arc<Mutex<Vec<u8>>>);

    impl Write for Target {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stops_holds_up_nobody_and_lines_lost_are_counted() {
        let target = Target::default();
        let mut log = LogWriter::start(target.clone()).unwrap();
        let stuck = target.0.lock().unwrap();
        // One line may be on its way to the target already.
        let lines = LOG_LINES_WAITING_MAX + 11;
        for n in 0..lines {
            log.write_all(format!("{n}\n").as_bytes()).unwrap();
        }
        log.finish();
        drop(stuck);
        let (kept, lost) = loop {
            let (kept, lost) = kept_and_lost(&String::from_utf8_lossy(&target.0.lock().unwrap()));
            if kept.len() + lost == lines {
                break (kept, lost);
            }
            thread::yield_now();
        };
        assert!((10..=11).contains(&lost), "{lost}");
        assert_eq!(kept, (0..lines - lost).map(|n| n.to_string()).collect::<Vec<_>>());
    }

    /// The whole lines, and how many are said to be lost.
    fn kept_and_lost(text: &str) -> (Vec<String>, usize) {
        let (mut kept, mut lost) = (Vec::new(), 0);
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            match line.split_once(" lines=") {
                Some((_, lines)) => lost += lines.parse::<usize>().unwrap(),
                None => kept.push(line.to_owned()),
            }
        }
        (kept, lost)
    }
}
