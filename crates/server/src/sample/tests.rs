use std::sync::Mutex;

use fluentcast_event::json;
use tokio::sync::Semaphore;

use super::*;
use crate::emit::{Emit, EmitError, Emitted};

fn settings(records: &[&str], rate: u32, size: u32, key: Option<&str>) -> SampleSource {
    SampleSource {
        tag: "demo".into(),
        records: records.iter().map(|&record| record.into()).collect(),
        rate,
        size,
        auto_increment_key: key.map(Into::into),
    }
}

fn records(batch: &Batch) -> Vec<String> {
    let text = |event: fluentcast_event::Event<'_>| {
        let mut text = Vec::new();
        json::write_value(&mut text, event.record).expect("sound");
        String::from_utf8(text).expect("UTF-8")
    };
    batch.events().map(|event| text(event.expect("an event"))).collect()
}

/// Keeps what it is given, as long as it is let.
#[derive(Default)]
struct Kept {
    batches: Mutex<Vec<(Instant, Vec<String>)>>,
    gate: Option<Semaphore>,
    fails: bool,
}

impl Kept {
    fn counts(&self) -> Vec<usize> {
        self.batches.lock().expect("unpoisoned").iter().map(|(_, records)| records.len()).collect()
    }
}

impl Emit for Kept {
    fn emit(&self, batch: Batch) -> Emitted<'_> {
        Box::pin(async move {
            if let Some(gate) = &self.gate {
                gate.acquire().await.expect("open").forget();
            }
            assert_eq!(batch.tag.as_str(), "demo");
            self.batches.lock().expect("unpoisoned").push((Instant::now(), records(&batch)));
            if self.fails { Err(EmitError("full".into())) } else { Ok(()) }
        })
    }
}

struct Running {
    kept: Arc<Kept>,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn start(settings: &SampleSource, kept: Kept) -> Running {
    let (kept, metrics, shutdown) = (Arc::new(kept), Arc::new(Metrics::default()), CancellationToken::new());
    let sample = Sample::new(settings).expect("sound records");
    let task = tokio::spawn(sample.run(Arc::clone(&kept) as Emitter, Arc::clone(&metrics), shutdown.clone()));
    Running { kept, metrics, shutdown, task }
}

impl Running {
    async fn stop(self) -> Arc<Kept> {
        self.shutdown.cancel();
        self.task.await.expect("ends by itself");
        self.kept
    }
}

#[test]
fn cycles_through_the_records_and_counts() {
    let settings = settings(&[r#"{"m":"x"}"#, r#"{"id":"old","m":"y"}"#], 2, 1, Some("id"));
    let mut sample = Sample::new(&settings).expect("sound records");
    let now = EventTime::from_seconds(7);
    assert_eq!(records(&sample.make(1, now)), [r#"{"m":"x","id":0}"#]);
    assert_eq!(records(&sample.make(2, now)), [r#"{"m":"y","id":1}"#, r#"{"m":"x","id":2}"#]);
    let batch = sample.make(1, now);
    assert_eq!(batch.events().next().expect("one").expect("an event").time, now);
}

#[test]
fn without_a_key_records_stay_as_they_are() {
    let mut sample =
        Sample::new(&settings(&[r#"{"message":"sample"}"#], 1, 1, None)).expect("a sound record");
    assert_eq!(records(&sample.make(2, EventTime::now())), [r#"{"message":"sample"}"#; 2]);
}

#[test]
fn says_which_record_is_none() {
    for (bad, message) in [
        (vec![], "sample: there is no record"),
        (vec!["{}", "[]"], "sample: []: a record is a JSON object"),
        (vec!["{oops"], "sample: {oops: key must be a string at line 1 column 2"),
    ] {
        let error = Sample::new(&settings(&bad, 1, 1, None)).expect_err("refused");
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn spreads_emits_evenly() {
    for rate in [1, 2, 3, 7, 10, 199] {
        let (mut pace, tick) = (Pace { rate: rate.into(), given: 0 }, tick(rate).expect("a rate"));
        for number in 0..1000 {
            assert_eq!(pace.due(tick * number), 1, "rate {rate}, tick {number}");
        }
    }
    let (mut pace, tick) = (Pace { rate: 100_000, given: 0 }, tick(100_000).expect("a rate"));
    assert_eq!((tick, pace.due(Duration::ZERO)), (SAMPLE_TICK, 1));
    for number in 1..1000 {
        assert_eq!(pace.due(tick * number), 500);
    }
}

#[test]
fn forgives_what_is_more_than_a_second_late() {
    let mut pace = Pace { rate: 10, given: 0 };
    assert_eq!(pace.due(Duration::ZERO), 1);
    assert_eq!(pace.due(Duration::from_millis(500)), 5);
    assert_eq!(pace.due(Duration::from_secs(100)), 10);
    assert_eq!(pace.due(Duration::from_millis(100_100)), 1);
}

#[tokio::test(start_paused = true)]
async fn emits_rate_times_size_events_a_second() {
    let running = start(&settings(&["{}"], 4, 3, None), Kept::default());
    tokio::time::sleep(Duration::from_millis(2010)).await;
    let metrics = Arc::clone(&running.metrics);
    let kept = running.stop().await;
    assert_eq!(kept.counts(), [3; 9]);
    assert_eq!(metrics.batches_received.get(), 9);
    let batches = kept.batches.lock().expect("unpoisoned");
    for pair in batches.windows(2) {
        let apart = pair[1].0 - pair[0].0;
        assert!((249..=252).contains(&apart.as_millis()), "{apart:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn gathers_at_high_rates_within_the_bound() {
    let running = start(&settings(&["{}"], 300_000, 1, None), Kept::default());
    tokio::time::sleep(Duration::from_millis(1001)).await;
    let counts = running.stop().await.counts();
    let total: usize = counts.iter().sum();
    assert!((300_000..=302_000).contains(&total), "{total}");
    assert!(counts.iter().all(|&count| count <= 1000), "{counts:?}");
    assert!(counts.len() < 500, "{}", counts.len());
}

#[tokio::test(start_paused = true)]
async fn waits_for_the_pipeline_and_does_not_catch_up() {
    let kept = Kept { gate: Some(Semaphore::new(1)), ..Kept::default() };
    let running = start(&settings(&["{}"], 10, 1, None), kept);
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(running.kept.counts(), [1]);
    running.kept.gate.as_ref().expect("has one").add_permits(1000);
    tokio::time::sleep(Duration::from_millis(20)).await;
    // The one that waited, and one second's worth of those that fell due meanwhile.
    assert_eq!(running.stop().await.counts(), [1, 1, 10]);
}

#[tokio::test(start_paused = true)]
async fn goes_on_after_a_failure() {
    let running = start(&settings(&["{}"], 10, 1, None), Kept { fails: true, ..Kept::default() });
    tokio::time::sleep(Duration::from_millis(450)).await;
    assert_eq!(running.stop().await.counts(), [1; 5]);
}

#[tokio::test(start_paused = true)]
async fn a_rate_of_zero_emits_nothing_and_stops() {
    let running = start(&settings(&["{}"], 0, 1, None), Kept::default());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(running.stop().await.counts().is_empty());
}
