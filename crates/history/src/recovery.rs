//! What follows from what was found when a history was opened: may the numbering go on, and what is there
//! to tell.
//!
//! Never goes on with numbers of which one may have been given out for an event that is not here: then a
//! new epoch begins.

use std::fmt;
use std::path::PathBuf;

use crate::Epoch;
use crate::scan::Scan;
use crate::state::{BootId, State};

/// What was found when a history was opened. For the log: [`Recovery::is_sound`] says whether there is
/// anything to warn of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// Events on disk, those beyond the bounds included.
    pub events: u64,
    /// Bytes of all segment files.
    pub bytes: u64,
    /// The next number to give out.
    pub next_seq: u64,
    /// The epoch that numbers are given out under.
    pub epoch: Epoch,
    /// Why that is a new one; `None` when the numbering goes on in the epoch it was in.
    pub new_epoch: Option<NewEpoch>,
    /// The tail of the newest segment that was cut off: a write that was cut short, or damage.
    pub truncated: Option<Damage>,
    /// Numbers missing between others, the first of them.
    pub holes: Vec<Hole>,
    /// All that are missing between others.
    pub numbers_missing: u64,
    /// Places that are damaged, the first of them. (What is damaged inside of a block is found when it
    /// is read; except in the newest segment.)
    pub damaged: Vec<Damage>,
    /// All of them.
    pub damaged_places: u64,
}

/// Numbers without an event: a segment file was deleted, a block is damaged, or the disk was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
}

/// Bytes of a segment file that are no sound block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// Where they begin.
    pub at: u64,
    /// How many.
    pub bytes: u64,
}

/// Why the numbering could not be continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewEpoch {
    /// There was no history.
    First,
    /// The system went down while the history was open.
    PowerLoss,
    /// The last process ended while it could not write the events it numbered.
    Behind,
    /// Events that were written last are damaged or gone.
    TailLost,
    /// The state file is gone or cannot be read.
    StateLost,
}

impl fmt::Display for NewEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "the history is new",
            Self::PowerLoss => "the system went down while the history was open; the last events may be lost",
            Self::Behind => "the last process ended while it could not write the history; events are lost",
            Self::TailLost => "the newest events of the history are damaged or gone",
            Self::StateLost => "the state file of the history is gone or damaged",
        })
    }
}

impl Recovery {
    /// Nothing was lost that this history had: all as it was left.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        matches!(self.new_epoch, None | Some(NewEpoch::First))
            && self.truncated.is_none()
            && self.numbers_missing == 0
            && self.damaged_places == 0
    }
}

/// Why the numbering cannot go on after what was found; `None` when it can. `fresh`: there was no state
/// file, and there is no damage to blame.
pub(crate) fn new_epoch(scan: &Scan, state: Option<&State>, boot: BootId, fresh: bool) -> Option<NewEpoch> {
    let Some(state) = state else {
        let first = fresh && scan.segments.is_empty() && scan.tail.is_none();
        return Some(if first { NewEpoch::First } else { NewEpoch::StateLost });
    };
    if !state.clean {
        if !boot.is_same_run(state.boot) {
            return Some(NewEpoch::PowerLoss);
        }
        if state.behind {
            return Some(NewEpoch::Behind);
        }
    }
    // A write that was cut short was never reported as done, so nobody has seen its numbers. Whole
    // blocks that are gone or damaged somebody may have.
    let tail_lost = scan.tail.as_ref().is_some_and(|tail| !tail.torn)
        || scan.newest() < state.stored
        || scan.newest_file < state.newest_file;
    tail_lost.then_some(NewEpoch::TailLost)
}

impl Recovery {
    /// From what was found.
    pub(crate) fn new(scan: Scan, next_seq: u64, epoch: Epoch, new_epoch: Option<NewEpoch>) -> Self {
        Self {
            events: scan.segments.iter().map(|segment| segment.events).sum(),
            bytes: scan.segments.iter().map(|segment| segment.len).sum(),
            next_seq,
            epoch,
            new_epoch,
            truncated: scan.tail.map(|tail| tail.damage),
            holes: scan.holes,
            numbers_missing: scan.numbers_missing,
            damaged: scan.damaged,
            damaged_places: scan.damaged_places,
        }
    }
}
