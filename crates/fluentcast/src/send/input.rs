//! Bytes of standard input in, entries of a chunk out. What is no record is told with its place.

use fluentcast_event::limits::SEND_RECORD_BYTES_MAX;
use fluentcast_event::msgpack::{self, Reader, Value};
use fluentcast_event::{Batch, EventTime, from_json};
use fluentcast_forward::{StreamValue, Values};

use crate::lines::{Line, Lines};

/// What one read of standard input becomes.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// MessagePack arrays `[time, record]`, back to back.
    pub(super) entries: Vec<u8>,
    pub(super) records: u64,
    pub(super) faults: Vec<Fault>,
}

/// Something in the input that is not sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// `line` or `value`, and its number from 1.
    place: (&'static str, u64),
    why: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, number) = self.place;
        write!(f, "{kind} {number}: {}", self.why)
    }
}

/// The reader of one input.
#[derive(Debug)]
pub(super) struct Input {
    form: Form,
    /// Lines or values so far.
    count: u64,
    /// It is broken: nothing that follows can be read.
    broken: bool,
}

#[derive(Debug)]
enum Form {
    Json(Lines),
    Msgpack(Values),
}

impl Input {
    pub(super) fn json() -> Self {
        Self::of(Form::Json(Lines::new(SEND_RECORD_BYTES_MAX)))
    }

    pub(super) fn msgpack() -> Self {
        Self::of(Form::Msgpack(Values::new(SEND_RECORD_BYTES_MAX)))
    }

    fn of(form: Form) -> Self {
        Self { form, count: 0, broken: false }
    }

    /// Takes the next piece; whether more can be read.
    pub(super) fn push(&mut self, piece: &[u8], now: EventTime, out: &mut Gathered) -> bool {
        let Self { form, count, broken } = self;
        match form {
            Form::Json(lines) => lines.push(piece, |line| take_line(line, now, count, out)),
            Form::Msgpack(values) => {
                if let Err(error) = values.push(piece, |value| take_value(value, now, count, out)) {
                    *broken = true;
                    let why = format!("{error}; this and everything behind it is not sent");
                    out.fault("value", *count + 1, why);
                }
            }
        }
        !self.broken
    }

    /// The input has ended.
    pub(super) fn finish(&mut self, now: EventTime, out: &mut Gathered) {
        let Self { form, count, broken } = self;
        match form {
            Form::Json(lines) => lines.finish(|line| take_line(line, now, count, out)),
            Form::Msgpack(values) if values.is_cut() && !*broken => {
                out.fault("value", *count + 1, "the input ends within it".to_owned());
            }
            Form::Msgpack(_) => {}
        }
    }
}

impl Gathered {
    fn fault(&mut self, kind: &'static str, number: u64, why: String) {
        self.faults.push(Fault { place: (kind, number), why });
    }
}

fn too_long() -> String {
    format!("it is longer than {} MiB", SEND_RECORD_BYTES_MAX >> 20)
}

fn take_line(line: Line<'_>, now: EventTime, count: &mut u64, out: &mut Gathered) {
    *count += 1;
    let text = match line {
        Line::Whole(text) if text.iter().all(u8::is_ascii_whitespace) => return,
        Line::Whole(text) => text,
        Line::TooLong => return out.fault("line", *count, too_long()),
    };
    let start = out.entries.len();
    msgpack::write_array_head(&mut out.entries, 2);
    msgpack::write_event_time(&mut out.entries, now);
    let record = out.entries.len();
    let why = match from_json::append(&mut out.entries, text) {
        Err(error) => Some(format!("this is no JSON: {error}")),
        Ok(()) if !is_map(&out.entries[record..]) => Some("a record must be an object, { ... }".to_owned()),
        Ok(()) => None,
    };
    match why {
        Some(why) => {
            out.entries.truncate(start);
            out.fault("line", *count, why);
        }
        None => out.records += 1,
    }
}

fn take_value(value: StreamValue<'_>, now: EventTime, count: &mut u64, out: &mut Gathered) {
    *count += 1;
    let StreamValue::Whole(bytes) = value else { return out.fault("value", *count, too_long()) };
    let start = out.entries.len();
    if is_map(bytes) {
        msgpack::write_array_head(&mut out.entries, 2);
        msgpack::write_event_time(&mut out.entries, now);
    }
    out.entries.extend_from_slice(bytes);
    match entry_fault(&out.entries[start..], now) {
        Some(why) => {
            out.entries.truncate(start);
            out.fault("value", *count, why);
        }
        None => out.records += 1,
    }
}

fn is_map(value: &[u8]) -> bool {
    matches!(Reader::new(value).read(), Ok(Value::Map(_)))
}

