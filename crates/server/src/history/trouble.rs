//! What is wrong with a history, and what of it the log says: the same never more than once in a while.

use std::sync::{Mutex, PoisonError};

use fluentcast_event::limits::COMPLAINT_INTERVAL;

use crate::ratelimit::Gate;

/// Which of the two can fail. Each is well again only when it has itself succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Write,
    Sync,
}

/// What is wrong, if something is.
#[derive(Debug)]
pub(super) struct Trouble {
    path: String,
    state: Mutex<State>,
    gate: Gate,
}

#[derive(Debug, Default)]
struct State {
    write: Option<String>,
    sync: Option<String>,
    /// The log says that something is wrong.
    told: bool,
}

impl Trouble {
    pub(super) fn new(path: String) -> Self {
        Self { path, state: Mutex::default(), gate: Gate::new(COMPLAINT_INTERVAL) }
    }

    /// Of the history, for messages.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn reason(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.write.clone().or_else(|| state.sync.clone())
    }

    /// Notes how the last attempt ended.
    pub(super) fn note(&self, step: Step, attempt: Result<(), &str>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = match step {
            Step::Write => &mut state.write,
            Step::Sync => &mut state.sync,
        };
        *slot = attempt.err().map(str::to_owned);
        let path = &self.path;
        if let Err(reason) = attempt {
            if let Some(suppressed) = self.gate.pass() {
                state.told = true;
                tracing::error!(
                    path,
                    reason,
                    suppressed,
                    "the history cannot be written: not ready, no acks; the live stream goes on"
                );
            }
        } else if state.told && state.write.is_none() && state.sync.is_none() {
            state.told = false;
            tracing::info!(path, "the history is written again");
        }
    }
}
