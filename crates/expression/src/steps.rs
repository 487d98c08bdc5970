//! How much work one event may still cost, and the two ways in which an evaluation ends without a value.

use fluentcast_event::limits::EXPRESSION_STEPS_PER_EVENT_MAX;
use fluentcast_event::msgpack::ReadError;

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// CEL's error: `&&` and `||` may do without the value.
    Error,
    /// The steps are used up. Ends the evaluation as a whole.
    OverBudget,
}

impl From<ReadError> for Fault {
    fn from(_: ReadError) -> Self {
        Self::Error
    }
}

/// The steps left for one event.
#[derive(Debug)]
pub(crate) struct Steps {
    left: usize,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { left: EXPRESSION_STEPS_PER_EVENT_MAX }
    }

    /// Pays for work before it is done.
    pub(crate) fn spend(&mut self, steps: usize) -> Result<(), Fault> {
        self.left = self.left.checked_sub(steps).ok_or(Fault::OverBudget)?;
        Ok(())
    }

    /// What can still be paid.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    #[cfg(test)]
    pub(crate) fn spent(&self) -> usize {
        EXPRESSION_STEPS_PER_EVENT_MAX - self.left
    }
}
