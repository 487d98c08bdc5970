//! The line on standard error that says how far it is, for people who send much.

use std::time::Instant;

use fluentcast_event::limits::{SEND_PROGRESS_AFTER, SEND_PROGRESS_INTERVAL};

/// Back to the beginning of the line, and the line away.
const ANEW: &str = "\r\u{1b}[K";

#[derive(Debug)]
pub(super) struct Progress {
    /// There is somebody to see it.
    watched: bool,
    begun: Instant,
    /// When it was shown last.
    shown: Option<Instant>,
    /// The line is there now.
    visible: bool,
}

impl Progress {
    pub(super) fn new(watched: bool, now: Instant) -> Self {
        Self { watched, begun: now, shown: None, visible: false }
    }

    /// What to print for so many records of so many bytes, if it is time to.
    pub(super) fn update(&mut self, now: Instant, records: u64, bytes: u64, faults: u64) -> Option<String> {
        let since = |then: Instant| now.saturating_duration_since(then);
        let due = self.watched
            && since(self.begun) >= SEND_PROGRESS_AFTER
            && self.shown.is_none_or(|shown| since(shown) >= SEND_PROGRESS_INTERVAL);
        if !due {
            return None;
        }
        self.shown = Some(now);
        self.visible = true;
        Some(format!("{ANEW}{}", line(records, bytes, faults, since(self.begun).as_secs_f64())))
    }

    /// What to print before anything else is said.
    pub(super) fn clear(&mut self) -> &'static str {
        if std::mem::take(&mut self.visible) { ANEW } else { "" }
    }

    /// What to print at the end: the last state, on a line of its own, if it was ever shown.
    pub(super) fn finish(&mut self, now: Instant, records: u64, bytes: u64, faults: u64) -> String {
        if self.shown.is_none() {
            return String::new();
        }
        self.visible = false;
        let seconds = now.saturating_duration_since(self.begun).as_secs_f64();
        format!("{ANEW}{}\n", line(records, bytes, faults, seconds))
    }
}

fn line(records: u64, bytes: u64, faults: u64, seconds: f64) -> String {
    let bad = if faults > 0 { format!(", {faults} bad") } else { String::new() };
    #[expect(clippy::cast_precision_loss, reason = "for people, with one decimal")]
    let (megabytes, rate) = (bytes as f64 / 1e6, records as f64 / seconds.max(0.001));
    format!("{records} records sent, {megabytes:.1} MB, {rate:.0} per second{bad}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn short_work_and_nobody_watching_show_nothing() {
        let begun = Instant::now();
        let mut progress = Progress::new(true, begun);
        assert_eq!(progress.update(begun + SEND_PROGRESS_AFTER / 2, 1, 1, 0), None);
        assert_eq!((progress.clear(), progress.finish(begun, 1, 1, 0)), ("", String::new()));
        let mut progress = Progress::new(false, begun);
        assert_eq!(progress.update(begun + 5 * SEND_PROGRESS_AFTER, 1, 1, 0), None);
    }

    #[test]
    fn long_work_shows_one_line_now_and_then() {
        let begun = Instant::now();
        let mut progress = Progress::new(true, begun);
        let at = |millis| begun + Duration::from_millis(millis);
        let shown = progress.update(at(2000), 5000, 1_250_000, 0).expect("shown");
        assert_eq!(shown, "\r\u{1b}[K5000 records sent, 1.2 MB, 2500 per second");
        assert_eq!(progress.update(at(2100), 6000, 1, 0), None);
        assert!(progress.update(at(2300), 6000, 1, 2).expect("shown").ends_with(", 2 bad"));
        assert_eq!(
            progress.finish(at(3000), 6000, 0, 0),
            "\r\u{1b}[K6000 records sent, 0.0 MB, 2000 per second\n"
        );
        assert_eq!(progress.clear(), "");
    }
}
