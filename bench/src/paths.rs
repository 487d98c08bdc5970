//! The hot paths, each by itself, to count the instructions it takes: see [`crate::instructions`].
//!
//! Each handles the same chunk of a hundred events again and again. What is not the path itself is done
//! once, before.

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use fluentcast_broadcast::encode::{Encoder, Format, Protocol, Shape};
use fluentcast_broadcast::filter::{Filter, FilterIndex};
use fluentcast_broadcast::frame::{self, Opcode};
use fluentcast_broadcast::history::{Bounds, Epoch};
use fluentcast_broadcast::hub::{Hub, Options, Start, Stream};
use fluentcast_broadcast::log::Log;
use fluentcast_broadcast::tags::TagChoice;
use fluentcast_broadcast::view::{View, ViewKey, Wake, Worker};
use fluentcast_event::{Batch, Event, EventTime, Tag, json};
use fluentcast_forward::{Decoder, Item, Limits};

use crate::block::Block;
use crate::record::{RECORD_BYTES, shard_value};
use crate::scenario::CHUNK_EVENTS;

/// The paths by name.
pub const NAMES: [&str; 11] = [
    "decode-chunk",
    "iterate",
    "encode-json",
    "frame",
    "frame-json",
    "frame-msgpack",
    "append",
    "match-1000-filters",
    "match-10000-names",
    "publish-json",
    "publish-batches",
];

/// Filters of the path that matches one of many values.
const FILTERS: u64 = 1000;
/// Filters of the path that matches one of many fields.
const FIELDS: u64 = 10_000;

const JSON: Shape = Shape {
    protocol: Protocol::Classic,
    format: Format::Json,
    add_tag: true,
    add_time: false,
    fields: None,
    compress: None,
};
const MSGPACK: Shape = Shape { format: Format::Msgpack, ..JSON };
/// What costs least per event: batches of numbered events.
const RESUMABLE: Shape = Shape { protocol: Protocol::Resumable, ..JSON };

/// Runs a path over so many chunks.
///
/// # Errors
/// When there is no such path, or it does not do what it is for.
pub fn run(name: &str, chunks: u64) -> Result<()> {
    let mut block = Block::packed_forward(RECORD_BYTES, CHUNK_EVENTS, FILTERS);
    block.stamp(1, 0);
    if name == "decode-chunk" {
        return decode(&block, chunks);
    }
    let batch = decoded(&mut decoder(), block.bytes())?;
    let events: Vec<Event<'_>> = batch.events().collect::<Result<_, _>>()?;
    ensure!(events.len() == CHUNK_EVENTS, "the chunk has {} events", events.len());
    let mut out = Vec::with_capacity(1024 * 1024);
    match name {
        "iterate" => (0..chunks).try_for_each(|_| iterate(&batch)),
        "encode-json" => (0..chunks).try_for_each(|_| encode_json(&events, &mut out)),
        "frame" => {
            let payload = vec![b'x'; RECORD_BYTES];
            (0..chunks).for_each(|_| frames(&payload, &mut out));
            Ok(())
        }
        "frame-json" => (0..chunks).try_for_each(|_| encode_frames(&JSON, &batch, &events, &mut out)),
        "frame-msgpack" => (0..chunks).try_for_each(|_| encode_frames(&MSGPACK, &batch, &events, &mut out)),
        "append" => {
            append(chunks);
            Ok(())
        }
        "match-1000-filters" => matching(
            &batch.tag,
            &events,
            chunks,
            (0..FILTERS).map(|shard| ("shard".to_owned(), shard_value(shard))),
        ),
        "match-10000-names" => {
            let absent = (1..FIELDS).map(|number| {
                let before = if number % 2 == 0 { "n" } else { "n.m" };
                format!("{before}{number}")
            });
            matching(&batch.tag, &events, chunks, absent.chain(["status".to_owned()]).map(|name| (name, 200)))
        }
        "publish-json" => publish(JSON, &batch, chunks),
        "publish-batches" => publish(RESUMABLE, &batch, chunks),
        _ => bail!("no path is called {name}: there are {}", NAMES.join(", ")),
    }
}

fn decoder() -> Decoder {
    Decoder::new(Limits {
        message_bytes_max: 128 * 1024 * 1024,
        entries_max: 1_000_000,
        decompressed_bytes_max: 256 * 1024 * 1024,
    })
}

