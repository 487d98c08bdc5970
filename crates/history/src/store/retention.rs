//! Keeping a history within its bounds.

use std::fs::File;
use std::io;
use std::time::Duration;

use fluentcast_event::EventTime;
use fluentcast_event::limits::HISTORY_HEADS_WINDOW_BYTES;

use super::Store;
use crate::policy::earlier;
use crate::segment;
use crate::walk::Walk;

/// What retention has deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Segment files.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The events in them.
    pub events: u64,
}

impl Store {
    /// Hides what is older than the bounds allow and deletes the segments that hold nothing else. To be
    /// called about once a second where there is an `age`; the other bounds are kept by
    /// [`Store::append`] too.
    pub fn retain(&mut self, now: EventTime) -> io::Result<Retained> {
        let age = self.shared.index().bounds.age;
        if let Some(age) = age {
            self.raise_age_floor(now, age);
        }
        self.delete_expired(0)
    }

    fn raise_age_floor(&self, now: EventTime, age: Duration) {
        let since = earlier(now, age);
        let (stretch, place, none) = {
            let mut index = self.shared.index();
            index.clamp_received(now);
            let stretch = index.stretch_received(since);
            (stretch, stretch.and_then(|seq| index.place(seq)), index.newest + 1)
        };
        let young = match (stretch, place) {
            // Where the exact place cannot be found the whole stretch is shown: some 64 KiB too much.
            (Some(seq), Some(place)) => {
                let path = segment::path(&self.shared.dir, place.first_seq);
                let found = File::open(path).and_then(|file| {
                    let (at, end) = (place.offset, place.end);
                    let mut walk = Walk::new(&file, place.salt, at, end, HISTORY_HEADS_WINDOW_BYTES);
                    while let Some(found) = walk.next()? {
                        if found.head.received >= since {
                            return Ok(found.head.first_seq);
                        }
                    }
                    Ok(seq)
                });
                found.unwrap_or(seq)
            }
            _ => none,
        };
        let mut index = self.shared.index();
        index.age_floor = index.age_floor.max(young);
    }

    /// Deletes segments until the bounds hold with `room` more bytes.
    pub(super) fn delete_expired(&mut self, room: u64) -> io::Result<Retained> {
        let mut retained = Retained::default();
        loop {
            // Out of the index first, so that a reader who misses the file finds out why.
            let popped = self.shared.index().pop_expired(room);
            let Some(segment) = popped else { return Ok(retained) };
            let deleted = self
                .note_if_empty()
                .and_then(|()| self.shared.disk.remove(&segment::path(&self.shared.dir, segment.first_seq)));
            if let Err(error) = deleted {
                self.shared.index().restore(segment);
                return Err(error);
            }
            retained.segments += 1;
            retained.bytes += segment.len;
            retained.events += segment.events;
        }
    }

    /// Before the last event or file goes: the state must not say that they are there. From then on only it
    /// knows how far the numbers went.
    fn note_if_empty(&mut self) -> io::Result<()> {
        let (stored, newest_file) = {
            let index = self.shared.index();
            (index.stored().min(self.state.stored), index.newest_file().min(self.state.newest_file))
        };
        if (stored, newest_file) == (self.state.stored, self.state.newest_file) {
            return Ok(());
        }
        (self.state.stored, self.state.newest_file) = (stored, newest_file);
        self.write_state()
    }
}
