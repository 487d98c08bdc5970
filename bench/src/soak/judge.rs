//! What one client has to get, held against what it got: every event that it asked for, once, in order, from
//! the moment its handshake was answered; where it was too slow, a gap that is exactly as large as told.

use super::event::{SOURCES, Want};

/// Something a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Hello {
        epoch: String,
        seq: u64,
    },
    Event {
        seq: Option<u64>,
        source: usize,
        n: u64,
    },
    Gap {
        to: Option<u64>,
        events: Option<u64>,
    },
    /// Whatever nobody has asked for.
    Strange(String),
}

/// What was wrong, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Events that did not come and were not told of.
    pub lost: u64,
    /// Events that came again, or later than they had to.
    pub repeated: u64,
    /// Events that a filter should have kept out, and messages that make no sense.
    pub strange: u64,
    /// Gaps told to a client that had kept up, or with a wrong count.
    pub gaps_wrong: u64,
}

impl Faults {
    pub(super) fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.strange += other.strange;
        self.gaps_wrong += other.gaps_wrong;
    }

    /// Nothing was wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// How far each source is.
pub(super) type Numbers = [u64; SOURCES];

/// The judge of one client, over all its connections.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    want: Want,
    /// The client may be told of gaps.
    may_lag: bool,
    /// All wanted events from here on are due, unless a gap says otherwise.
    due: Numbers,
    /// An event of this source has come, so those before it were complete or told of.
    begun: [bool; SOURCES],
    gap: Option<OpenGap>,
    epoch: String,
    seq: Option<u64>,
    pub(super) events: u64,
    pub(super) gaps: u64,
    pub(super) faults: Faults,
    /// The first thing that was wrong, for whoever has to find out.
    pub(super) first_fault: Option<String>,
}

/// A gap whose size is not known before an event of each source has come after it.
#[derive(Clone, Debug, Default)]
struct OpenGap {
    told: Option<u64>,
    missing: u64,
    closed: [bool; SOURCES],
}

impl Judge {
    /// The client's handshake was answered when the sources had begun to send so much: all from there on is due.
    pub(super) fn new(want: Want, may_lag: bool, due: Numbers) -> Self {
        Self {
            want,
            may_lag,
            due,
            begun: [false; SOURCES],
            gap: None,
            epoch: String::new(),
            seq: None,
            events: 0,
            gaps: 0,
            faults: Faults::default(),
            first_fault: None,
        }
    }

    pub(super) fn hear(&mut self, told: Told) {
        match told {
            Told::Hello { epoch, seq } => {
                if !self.epoch.is_empty() && self.epoch != epoch {
                    self.fault(|faults| faults.strange += 1, || format!("a new epoch {epoch}"));
                }
                self.epoch = epoch;
                // On a connection that goes on where another was, the events decide.
                self.seq.get_or_insert(seq);
            }
            Told::Event { seq, source, n } => self.event(seq, source, n),
            Told::Gap { to, events } => self.gap(to, events),
            Told::Strange(what) => self.fault(|faults| faults.strange += 1, || what),
        }
    }

    /// Where the client would go on; `None` while its stream names no place.
    pub(super) fn position(&self) -> Option<String> {
        let seq = self.seq.filter(|_| !self.epoch.is_empty())?;
        Some(format!("{}:{seq}", self.epoch))
    }

    /// Whether all wanted events before these numbers have come.
    pub(super) fn has_all_before(&self, numbers: &Numbers) -> bool {
        let mut each = self.due.iter().zip(numbers);
        self.gap.is_none() && each.all(|(due, end)| *due >= *end || self.want.count(*due..*end) == 0)
    }

    /// No more comes: whatever is due up to these numbers is lost.
    pub(super) fn give_up(&mut self, numbers: &Numbers) {
        for (source, (due, end)) in self.due.into_iter().zip(*numbers).enumerate() {
            let missing = self.want.count(due..end);
            if missing > 0 {
                self.fault(
                    |faults| faults.lost += missing,
                    || format!("nothing came of source {source} from {due} on, {missing} events"),
                );
            }
        }
    }

    fn event(&mut self, seq: Option<u64>, source: usize, n: u64) {
        self.events += 1;
        if source >= SOURCES || !self.want.takes(n) {
            return self.fault(
                |faults| faults.strange += 1,
                || format!("event {n} of source {source} was not asked for"),
            );
        }
        if let Some(seq) = seq {
            self.number(seq);
        }
        let due = self.due[source];
        // Between the subscription and the answer to the handshake events may come that are not due.
        let early = !std::mem::replace(&mut self.begun[source], true) && n < due;
        if n < due && !early {
            return self.fault(
                |faults| faults.repeated += 1,
                || format!("event {n} of source {source} after {due}"),
            );
        }
        let missing = self.want.count(due..n.max(due));
        match &mut self.gap {
            Some(gap) if !gap.closed[source] => {
                gap.missing += missing;
                gap.closed[source] = true;
            }
            _ if missing > 0 => self.fault(
                |faults| faults.lost += missing,
                || format!("event {n} of source {source} where {due} was due"),
            ),
            _ => {}
        }
        self.due[source] = n + 1;
        self.close_gap();
    }

