//! Texts and records made to be expensive: answered within the bounds, which are counted, not timed.

use fluentcast_event::limits::{
    EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX, EXPRESSION_STEPS_PER_EVENT_MAX,
};
use fluentcast_event::msgpack;

use super::*;

#[test]
fn hostile_texts_are_refused_at_a_bound() {
    let long = format!("tag == \"{}\"", "x".repeat(EXPRESSION_BYTES_MAX - 9));
    assert_eq!(long.len(), EXPRESSION_BYTES_MAX);
    assert!(Expression::parse(&long).is_ok());
    assert_eq!(mistake(&format!("{long} ")).position, EXPRESSION_BYTES_MAX);
    let umlauts = mistake(&"ä".repeat(EXPRESSION_BYTES_MAX));
    assert_eq!((umlauts.position, umlauts.column), (EXPRESSION_BYTES_MAX, EXPRESSION_BYTES_MAX / 2 + 1));
    assert!(mistake(&format!("{}true", "!".repeat(100_000))).message.contains("4096"));
    assert!(mistake(&format!("record.a in [{}]", vec!["1"; 10_000].join(","))).message.contains("4096"));

    // Just within the bound on depth, which the expression itself is the first level of.
    let levels = EXPRESSION_DEPTH_MAX - 1;
    let nested = |open: &str, close: &str, n: usize| format!("{}record.a{}", open.repeat(n), close.repeat(n));
    for (open, close) in [("(", ")"), ("!", ""), ("true == (", ")"), ("!!(", ")")] {
        let per_level = open.matches(['!', '(']).count();
        assert!(Expression::parse(&nested(open, close, levels / per_level)).is_ok(), "{open}");
        let error = mistake(&nested(open, close, levels / per_level + 1));
        assert!(error.message.contains("32 levels"), "{error}");
        assert!(mistake(&nested(open, close, 400)).message.contains("32 levels"));
    }
    assert!(mistake(&format!("{} == 1", nested("-", "", 40))).message.contains("32 levels"));
    assert!(mistake(&"record.a in [-".repeat(100)).message.contains("literals only"));

    let numbers = |n: usize| format!("record.a in [{}]", vec!["1"; n].join(","));
    // `in`, `record`, `.a`, and the list.
    assert!(Expression::parse(&numbers(EXPRESSION_NODES_MAX - 3)).is_ok());
    assert!(mistake(&numbers(EXPRESSION_NODES_MAX - 2)).message.contains("1024"));
    assert!(mistake(&format!("record{} == 1", ".a".repeat(1100))).message.contains("1024"));
    assert!(mistake(&format!("record{} == 1", "[0]".repeat(1100))).message.contains("1024"));
    let error = mistake(&"long_name".repeat(400));
    assert!(error.to_string().len() < 300, "{error}");
    assert!(mistake("tag == '\n'").to_string().lines().count() == 1);
}

#[test]
fn hostile_records_end_at_the_budget() {
    let mut long_list = b"\x81\xa1a".to_vec();
    msgpack::write_array_head(&mut long_list, 400_000);
    long_list.extend([0x01].repeat(400_000));
    assert_eq!(cost("2 in record.a", &long_list).0, Outcome::OverBudget);
    // The budget ends the evaluation, whatever the other terms say.
    assert_eq!(cost("2 in record.a || true", &long_list).0, Outcome::OverBudget);
    assert_eq!(cost("record.a == record.a && false", &long_list).0, Outcome::OverBudget);
    let (said, steps) = cost("record.a[5] == 1 && size(record.a) == 400000", &long_list);
    assert_eq!(said, Outcome::True);
    assert!(steps < 201_000, "{steps}");

    let many: Vec<_> = (0..5_000).map(|index| format!("\"k{index}\":{index}")).collect();
    let wide = packed(&format!("{{{}}}", many.join(",")));
    let terms = vec!["record.x == 1"; 200].join(" || ");
    assert_eq!(cost(&terms, &wide).0, Outcome::OverBudget);
    let twice = packed(&format!("{{\"a\":{{{}}}}}", many.join(",")));
    assert_eq!(cost("record.a == record.a", &twice).0, Outcome::OverBudget, "map equality is quadratic");

    let mut text = b"\x81\xa1a".to_vec();
    msgpack::write_str(&mut text, &"a".repeat(600_000));
    assert_eq!(cost("record.a.contains('b')", &text).0, Outcome::False);
    assert_eq!(cost("record.a.contains('b') || record.a.contains('c')", &text).0, Outcome::OverBudget);
    let (said, steps) = cost("record.a.startsWith('b') || record.a == 'a'", &text);
    assert_eq!(said, Outcome::False);
    assert!(steps < 100, "a long string is passed over in one go: {steps}");

    let (said, steps) = cost("record.a == record.a", &text);
    assert_eq!(said, Outcome::True);
    assert!(steps > 5_000, "comparing long strings costs: {steps}");

    let mut text = b"\x81\xa1a".to_vec();
    msgpack::write_str(&mut text, &"a".repeat(2_000_000));
    assert_eq!(
        cost("record.a.contains('b') || true", &text),
        (Outcome::OverBudget, 5),
        "refused before it began"
    );

    // What is passed over counts too, when it is nested.
    let beside = [b"\x82".as_slice(), &long_list[1..], b"\xa1b\x01"].concat();
    assert_eq!(cost("record.b == 1", &beside).0, Outcome::True);
    assert_eq!(cost(&["record.b == 1"; 10].join(" && "), &beside).0, Outcome::OverBudget);

    // Nor is it looked at further than can be paid, or than it goes.
    let mut huge = b"\x82\xa1a".to_vec();
    msgpack::write_array_head(&mut huge, 3_000_000);
    huge.extend([0x01].repeat(2_999_999));
    assert_eq!(cost("record.b == 1", &huge), (Outcome::OverBudget, 2));
    assert_eq!(cost("record.b == 1", &huge[..500_000]), (Outcome::Error, 2));

    // Lists within lists whose elements are the same again would double at every level.
    let doubling = (0..100).fold("1".to_owned(), |inner, _| format!("[{inner}]"));
    let record = packed(&format!("{{\"a\":{doubling},\"b\":{doubling}}}"));
    let (said, steps) = cost("record.a == record.b", &record);
    assert_eq!(said, Outcome::True);
    assert!(steps < EXPRESSION_STEPS_PER_EVENT_MAX / 50, "{steps}");
    let levels = (0..60)
        .fold(b"\x01".to_vec(), |inner, _| [b"\x82\xa1k".as_slice(), &inner, b"\xa1k", &inner[..1]].concat());
    let record = [b"\x81\xa1a".as_slice(), &levels].concat();
    assert_ne!(cost("record.a == record.a", &record).0, Outcome::True);
}

#[test]
fn a_usual_filter_takes_few_steps() {
    let record = packed(
        r#"{"host":"web-17","level":"error","method":"GET","path":"/api/v1/items","code":503,"ms":12.75,
            "message":"upstream timed out","request":"9f1c2a7be0","tls":true}"#,
    );
    let (said, steps) = cost(r#"record.level == "error" && record.code >= 500"#, &record);
    assert_eq!((said, steps), (Outcome::True, 42));
    let (said, steps) = cost(r#"record.message.matches("timed? out|refused")"#, &record);
    assert_eq!(said, Outcome::True);
    assert!(steps < 100, "{steps}");
}
