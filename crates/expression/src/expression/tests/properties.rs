//! Any text, any record.

use fluentcast_event::{field, msgpack};
use proptest::prelude::*;

use super::*;

/// Pieces of the language in any order: now and then they make an expression.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "record",
        "tag",
        "time",
        ".a",
        ".b",
        "[\"a-b\"]",
        "[0]",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "&&",
        "||",
        "!",
        "-",
        "(",
        ")",
        "[",
        "]",
        ",",
        " in ",
        "1",
        "2u",
        "0.5",
        "1e3",
        "\"x\"",
        "'\\u00e4'",
        "r\"\\d\"",
        "null",
        "true",
        "false",
        "has(record.a)",
        "size(",
        ".contains(",
        ".matches(\"^a\")",
        ".startsWith(\"x\")",
        "timestamp(\"2026-01-31T12:00:00Z\")",
        " ",
        "record.a",
        "record.b == 1",
        "record.a in [1, \"x\"]",
        "ä",
        "=",
        "\"",
        "//",
        "\n",
        "0x",
        "9223372036854775808",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Expressions that mostly are some.
fn sound() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "record.a",
        "record.b.c",
        "record[\"x y\"]",
        "record.list[1]",
        "1",
        "-2.5",
        "3u",
        "\"x\"",
        "null",
        "true",
        "tag",
        "size(record.a)",
        "-record.a",
        "(record.a)",
    ]);
    let relation = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">=", "in"]);
    let leaf = prop_oneof![
        (value.clone(), relation, value)
            .prop_map(|(left, relation, right)| format!("{left} {relation} {right}")),
        Just("record.a in [3, 'y', 1]".to_owned()),
        Just("record.a".to_owned()),
        Just("has(record.b.c)".to_owned()),
        Just("tag.contains('p')".to_owned()),
        Just("record.s.matches(r'^\\w+$')".to_owned()),
    ];
    leaf.prop_recursive(5, 20, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) && {right}")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("{left} || ({right})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) == ({right})")),
            inner.prop_map(|inner| format!("!({inner})")),
        ]
    })
}

fn record() -> impl Strategy<Value = Vec<u8>> {
    let value =
        prop::sample::select(vec!["1", "-2.5", "3", "\"x\"", "null", "true", "[0,1]", "{\"c\":2}", "\"ab\""]);
    let key = prop::sample::select(vec!["a", "b", "x y", "list", "s"]);
    prop::collection::vec((key, value), 0..6).prop_map(|fields| {
        let mut out = Vec::new();
        msgpack::write_map_head(&mut out, u32::try_from(fields.len()).unwrap());
        for (key, value) in fields {
            msgpack::write_str(&mut out, key);
            out.extend(packed(value));
        }
        out
    })
}

/// Any position of a mistake is one of the text's.
fn check(text: &str, record: &[u8]) {
    match Expression::parse(text) {
        Ok(expression) => {
            let canonical = expression.to_string();
            let again = parse(&canonical);
            assert_eq!(again.to_string(), canonical);
            let time = EventTime::default();
            assert_eq!(expression.evaluate("app", time, record), again.evaluate("app", time, record));
        }
        Err(error) => {
            assert!(text.is_char_boundary(error.position), "{error:?}");
            assert_eq!(text[..error.position].chars().count() + 1, error.column);
            assert_eq!(error.to_string().lines().count(), 1);
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_an_expression_or_a_mistake(text in any::<String>(), record: Vec<u8>) {
        check(&text, &record);
    }

    #[test]
    fn any_pieces_are_an_expression_or_a_mistake(text in soup(), record in record()) {
        check(&text, &record);
    }

    #[test]
    fn the_canonical_form_means_the_same(text in sound(), record in record()) {
        check(&text, &record);
    }

    #[test]
    fn any_bytes_may_be_a_record(text in sound(), record: Vec<u8>) {
        check(&text, &record);
    }

    #[test]
    fn an_equality_holds_wherever_the_expression_does(text in sound(), record in record()) {
        if let Ok(expression) = Expression::parse(&text) {
            let holds = expression.matches("app", EventTime::default(), &record);
            for equality in expression.equalities() {
                let path: Vec<_> = equality.path().map(|key| format!("[{key:?}]")).collect();
                let values: Vec<_> = equality.values().iter().map(ToString::to_string).collect();
                let alone = format!("record{} in [{}]", path.concat(), values.join(", "));
                let alone_holds = outcome(&alone, &record) == Outcome::True;
                prop_assert!(!holds || alone_holds);
                prop_assert!(!expression.is_equality() || holds == alone_holds);
                if let (true, Some(name)) = (holds, equality.name()) {
                    prop_assert!(field::lookup(&record, name).is_some());
                }
            }
        }
    }

    #[test]
    fn fields_are_found_as_the_filters_find_them(record in record(), wanted in 0u64..4) {
        for name in ["a", "b", "x y"] {
            let found = field::lookup(&record, name);
            let expected = match found {
                None => Outcome::Error,
                Some(msgpack::Value::UInt(number)) if number == wanted => Outcome::True,
                Some(_) => Outcome::False,
            };
            prop_assert_eq!(outcome(&format!("record[\"{name}\"] == {wanted}"), &record), expected);
        }
    }
}
