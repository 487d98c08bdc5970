//! Looks whether certificates have changed, and loads those that have.
//!
//! By looking at the files once a second, not by being told: what is mounted into a container changes
//! through symbolic links and network disks that tell nobody.

use std::fs;
use std::mem;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use fluentcast_config::settings::Tls;
use fluentcast_event::limits::TLS_FILES_LOOK_INTERVAL;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{Acceptor, TlsError};

/// The certificates of all listeners. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Certificates(Arc<Mutex<Vec<Weak<Acceptor>>>>);

impl Certificates {
    /// Takes in those of a listener, for as long as there is one.
    pub fn add(&self, acceptor: &Arc<Acceptor>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(acceptor));
    }

    /// Reads them all anew, whether their files have changed or not; no connection ends. Blocks on files.
    ///
    /// Returns what cannot be used: there the one before stays, and the log says so.
    #[must_use = "what cannot be used is told to whoever asked"]
    pub fn renew_now(&self) -> Vec<TlsError> {
        self.acceptors().into_iter().filter_map(|acceptor| acceptor.renew().err()).collect()
    }

    /// Reads those whose files have changed, until the stop.
    pub async fn renew_changed(self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(TLS_FILES_LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => {}
            }
            // Files may be on a disk that hangs.
            let certificates = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                certificates.acceptors().iter().for_each(|acceptor| acceptor.look());
            });
            if let Err(error) = looked.await {
                tracing::error!(%error, "certificates could not be looked at");
            }
        }
    }

    /// Of the listeners that there still are. The lock is not held while files are read.
    fn acceptors(&self) -> Vec<Arc<Acceptor>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|acceptor| acceptor.strong_count() > 0);
        all.iter().filter_map(Weak::upgrade).collect()
    }
}

/// What changes when a file does: device, inode, size, time of the last change.
type Mark = (u64, u64, u64, i64, i64);

/// The files of one listener.
#[derive(Debug)]
pub(super) struct Watched {
    /// As they were loaded, or could not be.
    loaded: Vec<Option<Mark>>,
    /// As they were at the last look.
    seen: Vec<Option<Mark>>,
}

impl Watched {
    /// Files that are about to be loaded.
    pub(super) fn new(settings: &Tls) -> Self {
        let marks = marks(settings);
        Self { loaded: marks.clone(), seen: marks }
    }
}

impl Acceptor {
    /// Loads whatever is there.
    fn renew(&self) -> Result<(), TlsError> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        *watched = Watched::new(&self.settings);
        self.reload()
    }

    /// Loads files that have changed and stayed as they are for one look: certificate and key are seldom
    /// written at the same time.
    fn look(&self) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let now = marks(&self.settings);
        let settled = now == mem::replace(&mut watched.seen, now.clone());
        if settled && now != watched.loaded {
            watched.loaded = now;
            // Told in the log, and again once the files have changed again.
            drop(self.reload());
        }
    }
}

fn marks(tls: &Tls) -> Vec<Option<Mark>> {
    let files = [Some(&tls.certificate), Some(&tls.private_key), tls.client_ca.as_ref()];
    let mark = |path| {
        let file = fs::metadata(path).ok()?;
        Some((file.dev(), file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
    };
    files.into_iter().flatten().map(|file| mark(&file.path)).collect()
}

#[cfg(test)]
mod tests;
