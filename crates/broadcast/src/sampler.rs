//! `$max_rate`: thins a stream to so many events per second, evenly.
//!
//! Of a rate that was too high in the last window every n-th event is taken, so that what is shown is
//! spread over all that happened; a bound on each window holds when the rate is not known yet.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use fluentcast_event::limits::SAMPLING_WINDOW;

/// Chooses events.
#[derive(Debug)]
pub(crate) struct Sampler {
    per_window: f64,
    window_ends: Instant,
    /// Events offered and taken in this window.
    offered: u32,
    taken: f64,
    /// The share to take, from the window before.
    share: f64,
    /// Adds up the share of each event; one is taken when it passes 1.
    due: f64,
}

impl Sampler {
    pub(crate) fn new(max_rate: NonZeroU32, now: Instant) -> Self {
        let per_window = f64::from(max_rate.get()) * SAMPLING_WINDOW.as_secs_f64();
        Self { per_window, window_ends: now + SAMPLING_WINDOW, offered: 0, taken: 0.0, share: 1.0, due: 0.0 }
    }

    /// Whether to take the next event.
    pub(crate) fn takes(&mut self, now: Instant) -> bool {
        if now >= self.window_ends {
            self.next_window(now);
        }
        self.offered = self.offered.saturating_add(1);
        self.due = (self.due + self.share).min(2.0);
        // What one window may not take whole, such as 0.5 of an event, adds up over several.
        let takes = self.due >= 1.0 && self.taken + 1.0 <= self.per_window.max(1.0);
        if takes {
            self.due -= 1.0;
            self.taken += 1.0;
        }
        takes
    }

    fn next_window(&mut self, now: Instant) {
        let late = now.duration_since(self.window_ends);
        let windows = 1.0 + (late.as_secs_f64() / SAMPLING_WINDOW.as_secs_f64()).floor();
        // A window with a fraction of an event to give owes the rest to the next ones.
        self.taken = (self.taken - self.per_window * windows).max(0.0);
        // Nothing is known of a stream that was silent.
        let silent = windows > 1.0 || self.offered == 0;
        self.share = if silent { 1.0 } else { (self.per_window / f64::from(self.offered)).min(1.0) };
        self.offered = 0;
        self.window_ends = now
            + SAMPLING_WINDOW.saturating_sub(Duration::from_nanos(
                u64::try_from(late.as_nanos() % SAMPLING_WINDOW.as_nanos()).unwrap_or(0),
            ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes from a steady stream for ten seconds; returns the times of what was taken, in milliseconds.
    fn taken(max_rate: u32, rate: u32) -> Vec<u64> {
        let start = Instant::now();
        let mut sampler = Sampler::new(NonZeroU32::new(max_rate).unwrap(), start);
        let times = (0..10 * u64::from(rate)).map(|n| n * 1_000_000 / u64::from(rate));
        times
            .filter(|micros| sampler.takes(start + Duration::from_micros(*micros)))
            .map(|t| t / 1000)
            .collect()
    }

    #[test]
    fn a_slow_stream_passes_whole() {
        assert_eq!(taken(100, 50).len(), 500);
        assert_eq!(taken(100, 99).len(), 990);
    }

    #[test]
    fn a_fast_stream_is_thinned_to_the_rate_and_evenly() {
        for (max_rate, rate) in [(10, 1000), (100, 1000), (1000, 50_000), (1, 5000), (999, 1000)] {
            let times = taken(max_rate, rate);
            let expected = 10 * usize::try_from(max_rate).unwrap();
            assert!(times.len() <= expected + expected / 10 + 1, "{max_rate} of {rate}: {}", times.len());
            assert!(times.len() >= expected - expected / 10 - 1, "{max_rate} of {rate}: {}", times.len());
            let longest = times.windows(2).skip(1).map(|two| two[1] - two[0]).max().unwrap_or(0);
            assert!(
                longest <= 2200 / u64::from(max_rate) + 200,
                "{max_rate} of {rate}: silent for {longest} ms"
            );
        }
    }

    #[test]
    fn the_first_event_after_silence_is_taken() {
        for silence in [0.5, 1.5, 7.5] {
            let start = Instant::now();
            let mut sampler = Sampler::new(NonZeroU32::MIN, start);
            assert!(sampler.takes(start + SAMPLING_WINDOW.mul_f64(silence)), "{silence} windows");
        }
    }

    #[test]
    fn a_burst_after_silence_is_bounded() {
        let start = Instant::now();
        let mut sampler = Sampler::new(NonZeroU32::new(100).unwrap(), start);
        let later = start + Duration::from_secs(60);
        let taken = (0..100_000).filter(|_| sampler.takes(later)).count();
        assert!(taken <= 20, "{taken}");
    }
}
