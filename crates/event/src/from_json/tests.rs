use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::limits::NESTING_DEPTH_MAX;
use crate::msgpack::{Reader, Value};
use crate::{BatchBuilder, EventTime, json};

fn packed(json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    append(&mut out, json.as_bytes()).unwrap();
    out
}

#[test]
fn every_kind_of_value() {
    for (json, expected) in [
        ("null", &b"\xc0"[..]),
        (" true\n", b"\xc3"),
        ("false", b"\xc2"),
        ("0", b"\x00"),
        ("-1", b"\xff"),
        ("18446744073709551615", b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("-9223372036854775808", b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
        // Past 64 bits, a double.
        ("18446744073709551616", b"\xcb\x43\xf0\x00\x00\x00\x00\x00\x00"),
        ("-9223372036854775809", b"\xcb\xc3\xe0\x00\x00\x00\x00\x00\x00"),
        ("1.0", b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"),
        ("1e0", b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"),
        ("\"\"", b"\xa0"),
        (r#""a\n\u00e9\ud83d\ude00/""#, b"\xa9a\n\xc3\xa9\xf0\x9f\x98\x80/"),
        ("[]", b"\x90"),
        ("[1,[2]]", b"\x92\x01\x91\x02"),
        ("{}", b"\x80"),
        (r#"{"action":"login","user":6}"#, b"\x82\xa6action\xa5login\xa4user\x06"),
        (r#"{"b":1,"a":{"c":[]}}"#, b"\x82\xa1b\x01\xa1a\x81\xa1c\x90"),
    ] {
        assert_eq!(packed(json), expected, "{json}");
    }
}

#[test]
fn heads_are_the_shortest_at_every_size() {
    for len in [0, 1, 15, 16, 17, 65535, 65536] {
        let mut array = Vec::new();
        msgpack::write_array_head(&mut array, len);
        array.extend((0..len).map(|_| 7));
        let json = format!("[{}]", vec!["7"; len.try_into().unwrap()].join(","));
        assert!(packed(&json) == array, "{len}");

        let (mut map, mut fields) = (Vec::new(), Vec::new());
        msgpack::write_map_head(&mut map, len);
        for index in 0..len {
            msgpack::write_str(&mut map, &format!("k{index}"));
            map.push(0xc0);
            fields.push(format!("\"k{index}\":null"));
        }
        assert!(packed(&format!("{{{}}}", fields.join(","))) == map, "{len}");
    }
}

#[test]
fn a_duplicate_key_keeps_the_first_position_and_the_last_value() {
    for (json, same_as) in [
        (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
        (r#"{"a":1,"\u0061":{"x":1,"y":2,"x":[3]}}"#, r#"{"a":{"x":[3],"y":2}}"#),
        (r#"[{"a":{"x":1,"x":2},"b":[],"b":0,"c":1,"a":null},5]"#, r#"[{"a":null,"b":0,"c":1},5]"#),
    ] {
        assert_eq!(packed(json), packed(same_as), "{json}");
    }
    // The head shrinks with the fields.
    let fields: Vec<_> = (0..30).map(|index| format!("\"{}\":{index}", index % 10)).collect();
    let kept: Vec<_> = (0..10).map(|index| format!("\"{index}\":{}", index + 20)).collect();
    assert_eq!(packed(&format!("{{{}}}", fields.join(","))), packed(&format!("{{{}}}", kept.join(","))));
}

#[test]
fn doubles_are_read_exactly() {
    for text in ["0.1", "2.638344616030823e-256", "1e23", "-0.0", "1500000000.123456789", "5e-324"] {
        let expected: f64 = text.parse().unwrap();
        let Ok(Value::F64(read)) = Reader::new(&packed(text)).read() else { panic!("{text}") };
        assert_eq!(read.to_bits(), expected.to_bits(), "{text}");
    }
}

#[test]
fn what_is_no_document_leaves_the_output() {
    for json in [
        &b""[..],
        b" ",
        b"{",
        b"[1,",
        b"{\"a\":1}x",
        b"{\"a\":1} {\"a\":1}",
        b"[1,]",
        b"{a:1}",
        b"{1:1}",
        b"'a'",
        b"nul",
        b"01",
        b"NaN",
        b"1e999",
        b"[1,{\"a\":[2,-1e999]}]",
        b"\"\xff\"",
        b"\"a\nb\"",
        b"\"\\ud800\"",
        b"\xef\xbb\xbf{}",
    ] {
        let mut out = b"before".to_vec();
        assert!(append(&mut out, json).is_err(), "{json:?}");
        assert_eq!(out, b"before");
    }
}

#[test]
fn what_nests_as_deep_as_allowed_fits_into_an_entry() {
    let nested = |open: &str, close: &str, depth| open.repeat(depth) + "1" + &close.repeat(depth);
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deepest = packed(&nested(open, close, NESTING_DEPTH_MAX - 1));
        let record = [b"\x81\xa1a", &deepest[..]].concat();
        assert_eq!(Reader::new(&record).skip(), Ok(&record[..]));
        let mut out = Vec::new();
        assert!(append(&mut out, nested(open, close, NESTING_DEPTH_MAX).as_bytes()).is_err());
        assert!(append(&mut out, open.repeat(100_000).as_bytes()).is_err());
        assert!(append_prefix(&mut out, open.repeat(100_000).as_bytes()).is_err());
        assert!(out.is_empty());
    }
    let record = packed(&nested("{\"a\":", "}", NESTING_DEPTH_MAX - 1));
    let mut builder = BatchBuilder::new("t".into(), EventTime::default());
    builder.push(EventTime::from_seconds(1), &record);
    assert_eq!(builder.finish().events().next().unwrap().unwrap().record, record);
}

#[test]
fn concatenated_documents_come_one_by_one() {
    let mut json = &br#" ["t",1,{"k":1}]{"a":2}
 [3]"x"5 6 "#[..];
    let mut documents = Vec::new();
    loop {
        let mut out = Vec::new();
        match append_prefix(&mut out, json).unwrap() {
            Some(len) => json = &json[len..],
            None => break,
        }
        documents.push(out);
    }
    let expected: [&[u8]; 6] =
        [b"\x93\xa1t\x01\x81\xa1k\x01", b"\x81\xa1a\x02", b"\x91\x03", b"\xa1x", b"\x05", b"\x06"];
    assert_eq!(documents, expected);
    assert_eq!(json, b" ");
}

#[test]
fn incomplete_and_invalid_are_told_apart() {
    let prefix = |json: &[u8]| {
        let mut out = b"before".to_vec();
        let used = append_prefix(&mut out, json);
        if !matches!(used, Ok(Some(_))) {
            assert_eq!(out, b"before");
        }
        used.map_err(|_| ())
    };
    for json in [
        &b""[..],
        b" \n",
        b"[",
        b"{\"a",
        b"[tru",
        b"[-",
        b"[1",
        b"[1.",
        b"[1e",
        b"[\"\\",
        b"[\"\\u00",
        b"[\"\\ud83d",
        b"[\"\xc3",
        b"{\"a\":",
        b"[nul",
    ] {
        assert_eq!(prefix(json), Ok(None), "{json:?}");
    }
    for json in [
        &b"[zzz]"[..],
        b"[z",
        b"]",
        b"{1",
        b"[\"\xff\"",
        b"[\"\\x",
        b"[\"\n",
        b"[01",
        b"[1,]",
        b"[1}",
        b"x",
        b"[1e999",
    ] {
        assert_eq!(prefix(json), Err(()), "{json:?}");
    }
    assert_eq!(prefix(b"[1] zzz"), Ok(Some(3)));
}

fn document() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ];
    let value = scalar.prop_recursive(4, 40, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Json::from),
            prop::collection::vec((any::<String>(), inner), 0..20)
                .prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    });
    prop::collection::vec(value, 0..4).prop_map(Json::from)
}

proptest! {
    #[test]
    fn messagepack_and_back_is_the_same_document(document in document()) {
        let text = document.to_string();
        let mut back = Vec::new();
        prop_assert_eq!(json::write_value(&mut back, &packed(&text)).unwrap(), json::Mended::default());
        // The order of keys counts too, so the texts are compared.
        prop_assert_eq!(serde_json::from_slice::<Json>(&back).unwrap().to_string(), text);
    }

    #[test]
    fn every_beginning_of_a_document_is_incomplete(document in document(), tail in "[\\[{ ]?") {
        let text = document.to_string();
        let mut out = Vec::new();
        for cut in 0..text.len() {
            prop_assert_eq!(append_prefix(&mut out, &text.as_bytes()[..cut]).unwrap(), None);
        }
        prop_assert!(out.is_empty());
        let len = append_prefix(&mut out, (text.clone() + &tail).as_bytes()).unwrap();
        prop_assert_eq!(len, Some(text.len()));
        prop_assert_eq!(out, packed(&text));
    }

    #[test]
    fn random_text_never_panics(json in "[\\[\\]{}:,\"\\\\a0-9.e+ \u{fc}-]{0,40}", bytes: Vec<u8>) {
        for json in [json.as_bytes(), &bytes] {
            let mut out = Vec::new();
            if append(&mut out, json).is_ok() {
                prop_assert_eq!(Reader::new(&out).skip(), Ok(&out[..]));
            }
            let _ = append_prefix(&mut out, json);
        }
    }
}
