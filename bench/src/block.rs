//! What a publisher sends at once: ready-made bytes into which each event's number and time are stamped.

use fluentcast_broadcast::frame::{self, Opcode};
use fluentcast_event::EventTime;
use fluentcast_event::msgpack;

use crate::record::{Fields, Form, Layout, Record, Stamp, TAG, write_decimal};

/// Width of the number that names a chunk.
const CHUNK_ID_BYTES: usize = 8;

/// Set in the length before a blob of frames when an ack is wanted: see [`crate::floor`].
pub const BLOB_WANTS_ACK: u32 = 1 << 31;

/// One unit of publishing.
#[derive(Clone, Debug)]
pub struct Block {
    bytes: Vec<u8>,
    fields: Fields,
    /// Where the records begin.
    records: Vec<usize>,
    /// Where the chunk's name stands.
    chunk_at: Option<usize>,
    chunk: u64,
    shards: u64,
}

impl Block {
    fn new(fields: Fields, shards: u64) -> Self {
        Self { bytes: Vec::new(), fields, records: Vec::new(), chunk_at: None, chunk: 0, shards }
    }

    fn push_record(&mut self, record: &Record) {
        self.records.push(self.bytes.len());
        self.bytes.extend_from_slice(&record.bytes);
    }

    /// A PackedForward message that asks for an ack.
    #[must_use]
    pub fn packed_forward(json_bytes: usize, events: usize, shards: u64) -> Self {
        let record = Record::new(Form::Msgpack, json_bytes);
        let mut entries = Self::new(record.fields, shards);
        for _ in 0..events {
            entries.bytes.push(0x92);
            msgpack::write_event_time(&mut entries.bytes, EventTime::now());
            entries.push_record(&record);
        }
        let mut block = Self::new(record.fields, shards);
        msgpack::write_array_head(&mut block.bytes, 3);
        msgpack::write_str(&mut block.bytes, TAG);
        block.bytes.push(0xc6);
        block.bytes.extend_from_slice(&length(entries.bytes.len()).to_be_bytes());
        let start = block.bytes.len();
        block.records = entries.records.iter().map(|at| start + at).collect();
        block.bytes.append(&mut entries.bytes);
        msgpack::write_map_head(&mut block.bytes, 1);
        msgpack::write_str(&mut block.bytes, "chunk");
        msgpack::write_str(&mut block.bytes, &"0".repeat(CHUNK_ID_BYTES));
        block.chunk_at = Some(block.bytes.len() - CHUNK_ID_BYTES);
        block
    }

    /// One event in Message mode, without ack.
    #[must_use]
    pub fn forward_message(json_bytes: usize, shards: u64) -> Self {
        let record = Record::new(Form::Msgpack, json_bytes);
        let mut block = Self::new(record.fields, shards);
        msgpack::write_array_head(&mut block.bytes, 3);
        msgpack::write_str(&mut block.bytes, TAG);
        msgpack::write_event_time(&mut block.bytes, EventTime::now());
        block.push_record(&record);
        block
    }

    /// Frames for the floor, to the byte those that Fluentcast makes of the same events.
    #[must_use]
    pub fn frames(form: Form, json_bytes: usize, events: usize, shards: u64, ack: bool) -> Self {
        let record = Record::new(form, json_bytes);
        let mut one = message_prefix(form);
        let record_at = one.len();
        one.extend_from_slice(&record.bytes);
        let opcode = match form {
            Form::Json => {
                one.push(b']');
                Opcode::Text
            }
            Form::Msgpack => Opcode::Binary,
        };
        let mut block = Self::new(record.fields, shards);
        block.bytes = vec![0; 4];
        for _ in 0..events {
            frame::write(&mut block.bytes, opcode, &one);
            let message_at = block.bytes.len() - one.len();
            block.records.push(message_at + record_at);
        }
        let frames = length(block.bytes.len() - 4) | if ack { BLOB_WANTS_ACK } else { 0 };
        block.bytes[..4].copy_from_slice(&frames.to_be_bytes());
        block
    }

