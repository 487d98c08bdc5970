//! What a worker has to do with a view at a later time, though nothing happens on it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use fluentcast_broadcast::view::{View, ViewId};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Later {
    /// Offer what is new: the `flush_interval` is over.
    Sweep,
    /// Tell how many events were left out.
    Tell,
}

/// At most one of each kind per view; so its size is bounded by the views.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    due: BTreeMap<(Instant, ViewId, Later), Arc<View>>,
    planned: HashSet<(ViewId, Later)>,
    /// Only of views with a `flush_interval`.
    last_sweeps: HashMap<ViewId, Instant>,
}

impl Schedule {
    /// Plans something, unless the same is planned already.
    pub(super) fn add(&mut self, view: &Arc<View>, what: Later, at: Instant) {
        if self.planned.insert((view.id(), what)) {
            self.due.insert((at, view.id(), what), Arc::clone(view));
        }
    }

    /// The earliest.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, ..), _)| *at)
    }

    /// Takes one whose time has come.
    pub(super) fn pop_passed(&mut self, now: Instant) -> Option<(Arc<View>, Later)> {
        let first = self.due.first_entry().filter(|first| first.key().0 <= now)?;
        let ((_, id, what), view) = first.remove_entry();
        self.planned.remove(&(id, what));
        Some((view, what))
    }

    /// Notes when a view was swept.
    pub(super) fn swept(&mut self, view: ViewId, now: Instant) {
        self.last_sweeps.insert(view, now);
    }

    /// When a view was swept last.
    pub(super) fn last_sweep(&self, view: ViewId) -> Option<Instant> {
        self.last_sweeps.get(&view).copied()
    }

    /// The view has no clients here any more. What is planned finds nobody.
    pub(super) fn forget(&mut self, view: ViewId) {
        self.last_sweeps.remove(&view);
    }
}
