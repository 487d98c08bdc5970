//! When which client needs looking at though nothing happened on its socket.

use std::collections::BTreeSet;
use std::time::Instant;

/// At most one deadline per slot; so a client that has gone leaves nothing behind.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    by_time: BTreeSet<(Instant, usize)>,
    by_slot: Vec<Option<Instant>>,
}

impl Deadlines {
    /// Sets the deadline of a slot, or takes it away.
    pub(super) fn set(&mut self, slot: usize, at: Option<Instant>) {
        if slot >= self.by_slot.len() {
            self.by_slot.resize(slot + 1, None);
        }
        let before = std::mem::replace(&mut self.by_slot[slot], at);
        if before != at {
            before.map(|before| self.by_time.remove(&(before, slot)));
            at.map(|at| self.by_time.insert((at, slot)));
        }
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes one that has passed.
    pub(super) fn pop_passed(&mut self, now: Instant) -> Option<usize> {
        let (_, slot) = self.by_time.first().filter(|(at, _)| *at <= now).copied()?;
        self.set(slot, None);
        Some(slot)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_slot_has_one_deadline_and_none_when_it_is_free() {
        let start = Instant::now();
        let at = |seconds| Some(start + Duration::from_secs(seconds));
        let mut deadlines = Deadlines::default();
        for (slot, seconds) in [(1, 5), (0, 3), (1, 2), (2, 2), (2, 9)] {
            deadlines.set(slot, at(seconds));
        }
        assert_eq!((deadlines.next(), deadlines.by_time.len()), (at(2), 3));
        assert_eq!(deadlines.pop_passed(start), None);
        let now = start + Duration::from_secs(4);
        assert_eq!([(); 3].map(|()| deadlines.pop_passed(now)), [Some(1), Some(0), None]);
        deadlines.set(2, None);
        assert_eq!((deadlines.next(), deadlines.by_time.len()), (None, 0));
    }
}
