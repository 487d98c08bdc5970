//! How long to wait before trying again: longer after each failure, and never the same for all clients of
//! a server that comes back.

use std::time::Duration;

use fluentcast_event::limits::{CLIENT_RETRY_WAIT_MAX, CLIENT_RETRY_WAIT_MIN};

/// The pauses after failures in a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(CLIENT_RETRY_WAIT_MIN, CLIENT_RETRY_WAIT_MAX)
    }
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// It worked: the next failure is a first one.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since it worked, the one to wait for included.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// The pause after one more failure: half of it fixed, half left to chance.
    pub(crate) fn pause(&mut self) -> Duration {
        let full = self.first.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        full.mul_f64(0.5 + 0.5 * fastrand::f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_differ() {
        let [second, longest] = [1, 5].map(Duration::from_secs);
        let mut backoff = Backoff::new(second, longest);
        for full in [1, 2, 4, 5, 5].map(Duration::from_secs) {
            let pause = backoff.pause();
            assert!(pause >= full / 2 && pause <= full, "{pause:?} of {full:?}");
        }
        assert_eq!(backoff.failures(), 5);
        backoff.reset();
        let pauses: std::collections::HashSet<_> =
            (0..100).map(|_| Backoff::new(second, longest).pause()).collect();
        assert!(pauses.len() > 50 && backoff.pause() <= second, "{} different ones", pauses.len());
    }
}
