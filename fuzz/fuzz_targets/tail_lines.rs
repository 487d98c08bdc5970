//! What a server sends to `fluentcast tail`: the same lines over any split, and nothing that a stranger wrote
//! reaches a terminal in a form that could drive it.

#![no_main]
#![allow(dead_code, reason = "the modules of the binary have more than is asked of them here")]

use jiff::tz::TimeZone;
use libfuzzer_sys::fuzz_target;

#[rustfmt::skip]
#[path = "../../crates/fluentcast/src/escape.rs"]
mod escape;
#[rustfmt::skip]
#[path = "../../crates/fluentcast/src/tail/fields.rs"]
mod fields;
#[rustfmt::skip]
#[path = "../../crates/fluentcast/src/tail/form.rs"]
mod form;
#[rustfmt::skip]
#[path = "../../crates/fluentcast/src/lines.rs"]
mod lines;
#[rustfmt::skip]
#[path = "../../crates/fluentcast/src/tail/message.rs"]
mod message;
#[rustfmt::skip]
#[path = "../../crates/fluentcast/src/tail/pretty.rs"]
mod pretty;

use form::Form;
use lines::{Line, Lines};
use message::{Event, Message};
use pretty::Pretty;

const LINE_BYTES_MAX: usize = 4096;

fuzz_target!(|data: &[u8]| {
    let [seed, stream @ ..] = data else { return };
    let whole = split(stream, usize::MAX);
    for piece in [1, 2, 1 + usize::from(*seed)] {
        assert_eq!(split(stream, piece), whole, "pieces of {piece}");
    }
    for line in whole.iter().flatten() {
        match Message::read(line) {
            Ok(Message::Event(event)) => show(&event),
            Ok(Message::Gap(gap)) => assert!(!escape::plain(&gap.sentence()).chars().any(escape::is_hostile)),
            Ok(Message::LeftOut(_) | Message::Other) => {}
            Err(error) => assert!(!error.is_empty()),
        }
    }
});

/// The lines; `None` for one that is too long.
fn split(stream: &[u8], piece: usize) -> Vec<Option<Vec<u8>>> {
    let mut lines = Lines::new(LINE_BYTES_MAX);
    let mut got = Vec::new();
    let mut take = |line: Line<'_>| {
        got.push(match line {
            Line::Whole(line) => {
                assert!(line.len() <= LINE_BYTES_MAX);
                Some(line.to_vec())
            }
            Line::TooLong => None,
        });
    };
    for piece in stream.chunks(piece) {
        lines.push(piece, &mut take);
    }
    lines.finish(&mut take);
    got
}

fn show(event: &Event<'_>) {
    for form in [Form::Pretty(Pretty::new(TimeZone::UTC, false)), Form::Json(true), Form::Ndjson(true)] {
        let mut shown = Vec::new();
        form.append(&mut shown, event).expect("it has this form");
        let shown = String::from_utf8(shown).expect("text");
        let line = shown.strip_suffix('\n').expect("a line");
        assert!(!line.chars().any(escape::is_hostile), "{form:?} {line:?}");
        let means = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        match form {
            Form::Json(_) => assert_eq!(means(line), means(event.record.get())),
            Form::Ndjson(_) => assert_eq!(means(line), means(event.line)),
            _ => {}
        }
    }
    let mut packed = b"before".to_vec();
    match Form::Msgpack.append(&mut packed, event) {
        Ok(()) => {
            let value = &packed[b"before".len()..];
            assert_eq!(fluentcast_event::msgpack::Reader::new(value).skip(), Ok(value));
        }
        Err(_) => assert_eq!(packed, b"before"),
    }
}
