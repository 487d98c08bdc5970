//! One line of the stream, understood as far as its envelope; the record stays the text it is.

use fluentcast_event::EventTime;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a line says.
#[derive(Debug)]
pub(super) enum Message<'a> {
    Event(Event<'a>),
    Gap(Gap),
    LeftOut(u64),
    /// A sign of life, or something that a newer server says.
    Other,
}

/// An event.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) seq: u64,
    pub(super) tag: String,
    /// A JSON number.
    pub(super) time: &'a str,
    /// A JSON object.
    pub(super) record: &'a RawValue,
    /// All of it, as it came.
    pub(super) line: &'a str,
}

/// Events that do not come.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) epoch: Option<String>,
    pub(super) from: u64,
    pub(super) to: Option<u64>,
    pub(super) events: Option<u64>,
    #[serde(default)]
    pub(super) reason: String,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    seq: Option<u64>,
    tag: Option<String>,
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
    gap: Option<Gap>,
    left_out: Option<u64>,
}

impl<'a> Message<'a> {
    /// Understands a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(line: &'a [u8]) -> Result<Self, String> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::Other);
        }
        let line = str::from_utf8(line).map_err(|error| error.to_string())?.trim_end_matches('\r');
        let read: Envelope<'a> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        Ok(match read {
            Envelope { seq: Some(seq), tag, time: Some(time), record: Some(record), .. } => {
                Self::Event(Event { seq, tag: tag.unwrap_or_default(), time: time.get(), record, line })
            }
            Envelope { seq: Some(_), .. } => return Err("an event without time or record".to_owned()),
            Envelope { gap: Some(gap), .. } => Self::Gap(gap),
            Envelope { left_out: Some(count), .. } => Self::LeftOut(count),
            _ => Self::Other,
        })
    }
}

impl Gap {
    /// A sentence for people.
    pub(super) fn sentence(&self) -> String {
        let Self { epoch, from, to, events, reason } = self;
        if reason == "epoch" {
            let epoch = epoch.as_deref().unwrap_or("an earlier numbering");
            return format!(
                "the server's numbers have begun anew: events from {from} on of {epoch}, if there were any, are missing"
            );
        }
        let which = match to {
            Some(to) if to == from => format!("event {from} is missing"),
            Some(to) => format!("events {from} to {to} are missing"),
            None => format!("events from {from} on are missing"),
        };
        let matching = events.map_or_else(String::new, |events| format!(", {events} of them asked for"));
        let why = match reason.as_str() {
            "slow" => "they came faster than they were read here",
            "expired" => "the server does not keep them so long",
            "lost" => "the server's history has lost them",
            other => other,
        };
        format!("{which}{matching}: {why}")
    }
}

/// The time of an event, exactly.
pub(super) fn event_time(text: &str) -> Option<EventTime> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() > 9 || ![whole, fraction].concat().bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    Some(match (negative, nanos) {
        (false, _) => EventTime { seconds, nanos },
        (true, 0) => EventTime { seconds: -seconds, nanos },
        (true, _) => EventTime { seconds: -seconds - 1, nanos: 1_000_000_000 - nanos },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line() {
        let line = br#"{"seq":7,"tag":"a\u0020b","time":1.5,"record":{"k":[1,{}]},"new":0}"#;
        let Ok(Message::Event(event)) = Message::read(line) else { panic!("no event") };
        assert_eq!(
            (event.seq, &*event.tag, event.time, event.record.get()),
            (7, "a b", "1.5", r#"{"k":[1,{}]}"#)
        );
        assert!(matches!(Message::read(br#"{"left_out":37}"#), Ok(Message::LeftOut(37))));
        for other in [&b""[..], b"\r", br#"{"newer":{}}"#] {
            assert!(matches!(Message::read(other), Ok(Message::Other)), "{other:?}");
        }
        for wrong in [&b"{"[..], b"[1]", b"\xff", br#"{"seq":1}"#, br#"{"seq":-1,"time":1,"record":{}}"#] {
            assert!(Message::read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_gap_is_told_in_words() {
        let told = |line: &str| match Message::read(line.as_bytes()) {
            Ok(Message::Gap(gap)) => gap.sentence(),
            other => panic!("{line}: {other:?}"),
        };
        for (line, sentence) in [
            (
                r#"{"gap":{"from":3,"to":9,"events":2,"reason":"slow"}}"#,
                "events 3 to 9 are missing, 2 of them asked for: they came faster than they were read here",
            ),
            (
                r#"{"gap":{"from":3,"to":3,"reason":"expired"}}"#,
                "event 3 is missing: the server does not keep them so long",
            ),
            (
                r#"{"gap":{"from":3,"to":null,"reason":"lost"}}"#,
                "events from 3 on are missing: the server's history has lost them",
            ),
            (
                r#"{"gap":{"epoch":"00ab","from":3,"to":null,"reason":"epoch"}}"#,
                "the server's numbers have begun anew: events from 3 on of 00ab, if there were any, are missing",
            ),
            (r#"{"gap":{"from":3,"to":4,"reason":"new"}}"#, "events 3 to 4 are missing: new"),
        ] {
            assert_eq!(told(line), sentence);
        }
    }

    #[test]
    fn times_are_exact() {
        for (text, seconds, nanos) in [
            ("1700000000.25", 1_700_000_000, 250_000_000),
            ("1700000000", 1_700_000_000, 0),
            ("0.000000001", 0, 1),
            ("-5", -5, 0),
            ("-0.5", -1, 500_000_000),
            ("-5.25", -6, 750_000_000),
        ] {
            assert_eq!(event_time(text), Some(EventTime { seconds, nanos }), "{text}");
        }
        for text in ["", "x", "--5", "+1", "1e9", "1.0000000001", "1.x", "99999999999999999999"] {
            assert_eq!(event_time(text), None, "{text}");
        }
    }
}
