//! Whether the memory of a process grows: a line through samples of it, by least squares, with the error of its
//! slope.

/// A line through samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// KiB per minute.
    pub kib_per_minute: f64,
    /// One standard error of it, as if samples were independent. They are not quite: memory wanders slowly, so
    /// the true error is larger.
    pub error: f64,
    /// How many samples.
    pub samples: usize,
}

/// Samples of memory over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples(Vec<(f64, f64)>);

impl Samples {
    /// So many bytes after so many seconds.
    pub(super) fn add(&mut self, seconds: f64, bytes: u64) {
        self.0.push((seconds / 60.0, bytes as f64 / 1024.0));
    }

    /// The least and the most, in KiB.
    pub(super) fn range(&self) -> Option<(f64, f64)> {
        let values = || self.0.iter().map(|(_, kib)| *kib);
        Some((values().reduce(f64::min)?, values().reduce(f64::max)?))
    }

    /// The line; `None` for too few samples.
    pub(super) fn slope(&self) -> Option<Slope> {
        let count = self.0.len();
        if count < 3 {
            return None;
        }
        let mean = |of: fn(&(f64, f64)) -> f64| self.0.iter().map(of).sum::<f64>() / count as f64;
        let (minutes, kib) = (mean(|sample| sample.0), mean(|sample| sample.1));
        let spread: f64 = self.0.iter().map(|(x, _)| (x - minutes).powi(2)).sum();
        let together: f64 = self.0.iter().map(|(x, y)| (x - minutes) * (y - kib)).sum();
        let slope = together / spread;
        let rest: f64 = self.0.iter().map(|(x, y)| (y - kib - slope * (x - minutes)).powi(2)).sum();
        let error = (rest / (count - 2) as f64 / spread).sqrt();
        Some(Slope { kib_per_minute: slope, error, samples: count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_with_its_error() {
        let mut exact = Samples::default();
        (0..10).for_each(|n| exact.add(f64::from(n) * 60.0, (5 + 2 * n as u64) * 1024));
        let slope = exact.slope().expect("enough");
        assert!((slope.kib_per_minute - 2.0).abs() < 1e-9 && slope.error < 1e-9, "{slope:?}");
        assert_eq!(exact.range(), Some((5.0, 23.0)));
        // Up and down by one around 5: no slope, and an error to match.
        let mut noise = Samples::default();
        (0..100).for_each(|n| noise.add(f64::from(n) * 60.0, (4 + 2 * (n as u64 % 2)) * 1024));
        let slope = noise.slope().expect("enough");
        assert!(slope.kib_per_minute.abs() < 2.0 * slope.error && slope.error < 0.01, "{slope:?}");
        assert_eq!(Samples::default().slope(), None);
    }
}
