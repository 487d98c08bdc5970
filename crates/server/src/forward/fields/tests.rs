use fluentcast_event::{EventTime, json};

use super::*;

fn set_in(entries: &[u8], fields: &[Field]) -> (Vec<String>, Vec<String>) {
    let received = EventTime::from_seconds(7);
    let batch = Batch { tag: "t".into(), entries: entries.to_vec().into(), received };
    let mut errors = Vec::new();
    let batch = set(&batch, fields, |error| errors.push(error.to_string()));
    let events = batch.events().map(|event| {
        let event = event.unwrap();
        let mut record = Vec::new();
        json::write_value(&mut record, event.record).unwrap();
        format!("{} {}", event.time.seconds, String::from_utf8(record).unwrap())
    });
    (events.collect(), errors)
}

fn fields() -> [Field; 2] {
    [Field::new("ip", "10.0.0.1"), Field::new("host", "h")]
}

#[test]
fn appends_what_is_not_there() {
    let (events, errors) = set_in(b"\x92\x05\x81\xa1k\x01\x92\x06\x80", &fields());
    assert_eq!(events, [r#"5 {"k":1,"ip":"10.0.0.1","host":"h"}"#, r#"6 {"ip":"10.0.0.1","host":"h"}"#]);
    assert!(errors.is_empty());
}

#[test]
fn overwrites_what_is_there_in_its_place() {
    let (events, _) = set_in(b"\x92\x05\x83\xc4\x04host\x91\x01\xa1k\x01\x05\xc0", &fields());
    assert_eq!(events, [r#"5 {"host":"h","k":1,"5":null,"ip":"10.0.0.1"}"#]);
}

#[test]
fn the_head_grows_with_the_map() {
    let mut entry = b"\x92\x05\x8f".to_vec();
    for key in 0..15 {
        entry.extend_from_slice(&[key, 0xc0]);
    }
    let (events, _) = set_in(&entry, &fields());
    assert!(events[0].ends_with(r#""14":null,"ip":"10.0.0.1","host":"h"}"#), "{events:?}");
}

#[test]
fn entries_that_are_no_events_are_left_out_and_told() {
    let (events, errors) = set_in(b"\x92\x05\xc0\x92\x00\x80\x92\x05", &fields()[..1]);
    assert_eq!(events, [r#"7 {"ip":"10.0.0.1"}"#]);
    assert_eq!(errors.len(), 2, "{errors:?}");
}
