//! The time of an event: seconds and nanoseconds since 1970.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds and nanoseconds since 1970-01-01T00:00:00Z. Seconds may be negative (Fluentd accepts a
/// negative integer time).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime {
    /// Whole seconds since 1970.
    pub seconds: i64,
    /// Nanoseconds within the second, below 1,000,000,000.
    pub nanos: u32,
}

impl EventTime {
    /// Whole seconds.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self { seconds, nanos: 0 }
    }

    /// Seconds as a double, as Fluentd reads the `time` of HTTP and of old loggers. `None` for NaN,
    /// infinity and what does not fit.
    #[must_use]
    pub fn from_seconds_f64(seconds: f64) -> Option<Self> {
        if !seconds.is_finite() || seconds.abs() >= 9.2e18 {
            return None;
        }
        let whole = seconds.floor();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just above")]
        let (mut seconds, mut nanos) = (whole as i64, ((seconds - whole) * 1e9).round() as u32);
        if nanos >= 1_000_000_000 {
            seconds += 1;
            nanos = 0;
        }
        Some(Self { seconds, nanos })
    }

    /// The receiver's clock.
    #[must_use]
    pub fn now() -> Self {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => Self {
                seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
                nanos: since.subsec_nanos(),
            },
            Err(_) => Self::default(),
        }
    }
}
