//! When which client needs looking at though nothing happened on its socket.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// A client's slot, and which of the clients that had the slot one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClientKey {
    pub(super) slot: usize,
    pub(super) generation: u64,
}

/// Deadlines, earliest first. Entries are never removed early: whoever is woken looks whether there is
/// something to do. A client has one entry for its pings and at most one for its close.
#[derive(Debug, Default)]
pub(super) struct Deadlines(BinaryHeap<Reverse<(Instant, ClientKey)>>);

impl Deadlines {
    pub(super) fn add(&mut self, at: Instant, client: ClientKey) {
        self.0.push(Reverse((at, client)));
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one that has passed.
    pub(super) fn pop_passed(&mut self, now: Instant) -> Option<ClientKey> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse((_, client))| client)
    }
}
