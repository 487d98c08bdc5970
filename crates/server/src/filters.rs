//! The filters that change or drop events: raw entries in, raw entries out.
//!
//! No event may vanish here uncounted: it passes, it was dropped because the configuration says so, or it
//! comes back in [`Filtered::errors`] or [`Filtered::invalid`].

use std::iter;
use std::ops::Range;

use bytes::Bytes;
use fluentcast_event::{Batch, Event};

pub mod grep;
pub mod record_transformer;

#[cfg(test)]
mod tests;

/// A filter, ready to run.
#[derive(Clone, Debug)]
pub enum Filter {
    /// Lets events pass or drops them.
    Grep(grep::Filter),
    /// Rewrites records.
    RecordTransformer(record_transformer::Filter),
}

/// What a filter made of a batch.
#[derive(Clone, Debug)]
pub struct Filtered {
    /// What goes on to the next filter or the output; may be empty.
    pub batch: Batch,
    /// Events the filter could not handle: for `@ERROR`, or to be reported.
    pub errors: Vec<Rejected>,
    /// Entries that were no events; they are not in the batch any more.
    pub invalid: u64,
}

/// An event a filter could not handle.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The original entry, `[time, record]`.
    pub entry: Bytes,
    /// Why.
    pub reason: String,
}

impl Filter {
    /// Runs the filter over a batch.
    #[must_use]
    pub fn apply(&self, batch: &Batch) -> Filtered {
        match self {
            Self::Grep(filter) => filter.apply(batch),
            Self::RecordTransformer(filter) => filter.apply(batch),
        }
    }
}

/// The events of a batch and where in it their entries lie; what is no event is counted in `invalid`.
fn events<'a>(batch: &'a Batch, invalid: &mut u64) -> impl Iterator<Item = (Range<usize>, Event<'a>)> {
    let mut events = batch.events();
    let mut end = 0;
    iter::from_fn(move || {
        loop {
            let event = events.next()?;
            let place = end..events.position();
            end = place.end;
            match event {
                Ok(event) => return Some((place, event)),
                Err(_) => *invalid += 1,
            }
        }
    })
}
