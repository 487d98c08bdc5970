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

#[test]
fn every_form_of_key_and_value_is_stepped_over() {
    let long = "k".repeat(40);
    let mut keys: Vec<Vec<u8>> = vec![b"\x07".to_vec(), b"\x92\x01\xa1x".to_vec(), b"\xc4\x02ab".to_vec()];
    keys.extend([[b"\xd9\x28", long.as_bytes()].concat(), [b"\xdb\0\0\0\x28", long.as_bytes()].concat()]);
    keys.extend([b"\xa0".to_vec(), [b"\xbf", &long.as_bytes()[..31]].concat()]);
    let mut values: Vec<Vec<u8>> =
        (0x00..=0x7f).chain(0xe0..=0xff).chain([0xc0, 0xc2, 0xc3]).map(|head| vec![head]).collect();
    values.extend((0xa0..=0xbf_u8).map(|head| [vec![head], vec![b'x'; usize::from(head & 0x1f)]].concat()));
    // Heads with a fixed number of bytes after them, then those with a length.
    for (head, len) in
        [(0xca, 4), (0xcb, 8), (0xcc, 1), (0xcd, 2), (0xce, 4), (0xcf, 8), (0xd0, 1), (0xd1, 2)]
    {
        values.push([vec![head], vec![0xa1; len]].concat());
    }
    for (head, len) in [(0xd2, 4), (0xd3, 8), (0xd4, 2), (0xd5, 3), (0xd6, 5), (0xd7, 9), (0xd8, 17)] {
        values.push([vec![head], vec![0xa1; len]].concat());
    }
    for head in
        ["\u{c4}\x03", "\u{c5}\0\x03", "\u{c6}\0\0\0\x03", "\u{d9}\x03", "\u{da}\0\x03", "\u{db}\0\0\0\x03"]
    {
        values.push(head.chars().map(|byte| u8::try_from(byte).unwrap()).chain(*b"abc").collect());
    }
    values.extend([
        b"\xc7\x02\x05ab".to_vec(),
        b"\x92\x01\x81\xa1z\x09".to_vec(),
        b"\xdc\0\x01\x01".to_vec(),
    ]);
    values.extend([b"\x81\xa1z\x09".to_vec(), b"\xde\0\x01\xa1z\x09".to_vec()]);
    for head in [&b"\x82"[..], b"\xde\0\x02", b"\xdf\0\0\0\x02"] {
        for (key, value) in keys.iter().flat_map(|key| values.iter().map(move |value| (key, value))) {
            let record = [head, key, value, b"\xa1z\x01"].concat();
            assert_eq!(lookup(&record, "z"), Some(Value::UInt(1)), "{record:02x?}");
            for cut in 0..record.len() {
                assert_eq!(lookup(&record[..cut], "z"), None, "{record:02x?} up to {cut}");
            }
        }
    }
}
