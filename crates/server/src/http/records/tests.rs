use fluentcast_event::json;
use fluentcast_event::limits::NESTING_DEPTH_MAX;

use super::*;

const NOW: EventTime = EventTime::from_seconds(1_700_000_000);

/// What a body gathers: events as time and JSON, and the number skipped.
fn gather_with(
    rules: Rules<'_>,
    feed: impl FnOnce(&mut Gatherer<'_>) -> Result<(), String>,
) -> Result<(Vec<(EventTime, String)>, u64), String> {
    let mut gatherer = Gatherer::new("t".into(), NOW, rules);
    feed(&mut gatherer)?;
    let (batch, skipped) = gatherer.finish();
    let events = batch.iter().flat_map(Batch::events).map(|event| {
        let event = event.expect("an event");
        let mut text = Vec::new();
        json::write_value(&mut text, event.record).expect("sound");
        (event.time, String::from_utf8(text).expect("UTF-8"))
    });
    Ok((events.collect(), skipped))
}

fn rules(added: &Added) -> Rules<'_> {
    Rules { time_key: "time", keep_time_key: false, time: None, added, added_bytes_max: 1000 }
}

fn seconds(seconds: i64) -> EventTime {
    EventTime::from_seconds(seconds)
}

fn msgpack_of(documents: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for document in documents {
        from_json::append(&mut body, document.as_bytes()).expect("JSON");
    }
    body
}

