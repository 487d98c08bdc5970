use fluentcast_config::settings::{PathStep, RecordTransformer};
use fluentcast_event::EventTime;
use fluentcast_event::limits::NESTING_DEPTH_MAX;
use jiff::tz::{Offset, TimeZone};
use proptest::prelude::*;

use super::Filter;
use crate::filters::Filtered;
use crate::filters::tests::{TIME, batch, followed_by, records};

fn settings(fields: &[(&str, &str)]) -> RecordTransformer {
    let record = fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    RecordTransformer { record, auto_typecast: true, ..RecordTransformer::default() }
}

fn key(name: &str) -> PathStep {
    PathStep::Key(name.to_owned())
}

fn filter(settings: &RecordTransformer) -> Filter {
    Filter { zone: TimeZone::UTC, ..Filter::new(settings, "host.example").unwrap() }
}

fn apply(settings: &RecordTransformer, tag: &str, record: &str) -> Filtered {
    filter(settings).apply(&batch(tag, &[record]))
}

fn transformed(settings: &RecordTransformer, tag: &str, record: &str) -> String {
    let filtered = apply(settings, tag, record);
    assert!(filtered.errors.is_empty() && filtered.invalid == 0, "{:?}", filtered.errors);
    let [record] = records(&filtered.batch).try_into().unwrap();
    record
}

