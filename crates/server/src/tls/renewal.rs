//! Looks whether certificates have changed, and loads those that have.
//!
//! By looking at the files once a second, not by being told: what is mounted into a container changes
//! through symbolic links and network disks that tell nobody.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use fluentcast_event::limits::TLS_FILES_LOOK_INTERVAL;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Acceptor;

/// Asks for a look at once, and for loading whatever is there (HUP).
#[derive(Clone, Debug, Default)]
pub struct Renewal(Arc<Notify>);

impl Renewal {
    /// Loads all certificates anew.
    pub fn now(&self) {
        self.0.notify_one();
    }
}

/// Renews certificates until the stop.
pub async fn renew(acceptors: Vec<Arc<Acceptor>>, renewal: Renewal, stop: CancellationToken) {
    let mut watched: Vec<_> = acceptors.into_iter().map(Watched::new).collect();
    let mut looks = tokio::time::interval(TLS_FILES_LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let forced = tokio::select! {
            () = stop.cancelled() => return,
            () = renewal.0.notified() => true,
            _ = looks.tick() => false,
        };
        // Files may be on a disk that hangs.
        let looked = tokio::task::spawn_blocking(move || {
            watched.iter_mut().for_each(|one| one.look(forced));
            watched
        });
        match looked.await {
            Ok(after) => watched = after,
            Err(error) => {
                tracing::error!(%error, "certificates are not renewed any more");
                stop.cancelled().await;
                return;
            }
        }
    }
}

struct Watched {
    acceptor: Arc<Acceptor>,
    /// The files that were loaded, or could not be.
    loaded: Vec<Option<Mark>>,
    /// As they were at the last look.
    seen: Vec<Option<Mark>>,
}

/// What changes when a file does: device, inode, size, time of the last change.
type Mark = (u64, u64, u64, i64, i64);

impl Watched {
    fn new(acceptor: Arc<Acceptor>) -> Self {
        let marks = marks(&acceptor);
        Self { acceptor, loaded: marks.clone(), seen: marks }
    }

    /// Loads files that have changed and stayed as they are for one look: certificate and key are seldom
    /// written at the same time.
    fn look(&mut self, forced: bool) {
        let now = marks(&self.acceptor);
        let settled = now == std::mem::replace(&mut self.seen, now.clone());
        if forced || (settled && now != self.loaded) {
            self.loaded = now;
            self.acceptor.reload();
        }
    }
}

fn marks(acceptor: &Acceptor) -> Vec<Option<Mark>> {
    let tls = &acceptor.settings;
    let files = [Some(&tls.certificate), Some(&tls.private_key), tls.client_ca.as_ref()];
    let mark = |path| {
        let file = fs::metadata(path).ok()?;
        Some((file.dev(), file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
    };
    files.into_iter().flatten().map(|file| mark(&file.path)).collect()
}

#[cfg(test)]
mod tests;
