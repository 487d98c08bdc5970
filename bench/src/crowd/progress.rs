//! How far the slowest reader is, so that a publisher can keep within a bound of it.
//!
//! A minimum over thousands of clients must not be computed for every read. So clients count themselves
//! at milestones: a milestone that all have passed is behind the slowest.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Events from one milestone to the next.
pub(crate) const MILESTONE_EVENTS: u64 = 64;

/// What the publisher sees.
#[derive(Debug, Default)]
pub(super) struct Progress {
    all_have: AtomicU64,
    lock: Mutex<()>,
    moved: Condvar,
}

impl Progress {
    /// Every reader has the events up to this one.
    pub(super) fn all_have(&self) -> u64 {
        self.all_have.load(Ordering::Acquire)
    }

    fn set(&self, seq: u64) {
        if seq > self.all_have() {
            self.all_have.store(seq, Ordering::Release);
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.moved.notify_all();
        }
    }

    /// Waits until all have this event, rounded down to a milestone; false when nothing moves for too
    /// long.
    pub(super) fn wait(&self, seq: u64, standstill: Duration) -> bool {
        let target = seq - seq % MILESTONE_EVENTS;
        let mut before = self.all_have();
        while self.all_have() < target {
            let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = self.moved.wait_timeout_while(guard, standstill, |()| self.all_have() == before);
            if waited.unwrap_or_else(PoisonError::into_inner).1.timed_out() {
                return false;
            }
            before = self.all_have();
        }
        true
    }
}

/// The milestones as the clients' thread counts them.
#[derive(Debug)]
pub(super) struct Milestones {
    readers: usize,
    /// Readers that are gone: later milestones do not wait for them.
    gone: usize,
    /// The first milestone not passed by all.
    first: u64,
    passed: VecDeque<usize>,
}

impl Milestones {
    pub(super) fn new(readers: usize) -> Self {
        Self { readers, gone: 0, first: 1, passed: VecDeque::new() }
    }

    /// A reader whose next milestone was `next` has everything up to `seq`; returns its next one.
    pub(super) fn pass(&mut self, next: u64, seq: u64) -> u64 {
        let last = seq / MILESTONE_EVENTS;
        for milestone in next..=last {
            *self.slot(milestone) += 1;
        }
        next.max(last + 1)
    }

    /// A reader is gone that had passed all milestones before `next`. It is counted for those already
    /// begun; those to come begin with it.
    pub(super) fn leave(&mut self, next: u64) {
        let known = self.first + self.passed.len() as u64;
        for milestone in next..known {
            *self.slot(milestone) += 1;
        }
        self.gone += 1;
    }

    fn slot(&mut self, milestone: u64) -> &mut usize {
        let index = usize::try_from(milestone - self.first).unwrap_or(usize::MAX);
        while self.passed.len() <= index {
            self.passed.push_back(self.gone);
        }
        &mut self.passed[index]
    }

    /// Tells the publisher what all have by now.
    pub(super) fn publish(&mut self, progress: &Progress) {
        while self.passed.front().is_some_and(|passed| *passed >= self.readers) {
            self.passed.pop_front();
            self.first += 1;
        }
        progress.set((self.first - 1) * MILESTONE_EVENTS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_reader_decides_until_it_is_gone() {
        let (mut milestones, progress) = (Milestones::new(3), Progress::default());
        let mut next = [1; 3];
        next[0] = milestones.pass(next[0], 1000);
        next[1] = milestones.pass(next[1], 640);
        next[2] = milestones.pass(next[2], 63);
        milestones.publish(&progress);
        assert_eq!(progress.all_have(), 0);
        next[2] = milestones.pass(next[2], 129);
        milestones.publish(&progress);
        assert_eq!(progress.all_have(), 128);
        milestones.leave(next[2]);
        milestones.publish(&progress);
        assert_eq!(progress.all_have(), 640);
        next[0] = milestones.pass(next[0], 2000);
        next[1] = milestones.pass(next[1], 1500);
        milestones.publish(&progress);
        assert_eq!((progress.all_have(), next[0]), (1472, 32));
        assert!(progress.wait(1480, Duration::from_secs(1)));
        assert!(!progress.wait(1536, Duration::from_millis(1)));
    }
}
