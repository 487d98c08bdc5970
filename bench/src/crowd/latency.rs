//! Latencies of a sample of the events.

/// Samples kept; beyond, every second one is let go, and from then on half as many are taken.
const SAMPLES_MAX: usize = 1_000_000;

/// A sample of latencies, in microseconds.
#[derive(Debug)]
pub struct Latencies {
    micros: Vec<u32>,
    /// One in so many events is taken.
    every: u64,
    until_next: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { micros: Vec::new(), every: 1, until_next: 1 }
    }
}

impl Latencies {
    /// Whether this event is to be added.
    pub(super) fn is_due(&mut self) -> bool {
        self.until_next -= 1;
        if self.until_next > 0 {
            return false;
        }
        self.until_next = self.every;
        true
    }

    pub(super) fn add(&mut self, nanoseconds: u64) {
        self.micros.push(u32::try_from(nanoseconds / 1000).unwrap_or(u32::MAX));
        if self.micros.len() == SAMPLES_MAX {
            let mut keep = false;
            self.micros.retain(|_| {
                keep = !keep;
                keep
            });
            // Odd, so that it does not beat with the size of a chunk.
            self.every = self.every * 2 + 1;
        }
    }

    pub(super) fn append(&mut self, more: &Self) {
        self.micros.extend_from_slice(&more.micros);
    }

    /// The latencies, in milliseconds, that half, 99 % and 99.9 % of the events did not exceed.
    #[must_use]
    pub fn quantiles_ms(&self) -> Option<[f64; 3]> {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        // One in a thousand: the place of the last event that is among the fastest so many thousandths.
        let quantile = |thousandths: usize| {
            let rank = (sorted.len() * thousandths).div_ceil(1000).checked_sub(1)?;
            Some(f64::from(*sorted.get(rank)?) / 1000.0)
        };
        Some([quantile(500)?, quantile(990)?, quantile(999)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_samples() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantiles_ms(), None);
        for micros in (1..=1000).rev() {
            assert!(latencies.is_due());
            latencies.add(micros * 1000);
        }
        assert_eq!(latencies.quantiles_ms(), Some([0.5, 0.99, 0.999]));
    }

    #[test]
    fn samples_are_bounded_and_thinned_evenly() {
        let mut latencies = Latencies::default();
        let mut taken = 0;
        for event in 0..5_000_000 {
            if latencies.is_due() {
                latencies.add(event * 1000);
                taken += 1;
            }
        }
        assert!(latencies.micros.len() < SAMPLES_MAX && taken < 3_000_000, "{taken}");
        let newest = f64::from(*latencies.micros.last().expect("samples"));
        assert!(newest > 4_990_000.0, "the last ones are still sampled: {newest}");
    }
}
