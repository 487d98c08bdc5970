use proptest::prelude::*;

use super::*;
use crate::from_json;

fn packed(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    from_json::append(&mut out, text.as_bytes()).unwrap();
    out
}

fn shown(record: &[u8]) -> String {
    let mut text = Vec::new();
    json::write_value(&mut text, record).unwrap();
    String::from_utf8(text).unwrap()
}

/// What is left of a record, as JSON.
fn redacted(names: &str, record: &[u8]) -> String {
    let mut out = b"before".to_vec();
    let redaction = Redaction::of(names.split(',').map(str::to_owned)).unwrap();
    redaction.write(record, &mut out).unwrap();
    let record = out.strip_prefix(b"before").unwrap();
    assert_eq!(Reader::new(record).skip().unwrap(), record, "one sound value");
    shown(record)
}

#[test]
fn a_name_leads_everywhere_it_can() {
    let record = packed(
        r#"{"a":1,"b":{"c":2,"d":{"c":3}},"b.c":4,"x":[{"c":5,"y":6},[{"c":7}],8],"b.d":{"c":9},"5":10,"":{"c":11}}"#,
    );
    for (names, left) in [
        (
            "a",
            r#"{"b":{"c":2,"d":{"c":3}},"b.c":4,"x":[{"c":5,"y":6},[{"c":7}],8],"b.d":{"c":9},"5":10,"":{"c":11}}"#,
        ),
        (
            "b.c",
            r#"{"a":1,"b":{"d":{"c":3}},"x":[{"c":5,"y":6},[{"c":7}],8],"b.d":{"c":9},"5":10,"":{"c":11}}"#,
        ),
        (
            "b.d.c",
            r#"{"a":1,"b":{"c":2,"d":{}},"b.c":4,"x":[{"c":5,"y":6},[{"c":7}],8],"b.d":{},"5":10,"":{"c":11}}"#,
        ),
        (
            "x.c",
            r#"{"a":1,"b":{"c":2,"d":{"c":3}},"b.c":4,"x":[{"y":6},[{}],8],"b.d":{"c":9},"5":10,"":{"c":11}}"#,
        ),
        ("b,x,b.d,b.c", r#"{"a":1,"5":10,"":{"c":11}}"#),
        (
            ".c",
            r#"{"a":1,"b":{"c":2,"d":{"c":3}},"b.c":4,"x":[{"c":5,"y":6},[{"c":7}],8],"b.d":{"c":9},"5":10,"":{}}"#,
        ),
        ("missing,a.b,b.", &shown(&record)),
    ] {
        assert_eq!(redacted(names, &record), left, "{names}");
    }
}

#[test]
fn no_spelling_of_a_key_saves_it() {
    // Twice; as bin; the numbers 5 and true; nil; a map as a key that holds the field.
    let twice = b"\x82\xa1p\x01\xa1p\x02";
    let bin = b"\x81\xc4\x01p\x01";
    let numbers = b"\x83\x05\x01\xc3\x02\xc0\x03";
    let map_as_key = b"\x81\x81\xa1p\x01\x02";
    assert_eq!(redacted("p", twice), "{}");
    assert_eq!(redacted("p", bin), "{}");
    assert_eq!(redacted("5,true", numbers), r#"{"":3}"#);
    assert_eq!(redacted("p", map_as_key), "{}");
}

#[test]
fn what_is_broken_is_told_and_leaves_nothing() {
    let redaction = Redaction::of(["a".to_owned()]).unwrap();
    let mut out = b"before".to_vec();
    for record in [&b"\x81\xa1a"[..], b"\xc1", b"", b"\x82\xa1a\x01\xa1b"] {
        assert!(redaction.write(record, &mut out).is_err());
        assert_eq!(out, b"before");
    }
    assert!(Redaction::of([]).is_err() && Redaction::of([String::new()]).is_err());
}

/// Records of few names, so that paths often lead somewhere.
fn records() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::json!(1)),
        Just(serde_json::json!("text")),
        Just(serde_json::Value::Null)
    ];
    let name = prop_oneof![Just("a"), Just("b"), Just("a.b"), Just("b.a"), Just(""), Just("a.b.a")];
    leaf.prop_recursive(4, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::Array),
            prop::collection::vec((name.clone(), inner), 0..4).prop_map(|entries| {
                serde_json::Value::Object(
                    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
                )
            }),
        ]
    })
}

/// Every way to come to a value: the names on it with dots between, lists left out.
fn ways(value: &serde_json::Value, way: &str, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Array(elements) => elements.iter().for_each(|element| ways(element, way, found)),
        serde_json::Value::Object(entries) => {
            for (name, value) in entries {
                let way = if way == "/" { name.clone() } else { format!("{way}.{name}") };
                found.push(way.clone());
                ways(value, &way, found);
            }
        }
        _ => {}
    }
}

proptest! {
    /// No way that is left is a redacted name or goes on from one, and every other way is left.
    #[test]
    fn nothing_is_left_at_a_name_and_nothing_else_is_gone(record in records(), names in prop::collection::vec("[ab](\\.[ab]){0,2}", 1..4)) {
        let packed = packed(&record.to_string());
        let left: serde_json::Value = serde_json::from_str(&redacted(&names.join(","), &packed)).unwrap();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        ways(&record, "/", &mut before);
        ways(&left, "/", &mut after);
        let hidden = |way: &String| names.iter().any(|name| way == name || way.starts_with(&format!("{name}.")));
        // A way on from a key with dots in it may look like one on from a name that led elsewhere: a name
        // itself never may.
        for way in &after {
            prop_assert!(!names.contains(way), "{way} {left}");
        }
        for way in before.iter().filter(|way| !hidden(way)) {
            prop_assert!(after.contains(way), "{way} {left}");
        }
    }
}
