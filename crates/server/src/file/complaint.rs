//! A bound on how often one kind of failure is logged.

use std::time::Instant;

use fluentcast_event::limits::COMPLAINT_INTERVAL;

/// Says when a failure may be logged again.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    last: Option<Instant>,
    suppressed: u64,
}

impl Complaint {
    /// `Some` when it may be logged now: how many were not since the last time.
    pub(super) fn due(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < COMPLAINT_INTERVAL) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_and_a_number() {
        let (mut complaint, start) = (Complaint::default(), Instant::now());
        assert_eq!(complaint.due(start), Some(0));
        for _ in 0..1000 {
            assert_eq!(complaint.due(start), None);
        }
        assert_eq!(complaint.due(start + COMPLAINT_INTERVAL), Some(1000));
    }
}