    /// A POST whose body is a JSON list of records, as Fluentd's `in_http` takes it.
    #[must_use]
    pub fn post_records(json_bytes: usize, events: usize, shards: u64) -> Self {
        let record = Record::new(Form::Json, json_bytes);
        Self::post(&record, events, shards, "/bench", (b"", b""))
    }

    /// A POST whose body is the message itself, or a JSON list of several: a server that does not look
    /// into messages hands the body on as it is.
    #[must_use]
    pub fn post_messages(json_bytes: usize, events: usize, path: &str) -> Self {
        let record = Record::new(Form::Json, json_bytes);
        Self::post(&record, events, 1, path, (&message_prefix(Form::Json), b"]"))
    }

    fn post(record: &Record, events: usize, shards: u64, path: &str, around: (&[u8], &[u8])) -> Self {
        let mut body = Self::new(record.fields, shards);
        if events > 1 {
            body.bytes.push(b'[');
        }
        for index in 0..events {
            if index > 0 {
                body.bytes.push(b',');
            }
            body.bytes.extend_from_slice(around.0);
            body.push_record(record);
            body.bytes.extend_from_slice(around.1);
        }
        if events > 1 {
            body.bytes.push(b']');
        }
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.bytes.len()
        );
        for at in &mut body.records {
            *at += head.len();
        }
        body.bytes.splice(0..0, head.into_bytes());
        body
    }

    /// How many events it holds.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.records.len() as u64
    }

    /// The bytes to send.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Stamps events `first_seq` and following, sent at `sent`.
    pub fn stamp(&mut self, first_seq: u64, sent: u64) {
        for (seq, &at) in (first_seq..).zip(&self.records) {
            self.fields.stamp(&mut self.bytes[at..], Stamp { seq, sent, shards: self.shards });
        }
        if let Some(at) = self.chunk_at {
            self.chunk += 1;
            write_decimal(&mut self.bytes[at..at + CHUNK_ID_BYTES], self.chunk);
        }
    }
}

/// The Forward ack of the chunk with that number.
#[must_use]
pub fn forward_ack(chunk: u64) -> Vec<u8> {
    let mut name = [0; CHUNK_ID_BYTES];
    write_decimal(&mut name, chunk);
    let mut ack = Vec::new();
    msgpack::write_map_head(&mut ack, 1);
    msgpack::write_str(&mut ack, "ack");
    msgpack::write_str(&mut ack, &String::from_utf8_lossy(&name));
    ack
}

/// What comes before the record in a message of the classic stream.
fn message_prefix(form: Form) -> Vec<u8> {
    let mut prefix = Vec::new();
    match form {
        Form::Json => prefix.extend_from_slice(format!("[\"{TAG}\",").as_bytes()),
        Form::Msgpack => {
            msgpack::write_array_head(&mut prefix, 2);
            msgpack::write_str(&mut prefix, TAG);
        }
    }
    prefix
}

/// Where a client finds the fields in messages with so many events each.
#[must_use]
pub fn message_layout(form: Form, json_bytes: usize, events_per_message: u64) -> Layout {
    let bracket = usize::from(events_per_message > 1);
    Record::new(form, json_bytes).fields.within_message(bracket + message_prefix(form).len())
}

/// Bytes of one event on its way to a client, head of the frame and all.
#[must_use]
pub fn frame_bytes(form: Form, json_bytes: usize) -> usize {
    Block::frames(form, json_bytes, 1, 1, false).bytes.len() - 4
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(BLOB_WANTS_ACK - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{LARGE_RECORD_BYTES, RECORD_BYTES};

    /// The sizes that docs/performance.md states.
    #[test]
    fn frames_have_the_sizes_that_are_published() {
        let sizes = [RECORD_BYTES, LARGE_RECORD_BYTES]
            .map(|bytes| [Form::Json, Form::Msgpack].map(|form| frame_bytes(form, bytes)));
        assert_eq!(sizes, [[214, 167], [10_014, 9_968]]);
    }
}
