//! `grep`: lets an event pass or drops it, by regular expressions on its fields.
//!
//! Entries are never rewritten. A batch that loses nothing is passed on as it is; otherwise the entries
//! that pass are copied, so that a few of them do not hold the memory of all.

use std::ops::Range;

use bytes::Bytes;
use fluentcast_config::settings::{Grep, GrepTerm};
use fluentcast_event::{Batch, record};

use super::{Filtered, Rejected, events};

#[cfg(test)]
mod tests;

/// A `grep` filter.
#[derive(Clone, Debug)]
pub struct Filter {
    terms: Grep,
}

impl Filter {
    /// Makes the filter.
    #[must_use]
    pub fn new(settings: &Grep) -> Self {
        Self { terms: settings.clone() }
    }

    /// See [`super::Filter::apply`].
    #[must_use]
    pub fn apply(&self, batch: &Batch) -> Filtered {
        let mut errors = Vec::new();
        let mut invalid = 0;
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (place, event) in events(batch, &mut invalid) {
            match self.passes(event.record) {
                Ok(true) => match runs.last_mut() {
                    Some(run) if run.end == place.start => run.end = place.end,
                    _ => runs.push(place),
                },
                Ok(false) => {}
                Err(reason) => errors.push(Rejected { entry: batch.entries.slice(place), reason }),
            }
        }
        Filtered { batch: Batch { entries: cut(&batch.entries, &runs), ..batch.clone() }, errors, invalid }
    }

    fn passes(&self, record: &[u8]) -> Result<bool, String> {
        let holds = |term: &GrepTerm| holds(term, record);
        let Grep { all, any, none, not_all } = &self.terms;
        Ok(every(all, holds)?
            && every(any, |group| some(group, holds))?
            && !some(none, holds)?
            && !some(not_all, |group| every(group, holds))?)
    }
}

/// Whether the text of the value matches; a value that is not there has the empty text.
fn holds(term: &GrepTerm, record: &[u8]) -> Result<bool, String> {
    let text = record::find(record, &term.path).map(record::text).unwrap_or_default();
    let regex = &term.pattern.0;
    regex.is_match(&*text).map_err(|error| format!("grep: /{}/ gave up: {error}", regex.as_str()))
}

fn every<T>(items: &[T], holds: impl Fn(&T) -> Result<bool, String>) -> Result<bool, String> {
    Ok(!some(items, |item| holds(item).map(|holds| !holds))?)
}

fn some<T>(items: &[T], holds: impl Fn(&T) -> Result<bool, String>) -> Result<bool, String> {
    for item in items {
        if holds(item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The bytes of the runs, without a copy if they are all there are.
fn cut(entries: &Bytes, runs: &[Range<usize>]) -> Bytes {
    match runs {
        [run] if *run == (0..entries.len()) => entries.clone(),
        runs => {
            let mut kept = Vec::with_capacity(runs.iter().map(Range::len).sum());
            runs.iter().for_each(|run| kept.extend_from_slice(&entries[run.clone()]));
            kept.into()
        }
    }
}
