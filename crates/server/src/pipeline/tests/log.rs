//! The log lines of one test.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

thread_local! {
    /// What this thread has logged since its capture began.
    static CAPTURED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Keeps what this thread logs, until it is dropped.
///
/// One subscriber serves all tests of the process: with one per test, what another thread's subscriber
/// says of a line that neither has logged before would hold for this one, too.
pub(super) struct Log;

struct ToThread;

impl io::Write for ToThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        CAPTURED.with_borrow_mut(|captured| {
            if let Some(captured) = captured {
                captured.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(super) fn capture() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            tracing_subscriber::fmt()
                .without_time()
                .with_target(false)
                .with_ansi(false)
                .with_writer(|| ToThread)
                .init();
        });
        CAPTURED.set(Some(Vec::new()));
        Self
    }

    /// The lines so far: level, message, fields.
    pub(super) fn lines(&self) -> Vec<String> {
        let captured = CAPTURED.with_borrow(|captured| captured.clone().unwrap_or_default());
        String::from_utf8_lossy(&captured).lines().map(|line| line.trim().to_owned()).collect()
    }

    /// How many begin with this.
    pub(super) fn count(&self, start: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(start)).count()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        CAPTURED.set(None);
    }
}
