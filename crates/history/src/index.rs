//! What is known of the history in memory: its segments, what of them is shown, what is not synced yet.
//!
//! The writer changes it after the file has changed; readers copy out of it where to read. Nothing here
//! touches a file, so the lock around it is never held for long.

use std::collections::VecDeque;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fluentcast_event::EventTime;
use fluentcast_event::limits::HISTORY_SEGMENTS_UNSYNCED_MAX;

use crate::disk::Disk;
use crate::epoch::{Epoch, Former, Resolved};
use crate::policy::Bounds;
use crate::segment::{Segment, TIME_MIN};

/// What a store, its readers and its syncers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) disk: Disk,
    pub(crate) epoch: Epoch,
    /// The newest last.
    pub(crate) former: Vec<Former>,
    pub(crate) index: Mutex<Index>,
    /// Held while somebody syncs; whoever waits for it finds most of its own work done.
    pub(crate) syncing: Mutex<()>,
}

impl Shared {
    pub(crate) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a client's position means here.
    pub(crate) fn resolve(&self, epoch: Epoch, seq: u64) -> Resolved {
        let known_up_to = if epoch == self.epoch {
            self.index().given
        } else {
            match self.former.iter().rev().find(|former| former.epoch == epoch) {
                Some(former) => former.last_seq,
                None => return Resolved::Unknown,
            }
        };
        if seq <= known_up_to { Resolved::At(seq) } else { Resolved::Beyond { known_up_to } }
    }
}

/// The index.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) bounds: Bounds,
    /// In the order of their numbers; the last is the one that is appended to, while one is.
    pub(crate) segments: VecDeque<Segment>,
    /// Number of the newest event that was appended; lives on when its segment does not.
    pub(crate) newest: u64,
    /// The highest number given out, as far as this store was told: `newest`, or more while events cannot be
    /// written.
    pub(crate) given: u64,
    /// Numbers below are older than `age`.
    pub(crate) age_floor: u64,
    /// Bytes of all segments.
    pub(crate) bytes: u64,
    pub(crate) unsynced: Unsynced,
}

/// What a sync has to do, and what the ones before have achieved.
#[derive(Debug)]
pub(crate) struct Unsynced {
    /// The file that is appended to, and its first number.
    pub(crate) open: Option<(u64, Arc<File>)>,
    /// Sealed files that were not synced since.
    pub(crate) sealed: VecDeque<Sealed>,
    /// A file was made whose name may not be durable.
    pub(crate) dir: bool,
    /// Nothing can be promised about events up to this number.
    pub(crate) doubtful_up_to: u64,
    /// All others up to this number are durable.
    pub(crate) durable_up_to: u64,
    /// A sync of the open file has failed: whatever the system says later, it must not be trusted. The
    /// writer begins a new one.
    pub(crate) abandon: bool,
}

/// A file that is not appended to any more.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) file: Arc<File>,
}

/// Where to look for a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The segment.
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) salt: u32,
    /// The block is not before this offset, and there are blocks up to this one.
    pub(crate) offset: u64,
    pub(crate) end: u64,
    /// What cannot be read of the stretch that begins there has numbers up to this one.
    pub(crate) stretch_last_seq: u64,
}

impl Unsynced {
    /// Nothing is promised, now or later, about events up to this one, which are all there are.
    pub(crate) fn doubt_up_to(&mut self, newest: u64) {
        self.doubtful_up_to = self.doubtful_up_to.max(newest);
        self.durable_up_to = self.durable_up_to.max(newest);
    }
}

impl Index {
    pub(crate) fn new(bounds: Bounds, segments: VecDeque<Segment>, newest: u64, given: u64) -> Self {
        let unsynced = Unsynced {
            open: None,
            sealed: VecDeque::new(),
            dir: false,
            // What former processes have written was promised by them, or not.
            doubtful_up_to: newest,
            durable_up_to: newest,
            abandon: false,
        };
        let bytes = segments.iter().map(|segment| segment.len).sum();
        Self { bounds, segments, newest, given, age_floor: 0, bytes, unsynced }
    }

    /// The first number that is shown; one after the newest when none is.
    pub(crate) fn oldest(&self) -> u64 {
        let front = self.segments.front().map_or(self.newest + 1, |segment| segment.first_seq);
        front.max(self.floor()).min(self.newest + 1)
    }

    /// Numbers below this are beyond the bounds.
    fn floor(&self) -> u64 {
        let by_count = self.bounds.events.map_or(0, |events| (self.newest + 1).saturating_sub(events));
        by_count.max(self.age_floor)
    }

