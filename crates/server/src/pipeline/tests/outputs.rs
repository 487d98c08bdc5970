//! The outputs that are no files, and what is counted on the way to them.

use std::io::IoSlice;
use std::num::NonZeroU32;

use fluentcast_broadcast::encode::{Format, Protocol, Shape};
use fluentcast_broadcast::filter::Filter;
use fluentcast_broadcast::hub::{Start, Stream};
use fluentcast_broadcast::session::{Greeting, Session};
use fluentcast_broadcast::view::{ViewKey, Worker};
use fluentcast_event::limits::BACKLOG_BYTES_MAX;
use fluentcast_event::msgpack;
use fluentcast_expression::Expression;

use super::*;

const TWO_WORLDS: &str = "
<match a>
  @type websocket
  port 0
  buffered_messages 10
</match>
<match b>
  @type websocket
  port 0
  buffered_messages 10
</match>
";

fn hub(rig: &Rig, output: usize) -> &Arc<Hub> {
    match &rig.built.pipeline.outputs[output] {
        Output::Websocket(hub) => hub,
        other => panic!("{other:?}"),
    }
}

/// The view of everything, as the original plugin would send it.
fn classic() -> ViewKey {
    let (protocol, format) = (Protocol::Classic, Format::Json);
    let shape = Shape { protocol, format, add_tag: true, add_time: false, fields: None, compress: None };
    ViewKey { shape, tags: Default::default(), filter: Default::default(), max_rate: None }
}

/// What a new client of an output is sent first.
fn replay(rig: &Rig, output: usize) -> String {
    let key = classic();
    let mut session = Session::new(key.shape.clone(), 1000);
    session.begin(hub(rig, output).subscribe(&key, Worker(0), Start::Default, true, None), Greeting::Hello);
    while let Some(mut replay) = session.next_step() {
        replay.step();
        session.replayed(replay);
    }
    let mut slices = [IoSlice::new(&[]); 100];
    let used = session.gather(&mut slices, 10_000);
    slices[..used].iter().map(|slice| String::from_utf8_lossy(slice).into_owned()).collect()
}