#[test]
fn takes_objects_and_arrays_of_objects() {
    let half = EventTime { seconds: 1_500_000_000, nanos: 250_000_000 };
    for (body, expected, skipped) in [
        (r#"{"a":1}"#, vec![(NOW, r#"{"a":1}"#)], 0),
        (r#"[{"a":3},{"a":4,"time":5}]"#, vec![(NOW, r#"{"a":3}"#), (seconds(5), r#"{"a":4}"#)], 0),
        (r#"[1,{"a":5},"x",[{"a":6}],null]"#, vec![(NOW, r#"{"a":5}"#)], 4),
        (r#"{"a":16,"time":1500000000.25}"#, vec![(half, r#"{"a":16}"#)], 0),
        (r#"{"time":0,"a":1}"#, vec![(seconds(0), r#"{"a":1}"#)], 0),
        (r#"{"time":-5}"#, vec![(seconds(-5), "{}")], 0),
        (r#"{"a":24,"time":null}"#, vec![(NOW, r#"{"a":24}"#)], 0),
        (r#"{"a":{"time":5}}"#, vec![(NOW, r#"{"a":{"time":5}}"#)], 0),
        ("[]", vec![], 0),
        ("{}", vec![(NOW, "{}")], 0),
        ("{bad", vec![], 1),
        (r#"{"a":1}{"b":2}"#, vec![], 1),
        ("5", vec![], 1),
        ("null", vec![], 1),
        ("", vec![], 1),
    ] {
        let added = Added::default();
        let gathered = gather_with(rules(&added), |gatherer| gatherer.json(body.as_bytes()));
        let (events, count) = gathered.expect("no error");
        let events: Vec<_> = events.iter().map(|(time, text)| (*time, text.as_str())).collect();
        assert_eq!((events, count), (expected, skipped), "{body}");
    }
}

#[test]
fn takes_lines_apart() {
    let added = Added::default();
    let body = b"{\"n\":1}\n{\"n\":2}\r\n\n{bad\n[{\"n\":3},{\"n\":4}]\n 7\n{\"n\":5}";
    let (events, skipped) = gather_with(rules(&added), |gatherer| gatherer.ndjson(body)).expect("no error");
    let texts: Vec<_> = events.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#, r#"{"n":4}"#, r#"{"n":5}"#]);
    assert_eq!(skipped, 2);
}

#[test]
fn takes_msgpack_values_back_to_back() {
    let added = Added::default();
    let body = msgpack_of(&[r#"{"n":1}"#, "3", r#"[{"n":2,"time":9},4]"#]);
    let (events, skipped) = gather_with(rules(&added), |gatherer| gatherer.msgpack(&body)).expect("sound");
    assert_eq!(events, [(NOW, r#"{"n":1}"#.into()), (seconds(9), r#"{"n":2}"#.into())]);
    assert_eq!(skipped, 2);
    assert_eq!(gather_with(rules(&added), |gatherer| gatherer.msgpack(b"")), Ok((vec![], 0)));
}

#[test]
fn refuses_msgpack_that_is_broken_or_cut() {
    let added = Added::default();
    let whole = msgpack_of(&[r#"{"n":1}"#, r#"{"n":"two"}"#]);
    let first = msgpack_of(&[r#"{"n":1}"#]).len();
    for end in 1..whole.len() {
        let outcome = gather_with(rules(&added), |gatherer| gatherer.msgpack(&whole[..end]));
        assert_eq!(outcome.is_ok(), end == first, "{end}: {outcome:?}");
    }
    let outcome = gather_with(rules(&added), |gatherer| gatherer.msgpack(b"\x80\xc1"));
    assert_eq!(outcome, Err("broken MessagePack at byte 1: 0xc1 is no MessagePack type".into()));
}

#[test]
fn a_time_that_is_none_fails_the_whole_request() {
    let added = Added::default();
    for (time, class) in [(r#""1500000000""#, "String"), ("[]", "Array"), ("{}", "Hash"), ("true", "true")] {
        let body = format!(r#"[{{"a":1}},{{"time":{time}}}]"#);
        let outcome = gather_with(rules(&added), |gatherer| gatherer.json(body.as_bytes()));
        assert_eq!(outcome, Err(format!("can't convert {class} into an exact number")));
    }
}

#[test]
fn the_parameter_beats_the_field_and_leaves_it() {
    let added = Added::default();
    let rules = Rules { time: Some(seconds(7)), ..rules(&added) };
    let body = br#"[{"a":1,"time":"x"},{"a":2,"time":3}]"#;
    let (events, _) = gather_with(rules, |gatherer| gatherer.json(body)).expect("no error");
    assert_eq!(
        events,
        [(seconds(7), r#"{"a":1,"time":"x"}"#.into()), (seconds(7), r#"{"a":2,"time":3}"#.into())]
    );
}

#[test]
fn the_time_key_may_be_named_and_kept() {
    let added = Added::default();
    let rules = Rules { time_key: "at", keep_time_key: true, ..rules(&added) };
    let body = br#"{"at":5,"time":"x"}"#;
    let (events, _) = gather_with(rules, |gatherer| gatherer.json(body)).expect("no error");
    assert_eq!(events, [(seconds(5), r#"{"at":5,"time":"x"}"#.into())]);
}

#[test]
fn of_duplicate_time_fields_the_last_counts() {
    let added = Added::default();
    let body = b"\x83\xa4time\x05\xa1a\x01\xc4\x04time\x06";
    let (events, _) = gather_with(rules(&added), |gatherer| gatherer.msgpack(body)).expect("sound");
    assert_eq!(events, [(seconds(6), r#"{"a":1}"#.into())]);
}

#[test]
fn added_fields_replace_the_records_own() {
    let mut added = Added::default();
    added.insert("HTTP_X", &["one"]);
    added.insert("HTTP_Y", &["first", "second"]);
    added.insert("HTTP_X", &["two"]);
    let body = br#"[{"HTTP_X":"mine","a":1},{"HTTP_Y":2}]"#;
    let (events, _) = gather_with(rules(&added), |gatherer| gatherer.json(body)).expect("no error");
    assert_eq!(
        events,
        [
            (NOW, r#"{"a":1,"HTTP_X":"two","HTTP_Y":["first","second"]}"#.into()),
            (NOW, r#"{"HTTP_X":"two","HTTP_Y":["first","second"]}"#.into())
        ]
    );
}

#[test]
fn bounds_what_is_added_in_all() {
    let mut added = Added::default();
    added.insert("HTTP_X", &["0123456789"]);
    let with = |bytes| Rules { added_bytes_max: bytes, ..rules(&added) };
    let body = b"[{},{},{}]";
    assert!(gather_with(with(54), |gatherer| gatherer.json(body)).is_ok());
    assert!(gather_with(with(53), |gatherer| gatherer.json(body)).is_err());
}

/// An entry nests its record one level deep: a record at the very limit would make the batch unreadable.
#[test]
fn skips_records_too_deep_to_travel() {
    let added = Added::default();
    let nested = |levels: usize| [b"\x81\xa1a".repeat(levels - 1), b"\x80".to_vec()].concat();
    for (levels, taken) in [(NESTING_DEPTH_MAX - 1, true), (NESTING_DEPTH_MAX, false)] {
        let body = [nested(levels), b"\x81\xa1b\x01".to_vec()].concat();
        let gathered = gather_with(rules(&added), |gatherer| gatherer.msgpack(&body));
        let (events, skipped) = gathered.expect("no error");
        assert_eq!((events.len(), skipped), if taken { (2, 0) } else { (1, 1) }, "{levels}");
    }
    let body = [nested(NESTING_DEPTH_MAX + 1), b"\x80".to_vec()].concat();
    let outcome = gather_with(rules(&added), |gatherer| gatherer.msgpack(&body));
    assert_eq!(outcome, Err("broken MessagePack at byte 0: nested too deep".into()));
    let body = format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
    assert_eq!(gather_with(rules(&added), |gatherer| gatherer.json(body.as_bytes())), Ok((vec![], 1)));
}
