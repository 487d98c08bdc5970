//! Any text as a filter expression, asked about any bytes as a record: an answer or a mistake with its
//! place, and one form for what is the same.

#![no_main]

use fluentcast_event::EventTime;
use fluentcast_expression::{Expression, Outcome};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The first byte says where the text ends and the record begins.
    let [split, rest @ ..] = data else { return };
    let (text, record) = rest.split_at(rest.len() * usize::from(*split) / 255);
    let text = String::from_utf8_lossy(text);
    match Expression::parse(&text) {
        Ok(expression) => ask(&expression, record),
        Err(mistake) => {
            assert!(text.is_char_boundary(mistake.position));
            assert_eq!(text[..mistake.position].chars().count() + 1, mistake.column);
            assert_eq!(mistake.to_string().lines().count(), 1);
        }
    }
});

fn ask(expression: &Expression, record: &[u8]) {
    let time = EventTime::from_seconds(1_700_000_000);
    let outcome = expression.evaluate("app.web", time, record);
    // Escapes may make the common form longer than a client may send.
    if let Ok(again) = Expression::parse(&expression.to_string()) {
        assert_eq!(&again, expression);
        assert_eq!(again.evaluate("app.web", time, record), outcome);
    }
    if let (true, Some(equality)) = (outcome == Outcome::True, expression.equalities().next()) {
        assert!(!equality.values().is_empty(), "no value can be equal to none");
    }
}