    /// When the newest event was received, as far as known.
    pub(crate) fn last_received(&self) -> EventTime {
        self.segments.back().map_or(TIME_MIN, |segment| segment.last_received)
    }

    /// The highest number whose event is in a file; 0 when there is none.
    pub(crate) fn stored(&self) -> u64 {
        if self.segments.iter().any(|segment| segment.events > 0) { self.newest } else { 0 }
    }

    /// The number of the newest segment file; 0 when there is none.
    pub(crate) fn newest_file(&self) -> u64 {
        self.segments.back().map_or(0, |segment| segment.first_seq)
    }

    /// Whether this segment is (still) part of the history.
    pub(crate) fn has(&self, first_seq: u64) -> bool {
        self.segments.binary_search_by_key(&first_seq, |segment| segment.first_seq).is_ok()
    }

    /// Where to look for the first event with this number or a later one.
    pub(crate) fn place(&self, seq: u64) -> Option<Place> {
        let at = self.segments.partition_point(|segment| segment.last_seq < seq);
        let segment = self.segments.get(at)?;
        Some(Place {
            first_seq: segment.first_seq,
            last_seq: segment.last_seq,
            salt: segment.salt,
            offset: segment.offset_for(seq),
            end: segment.len,
            stretch_last_seq: segment.stretch_last_seq(seq),
        })
    }

    /// A number from which to look for the first event of `time` or later that is not before `from`.
    pub(crate) fn seq_near(&self, from: u64, time: EventTime) -> Option<u64> {
        let at = self.segments.partition_point(|segment| segment.last_seq < from);
        let near = self.segments.iter().skip(at).filter(|segment| segment.newest_time >= time);
        near.filter_map(|segment| segment.seq_of_stretch(from, time)).next()
    }

    /// The stretch with the first block that was received at `since` or later: its first number.
    pub(crate) fn stretch_received(&self, since: EventTime) -> Option<u64> {
        let at = self.segments.partition_point(|segment| segment.last_received < since);
        let stretches = &self.segments.get(at)?.stretches;
        stretches.get(stretches.partition_point(|stretch| stretch.last_received < since)).map(|s| s.first_seq)
    }

    /// Receptions later than `now` become `now`.
    pub(crate) fn clamp_received(&mut self, now: EventTime) {
        for segment in self.segments.iter_mut().rev().take_while(|segment| segment.last_received > now) {
            segment.clamp_received(now);
        }
    }

    /// Takes the oldest segment out, if it is beyond the bounds, with `room` more bytes to come. The one
    /// that is appended to makes no room: it is young, and there is nothing else to keep.
    pub(crate) fn pop_expired(&mut self, room: u64) -> Option<Segment> {
        let front = self.segments.front()?;
        let sealed = self.segments.len() > 1 || self.unsynced.open.is_none();
        let too_many = self.bounds.bytes.is_some_and(|bytes| self.bytes.saturating_add(room) > bytes);
        if front.last_seq >= self.floor() && !(sealed && too_many) {
            return None;
        }
        let popped = self.segments.pop_front()?;
        self.bytes -= popped.len;
        let unsynced = &mut self.unsynced;
        unsynced.sealed.retain(|sealed| sealed.first_seq != popped.first_seq);
        if unsynced.open.as_ref().is_some_and(|(first_seq, _)| *first_seq == popped.first_seq) {
            unsynced.open = None;
            unsynced.abandon = false;
        }
        Some(popped)
    }

    /// Puts back a segment whose file could not be deleted.
    pub(crate) fn restore(&mut self, segment: Segment) {
        self.bytes += segment.len;
        self.segments.push_front(segment);
    }

    /// Nothing is appended to the open segment any more.
    pub(crate) fn seal(&mut self) {
        let unsynced = &mut self.unsynced;
        let Some((first_seq, file)) = unsynced.open.take() else { return };
        if std::mem::take(&mut unsynced.abandon) {
            unsynced.doubt_up_to(self.newest);
            return;
        }
        unsynced.sealed.push_back(Sealed { first_seq, last_seq: self.newest, file });
        if unsynced.sealed.len() > HISTORY_SEGMENTS_UNSYNCED_MAX
            && let Some(dropped) = unsynced.sealed.pop_front()
        {
            unsynced.doubtful_up_to = unsynced.doubtful_up_to.max(dropped.last_seq);
        }
    }
}