fn decode(block: &Block, chunks: u64) -> Result<()> {
    let mut decoder = decoder();
    for _ in 0..chunks {
        black_box(decoded(&mut decoder, block.bytes())?);
    }
    Ok(())
}

#[inline(never)]
fn decoded(decoder: &mut Decoder, bytes: &[u8]) -> Result<Batch> {
    decoder.feed(bytes);
    match decoder.next(EventTime::default())? {
        Some(Item::Message(message)) => Ok(message.batch),
        other => bail!("the chunk is no message: {other:?}"),
    }
}

#[inline(never)]
fn iterate(batch: &Batch) -> Result<()> {
    for event in batch.events() {
        black_box(event?);
    }
    Ok(())
}

#[inline(never)]
fn encode_json(events: &[Event<'_>], out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    for event in events {
        json::write_value(out, event.record)?;
    }
    black_box(out);
    Ok(())
}

#[inline(never)]
fn frames(payload: &[u8], out: &mut Vec<u8>) {
    out.clear();
    for _ in 0..CHUNK_EVENTS {
        frame::write(out, Opcode::Text, payload);
    }
    black_box(out);
}

#[inline(never)]
fn encode_frames(shape: &Shape, batch: &Batch, events: &[Event<'_>], out: &mut Vec<u8>) -> Result<()> {
    out.clear();
    let mut encoder = Encoder::new(shape, &batch.tag, Epoch(1));
    for (seq, event) in (1..).zip(events) {
        encoder.write(out, seq, event)?;
    }
    black_box(out);
    Ok(())
}

/// Ready frames into a log that somebody reads after every chunk.
#[inline(never)]
fn append(chunks: u64) {
    let mut frame = Vec::new();
    frame::write(&mut frame, Opcode::Text, &[b'x'; RECORD_BYTES]);
    let mut log = Log::of(&JSON);
    for chunk in 0..chunks {
        for seq in 0..CHUNK_EVENTS as u64 {
            log.append_bytes(chunk * CHUNK_EVENTS as u64 + seq, 1, &frame);
        }
        black_box(log.seal());
    }
}

/// Filters of which each event passes one.
fn matching(
    tag: &Tag,
    events: &[Event<'_>],
    chunks: u64,
    filters: impl Iterator<Item = (String, u64)>,
) -> Result<()> {
    let mut index = FilterIndex::default();
    for (target, (name, value)) in (0..).zip(filters) {
        index.insert(&Filter::from_pairs([(name, Some(value.to_string()))]), &target);
    }
    for _ in 0..chunks {
        let matched = match_all(&index, tag, events);
        ensure!(matched == CHUNK_EVENTS, "{matched} events matched");
    }
    Ok(())
}

#[inline(never)]
fn match_all(index: &FilterIndex<u64>, tag: &Tag, events: &[Event<'_>]) -> usize {
    let mut matched = 0;
    for event in events {
        index.matching(tag, event, |shard| {
            black_box(shard);
            matched += 1;
        });
    }
    matched
}

/// Wakes nobody.
struct NoWorkers;

impl Wake for NoWorkers {
    fn wake(&self, _: Worker, _: Vec<Arc<View>>) {}
}

/// All that a hub does with a chunk for one view, whose worker sweeps after every chunk.
fn publish(shape: Shape, batch: &Batch, chunks: u64) -> Result<()> {
    let options = Options {
        buffered_messages: 0,
        bounds: Bounds::NOTHING,
        journal: None,
        flush_interval: Duration::ZERO,
        workers: 1,
    };
    let hub = Arc::new(Hub::new(options, Arc::new(NoWorkers)));
    let key = ViewKey { shape, tags: TagChoice::default(), filter: Filter::default(), max_rate: None };
    let (_, stream) = hub.subscribe(&key, Worker(0), Start::Now, true, None);
    let Stream::Live(subscription, _cursor) = stream else { bail!("a stream from now on is not live") };
    for _ in 0..chunks {
        let published = pin!(hub.publish(batch)).poll(&mut TaskContext::from_waker(Waker::noop()));
        let Poll::Ready(published) = published else { bail!("the hub waits for its worker") };
        ensure!(published.events == CHUNK_EVENTS as u64, "{published:?}");
        let end = subscription.view().start_sweep(Worker(0));
        subscription.view().finish_sweep(Worker(0), end);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_does_what_it_is_for() {
        for name in NAMES {
            run(name, 3).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
    }
}
