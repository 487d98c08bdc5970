use fluentcast_config::settings::{Grep, GrepTerm, PathStep, Regex};
use fluentcast_event::ruby_regex;
use proptest::prelude::*;

use super::Filter;
use crate::filters::tests::{batch, followed_by, records};

fn term(path: &[&str], pattern: &str) -> GrepTerm {
    let path = path.iter().map(|key| PathStep::Key((*key).to_owned())).collect();
    GrepTerm { path, pattern: Regex(ruby_regex::builder(pattern).build().unwrap()) }
}

fn passes(settings: &Grep, record: &str) -> bool {
    let filtered = Filter::new(settings).apply(&batch("t", &[record]));
    assert!(filtered.errors.is_empty() && filtered.invalid == 0);
    let passed = records(&filtered.batch);
    assert!(passed.is_empty() || passed == [record]);
    !passed.is_empty()
}

#[test]
fn the_vectors_hold() {
    let settings = Grep { all: vec![term(&["a"], "^x")], none: vec![term(&["b"], "no")], ..Grep::default() };
    for (record, expected) in [
        (r#"{"a":"xa","b":"y"}"#, true),
        (r#"{"a":"xa","b":"no"}"#, false),
        (r#"{"a":"ya"}"#, false),
        (r#"{"b":"y"}"#, false),
    ] {
        assert_eq!(passes(&settings, record), expected, "{record}");
    }
}

#[test]
fn each_kind_of_group_has_its_meaning() {
    let (a, b) = (|| term(&["a"], "1"), || term(&["b"], "1"));
    let all = Grep { all: vec![a(), b()], ..Grep::default() };
    let any = Grep { any: vec![vec![a(), b()]], ..Grep::default() };
    let none = Grep { none: vec![a(), b()], ..Grep::default() };
    let not_all = Grep { not_all: vec![vec![a(), b()]], ..Grep::default() };
    for (record, expected) in [
        (r#"{"a":1,"b":1}"#, [true, true, false, false]),
        (r#"{"a":1,"b":0}"#, [false, true, false, true]),
        (r#"{"a":0,"b":1}"#, [false, true, false, true]),
        (r#"{"a":0,"b":0}"#, [false, false, true, true]),
    ] {
        let found = [&all, &any, &none, &not_all].map(|settings| passes(settings, record));
        assert_eq!(found, expected, "{record}");
    }
    assert!(passes(&Grep::default(), "{}"), "without terms everything passes");
}

#[test]
fn values_are_matched_by_their_text() {
    for (pattern, value) in [
        (r"\A\z", "null"),
        (r"\A42\z", "42"),
        (r"\A-1\z", "-1"),
        (r"\A1\.5\z", "1.5"),
        (r"\Atrue\z", "true"),
        (r"\Aé\z", r#""é""#),
        (r#""k":\[1,2\]"#, r#"{"k":[1,2]}"#),
    ] {
        let settings = Grep { all: vec![term(&["v"], pattern)], ..Grep::default() };
        assert!(passes(&settings, &format!(r#"{{"v":{value}}}"#)), "{pattern} {value}");
    }
    let missing = Grep { all: vec![term(&["v"], r"\A\z")], ..Grep::default() };
    assert!(passes(&missing, "{}"), "a missing value is matched as nothing");
    let nested = Grep { all: vec![term(&["a", "b.c"], "^x$")], ..Grep::default() };
    assert!(passes(&nested, r#"{"a":{"b.c":"x"}}"#));
    assert!(!passes(&nested, r#"{"a":"x"}"#));
}

#[test]
fn a_batch_that_loses_nothing_is_not_copied() {
    let filter = Filter::new(&Grep { all: vec![term(&["a"], "1")], ..Grep::default() });
    let whole = batch("t", &[r#"{"a":1}"#, r#"{"a":11}"#]);
    assert_eq!(filter.apply(&whole).batch.entries.as_ptr(), whole.entries.as_ptr());

    let part = batch("t", &[r#"{"a":1}"#, r#"{"a":2}"#]);
    let filtered = filter.apply(&part).batch;
    assert_ne!(filtered.entries.as_ptr(), part.entries.as_ptr(), "one event does not hold the memory of all");
    assert_eq!((filtered.tag.as_str(), filtered.received), ("t", part.received));
    assert_eq!(records(&filtered), [r#"{"a":1}"#]);
    assert!(filter.apply(&batch("t", &[r#"{"a":2}"#])).batch.entries.is_empty());
    assert!(filter.apply(&batch("t", &[])).batch.entries.is_empty());
}

#[test]
fn what_is_no_event_is_counted_and_left_out() {
    let filter = Filter::new(&Grep::default());
    let good = batch("t", &[r#"{"a":1}"#]);
    // An entry that is no array, a good one again, then an array that is cut short.
    let mixed = followed_by(&followed_by(&followed_by(&good, &[0xc0]), &good.entries), &[0x92, 0x01]);
    let filtered = filter.apply(&mixed);
    assert_eq!((filtered.invalid, filtered.errors.len()), (2, 0));
    assert_eq!(records(&filtered.batch), [r#"{"a":1}"#, r#"{"a":1}"#]);
    assert_eq!(filter.apply(&filtered.batch).invalid, 0, "the next filter does not count them again");
}

#[test]
fn an_expression_that_gives_up_rejects_the_event() {
    let heavy = || term(&["m"], r"\A(?:a+(?!c))+\z");
    let long = format!(r#"{{"m":"{}b"}}"#, "a".repeat(100));
    for settings in [
        Grep { all: vec![heavy()], ..Grep::default() },
        Grep { any: vec![vec![heavy()]], ..Grep::default() },
        Grep { none: vec![heavy()], ..Grep::default() },
        Grep { not_all: vec![vec![heavy()]], ..Grep::default() },
    ] {
        let original = batch("t", &[&long, r#"{"m":"c"}"#]);
        let filtered = Filter::new(&settings).apply(&original);
        let [rejected] = filtered.errors.as_slice() else { panic!("one event is rejected") };
        assert!(original.entries.starts_with(&rejected.entry) && rejected.entry.len() > 100);
        assert!(rejected.reason.contains("gave up"), "{}", rejected.reason);
        assert!(!records(&filtered.batch).contains(&long));
    }
}

proptest! {
    #[test]
    fn exactly_the_events_that_match_pass(values in proptest::collection::vec(0_u32..30, 0..30)) {
        let texts: Vec<_> = values.iter().map(|value| format!(r#"{{"n":{value}}}"#)).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let settings = Grep { all: vec![term(&["n"], "1")], none: vec![term(&["n"], "0")], ..Grep::default() };
        let filtered = Filter::new(&settings).apply(&batch("t", &texts));
        let expected: Vec<_> = texts.iter().filter(|text| text.contains('1') && !text.contains('0')).copied().collect();
        prop_assert_eq!(records(&filtered.batch), expected);
        prop_assert_eq!(filtered.invalid, 0);
        prop_assert!(filtered.errors.is_empty());
    }
}
