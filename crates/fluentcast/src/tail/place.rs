//! Where in the stream `tail` is, and from where the next connection must go on: the rules of "Resuming" in
//! `docs/protocol.md`.

use std::time::{Duration, Instant};

use super::message::Gap;

/// Where to begin, as a person says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// `--since`.
    Since(String),
    /// `--last`.
    Last(u64),
}

/// Where the stream stands as an answer begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) epoch: String,
    pub(super) seq: u64,
    pub(super) oldest: u64,
}

/// What has been had of the stream.
#[derive(Debug)]
pub(super) struct Place {
    start: Start,
    /// When the first request was answered: "five minutes ago" means before that.
    begun: Option<Instant>,
    /// The present connection's epoch.
    epoch: String,
    /// `epoch:seq` of the last event or gap; none before the first.
    position: Option<String>,
}

impl Place {
    pub(super) fn new(start: Start) -> Self {
        Self { start, begun: None, epoch: String::new(), position: None }
    }

    /// The parameter that makes the next answer begin there.
    pub(super) fn parameter(&self, now: Instant) -> (&'static str, String) {
        match (&self.position, &self.start) {
            (Some(position), _) => ("$since", position.clone()),
            (None, Start::Last(count)) => ("$last", count.to_string()),
            (None, Start::Since(since)) => {
                let passed = self.begun.map_or(Duration::ZERO, |begun| now.saturating_duration_since(begun));
                ("$since", longer_ago(since, passed).unwrap_or_else(|| since.clone()))
            }
        }
    }

    /// An answer has begun. After `$last=N` its head tells which events were promised, so the place before them is
    /// known although none has come.
    pub(super) fn answered(&mut self, hello: &Hello, now: Instant) {
        self.begun.get_or_insert(now);
        self.epoch.clone_from(&hello.epoch);
        if let (None, Start::Last(count)) = (&self.position, &self.start) {
            let before = hello.seq.saturating_sub(*count).max(hello.oldest.saturating_sub(1));
            self.reached(before);
        }
    }

    /// An event, or the end of a gap.
    pub(super) fn reached(&mut self, seq: u64) {
        self.position = Some(format!("{}:{seq}", self.epoch));
    }

    /// A gap: one whose end is not known leaves the place as it is.
    pub(super) fn missed(&mut self, gap: &Gap) {
        if let Some(to) = gap.to {
            self.reached(to);
        }
    }
}

/// A time such as `5m`, said so much later.
fn longer_ago(since: &str, passed: Duration) -> Option<String> {
    let digits = since.strip_suffix(['s', 'm', 'h', 'd'])?;
    let unit = match since.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        _ => 86_400,
    };
    if passed.is_zero() {
        return None;
    }
    let seconds = digits.parse::<u64>().ok()?.checked_mul(unit)?;
    // Rather an event twice than one not at all.
    Some(format!("{}s", seconds.checked_add(passed.as_secs() + 1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(epoch: &str, seq: u64, oldest: u64) -> Hello {
        Hello { epoch: epoch.to_owned(), seq, oldest }
    }

    fn gap(to: Option<u64>) -> Gap {
        Gap { epoch: None, from: 1, to, events: None, reason: "slow".to_owned() }
    }

    fn next(place: &Place, now: Instant) -> String {
        let (name, value) = place.parameter(now);
        format!("{name}={value}")
    }

    #[test]
    fn an_event_and_a_gap_move_it_on() {
        let now = Instant::now();
        let mut place = Place::new(Start::Last(0));
        assert_eq!(next(&place, now), "$last=0");
        place.answered(&hello("e1", 40, 1), now);
        assert_eq!(next(&place, now), "$since=e1:40");
        place.reached(41);
        place.missed(&gap(Some(50)));
        assert_eq!(next(&place, now), "$since=e1:50");
        // Another numbering: the place stays until the first event of it.
        place.answered(&hello("e2", 7, 1), now);
        place.missed(&gap(None));
        assert_eq!(next(&place, now), "$since=e1:50");
        place.reached(3);
        assert_eq!(next(&place, now), "$since=e2:3");
    }

    #[test]
    fn what_was_promised_is_asked_for_again_when_nothing_came() {
        let now = Instant::now();
        for (last, seq, oldest, position) in [
            (10, 100, 1, "e:90"),
            (10, 100, 96, "e:95"),
            (10, 4, 1, "e:0"),
            (10, 0, 1, "e:0"),
            (0, 100, 101, "e:100"),
            (5, 100, 101, "e:100"),
        ] {
            let mut place = Place::new(Start::Last(last));
            place.answered(&hello("e", seq, oldest), now);
            assert_eq!(next(&place, now), format!("$since={position}"), "{last} of {oldest} to {seq}");
        }
    }

    #[test]
    fn a_time_stays_the_same_time() {
        let begun = Instant::now();
        let later = begun + Duration::from_secs(100);
        for (since, again) in [
            ("5m", "401s"),
            ("1d", "86501s"),
            ("2h", "7301s"),
            ("7s", "108s"),
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
            ("00000000000000ab:7", "00000000000000ab:7"),
            ("nonsense", "nonsense"),
        ] {
            let mut place = Place::new(Start::Since(since.to_owned()));
            // A server that is not there yet changes nothing.
            assert_eq!(next(&place, later), format!("$since={since}"));
            place.answered(&hello("e", 5, 1), begun);
            assert_eq!(next(&place, later), format!("$since={again}"));
            place.reached(6);
            assert_eq!(next(&place, later), "$since=e:6");
        }
    }
}
