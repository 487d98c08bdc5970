use super::*;

pub(super) fn filter(query: &str) -> Filter {
    Filter::from_pairs(query.split('&').filter(|part| !part.is_empty()).map(
        |part| match part.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (part.to_owned(), None),
        },
    ))
}

pub(super) fn record(json: &str) -> Vec<u8> {
    let mut record = Vec::new();
    fluentcast_event::from_json::append(&mut record, json.as_bytes()).expect("valid JSON");
    record
}

/// An event with this record, as far as a filter of fields looks.
pub(super) fn event(record: &[u8]) -> Event<'_> {
    Event { time: fluentcast_event::EventTime::default(), record }
}

/// Whether the record passes, in an event of any tag.
pub(super) fn passes(filter: &Filter, record: &[u8]) -> bool {
    filter.judge(&Tag::from("t"), &event(record)) == Verdict::Passes
}

#[test]
fn values_match_by_text_and_by_value() {
    let record = record(
        r#"{"user":6,"name":"6","big":9007199254740993,"neg":-4,"price":1.5,"ok":true,"none":null,
            "a":{"b":"deep","c":{"d":7}},"x.y":"flat","x":{"y":"nested"},"list":[1]}"#,
    );
    for (query, expected) in [
        ("", true),
        ("user=6", true),
        ("user=6.0", true),
        ("user=06", true),
        ("user=7", false),
        ("name=6", true),
        ("name=6.0", false),
        ("big=9007199254740993", true),
        ("big=9007199254740992", false),
        ("neg=-4", true),
        ("price=1.5", true),
        ("price=1.50", true),
        ("price=1", false),
        ("ok=true", true),
        ("ok=false", false),
        ("ok=1", false),
        ("none", true),
        ("missing", true),
        ("none=", false),
        ("user", false),
        ("user=6&name=6", true),
        ("user=6&name=7", false),
        ("user=5&user=6", true),
        ("user=5&user=7", false),
        ("a.b=deep", true),
        ("a.c.d=7", true),
        ("x.y=flat", true),
        ("x.y=nested", false),
        ("list=1", false),
        ("a=b", false),
    ] {
        assert_eq!(passes(&filter(query), &record), expected, "?{query}");
    }
}

#[test]
fn filters_that_mean_the_same_are_equal() {
    assert_eq!(filter("a=1&b=2"), filter("b=2&a=1"));
    assert_eq!(filter("a=1&a=2&a=1"), filter("a=2&a=1"));
    assert_ne!(filter("a=1"), filter("a=1.0"));
    assert_ne!(filter("a"), filter("a="));
}
