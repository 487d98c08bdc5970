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

/// What a client may not see it cannot find by asking, whoever looks: the filter itself or an index.
#[test]
fn rights_come_before_wishes_and_wishes_see_what_is_sent() {
    let names = |list: &str| list.split(',').map(str::to_owned).collect::<Vec<_>>();
    let redaction = fluentcast_event::redaction::Redaction::of(names("secret,user.pin")).unwrap();
    let reduction = Reduction::new(None, Some(redaction)).map(Arc::new);
    let forced = Expression::parse("record.level == \"error\" || record.secret == \"open\"").unwrap();
    let simple = Expression::parse("record.level == \"error\"").unwrap();
    for (forced, asked, expression, json, expected) in [
        (Some(&forced), "", None, r#"{"level":"error"}"#, true),
        (Some(&forced), "", None, r#"{"level":"info"}"#, false),
        // The forced expression sees everything.
        (Some(&forced), "", None, r#"{"secret":"open"}"#, true),
        (Some(&forced), "secret=open", None, r#"{"secret":"open"}"#, false),
        (Some(&forced), "secret", None, r#"{"secret":"open"}"#, true),
        (Some(&simple), "level=error", None, r#"{"level":"error","secret":1}"#, true),
        (Some(&simple), "level=info", None, r#"{"level":"error"}"#, false),
        (Some(&simple), "level=info", None, r#"{"level":"info"}"#, false),
        (None, "secret=1", None, r#"{"secret":1}"#, false),
        (None, "secret", None, r#"{"secret":1}"#, true),
        (None, "user.pin=1&a=1", None, r#"{"a":1,"user":{"pin":1}}"#, false),
        (None, "", Some("has(record.secret)"), r#"{"secret":1}"#, false),
        (None, "", Some("record.user.pin == 1"), r#"{"user":{"pin":1}}"#, false),
        (None, "", Some("size(record) == 1"), r#"{"secret":1,"a":1}"#, true),
        (None, "a=1", Some("record.a == 1"), r#"{"secret":1,"a":1}"#, true),
    ] {
        let own = match expression {
            Some(text) => filter(asked).and(Expression::parse(text).unwrap()),
            None => filter(asked),
        };
        let within = own.within(forced.cloned(), reduction.clone());
        let record = record(json);
        assert_eq!(passes(&within, &record), expected, "{forced:?} {asked} {expression:?} {json}");
        let mut index = FilterIndex::default();
        index.insert(&within, &0);
        let mut found = false;
        index.matching(&Tag::from("t"), &event(&record), |_| found = true);
        assert_eq!(found, expected, "index: {forced:?} {asked} {expression:?} {json}");
        index.remove(&within, &0);
        assert!(index.is_empty());
    }
}

#[test]
fn filters_of_other_rights_are_not_the_same() {
    let forced = |text: &str| Some(Expression::parse(text).unwrap());
    let all = filter("a=1");
    assert_ne!(all.clone().within(forced("record.b == 1"), None), all);
    assert_ne!(
        all.clone().within(forced("record.b == 1"), None),
        all.clone().within(forced("record.b == 2"), None)
    );
    assert_eq!(
        all.clone().within(forced("record.b == 1"), None),
        all.clone().within(forced("record.b==1"), None)
    );
    assert_eq!(all.clone().within(None, None), all);
    assert!(!filter("").within(forced("record.b == 1"), None).passes_all());
}
