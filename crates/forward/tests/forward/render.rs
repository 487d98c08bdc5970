//! Items as lines of text, so that outcomes can be written down, read and compared.

use fluentcast_event::{Batch, EntryError, EventTime, json};
use fluentcast_forward::{Ack, Decoder, Item, Limits};

/// The time of reception in every test.
pub(crate) const NOW: EventTime = EventTime { seconds: 1_700_000_000, nanos: 7 };

/// The limits that `testdata/vectors.txt` is written for.
pub(crate) const LIMITS: Limits =
    Limits { message_bytes_max: 4096, entries_max: 8, decompressed_bytes_max: 4096 };

/// Feeds the pieces to one decoder, takes all items after each, and renders them.
pub(crate) fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut decoder = Decoder::new(LIMITS);
    let mut lines = Vec::new();
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next(NOW) {
                Ok(Some(item)) => render(&item, &mut lines),
                Ok(None) => break,
                Err(error) => {
                    lines.push(format!("closed: {error}"));
                    return collapse(lines);
                }
            }
        }
    }
    if !decoder.is_idle() {
        lines.push("waits".into());
    }
    collapse(lines)
}

fn render(item: &Item, lines: &mut Vec<String>) {
    match item {
        Item::Heartbeat => lines.push("heartbeat".into()),
        Item::Oversize { bytes } => lines.push(format!("oversize {bytes}")),
        Item::Invalid { reason, ack } => {
            lines.push(format!("invalid: {reason}"));
            render_ack(ack.as_ref(), lines);
        }
        Item::Telemetry { ack } => {
            lines.push("telemetry".into());
            render_ack(ack.as_ref(), lines);
        }
        Item::Message(message) => {
            render_batch(&message.batch, lines);
            render_ack(message.ack.as_ref(), lines);
        }
    }
}

fn render_batch(batch: &Batch, lines: &mut Vec<String>) {
    for event in batch.events() {
        lines.push(match event {
            Ok(event) => {
                let mut record = Vec::new();
                json::write_value(&mut record, event.record).unwrap();
                let record = String::from_utf8(record).unwrap();
                format!("event {} {} {record}", batch.tag, render_time(event.time))
            }
            Err(EntryError::NotAnEvent(reason)) => format!("bad entry: {reason}"),
            Err(EntryError::Broken(error)) => format!("broken entries: {error}"),
        });
    }
}

fn render_time(time: EventTime) -> String {
    if time == NOW { "now".into() } else { format!("{}.{:09}", time.seconds, time.nanos) }
}

fn render_ack(ack: Option<&Ack>, lines: &mut Vec<String>) {
    let Some(ack) = ack else { return };
    let mut reply = Vec::new();
    ack.encode(&mut reply);
    lines.push(match reply.first() {
        Some(b'{') => format!("ack text {}", String::from_utf8(reply).unwrap()),
        _ => format!("ack {}", hex(&reply)),
    });
}

/// Writes a run of equal lines as one.
fn collapse(lines: Vec<String>) -> Vec<String> {
    lines
        .chunk_by(PartialEq::eq)
        .map(|run| match run {
            [line] => line.clone(),
            _ => format!("{} * {}", run[0], run.len()),
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
