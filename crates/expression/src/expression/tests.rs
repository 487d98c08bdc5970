use fluentcast_event::from_json;

use super::*;

mod hostile;
mod properties;

fn parse(text: &str) -> Expression {
    Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn mistake(text: &str) -> ParseError {
    Expression::parse(text).expect_err("a mistake")
}

fn packed(json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    from_json::append(&mut out, json.as_bytes()).unwrap();
    out
}

fn outcome(text: &str, record: &[u8]) -> Outcome {
    parse(text).evaluate("", EventTime::default(), record)
}

/// The outcome, and the steps it took.
fn cost(text: &str, record: &[u8]) -> (Outcome, usize) {
    let mut steps = Steps::new();
    let outcome = evaluate::outcome(&parse(text).parsed.root, "", EventTime::default(), record, &mut steps);
    (outcome, steps.spent())
}

#[test]
fn the_same_expression_has_one_form() {
    for (canonical, others) in [
        (
            "record.a == 1",
            &["record.a==1", " ( record.a\t== ((1)) )\n", r#"record["a"]==0x1"#, "record.a == 1u // one"][..],
        ),
        (
            r#"record.a == "b\"c""#,
            &[r#"record.a == 'b"c'"#, r#"record.a == r'b"c'"#, r#"record.a == "b\x22c""#],
        ),
        (r#"record.a == "\\d\n""#, &["record.a == \"\"\"\\\\d\n\"\"\""]),
        (
            "record.a && record.b && record.c",
            &["record.a && (record.b && record.c)", "(record.a && record.b) && record.c"],
        ),
        ("record.a || record.b && record.c", &["record.a || (record.b && record.c)"]),
        ("(record.a || record.b) && record.c", &["((record.a) || (record.b)) && (record.c)"]),
        ("!(record.a == 1) && !record.b", &["(!((record.a == 1))) && !(record.b)"]),
        ("(record.a == 1) == true", &["((record.a == (1)) == true)"]),
        ("record.a in [1, 2, \"x\"]", &["record.a in [2, 1, 'x', 1, 2,]", "(record.a) in [\"x\", 2, 1]"]),
        ("size(record.a) > 2", &["record.a.size() > 2"]),
        ("record.a.matches(\"^b\")", &["matches(record.a, r'^b')"]),
        (
            "record[\"a-b\"][\"in\"].true_[0].c == -1",
            &["record['a-b']['in'].true_[0x0].c == - 1 ", "record[\"a-b\"]['in']['true_'][0u].c == -(1)"],
        ),
        ("time > timestamp(\"2026-01-31T11:00:00Z\")", &["time > timestamp('2026-01-31T12:00:00+01:00')"]),
        ("-record.a < 0.5", &["- (record.a) < .5", "-record.a < 5e-1"]),
        ("has(record.a) && tag.contains(\"x\")", &["has((record).a) && (tag).contains((\"x\"))"]),
        ("record.a == 18446744073709551615u", &["record.a == 0xffffffffffffffffU"]),
    ] {
        let expression = parse(canonical);
        assert_eq!(expression.to_string(), canonical);
        for other in others {
            let other = parse(other);
            assert_eq!(other, expression);
            assert_eq!(hash(&other), hash(&expression));
        }
    }
    for (one, other) in [
        ("record.a == 1", "record.a == '1'"),
        ("record.a && record.b", "record.b && record.a"),
        ("record.a == 1", "record.a != 1"),
        ("record.a.b == 1", "record['a.b'] == 1"),
        ("!!record.a", "record.a"),
    ] {
        assert_ne!(parse(one), parse(other), "{one} {other}");
    }
}

fn hash(expression: &Expression) -> u64 {
    let mut state = std::hash::DefaultHasher::new();
    expression.hash(&mut state);
    state.finish()
}

#[test]
fn equalities_are_the_conjuncts_an_index_can_use() {
    let shown = |text: &str| {
        let expression = parse(text);
        let all: Vec<_> = expression
            .equalities()
            .map(|equality| {
                let values: Vec<_> = equality.values().iter().map(ToString::to_string).collect();
                format!(
                    "{:?} {:?} {}",
                    equality.path().collect::<Vec<_>>(),
                    equality.name(),
                    values.join(" ")
                )
            })
            .collect();
        assert!(!expression.is_equality() || all.len() == 1);
        (all.join(", "), expression.is_equality())
    };
    for (text, equalities, is_equality) in [
        ("record.a == 1", r#"["a"] Some("a") 1"#, true),
        ("'x' == record.a", r#"["a"] Some("a") "x""#, true),
        ("record['a.b'] == null", r#"["a.b"] Some("a.b") null"#, true),
        ("record.a.b in [true, 2, 'x', 2]", r#"["a", "b"] None true 2 "x""#, true),
        ("record.a in []", r#"["a"] Some("a") "#, true),
        (
            "record.a == 1 && record.b != 2 && (record.c == 3 && record.d > 4)",
            r#"["a"] Some("a") 1, ["c"] Some("c") 3"#,
            false,
        ),
        ("record.a == 1 || record.b == 2", "", false),
        ("!(record.a == 1)", "", false),
        ("record.list[0] == 1", "", false),
        ("record.a == record.b", "", false),
        ("size(record.a) == 1", "", false),
        ("record.a != 1", "", false),
        ("tag == 'x'", "", false),
        ("1 == 1", "", false),
        ("record in [1]", "", false),
    ] {
        assert_eq!(shown(text), (equalities.to_owned(), is_equality), "{text}");
    }
}

#[test]
fn broken_records_match_nothing() {
    let whole = packed(r#"{"a":1,"b":{"c":[1,2]}}"#);
    let text = "record.b.c[1] == 2 && record.a == 1";
    assert_eq!(outcome(text, &whole), Outcome::True);
    for cut in 0..whole.len() {
        assert_eq!(outcome(text, &whole[..cut]), Outcome::Error, "cut at {cut}");
    }
    let deep = [b"\x81\xa1a".as_slice(), &[0x91; 200]].concat();
    for record in
        [&b"\xc0"[..], b"\x93\x01\x02\x03", b"\x81\xa1a\xc1", b"\x81\xc1\x01", b"\xdf\xff\xff\xff\xff", &deep]
    {
        for text in ["record.a == 1", "has(record.a)", "!has(record.a)", "'a' in record", "record.a != 1"] {
            let said = outcome(text, record);
            assert!(said != Outcome::True || text.starts_with("'a' in"), "{text} {record:02x?}: {said:?}");
        }
    }
}

#[test]
fn the_last_of_duplicate_keys_counts_and_bin_is_a_string() {
    assert_eq!(outcome("record.a == 3", b"\x82\xa1a\x01\xa1a\x03"), Outcome::True);
    assert_eq!(outcome("record.a == 1", b"\x82\xa1a\x01\xa1a\x03"), Outcome::False);
    assert_eq!(outcome("record.a == 'x'", b"\x81\xc4\x01a\xc4\x01x"), Outcome::True);
    assert_eq!(outcome("record.a == 'x'", b"\x81\xd9\x01a\xdb\x00\x00\x00\x01x"), Outcome::True);
    assert_eq!(outcome("record[5] == 1 && 5 in record && record[5u] == 1", b"\x81\x05\x01"), Outcome::True);
    // Not UTF-8: shown as U+FFFD, and counted so; equal to no literal.
    assert_eq!(outcome("size(record.a) == 3", b"\x81\xa1a\xa4\xff\xc3\xbc\xff"), Outcome::True);
    assert_eq!(outcome("record.a == '\u{fffd}'", b"\x81\xa1a\xa1\xff"), Outcome::False);
    assert_eq!(outcome("record.a.matches('^.$')", b"\x81\xa1a\xa1\xff"), Outcome::False);
    // NaN equals nothing and has no order; an extension equals only itself.
    let nan =
        b"\x82\xa1a\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\xa1b\x92\x01\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00";
    for text in [
        "record.a == record.a",
        "record.a < 1",
        "record.a >= 1",
        "record.a in [1, 2]",
        "record.b == record.b",
    ] {
        assert_eq!(outcome(text, nan), Outcome::False, "{text}");
    }
    let extension = b"\x82\xa1a\xd4\x07\x01\xa1b\xd4\x07\x02";
    assert_eq!(
        outcome("record.a == record.a && record.a != record.b && record.a != 1", extension),
        Outcome::True
    );
    assert_eq!(outcome("record.a < record.b", extension), Outcome::Error);
}

#[test]
fn maps_are_equal_whatever_their_order() {
    let record = |left: &str, right: &str| packed(&format!(r#"{{"l":{left},"r":{right}}}"#));
    for (left, right, equal) in [
        (r#"{"a":1,"b":[2,{}]}"#, r#"{"b":[2.0,{}],"a":1}"#, true),
        (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false),
        (r#"{"a":1,"b":2}"#, r#"{"a":1}"#, false),
        (r#"{"a":1}"#, r#"{"b":1}"#, false),
        (r#"{"a":1}"#, r#"{"a":2}"#, false),
        ("{}", "{}", true),
        ("{}", "[]", false),
        ("[1,2]", "[1,2,3]", false),
        ("[1,2]", "[2,1]", false),
    ] {
        let expected = if equal { Outcome::True } else { Outcome::False };
        assert_eq!(outcome("record.l == record.r", &record(left, right)), expected, "{left} {right}");
    }
    let duplicates = b"\x82\xa1l\x82\xa1a\x01\xa1a\x02\xa1r\x81\xa1a\x02";
    assert_eq!(outcome("record.l == record.r && record.r == record.l", duplicates), Outcome::True);
}

#[test]
fn expressions_go_between_threads() {
    fn check<T: Send + Sync + Clone>() {}
    check::<Expression>();
}
