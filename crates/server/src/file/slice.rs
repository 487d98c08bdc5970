//! Time slices: which stretch of the wall clock (`timekey`) an event's file covers.
//!
//! A slice is counted on the zone's wall clock, not in seconds since 1970: a day is the day that people
//! there call so, whether it has 23, 24 or 25 hours.

use std::time::Duration;

use fluentcast_event::EventTime;
use jiff::ZonedDateTime;
use jiff::tz::{Offset, TimeZone};

use crate::format::time::timestamp;

/// Start of a slice: seconds on the zone's wall clock, as if it were UTC.
pub(super) type SliceStart = i64;

/// One slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// Which one.
    pub(super) start: SliceStart,
    /// The zone's offset when it was met; only for writing it as text.
    offset: Offset,
}

impl Slice {
    /// Its start as a time that can be formatted.
    pub(super) fn time(&self) -> ZonedDateTime {
        let utc = self.start.saturating_sub(i64::from(self.offset.seconds()));
        timestamp(utc).to_zoned_datetime(TimeZone::fixed(self.offset))
    }
}

/// Finds the slice of a time.
#[derive(Clone, Debug)]
pub(super) struct Slicer {
    seconds: i64,
    zone: TimeZone,
    /// The last answer: events come many to a second.
    last: Option<(i64, Slice)>,
}

impl Slicer {
    /// Slices of `timekey`, at least a second each.
    pub(super) fn new(timekey: Duration, zone: TimeZone) -> Self {
        let seconds = i64::try_from(timekey.as_secs()).unwrap_or(i64::MAX).max(1);
        Self { seconds, zone, last: None }
    }

    /// The slice `time` falls into.
    pub(super) fn slice(&mut self, time: EventTime) -> Slice {
        if let Some((second, slice)) = self.last
            && second == time.seconds
        {
            return slice;
        }
        let timestamp = timestamp(time.seconds);
        let offset = self.zone.to_offset(timestamp);
        let local = timestamp.as_second() + i64::from(offset.seconds());
        let start = local.div_euclid(self.seconds).saturating_mul(self.seconds);
        let slice = Slice { start, offset };
        self.last = Some((time.seconds, slice));
        slice
    }
}
