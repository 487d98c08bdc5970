use proptest::prelude::*;

use super::*;
use crate::{field, from_json, json};

fn packed(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    from_json::append(&mut out, text.as_bytes()).unwrap();
    out
}

/// What is left of a record, as JSON.
fn projected(fields: &str, record: &[u8]) -> String {
    let mut out = b"before".to_vec();
    Projection::parse(fields).unwrap().write(record, &mut out).unwrap();
    let record = out.strip_prefix(b"before").unwrap();
    assert_eq!(Reader::new(record).skip().unwrap(), record, "one sound value");
    let mut text = Vec::new();
    json::write_value(&mut text, record).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn only_the_named_fields_are_left() {
    let record = packed(
        r#"{"a":1,"b":{"c":2,"d":{"e":[3,4],"f":null}},"list":[{"x":1}],"":{"":5,"k":6},"n":null,
            "x.y":7,"x":{"y":8,"z":9},"p.q":10,"p":{"q":{"r":11}},"p.q.s":{"t":12}}"#,
    );
    for (fields, expected) in [
        ("a", r#"{"a":1}"#),
        ("n", r#"{"n":null}"#),
        ("b", r#"{"b":{"c":2,"d":{"e":[3,4],"f":null}}}"#),
        ("b.c", r#"{"b":{"c":2}}"#),
        ("b.d.e", r#"{"b":{"d":{"e":[3,4]}}}"#),
        ("list", r#"{"list":[{"x":1}]}"#),
        // In the record's order, each once.
        ("n,a", r#"{"a":1,"n":null}"#),
        ("b.d.f,a,b.c,a", r#"{"a":1,"b":{"c":2,"d":{"f":null}}}"#),
        // A whole map holds what is in it.
        ("b.c,b", r#"{"b":{"c":2,"d":{"e":[3,4],"f":null}}}"#),
        ("b.d.e,b.d,a", r#"{"a":1,"b":{"d":{"e":[3,4],"f":null}}}"#),
        // The key with the dots wins, and what it does not hold is still found by nesting.
        ("x.y", r#"{"x.y":7}"#),
        ("x.y,x.z", r#"{"x.y":7,"x":{"z":9}}"#),
        ("p.q", r#"{"p.q":10}"#),
        ("p.q.r", r#"{"p":{"q":{"r":11}}}"#),
        ("p.q.s.t,p.q", r#"{"p.q":10,"p.q.s":{"t":12}}"#),
        (".k", r#"{"":{"k":6}}"#),
        (".", r#"{"":{"":5}}"#),
        // What is not there is left out, with the maps that would hold it.
        ("missing", "{}"),
        ("b.missing,a", r#"{"a":1}"#),
        ("b.d.e.0,a.b,list.x,n.x", "{}"),
        ("b.", "{}"),
    ] {
        assert_eq!(projected(fields, &record), expected, "{fields}");
    }
    assert_eq!(projected("a", b"\x80"), "{}");
}

#[test]
fn odd_records_are_copied_as_they_are() {
    // Of duplicate keys the last counts, whatever stood before.
    assert_eq!(projected("a", b"\x83\xa1a\x01\xa1b\x02\xa1a\x03"), r#"{"a":3}"#);
    assert_eq!(projected("a.b", b"\x82\xa1a\x81\xa1b\x01\xa1a\x02"), "{}");
    // Keys compare by bytes; other types of keys lead nowhere.
    let mut out = Vec::new();
    let record = b"\x84\x05\x01\xc4\x01b\xd4\x07\x09\x81\xa1c\x01\x03\xd9\x02\xc3\xbc\xcd\x00\x04";
    Projection::parse("5,b,c,\u{fc}").unwrap().write(record, &mut out).unwrap();
    assert_eq!(out, b"\x82\xc4\x01b\xd4\x07\x09\xd9\x02\xc3\xbc\xcd\x00\x04");
    // What is no map has no fields.
    for record in [&b"\xc0"[..], b"\x91\xa1a", b"\xa1a"] {
        assert_eq!(projected("a", record), "{}", "{record:02x?}");
    }
    // More than a short head can say.
    let many: Vec<_> = (0..60).map(|index| format!("\"k{index}\":{index}")).collect();
    let names: Vec<_> = (0..60).map(|index| format!("k{index}")).collect();
    let text = format!("{{{}}}", many.join(","));
    assert_eq!(projected(&names.join(","), &packed(&text)), text);
}

#[test]
fn a_broken_record_leaves_the_output_as_it_was() {
    let record = packed(r#"{"a":1,"b":{"c":[1,2]}}"#);
    let projection = Projection::parse("a,b.c").unwrap();
    for cut in 0..record.len() {
        let mut out = b"before".to_vec();
        assert_eq!(projection.write(&record[..cut], &mut out), Err(ReadError::Incomplete), "cut at {cut}");
        assert_eq!(out, b"before");
    }
    let mut out = Vec::new();
    assert_eq!(projection.write(b"\x82\xa1a\x01\xa1z\xc1", &mut out), Err(ReadError::Reserved));
    let deep = [b"\x81\xa1z".as_slice(), &[0x91; 200], b"\x01"].concat();
    assert_eq!(projection.write(&deep, &mut out), Err(ReadError::TooDeep));
    assert_eq!(out, b"");
}

#[test]
fn lists_are_bounded_and_say_what_is_wrong() {
    let list = |count| vec!["a"; count].join(",");
    assert!(Projection::parse(&list(PROJECTION_FIELDS_MAX)).is_ok());
    assert_eq!(Projection::parse(&list(PROJECTION_FIELDS_MAX + 1)), Err(ProjectionError::TooMany));
    assert!(Projection::parse(&"a".repeat(FILTER_NAME_BYTES_MAX)).is_ok());
    let long = format!("a,{}", "a".repeat(FILTER_NAME_BYTES_MAX + 1));
    assert_eq!(Projection::parse(&long), Err(ProjectionError::NameTooLong(2)));
    for (list, empty) in [("", 1), (",a", 1), ("a,", 2), ("a,,b", 2)] {
        assert_eq!(Projection::parse(list), Err(ProjectionError::EmptyName(empty)), "{list:?}");
    }
    let message = ProjectionError::EmptyName(2).to_string();
    assert_eq!(
        message,
        "field 2 of the list has no name: write the names with one comma between two, such as a,b.c"
    );
}

#[test]
fn the_same_fields_are_the_same_projection() {
    let parse = |list| Projection::parse(list).unwrap();
    assert_eq!(parse("a,b.c"), parse("b.c,a,a"));
    assert_ne!(parse("a"), parse("a,b"));
    assert_eq!(parse("b,a").names().collect::<Vec<_>>(), ["a", "b"]);
}

/// Records whose keys have dots, repeat each other, and nest.
fn record() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![Just(b"\x01".to_vec()), Just(b"\xa1x".to_vec()), Just(b"\x92\x01\x02".to_vec())];
    let key = prop::sample::select(vec!["a", "b", "a.b", "b.a", "", "a.", "a.b.a"]);
    let value = leaf.prop_recursive(3, 30, 4, move |inner| {
        prop::collection::vec((key.clone(), inner), 0..5).prop_map(|entries| {
            let mut out = Vec::new();
            msgpack::write_map_head(&mut out, u32::try_from(entries.len()).unwrap());
            for (key, value) in entries {
                msgpack::write_str(&mut out, key);
                out.extend(value);
            }
            out
        })
    });
    value.prop_filter("a map", |value| matches!(value[0], 0x80..=0x8f))
}

proptest! {
    /// What `lookup` finds in the record it finds in what is left, and nothing else is there.
    #[test]
    fn what_is_named_is_found_as_before(record in record(), names in prop::collection::vec("[ab.]{1,5}", 1..5)) {
        let mut out = Vec::new();
        Projection::parse(&names.join(",")).unwrap().write(&record, &mut out).unwrap();
        prop_assert_eq!(Reader::new(&out).skip().unwrap(), &out[..]);
        for name in &names {
            // Of a map that is the head, which counts its entries: it is there as a whole.
            let (before, after) = (field::lookup(&record, name), field::lookup(&out, name));
            prop_assert_eq!(before, after, "{}", name);
        }
        let mut again = Vec::new();
        Projection::parse(&names.join(",")).unwrap().write(&out, &mut again).unwrap();
        prop_assert_eq!(again, out, "a second time changes nothing");
    }

    #[test]
    fn any_bytes_end_in_a_value_or_an_error(record: Vec<u8>) {
        let mut out = Vec::new();
        let written = Projection::parse("a,b.c").unwrap().write(&record, &mut out);
        prop_assert_eq!(written.is_ok(), Reader::new(&record).skip().is_ok());
        prop_assert_eq!(written.is_ok(), Reader::new(&out).skip().is_ok());
    }
}