/// What a server would find wrong with an entry.
fn entry_fault(entry: &[u8], now: EventTime) -> Option<String> {
    let batch = Batch { tag: "".into(), entries: bytes::Bytes::copy_from_slice(entry), received: now };
    match batch.events().next() {
        Some(Ok(_)) => None,
        Some(Err(error)) => Some(format!("neither a map nor [time, map]: {error}")),
        None => Some("it is empty".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EventTime = EventTime { seconds: 1_500_000_000, nanos: 7 };

    /// The input in pieces of this size.
    fn read(mut input: Input, bytes: &[u8], size: usize) -> Gathered {
        let mut out = Gathered::default();
        if bytes.chunks(size).all(|piece| input.push(piece, NOW, &mut out)) {
            input.finish(NOW, &mut out);
        }
        out
    }

    fn faults(out: &Gathered) -> Vec<String> {
        out.faults.iter().map(Fault::to_string).collect()
    }

    /// Time, and the record as JSON.
    fn events(out: &Gathered) -> Vec<(EventTime, String)> {
        let batch =
            Batch { tag: "t".into(), entries: out.entries.clone().into(), received: EventTime::default() };
        let events = batch.events().map(|event| {
            let event = event.expect("an event");
            let mut json = Vec::new();
            fluentcast_event::json::write_value(&mut json, event.record).expect("a record");
            (event.time, String::from_utf8(json).expect("UTF-8"))
        });
        events.collect()
    }

    #[test]
    fn each_line_is_a_record_and_a_bad_one_has_a_number() {
        let text = b"{\"a\":1}\n\n [1]\r\nnonsense\n  {\"b\":{}}  \r\n{\"a\":1}{}\n{\"last\":true}";
        for size in [1, 7, 1000] {
            let out = read(Input::json(), text, size);
            let records: Vec<String> = events(&out)
                .into_iter()
                .map(|(time, record)| {
                    assert_eq!(time, NOW);
                    record
                })
                .collect();
            assert_eq!(records, [r#"{"a":1}"#, r#"{"b":{}}"#, r#"{"last":true}"#]);
            assert_eq!(out.records, 3);
            let faults = faults(&out);
            assert_eq!(faults.len(), 3, "{faults:?}");
            assert_eq!(faults[0], "line 3: a record must be an object, { ... }");
            assert!(faults[1].starts_with("line 4: this is no JSON: expected"), "{faults:?}");
            assert!(faults[2].starts_with("line 6: this is no JSON: trailing"), "{faults:?}");
        }
    }

    #[test]
    fn the_bytes_are_those_of_fluent_cat() {
        let out = read(Input::json(), b"{\"a\":1}\n", 100);
        assert_eq!(out.entries, b"\x92\xd7\x00\x59\x68\x2f\x00\x00\x00\x00\x07\x81\xa1a\x01");
    }

    #[test]
    fn messagepack_maps_and_pairs_of_time_and_map() {
        let text = b"\x81\xa1a\x01\x92\xd7\x00\x00\x00\x00\x05\x00\x00\x00\x09\x80\xc0\x91\x01\x92\x05\x81\xa1b\xc0\x92\x80\x80";
        for size in [1, 3, 1000] {
            let out = read(Input::msgpack(), text, size);
            let at = |seconds, nanos| EventTime { seconds, nanos };
            let due = [(NOW, r#"{"a":1}"#), (at(5, 9), "{}"), (at(5, 0), r#"{"b":null}"#)];
            assert_eq!(events(&out), due.map(|(time, record)| (time, record.to_owned())));
            let faults = faults(&out);
            assert_eq!(faults.len(), 3, "{faults:?}");
            for (fault, number) in faults.iter().zip([3, 4, 6]) {
                assert!(
                    fault.starts_with(&format!("value {number}: neither a map nor [time, map]")),
                    "{fault}"
                );
            }
        }
    }

    #[test]
    fn broken_and_cut_messagepack_is_told_once() {
        let out = read(Input::msgpack(), b"\x80\xc1\x80", 1);
        assert_eq!((out.records, faults(&out).len()), (1, 1));
        assert!(faults(&out)[0].starts_with("value 2: 0xc1"), "{:?}", out.faults);
        let out = read(Input::msgpack(), b"\x80\x81\xa1", 1);
        assert_eq!((out.records, faults(&out)), (1, vec!["value 2: the input ends within it".to_owned()]));
    }

    #[test]
    fn what_is_too_long_or_too_deep_is_left_out() {
        let long = "x".repeat(SEND_RECORD_BYTES_MAX);
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        let out = read(Input::json(), format!("{{\"a\":\"{long}\"}}\n{deep}\n{{}}\n").as_bytes(), 64 * 1024);
        assert_eq!(out.records, 1);
        assert_eq!(faults(&out)[0], "line 1: it is longer than 16 MiB");
        assert!(faults(&out)[1].starts_with("line 2: "), "{:?}", out.faults);

        let mut packed = vec![0xdb];
        packed.extend(u32::try_from(long.len()).expect("small").to_be_bytes());
        packed.extend(long.as_bytes());
        packed.push(0x80);
        let out = read(Input::msgpack(), &packed, 64 * 1024);
        assert_eq!((out.records, faults(&out)), (1, vec!["value 1: it is longer than 16 MiB".to_owned()]));
    }
}