    /// Numbers rise; for who gets everything, one by one.
    fn number(&mut self, seq: u64) {
        let last = self.seq.replace(seq);
        let Some(last) = last else { return };
        if seq <= last {
            self.fault(|faults| faults.repeated += 1, || format!("number {seq} after {last}"));
        } else if self.want == Want::Everything && seq != last + 1 {
            self.fault(|faults| faults.lost += 1, || format!("number {seq} after {last}"));
        }
    }

    fn gap(&mut self, to: Option<u64>, events: Option<u64>) {
        self.gaps += 1;
        self.seq = to.or(self.seq);
        if !self.may_lag {
            self.fault(
                |faults| faults.gaps_wrong += 1,
                || format!("a gap up to {to:?} for one that keeps up"),
            );
        }
        let gap = self.gap.get_or_insert_with(|| OpenGap { told: Some(0), ..OpenGap::default() });
        gap.told = gap.told.zip(events).map(|(told, events)| told + events);
        gap.closed = [false; SOURCES];
    }

    fn close_gap(&mut self) {
        let Some(gap) = self.gap.take_if(|gap| gap.closed == [true; SOURCES]) else { return };
        if gap.told.is_some_and(|told| told != gap.missing) {
            let OpenGap { told, missing, .. } = gap;
            self.fault(
                |faults| faults.gaps_wrong += 1,
                || format!("a gap of {told:?} events where {missing} are missing"),
            );
        }
    }

    fn fault(&mut self, count: impl FnOnce(&mut Faults), what: impl FnOnce() -> String) {
        count(&mut self.faults);
        self.first_fault.get_or_insert_with(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64, source: usize, n: u64) -> Told {
        Told::Event { seq: Some(seq), source, n }
    }

    fn heard(judge: &mut Judge, told: impl IntoIterator<Item = Told>) -> Faults {
        told.into_iter().for_each(|told| judge.hear(told));
        judge.faults
    }

    #[test]
    fn a_stream_without_holes_is_clean_whatever_came_early() {
        let mut judge = Judge::new(Want::Everything, false, [10, 20]);
        let faults = heard(&mut judge, [event(5, 0, 9), event(6, 1, 20), event(7, 0, 10), event(8, 0, 11)]);
        assert!(faults.is_clean(), "{faults:?}");
        assert!(judge.has_all_before(&[12, 21]) && !judge.has_all_before(&[13, 21]));
        judge.give_up(&[13, 21]);
        assert_eq!(judge.faults.lost, 1);
    }

    #[test]
    fn what_is_missing_repeated_or_not_asked_for_is_seen() {
        let lost = |told: Vec<Told>| heard(&mut Judge::new(Want::Errors, false, [0, 0]), told);
        assert_eq!(lost(vec![event(1, 0, 7)]).lost, 1, "the first one due is 3");
        assert_eq!(lost(vec![event(1, 0, 3), event(2, 0, 11)]).lost, 1);
        assert_eq!(lost(vec![event(1, 0, 3), event(2, 0, 3)]).repeated, 1);
        assert_eq!(lost(vec![event(1, 0, 3), event(1, 0, 7)]).repeated, 1);
        assert_eq!(lost(vec![event(1, 0, 4)]).strange, 1);
        let mut all = Judge::new(Want::Everything, false, [0, 0]);
        assert_eq!(heard(&mut all, [event(1, 0, 0), event(3, 0, 1)]).lost, 1, "by its numbers");
    }

    #[test]
    fn a_gap_is_as_large_as_told_and_only_for_who_lags() {
        let gap = |events| Told::Gap { to: Some(20), events: Some(events) };
        let after = [event(21, 0, 19), event(22, 1, 11)];
        let run = |may_lag, events| {
            let mut judge = Judge::new(Want::Errors, may_lag, [0, 0]);
            judge.hear(event(1, 0, 3));
            judge.hear(event(2, 1, 3));
            judge.hear(gap(events));
            heard(&mut judge, after.clone())
        };
        // 7, 11, 15 of the one, 7 of the other.
        assert!(run(true, 4).is_clean(), "{:?}", run(true, 4));
        assert_eq!(run(true, 3).gaps_wrong, 1);
        assert_eq!(run(false, 4).gaps_wrong, 1);
    }

    #[test]
    fn a_position_is_after_the_last_event_or_gap() {
        let mut judge = Judge::new(Want::Everything, true, [0, 0]);
        assert_eq!(judge.position(), None);
        judge.hear(Told::Hello { epoch: "ab".to_owned(), seq: 4 });
        assert_eq!(judge.position().as_deref(), Some("ab:4"));
        judge.hear(event(5, 0, 0));
        judge.hear(Told::Gap { to: Some(9), events: Some(4) });
        assert_eq!(judge.position().as_deref(), Some("ab:9"));
    }
}
