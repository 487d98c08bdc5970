//! What the tests of the filters share: batches from JSON and back.

use fluentcast_event::{Batch, BatchBuilder, EventTime, from_json, json};

/// 2017-07-14 02:40:00 UTC.
pub(super) const TIME: EventTime = EventTime::from_seconds(1_500_000_000);

pub(super) fn record(text: &str) -> Vec<u8> {
    let mut record = Vec::new();
    from_json::append(&mut record, text.as_bytes()).unwrap();
    record
}

pub(super) fn batch(tag: &str, records: &[&str]) -> Batch {
    let mut builder = BatchBuilder::new(tag.into(), EventTime::from_seconds(1));
    records.iter().for_each(|text| builder.push(TIME, &record(text)));
    builder.finish()
}

/// The same batch with raw bytes behind it.
pub(super) fn followed_by(batch: &Batch, bytes: &[u8]) -> Batch {
    Batch { entries: [&batch.entries[..], bytes].concat().into(), ..batch.clone() }
}

/// The records as JSON. Every entry must be an event.
pub(super) fn records(batch: &Batch) -> Vec<String> {
    let written = |record: &[u8]| {
        let mut out = Vec::new();
        json::write_value(&mut out, record).unwrap();
        String::from_utf8(out).unwrap()
    };
    batch.events().map(|event| written(event.unwrap().record)).collect()
}
