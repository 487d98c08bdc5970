use super::*;
use crate::from_json;

fn record(json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    from_json::append(&mut out, json.as_bytes()).unwrap();
    out
}

#[test]
fn a_path_reaches_into_maps() {
    let record = record(
        r#"{"user":6,"a":{"b":{"c":"deep","d":[1,2],"e":{}},"b.c":"dotted inside"},
            "x.y":1,"x":{"y":2,"z":3},"p.q":5,"p":{"q":{"r":4}},"":{"":9,"k":8},"n":null,"s.":7,"u":{"":0}}"#,
    );
    for (path, expected) in [
        ("user", Some(Value::UInt(6))),
        ("n", Some(Value::Nil)),
        ("a", Some(Value::Map(2))),
        ("a.b", Some(Value::Map(3))),
        ("a.b.d", Some(Value::Array(2))),
        ("a.b.e", Some(Value::Map(0))),
        // The key with the dots wins, at every level.
        ("a.b.c", Some(Value::Str(b"dotted inside"))),
        ("x.y", Some(Value::UInt(1))),
        ("x.z", Some(Value::UInt(3))),
        // ... and what it does not hold is still found by nesting.
        ("p.q", Some(Value::UInt(5))),
        ("p.q.r", Some(Value::UInt(4))),
        ("s.", Some(Value::UInt(7))),
        ("", Some(Value::Map(2))),
        (".", Some(Value::UInt(9))),
        (".k", Some(Value::UInt(8))),
        ("use", None),
        ("users", None),
        ("ux", None),
        ("user.x", None),
        ("a.b.d.0", None),
        ("a.b.c.", None),
        ("a.", None),
        ("..", None),
    ] {
        assert_eq!(lookup(&record, path), expected, "{path:?}");
    }
}

#[test]
fn the_last_of_duplicate_keys_wins() {
    assert_eq!(lookup(b"\x83\xa1a\x01\xa1b\x02\xa1a\x03", "a"), Some(Value::UInt(3)));
    let nested_then_scalar = b"\x82\xa1a\x81\xa1b\x01\xa1a\x02";
    assert_eq!(lookup(nested_then_scalar, "a.b"), None);
}

#[test]
fn keys_compare_by_bytes() {
    let record = b"\x84\x05\x01\xc4\x01b\x02\x81\xa1c\x01\x03\xa2\xc3\xbc\x04";
    assert_eq!(lookup(record, "b"), Some(Value::UInt(2)));
    assert_eq!(lookup(record, "ü"), Some(Value::UInt(4)));
    assert_eq!(lookup(record, "5"), None);
    assert_eq!(lookup(record, "c"), None);
}

#[test]
fn what_is_no_sound_record_holds_nothing() {
    for record in
        [&b""[..], b"\xc0", b"\x91\xa1a", b"\xa1a", b"\x81\xa1a", b"\x82\xa1a\x01\xa1a", b"\x81\xc1\x01"]
    {
        assert_eq!(lookup(record, "a"), None, "{record:02x?}");
    }
}