/// Everything that a client does not get though it asked for it is counted somewhere.
#[tokio::test]
async fn what_is_left_out_and_what_a_filter_gives_up_is_counted() {
    let rig = Rig::new(TWO_WORLDS);
    let asked = |key: &ViewKey, start| hub(&rig, 0).subscribe(key, Worker(0), start, true, None).1;
    let thinned = ViewKey { max_rate: NonZeroU32::new(1), ..classic() };
    let costly = Expression::parse("2 in record.list").unwrap();
    let costly = ViewKey { filter: Filter::default().and(costly), ..classic() };
    let _places = [asked(&thinned, Start::Now), asked(&costly, Start::Now)];
    let long = format!(r#"{{"list":[1{}]}}"#, ",1".repeat(400_000));
    rig.emit("a", &[&long, r#"{"list":[1]}"#, &long]).await.unwrap();
    assert_eq!(rig.metrics.websocket_events_left_out.get(), 2);
    assert_eq!(rig.metrics.websocket_filters_given_up.get(), 2);
    let Stream::Replay(mut replay) = asked(&costly, Start::Last(3)) else { panic!("there is a history") };
    replay.step();
    assert_eq!([replay.take_given_up(), replay.take_given_up()], [2, 0]);
}

#[tokio::test]
async fn a_sender_that_waits_for_the_workers_is_counted() {
    let rig = Rig::new(TWO_WORLDS);
    let _client = hub(&rig, 0).subscribe(&classic(), Worker(0), Start::Now, true, None);
    rig.emit("a", &[r#"{"n":1}"#]).await.unwrap();
    assert_eq!(rig.metrics.websocket_publish_waits.get(), 0);
    let more = usize::try_from(BACKLOG_BYTES_MAX).unwrap();
    rig.emit("a", &[&format!(r#"{{"text":"{}"}}"#, "x".repeat(more))]).await.unwrap();
    assert_eq!(rig.metrics.websocket_publish_waits.get(), 1);
}

#[tokio::test]
async fn two_websocket_outputs_never_see_each_others_events() {
    let rig = Rig::new(TWO_WORLDS);
    rig.emit("a", &[r#"{"n":1}"#, r#"{"n":2}"#]).await.unwrap();
    rig.emit("b", &[r#"{"n":3}"#]).await.unwrap();
    rig.emit("c", &[r#"{"n":4}"#]).await.unwrap();
    assert_eq!(rig.metrics.websocket_events.get(), 3);
    let (first, second) = (replay(&rig, 0), replay(&rig, 1));
    assert!(first.contains(r#"["a",{"n":1}]"#) && first.contains(r#"["a",{"n":2}]"#), "{first}");
    assert!(second.contains(r#"["b",{"n":3}]"#), "{second}");
    assert_eq!((first.matches("[").count(), second.matches("[").count()), (2, 1));
}

#[tokio::test]
async fn what_json_cannot_say_is_counted() {
    let rig = Rig::new(TWO_WORLDS);
    let _client = hub(&rig, 0).subscribe(&classic(), Worker(0), Start::Now, true, None);
    let mut record = Vec::new();
    msgpack::write_map_head(&mut record, 2);
    msgpack::write_str(&mut record, "f");
    record.extend_from_slice(&[0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]);
    msgpack::write_str(&mut record, "s");
    record.extend_from_slice(&[0xa1, 0xff]);
    let time = EventTime::from_seconds(1);
    let mut builder = BatchBuilder::new("a".into(), time);
    builder.push(time, &record);
    rig.built.pipeline.emitter(ScopeId::ROOT).emit(builder.finish()).await.unwrap();
    assert_eq!(rig.metrics.json_floats_not_finite.get(), 1);
    assert_eq!(rig.metrics.json_strings_repaired.get(), 1);
}

#[tokio::test]
async fn what_is_no_event_is_counted_and_said_and_costs_only_itself() {
    let log = Log::capture();
    let rig = Rig::new(TWO_WORLDS);
    let good = batch("a", &[r#"{"n":1}"#]).entries;
    // Between two events an entry that is none; at the end one that is cut off.
    let entries = [&good[..], &[0xc0], &good[..], &[0x92]].concat();
    let mixed = Batch { entries: entries.into(), ..batch("a", &[]) };
    rig.built.pipeline.emitter(ScopeId::ROOT).emit(mixed).await.unwrap();
    assert_eq!(rig.metrics.entries_invalid.get(), 2);
    assert_eq!(rig.metrics.websocket_events.get(), 2);
    assert_eq!(log.count("WARN entries dropped: they are no events tag=a entries=2"), 1, "{:?}", log.lines());
}

#[tokio::test]
async fn the_stdout_filter_prints_and_passes_on() {
    let rig = Rig::new("<filter **>\n@type stdout\n</filter>\n<match **>\n@type stdout\n</match>\n");
    rig.emit("the.test.of.stdout", &["{}"]).await.unwrap();
    for stdout in &rig.built.stdouts {
        stdout.drain().await;
    }
    assert_eq!(rig.metrics.stdout_events.get(), 2);
}

#[tokio::test]
async fn fluentds_own_log_has_a_place_and_stays_empty() {
    let log_label = "<label @FLUENT_LOG>\n<match **>\nout log\n</match>\n</label>\n";
    let rig = Rig::new(&format!("<match fluent.**>\n@type null\n</match>\n{log_label}"));
    rig.emit("fluent.info", &["{}"]).await.unwrap();
    rig.emit("t", &["{}"]).await.unwrap();
    assert_eq!(rig.metrics.batches_unmatched.get(), 1);
    assert_eq!(rig.lines().await, Vec::<String>::new());
}
