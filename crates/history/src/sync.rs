//! Bringing onto the medium what was appended, from a thread of the caller's choice, while the writer goes
//! on.
//!
//! Never promises what a failed sync covered: after a failure the system may have dropped the very pages
//! and report success the next time. The file is left alone from then on and a new one begun.

use std::io;
use std::sync::{Arc, PoisonError};

use crate::index::{Sealed, Shared, Unsynced};

#[cfg(test)]
mod tests;

/// Brings onto the medium what was appended. Cheap to clone, good for any thread.
#[derive(Clone, Debug)]
pub struct Syncer {
    shared: Arc<Shared>,
}

/// What is durable: survives a power failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synced {
    /// About events with numbers up to this one nothing is said: they were written by former processes, or
    /// a sync that covered them has failed.
    pub after: u64,
    /// The events after that, as far as they were appended and retention has left them, are durable up to
    /// this number.
    pub up_to: u64,
}

impl Synced {
    /// Whether an appended event may be called durable.
    #[must_use]
    pub fn covers(&self, seq: u64) -> bool {
        self.after < seq && seq <= self.up_to
    }
}

struct Work {
    up_to: u64,
    files: Vec<Sealed>,
    open: Option<u64>,
    dir: bool,
}

impl Syncer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes durable what was appended before the call, and says what is. Callers at the same time share
    /// the work: the one that waited finds it done. Ask [`Synced::covers`] before an ack: a sync that
    /// another caller made may have failed for events of this one.
    ///
    /// An error is told once, to the caller that met it; what it covered is never promised again.
    pub fn sync(&self) -> io::Result<Synced> {
        let wanted = self.shared.index().newest;
        let _turn = self.shared.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let work = match self.work(wanted) {
            Ok(work) => work,
            Err(done) => return Ok(done),
        };
        let done = self.carry_out(&work);
        let synced = self.note(&work, done.is_ok());
        done.map(|()| synced)
    }

    /// What there is to do; or, when there is nothing, what is done.
    fn work(&self, wanted: u64) -> Result<Work, Synced> {
        let mut index = self.shared.index();
        let newest = index.newest;
        let unsynced = &mut index.unsynced;
        if unsynced.abandon {
            // What the writer had under way when the sync failed went into the file all the same.
            unsynced.doubt_up_to(newest);
        }
        if unsynced.durable_up_to >= wanted {
            return Err(unsynced.synced());
        }
        let mut files: Vec<_> = unsynced.sealed.iter().cloned().collect();
        files.extend(unsynced.open.as_ref().map(|(first_seq, file)| Sealed {
            first_seq: *first_seq,
            last_seq: newest,
            file: Arc::clone(file),
        }));
        let open = unsynced.open.as_ref().map(|(first_seq, _)| *first_seq);
        Ok(Work { up_to: newest, files, open, dir: std::mem::take(&mut unsynced.dir) })
    }

    fn carry_out(&self, work: &Work) -> io::Result<()> {
        for sealed in &work.files {
            self.shared.disk.sync(&sealed.file)?;
        }
        if work.dir { self.shared.disk.sync_dir(&self.shared.dir) } else { Ok(()) }
    }

    fn note(&self, work: &Work, done: bool) -> Synced {
        let mut index = self.shared.index();
        let newest = index.newest;
        let unsynced = &mut index.unsynced;
        if done {
            unsynced.durable_up_to = unsynced.durable_up_to.max(work.up_to);
        } else {
            // Also what has come into the failed file meanwhile.
            unsynced.doubt_up_to(newest);
            unsynced.dir |= work.dir;
            unsynced.abandon |= unsynced.open.as_ref().is_some_and(|(open, _)| work.open == Some(*open));
        }
        unsynced.sealed.retain(|sealed| {
            let covered = work.files.iter().any(|file| file.first_seq == sealed.first_seq);
            // The file that was open may have got more before it was sealed.
            !covered || (done && work.open == Some(sealed.first_seq))
        });
        unsynced.synced()
    }
}

impl Unsynced {
    /// What can be promised.
    fn synced(&self) -> Synced {
        Synced { after: self.doubtful_up_to, up_to: self.durable_up_to }
    }
}
