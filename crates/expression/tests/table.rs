//! The language, row by row: `table.txt` holds expressions, events, and what one says about the other.

use std::fmt::Write as _;

use fluentcast_event::{EventTime, from_json};
use fluentcast_expression::{Expression, Outcome};

const TABLE: &str = include_str!("table.txt");

/// What the rows below a `record`, `tag` or `time` line are asked about.
struct Event<'a> {
    record: Vec<u8>,
    tag: &'a str,
    time: EventTime,
}

fn packed(json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    from_json::append(&mut out, json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
    out
}

/// Seconds, and nanoseconds behind a dot.
fn time(text: &str) -> EventTime {
    let (seconds, nanos) = text.split_once('.').unwrap_or((text, "0"));
    EventTime { seconds: seconds.parse().expect("seconds"), nanos: nanos.parse().expect("nanos") }
}

fn said(expression: &str, event: &Event<'_>) -> String {
    match Expression::parse(expression) {
        Err(error) => error.to_string(),
        Ok(expression) => {
            let again =
                Expression::parse(&expression.to_string()).expect("the canonical form is an expression");
            assert_eq!(expression, again, "the canonical form means the same");
            match expression.evaluate(event.tag, event.time, &event.record) {
                Outcome::True => "true".to_owned(),
                Outcome::False => "false".to_owned(),
                Outcome::Error => "error".to_owned(),
                Outcome::OverBudget => "over budget".to_owned(),
            }
        }
    }
}

#[test]
fn every_row_holds() {
    let mut event = Event { record: packed("{}"), tag: "", time: EventTime::default() };
    let (mut rows, mut refused, mut wrong) = (0, 0, String::new());
    let mut lines = TABLE.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim_start();
        let expected = match word {
            "" | "#" => continue,
            "record" => {
                event.record = packed(rest);
                continue;
            }
            "tag" => {
                event.tag = rest;
                continue;
            }
            "time" => {
                event.time = time(rest);
                continue;
            }
            "refused" => {
                refused += 1;
                lines.next_if(|(_, line)| line.starts_with("    ")).map_or("", |(_, line)| line.trim())
            }
            word => word,
        };
        rows += 1;
        let said = said(rest, &event);
        if said != expected {
            let _ =
                writeln!(wrong, "line {}: {rest}\n    expected {expected}\n    but      {said}", number + 1);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(rows >= 140 && refused >= 40, "{rows} rows, {refused} of them mistakes");
}

#[test]
fn the_examples_of_the_page_are_expressions() {
    const PAGE: &str = include_str!("../../../docs/filters.md");
    let blocks = PAGE.split("```").skip(1).step_by(2);
    let mut examples = 0;
    for line in blocks.flat_map(str::lines) {
        if line.starts_with("curl") || line.starts_with("column") || line.is_empty() {
            continue;
        }
        examples += 1;
        assert!(Expression::parse(line).is_ok(), "{line}: {:?}", Expression::parse(line));
    }
    assert!(examples >= 8, "{examples}");
    let mistakes = ["record.a == 1 && levl", "tag == 5"];
    for mistake in mistakes.map(|text| Expression::parse(text).expect_err("a mistake")) {
        let shown = format!("{}: {}", mistake.message, mistake.hint);
        assert!(PAGE.contains(&shown), "{shown}");
    }
}
