//! Publishers wait here while workers are behind.
//!
//! Whoever changes what a publisher may wait for (a sweep that ends, a client that leaves) changes it
//! first and then calls [`Waiters::look_again`]; so no publisher sleeps past its reason.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::view::View;

/// Backlog of a view, in bytes of its log, above which a publisher waits for the workers. Enough to
/// keep every worker busy with full writes, far below any client's lag limit.
pub const BACKLOG_BYTES_MAX: u64 = 1024 * 1024;

/// The publishers of one hub that wait.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    waiting: AtomicUsize,
    changed: Notify,
}

impl Waiters {
    /// Waits until no worker is behind in any of these views.
    pub(crate) async fn wait(&self, behind: &mut Vec<Arc<View>>) {
        if behind.is_empty() {
            return;
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _count_out = Decrement(&self.waiting);
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Registered before looking, so that a change in between is not missed.
            changed.as_mut().enable();
            behind.retain(|view| view.backlog() > BACKLOG_BYTES_MAX);
            if behind.is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// What a publisher may wait for has changed.
    pub(crate) fn look_again(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.changed.notify_waiters();
        }
    }
}

struct Decrement<'a>(&'a AtomicUsize);

impl Drop for Decrement<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
