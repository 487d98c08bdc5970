//! Log lines that a peer can cause at will, let through at a bounded rate.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lets one line per interval through and counts the others.
#[derive(Debug)]
pub struct Gate {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    passed: Option<Instant>,
    suppressed: u64,
}

impl Gate {
    /// A gate whose first line passes.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self { interval, state: Mutex::default() }
    }

    /// `Some` when a line may be logged now: how many were suppressed since the last one that was.
    #[must_use]
    pub fn pass(&self) -> Option<u64> {
        self.pass_at(Instant::now())
    }

    fn pass_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.passed.is_some_and(|passed| now.saturating_duration_since(passed) < self.interval) {
            state.suppressed += 1;
            return None;
        }
        state.passed = Some(now);
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_per_interval_and_the_rest_is_counted() {
        let gate = Gate::new(Duration::from_secs(10));
        let start = Instant::now();
        let at = |seconds| gate.pass_at(start + Duration::from_secs(seconds));
        assert_eq!(at(0), Some(0));
        assert_eq!(at(1), None);
        assert_eq!(at(9), None);
        assert_eq!(at(10), Some(2));
        assert_eq!(at(19), None);
        assert_eq!(at(40), Some(1));
        assert_eq!(at(50), Some(0));
    }
}
