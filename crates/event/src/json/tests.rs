use proptest::prelude::*;
use rmpv::Value as Rmpv;
use serde_json::Value as Json;

use super::text::is_plain;
use super::*;

mod reference;

fn json(value: &[u8]) -> String {
    let mut out = b"before ".to_vec();
    write_value(&mut out, value).unwrap();
    String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
}

fn mended(value: &[u8]) -> (String, Mended) {
    let mut out = Vec::new();
    let mended = write_value(&mut out, value).unwrap();
    (String::from_utf8(out).unwrap(), mended)
}

#[test]
fn every_kind_of_value() {
    for (value, expected) in [
        (&b"\xc0"[..], "null"),
        (b"\xc2", "false"),
        (b"\xc3", "true"),
        (b"\x82\xa6action\xa5login\xa4user\x06", r#"{"action":"login","user":6}"#),
        (b"\x90", "[]"),
        (b"\x93\x01\x91\xa1x\xc0", r#"[1,["x"],null]"#),
        (b"\xdc\x00\x01\x05", "[5]"),
        (b"\x80", "{}"),
        (b"\xde\x00\x01\xa1b\x81\xa1a\x80", r#"{"b":{"a":{}}}"#),
        // 64-bit integers are exact.
        (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
        (b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808"),
        (b"\xcf\x00\x20\x00\x00\x00\x00\x00\x01", "9007199254740993"),
        (b"\xff", "-1"),
        // bin: text, or base64.
        (b"\xc4\x03a\"b", r#""a\"b""#),
        (b"\xc4\x02v\xff", r#""dv8=""#),
        (b"\xc4\x00", r#""""#),
        // EventTime: whole seconds. Other ext: base64 of the data.
        (b"\xd7\x00\x59\x68\x2f\x01\x00\x00\x00\x05", "1500000001"),
        (b"\xc7\x08\x00\xff\xff\xff\xff\x00\x00\x00\x05", "4294967295"),
        (b"\xd6\x00\x59\x68\x2f\x01", r#""WWgvAQ==""#),
        (b"\xd6\xff\x59\x68\x2f\x01", r#""WWgvAQ==""#),
        (b"\xc7\x03\x05abc", r#""YWJj""#),
    ] {
        assert_eq!(json(value), expected, "{value:02x?}");
    }
}

#[test]
fn floats_stay_floats_and_read_back() {
    for (number, expected) in [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (1e300, "1e300"),
        (1e-5, "0.00001"),
        (1e-6, "1e-6"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e16"),
        (f64::MAX, "1.7976931348623157e308"),
        (5e-324, "5e-324"),
    ] {
        let mut value = Vec::new();
        crate::msgpack::write_f64(&mut value, number);
        assert_eq!(json(&value), expected);
    }
    // 32 bits are widened, as Ruby does.
    assert_eq!(json(b"\xca\x3d\xcc\xcc\xcd"), "0.10000000149011612");
    assert_eq!(json(b"\xca\x40\x00\x00\x00"), "2.0");
}

#[test]
fn what_json_cannot_say_is_mended_and_counted() {
    let value = b"\x95\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\xca\xff\x80\x00\x00\xa3a\xffb\xa1\xc3\x01";
    let expected = "[null,null,\"a\u{fffd}b\",\"\u{fffd}\",1]".to_owned();
    assert_eq!(mended(value), (expected, Mended { not_finite: 2, invalid_utf8: 2 }));
    // A key too.
    let expected = "{\"\u{fffd}\":1,\"null\":2}".to_owned();
    assert_eq!(
        mended(b"\x82\xa1\xff\x01\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00\x02"),
        (expected, Mended { not_finite: 1, invalid_utf8: 1 })
    );
}

#[test]
fn only_what_must_be_is_escaped() {
    let controls: String = (0..0x20).map(char::from).collect();
    let mut out = Vec::new();
    write_str(&mut out, &controls);
    let expected = concat!(
        r#""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000B\f\r\u000E\u000F"#,
        r#"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001A\u001B\u001C\u001D\u001E\u001F""#
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);

    for (text, expected) in [
        ("", r#""""#),
        ("\"", r#""\"""#),
        (r"\", r#""\\""#),
        ("\"\"a\\", r#""\"\"a\\""#),
        ("plain / \u{7f} \u{2028} ü 😀", "\"plain / \u{7f} \u{2028} ü 😀\""),
    ] {
        let mut out = Vec::new();
        write_str(&mut out, text);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn what_is_special_is_seen_wherever_it_stands() {
    for len in 1..20 {
        for (at, byte) in (0..len).flat_map(|at| (0..=255).map(move |byte| (at, byte))) {
            let mut text = vec![b' '; len];
            text[at] = byte;
            let plain = matches!(byte, 0x20..0x80) && !b"\"\\".contains(&byte);
            assert_eq!(is_plain(&text), plain, "{text:02x?}");
        }
    }
    assert!(is_plain(b""));
}

#[test]
fn keys_become_strings() {
    for (key, expected) in [
        (&b"\xa1k"[..], r#""k""#),
        (b"\x05", r#""5""#),
        (b"\xff", r#""-1""#),
        (b"\xc0", r#""""#),
        (b"\xc3", r#""true""#),
        (b"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", r#""1.5""#),
        (b"\xc4\x01k", r#""k""#),
        (b"\xc4\x01\xff", r#""/w==""#),
        (b"\xd7\x00\x59\x68\x2f\x01\x00\x00\x00\x05", r#""1500000001""#),
        (b"\xc7\x03\x05abc", r#""YWJj""#),
        (b"\x92\x01\xa1x", r#""[1,\"x\"]""#),
        (b"\x82\xa1a\x01\xa1a\x80", r#""{\"a\":{}}""#),
        // No quotes within quotes within quotes.
        (b"\x81\x91\x05\x01", r#""{\"kQU=\":1}""#),
    ] {
        let record = [b"\x81", key, b"\x01"].concat();
        assert_eq!(json(&record), format!("{{{expected}:1}}"), "{key:02x?}");
    }
}

#[test]
fn one_odd_key_does_not_change_the_next() {
    assert_eq!(json(b"\x82\x91\x05\x01\x91\x06\x02"), r#"{"[5]":1,"[6]":2}"#);
}

#[test]
fn maps_as_keys_of_maps_stay_small() {
    let depth = NESTING_DEPTH_MAX;
    let value = [vec![0x81; depth], b"\xa1\"".to_vec(), vec![0x01; depth]].concat();
    assert!(json(&value).len() < 4 * value.len());
}

#[test]
fn a_duplicate_key_keeps_the_first_position_and_the_last_value() {
    for (value, expected) in [
        (&b"\x83\xa1a\x01\xa1b\x02\xa1a\x03"[..], r#"{"a":3,"b":2}"#),
        (b"\x82\xa1a\x82\xa1x\x01\xa1x\x91\x02\xa1a\x82\xa1y\x01\xa1y\x02", r#"{"a":{"y":2}}"#),
        (b"\x92\x82\xa1a\x01\xa1a\x02\x82\xa1a\xc0\xa1b\x80", r#"[{"a":2},{"a":null,"b":{}}]"#),
        // Equal is what is equal as JSON.
        (b"\x84\x05\x01\xa15\x02\xc4\x015\x03\xd9\x015\x04", r#"{"5":4}"#),
        (b"\x82\xa1\xff\x01\xa1\xfe\x02", "{\"\u{fffd}\":2}"),
    ] {
        assert_eq!(json(value), expected, "{value:02x?}");
    }
}

#[test]
fn large_maps_of_duplicates_are_no_problem() {
    let (mut value, mut expected) = (Vec::new(), Vec::new());
    crate::msgpack::write_map_head(&mut value, 200_000);
    for index in 0..200_000_u64 {
        crate::msgpack::write_str(&mut value, &format!("key {}", index % 100_000));
        crate::msgpack::write_uint(&mut value, index);
    }
    for index in 0..100_000 {
        expected.push(format!("\"key {index}\":{}", index + 100_000));
    }
    assert!(json(&value) == format!("{{{}}}", expected.join(",")));
}

#[test]
fn nested_duplicates_are_no_problem() {
    // {a: {a: ..., b: 1, b: 2}, b: 1, b: 2}: doubling the work at each level would take for ever.
    let depth = NESTING_DEPTH_MAX;
    let value = [b"\x83\xa1a".repeat(depth), b"\xc0".to_vec(), b"\xa1b\x01\xa1b\x02".repeat(depth)].concat();
    assert_eq!(json(&value), "{\"a\":".repeat(depth) + "null" + &",\"b\":2}".repeat(depth));
}

#[test]
fn what_is_not_sound_leaves_the_output() {
    for (value, error) in [
        (&b""[..], ReadError::Incomplete),
        (b"\x92\x01", ReadError::Incomplete),
        (b"\x82\xa1a\x01\xa1a", ReadError::Incomplete),
        (b"\x81\x92\x01", ReadError::Incomplete),
        (b"\x92\x01\xc1", ReadError::Reserved),
        (&[0x91; NESTING_DEPTH_MAX + 1], ReadError::TooDeep),
        (&[0x81; NESTING_DEPTH_MAX + 1], ReadError::TooDeep),
    ] {
        let mut out = b"before".to_vec();
        assert_eq!(write_value(&mut out, value), Err(error), "{value:02x?}");
        assert_eq!(out, b"before");
    }
    let deepest = [[0x91; NESTING_DEPTH_MAX].as_slice(), b"\x05"].concat();
    assert_eq!(json(&deepest), "[".repeat(NESTING_DEPTH_MAX) + "5" + &"]".repeat(NESTING_DEPTH_MAX));
}

/// Any value that has an obvious translation, and that translation.
fn translated() -> impl Strategy<Value = (Rmpv, Json)> {
    let scalar = prop_oneof![
        Just((Rmpv::Nil, Json::Null)),
        any::<bool>().prop_map(|value| (value.into(), value.into())),
        any::<u64>().prop_map(|value| (value.into(), value.into())),
        any::<i64>().prop_map(|value| (value.into(), value.into())),
        any::<f64>().prop_map(|value| (value.into(), value.into())),
        any::<f32>().prop_map(|value| (value.into(), f64::from(value).into())),
        any::<String>().prop_map(|text| (text.clone().into(), text.into())),
        ".{0,4}".prop_map(|text| (text.clone().into_bytes().into(), text.into())),
        prop::collection::vec(0xf8_u8.., 1..20)
            .prop_map(|data| (Rmpv::Ext(7, data.clone()), STANDARD.encode(data).into())),
    ];
    scalar.prop_recursive(5, 60, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(|elements| {
                let (values, jsons): (Vec<_>, Vec<_>) = elements.into_iter().unzip();
                (values.into(), jsons.into())
            }),
            // Keys of one letter repeat often.
            prop::collection::vec(("[a-z\\\\\"\u{1}]{1,2}", inner), 0..20).prop_map(|fields| {
                let mut json = serde_json::Map::new();
                let mut values = Vec::new();
                for (key, (value, translated)) in fields {
                    json.insert(key.clone(), translated);
                    values.push((key.into(), value));
                }
                (Rmpv::Map(values), json.into())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn agrees_with_a_naive_translation((value, expected) in translated()) {
        let mut packed = Vec::new();
        rmpv::encode::write_value(&mut packed, &value).unwrap();
        let text = json(&packed);
        let read: Json = serde_json::from_str(&text).unwrap();
        // The order of keys counts too, so the texts are compared.
        prop_assert_eq!(read.to_string(), expected.to_string());
    }

    #[test]
    fn any_bytes_give_valid_json_or_the_error_of_the_reader(bytes: Vec<u8>, deep in "[\u{1}\u{81}\u{91}]{0,300}") {
        let deep: Vec<_> = deep.chars().map(|char| u8::try_from(char).unwrap()).collect();
        for bytes in [bytes, deep] {
            let mut out = Vec::new();
            let written = write_value(&mut out, &bytes).map(|_| ());
            prop_assert_eq!(written, Reader::new(&bytes).skip().map(|_| ()));
            if written.is_ok() {
                serde_json::from_slice::<serde::de::IgnoredAny>(&out).unwrap();
            } else {
                prop_assert!(out.is_empty());
            }
        }
    }

    #[test]
    fn any_float_reads_back_to_itself(bits: u64) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        let mut value = Vec::new();
        crate::msgpack::write_f64(&mut value, number);
        let text = json(&value);
        prop_assert!(text.contains(['.', 'e']));
        prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), bits);
    }
}
