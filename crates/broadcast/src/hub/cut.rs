//! Takes the events out of what a sender has sent.

use std::ops::Range;

use bytes::Bytes;
use fluentcast_event::limits::PUBLISH_SLICE_BYTES_MAX;
use fluentcast_event::{Batch, EntryError};

use super::Published;

/// Entries that are events, as ranges of bytes.
#[derive(Debug, Default)]
pub(super) struct Runs(Vec<Range<usize>>);

impl Runs {
    /// Adds an entry behind those that were added before.
    pub(super) fn add(&mut self, entry: Range<usize>) {
        match self.0.last_mut() {
            Some(run) if run.end == entry.start => run.end = entry.end,
            _ => self.0.push(entry),
        }
    }

    /// The entries in their own memory, so that who keeps them does not keep a sender's whole read buffer,
    /// nor what is no event.
    pub(super) fn copied(&self, entries: &[u8]) -> Bytes {
        let mut own = Vec::with_capacity(self.0.iter().map(ExactSizeIterator::len).sum());
        self.0.iter().for_each(|run| own.extend_from_slice(&entries[run.clone()]));
        own.into()
    }
}

/// The next entries of a batch that are events, about [`PUBLISH_SLICE_BYTES_MAX`] of them, in their own
/// memory; how many they are; and the bytes of `entries` used.
pub(super) fn cut(batch: &Batch, entries: &Bytes, published: &mut Published) -> (Bytes, u64, usize) {
    let piece = Batch { entries: entries.clone(), ..batch.clone() };
    let mut events = piece.events();
    let (mut good, mut count, mut start) = (Runs::default(), 0, 0);
    let used = loop {
        match events.next() {
            None => break entries.len(),
            Some(Ok(_)) => {
                count += 1;
                good.add(start..events.position());
            }
            Some(Err(EntryError::NotAnEvent(_))) => published.invalid += 1,
            Some(Err(EntryError::Broken(_))) => {
                published.invalid += 1;
                break entries.len();
            }
        }
        start = events.position();
        if start >= PUBLISH_SLICE_BYTES_MAX {
            break start;
        }
    };
    (good.copied(entries), count, used)
}