/// The value of one template, as JSON.
fn filled(template: &str, tag: &str, record: &str) -> String {
    let settings = RecordTransformer { renew_record: true, ..settings(&[("v", template)]) };
    let record = transformed(&settings, tag, record);
    record.strip_prefix(r#"{"v":"#).and_then(|value| value.strip_suffix('}')).unwrap().to_owned()
}

#[test]
fn the_vectors_hold() {
    for (template, expected) in [
        ("${tag_prefix[1]}", r#""rt.b""#),
        ("${tag_suffix[1]}", r#""b.c""#),
        (r#"${record["n"]}"#, "5"),
        (r#"x-${record["n"]}"#, r#""x-5""#),
        ("${tag}", r#""rt.b.c""#),
        ("${tag_parts[0]}", r#""rt""#),
        ("${tag_parts[-1]}", r#""c""#),
        ("${tag_parts.last}", r#""c""#),
        ("${tag_prefix[-1]}", r#""rt.b.c""#),
        ("${tag_suffix[-1]}", r#""c""#),
        ("${time}", r#""2017-07-14 02:40:00 +0000""#),
        ("${hostname}", r#""host.example""#),
        (r#"{"b":"${record[\"n\"]}"}"#, r#"{"b":5}"#),
        (r#"{"${tag}":["a ${record[\"n\"]}",1,null]}"#, r#"{"rt.b.c":["a 5",1,null]}"#),
        ("plain", r#""plain""#),
        ("5", r#""5""#),
    ] {
        assert_eq!(filled(template, "rt.b.c", r#"{"n":5}"#), expected, "{template}");
    }
}

#[test]
fn what_a_placeholder_does_not_find_is_nil_or_nothing() {
    for template in [r#"${record["x"]}"#, r#"${record["n"]["x"]}"#, "${tag_parts[3]}", "${tag_prefix[-4]}"] {
        assert_eq!(filled(template, "a.b.c", r#"{"n":5}"#), "null", "{template}");
        assert_eq!(filled(&format!("<{template}>"), "a.b.c", r#"{"n":5}"#), r#""<>""#, "{template}");
    }
}

#[test]
fn values_keep_their_type_alone_and_become_text_in_a_text() {
    let record = r#"{"s":"é","f":1.5,"t":true,"nil":null,"m":{"a":[1,"x"]},"a.b":7}"#;
    for (name, alone, in_text) in [
        (r#"["s"]"#, r#""é""#, "é"),
        (r#"["f"]"#, "1.5", "1.5"),
        (r#"["t"]"#, "true", "true"),
        (r#"["nil"]"#, "null", ""),
        (r#"["m"]"#, r#"{"a":[1,"x"]}"#, r#"{\"a\":[1,\"x\"]}"#),
        (r#"["m"]["a"][-1]"#, r#""x""#, "x"),
        (r#".dig("m", "a", 0)"#, "1", "1"),
        ("['a.b']", "7", "7"),
    ] {
        assert_eq!(filled(&format!("${{record{name}}}"), "t", record), alone);
        assert_eq!(filled(&format!("x${{record{name}}}"), "t", record), format!(r#""x{in_text}""#));
    }
    let untyped = RecordTransformer { auto_typecast: false, ..settings(&[("n", r#"${record["n"]}"#)]) };
    assert_eq!(transformed(&untyped, "t", r#"{"n":5}"#), r#"{"n":"5"}"#);
}

#[test]
fn a_tag_is_split_as_ruby_splits_it() {
    for (tag, template, expected) in [
        ("", "${tag_parts[0]}", "null"),
        ("...", "${tag_parts[0]}", "null"),
        ("a.b..", "${tag_parts[-1]}", r#""b""#),
        ("a.b..", "${tag_suffix[0]}", r#""a.b""#),
        (".a", "${tag_parts[0]}", r#""""#),
        (".a", "${tag_prefix[1]}", r#"".a""#),
        ("a..b", "${tag_suffix[1]}", r#"".b""#),
    ] {
        assert_eq!(filled(template, tag, "{}"), expected, "{tag} {template}");
    }
}

#[test]
fn fields_are_set_where_a_map_would_set_them() {
    let settings = settings(&[("b", "new"), ("c", r#"${record["b"]}"#), ("${tag}", "k"), ("c", "last")]);
    assert_eq!(
        transformed(&settings, "t", r#"{"a":1,"b":2,"z":3}"#),
        r#"{"a":1,"b":"new","z":3,"c":"last","t":"k"}"#
    );
}

#[test]
fn a_replaced_field_replaces_its_duplicates() {
    let doubled = [&[0x82, 0xa1, b'k', 1][..], &[0xa1, b'k', 2]].concat();
    let mut fields: Vec<_> = fluentcast_event::record::fields(&doubled).collect();
    super::set(&mut fields, fluentcast_event::record::Field { key: &[0xa1, b'k'], value: &[3] });
    assert_eq!(fields.iter().map(|field| field.value).collect::<Vec<_>>(), [[3]]);
}

#[test]
fn a_record_can_be_started_anew() {
    let mut settings = settings(&[("new", "x")]);
    settings.renew_record = true;
    settings.keep_keys = ["b", "none", "a", "a.b"].map(str::to_owned).into();
    assert_eq!(
        transformed(&settings, "t", r#"{"a":1,"b":[2],"c":3,"a.b":4}"#),
        r#"{"b":[2],"a":1,"a.b":4,"new":"x"}"#
    );
    settings.renew_record = false;
    assert_eq!(transformed(&settings, "t", r#"{"a":1,"c":3}"#), r#"{"a":1,"c":3,"new":"x"}"#);
}

#[test]
fn fields_are_removed_last() {
    let mut settings = settings(&[("gone", "x"), ("copy", r#"${record["a"]}"#)]);
    settings.remove_keys = vec![
        vec![key("gone")],
        vec![key("a"), key("b")],
        vec![key("list"), PathStep::Index(0)],
        vec![key("list"), PathStep::Index(0)],
        vec![key("none")],
        vec![key("none"), key("x")],
    ];
    assert_eq!(
        transformed(&settings, "t", r#"{"a":{"b":1,"c":2},"list":[1,2,3],"k":0}"#),
        r#"{"a":{"c":2},"list":[3],"k":0,"copy":{"b":1,"c":2}}"#
    );
}

fn time_of(value: &str) -> Result<EventTime, String> {
    let mut settings = settings(&[("t", r#"${record["from"]}"#)]);
    settings.renew_time_key = Some("t".to_owned());
    settings.remove_keys = vec![vec![key("t")]];
    let original = batch("t", &[&format!(r#"{{"from":{value}}}"#)]);
    let filtered = filter(&settings).apply(&original);
    if let [rejected] = filtered.errors.as_slice() {
        assert_eq!(rejected.entry, original.entries, "the original entry comes back");
        assert!(filtered.batch.entries.is_empty());
        return Err(rejected.reason.clone());
    }
    Ok(filtered.batch.events().next().unwrap().unwrap().time)
}

#[test]
fn the_time_is_renewed() {
    assert_eq!(time_of("1600000000"), Ok(EventTime::from_seconds(1_600_000_000)));
    assert_eq!(time_of("-1"), Ok(EventTime::from_seconds(-1)));
    assert_eq!(time_of("0"), Ok(EventTime::from_seconds(0)), "0 means 1970 here");
    let half = EventTime { seconds: 1_600_000_000, nanos: 500_000_000 };
    assert_eq!(time_of("1600000000.5"), Ok(half));
    assert_eq!(time_of(r#"" 1600000000.5""#), Ok(half));
    for bad in [r#""soon""#, "true", "null", "{}", "1e300", "18446744073709551615"] {
        assert!(time_of(bad).is_err_and(|reason| reason.contains("renew_time_key")), "{bad}");
    }
}

#[test]
fn without_the_field_the_time_stays() {
    let settings = RecordTransformer { renew_time_key: Some("none".to_owned()), ..settings(&[]) };
    let filtered = apply(&settings, "t", r#"{"a":1}"#);
    assert_eq!(filtered.batch.events().next().unwrap().unwrap().time, TIME);
}

#[test]
fn times_are_written_in_the_local_zone_and_beyond_the_calendar() {
    let filter =
        Filter { zone: Offset::constant(-5).to_time_zone(), ..filter(&settings(&[("t", "${time}")])) };
    assert_eq!(records(&filter.apply(&batch("t", &["{}"])).batch), [r#"{"t":"2017-07-13 21:40:00 -0500"}"#]);
    let mut far = fluentcast_event::BatchBuilder::new("t".into(), TIME);
    far.push(EventTime::from_seconds(i64::MAX), &[0x80]);
    assert_eq!(records(&filter.apply(&far.finish()).batch), [format!(r#"{{"t":"{}"}}"#, i64::MAX)]);
}

#[test]
fn a_record_nested_too_deep_by_a_template_is_rejected() {
    let deep = |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let nested = settings(&[("b", r#"{"x":"${record[\"a\"]}"}"#), ("c", "x")]);
    // The entry and the two maps are three levels.
    assert!(apply(&nested, "t", &deep(NESTING_DEPTH_MAX - 3)).errors.is_empty());
    let filtered = apply(&nested, "t", &deep(NESTING_DEPTH_MAX - 2));
    assert!(filtered.batch.entries.is_empty());
    assert!(filtered.errors[0].reason.contains("too deep"), "{:?}", filtered.errors);
    // So deep that not even the value alone can be read back.
    let template = format!("{}\"${{record['a']}}\"{}", "[".repeat(100), "]".repeat(100));
    let filtered = apply(&settings(&[("b", &template), ("c", "x")]), "t", &deep(100));
    assert_eq!((filtered.errors.len(), filtered.batch.entries.len()), (1, 0));
}

#[test]
fn neighbours_of_a_rejected_event_pass() {
    let settings = RecordTransformer { renew_time_key: Some("t".to_owned()), ..settings(&[("k", "v")]) };
    let original = batch("t", &[r#"{"t":1}"#, r#"{"t":"x"}"#, r#"{"t":2}"#]);
    let filtered = filter(&settings).apply(&followed_by(&original, &[0xc0, 0x92]));
    assert_eq!(records(&filtered.batch), [r#"{"t":1,"k":"v"}"#, r#"{"t":2,"k":"v"}"#]);
    assert_eq!((filtered.errors.len(), filtered.invalid), (1, 2));
    assert_eq!(
        records(&fluentcast_event::Batch { entries: filtered.errors[0].entry.clone(), ..original }),
        [r#"{"t":"x"}"#]
    );
}

#[test]
fn an_unknown_placeholder_is_an_error_of_the_builder() {
    let error = Filter::new(&settings(&[("a", "${nope}")]), "h").unwrap_err();
    assert_eq!(error.placeholder, "${nope}");
    assert!(Filter::new(&settings(&[("${nope}", "a")]), "h").is_err());
}

proptest! {
    #[test]
    fn without_settings_every_record_stays_as_it_is(
        fields in proptest::collection::btree_map("[a-c]{1,2}", -300_i64..300, 0..20),
        tag in "[a.]{0,5}",
    ) {
        let record = serde_json::to_string(&fields).unwrap();
        prop_assert_eq!(transformed(&settings(&[]), &tag, &record), record);
    }
}
