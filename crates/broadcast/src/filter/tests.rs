use proptest::prelude::*;

use super::*;

fn filter(query: &str) -> Filter {
    Filter::from_pairs(query.split('&').filter(|part| !part.is_empty()).map(
        |part| match part.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (part.to_owned(), None),
        },
    ))
}

fn record(json: &str) -> Vec<u8> {
    let mut record = Vec::new();
    fluentcast_event::from_json::append(&mut record, json.as_bytes()).expect("valid JSON");
    record
}

#[test]
fn values_match_by_text_and_by_value() {
    let record = record(
        r#"{"user":6,"name":"6","big":9007199254740993,"neg":-4,"price":1.5,"ok":true,"none":null,
            "a":{"b":"deep","c":{"d":7}},"x.y":"flat","x":{"y":"nested"},"list":[1]}"#,
    );
    for (query, passes) in [
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
        assert_eq!(filter(query).passes(&record), passes, "?{query}");
    }
}

#[test]
fn filters_that_mean_the_same_are_equal() {
    assert_eq!(filter("a=1&b=2"), filter("b=2&a=1"));
    assert_eq!(filter("a=1&a=2&a=1"), filter("a=2&a=1"));
    assert_ne!(filter("a=1"), filter("a=1.0"));
    assert_ne!(filter("a"), filter("a="));
}

#[test]
fn an_index_that_lost_all_its_filters_is_empty() {
    let mut index = FilterIndex::default();
    index.insert(&filter("a=6&a=6.0&b=1"), &1);
    index.insert(&filter("a=6"), &2);
    index.remove(&filter("a=6&a=6.0&b=1"), &1);
    assert!(!index.is_empty());
    index.remove(&filter("a=6"), &2);
    assert!(index.is_empty());
}

#[test]
fn the_index_agrees_on_floats_that_json_cannot_say() {
    for (float, query, passes) in [
        (f64::INFINITY, "x=inf", true),
        (f64::INFINITY, "x=1e999", true),
        (f64::NEG_INFINITY, "x=-inf", true),
        (f64::NEG_INFINITY, "x=inf", false),
        (f64::NAN, "x=nan", false),
    ] {
        let record = [&b"\x81\xa1x\xcb"[..], &float.to_be_bytes()].concat();
        let mut index = FilterIndex::default();
        index.insert(&filter(query), &());
        let mut found = 0;
        index.matching(&record, |()| found += 1);
        assert_eq!((filter(query).passes(&record), found == 1), (passes, passes), "{float} ?{query}");
    }
}

proptest! {
    /// The index finds exactly the filters that pass when asked one by one, each once.
    #[test]
    fn the_index_agrees_with_direct_evaluation(
        queries in prop::collection::vec("([ab]=(0|1|1\\.0|true|x|-0)|[ab]){1}(&[abc](=(0|1|x)){0,1}){0,3}", 1..12),
        json in r#"\{("a":(0|1|1\.0|-0\.0|"0"|"1"|"1\.0"|"x"|true|"true"|null|\{"b":1\})){0,1}\}"#,
    ) {
        let record = record(&json);
        let mut index = FilterIndex::default();
        for (id, query) in queries.iter().enumerate() {
            index.insert(&filter(query), &id);
        }
        let mut found = Vec::new();
        index.matching(&record, |id| found.push(*id));
        found.sort_unstable();
        let direct: Vec<_> = (0..queries.len()).filter(|id| filter(&queries[*id]).passes(&record)).collect();
        prop_assert_eq!(found, direct);
    }
}
