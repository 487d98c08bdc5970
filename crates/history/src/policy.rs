//! What a person decides about a history: how much is kept, and when it is brought onto the medium.

use std::time::Duration;

use fluentcast_event::EventTime;
use fluentcast_event::limits::{
    HISTORY_SEGMENT_AGE_MIN, HISTORY_SEGMENT_FILE_BYTES, HISTORY_SEGMENT_FILE_BYTES_MIN,
    HISTORY_SEGMENTS_PER_BOUND,
};

use crate::segment::Segment;

/// How much is kept. All that are given hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The newest numbers that are shown, holes included. Exact, though the file that holds older ones
    /// lives on until all in it are older.
    pub events: Option<u64>,
    /// Bytes of all segment files together. What is kept stays below it at any time; only a piece that
    /// alone is larger is kept alone.
    pub bytes: Option<u64>,
    /// How long ago an event was *received*. Not its own time: a sender's wrong clock must neither empty
    /// the history nor keep it for ever. Exact to the pause between two calls of
    /// [`Store::retain`](crate::Store::retain). A reception in the future (the clock was set back) counts
    /// as now.
    pub age: Option<Duration>,
}

impl Bounds {
    /// Whether a segment is to be sealed before a block of `block_len` bytes, received at `received`, goes
    /// into it: else retention, which deletes whole segments, would be coarse.
    pub(crate) fn is_full(&self, segment: &Segment, block_len: u64, received: EventTime) -> bool {
        if segment.events == 0 {
            return false;
        }
        let parts = u64::from(HISTORY_SEGMENTS_PER_BOUND);
        let bytes = self.bytes.map_or(HISTORY_SEGMENT_FILE_BYTES, |bytes| {
            (bytes / parts).clamp(HISTORY_SEGMENT_FILE_BYTES_MIN, HISTORY_SEGMENT_FILE_BYTES).min(bytes)
        });
        let many = self.events.is_some_and(|events| segment.events >= events / parts);
        let old = self.age.is_some_and(|age| {
            let share = (age / HISTORY_SEGMENTS_PER_BOUND).max(HISTORY_SEGMENT_AGE_MIN);
            segment.first_received <= earlier(received, share)
        });
        segment.len.saturating_add(block_len) > bytes
            || (many && segment.len >= HISTORY_SEGMENT_FILE_BYTES_MIN)
            || old
    }
}

/// The time so long before another.
pub(crate) fn earlier(time: EventTime, by: Duration) -> EventTime {
    let (nanos, borrowed) = match time.nanos.checked_sub(by.subsec_nanos()) {
        Some(nanos) => (nanos, 0),
        // `nanos` comes from files too and may be anything.
        None => ((time.nanos + 1_000_000_000).saturating_sub(by.subsec_nanos()), 1),
    };
    EventTime { seconds: time.seconds.saturating_sub_unsigned(by.as_secs()).saturating_sub(borrowed), nanos }
}

/// When the caller calls [`Syncer::sync`](crate::Syncer::sync). Here only for the one meaning that all
/// layers share; the timing is the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Before each ack (many at once). What was acked survives a power failure, and of course kill -9.
    Always,
    /// Every so often. What was acked survives kill -9; a power failure takes at most what came in that
    /// time, and the numbering says so: a new epoch.
    Interval(Duration),
    /// Never: the system writes when it sees fit (Linux: within half a minute). What was acked survives
    /// kill -9.
    Never,
}
