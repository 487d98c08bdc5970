//! What a child process prints, line by line, kept for whoever waits for a line or wants to see them all.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::DEADLINE;

#[derive(Default)]
struct State {
    lines: Vec<String>,
    ended: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<State>, Condvar)>);

impl Log {
    /// Collects from the stream in the background, to its end.
    pub(crate) fn follow(stream: impl Read + Send + 'static) -> Self {
        let log = Self::default();
        let writer = log.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                writer.state().lines.push(text);
                writer.0.1.notify_all();
            }
            writer.state().ended = true;
            writer.0.1.notify_all();
        });
        log
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first line that contains the text, now or later; `None` when the stream ends before.
    pub(crate) fn wait_for(&self, text: &str) -> Option<String> {
        let start = Instant::now();
        let mut state = self.state();
        loop {
            if let Some(line) = state.lines.iter().find(|line| line.contains(text)) {
                return Some(line.clone());
            }
            if state.ended {
                return None;
            }
            let left = DEADLINE.saturating_sub(start.elapsed());
            assert!(!left.is_zero(), "no line contains {text:?}:\n{}", state.lines.join("\n"));
            state = self.0.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All lines so far.
    pub(crate) fn text(&self) -> String {
        self.state().lines.join("\n")
    }

    /// All lines of a stream that will end.
    pub(crate) fn read_to_end(&self) -> String {
        let state = self.state();
        let (state, timeout) = self
            .0
            .1
            .wait_timeout_while(state, DEADLINE, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "the output does not end:\n{}", state.lines.join("\n"));
        state.lines.join("\n")
    }
}
