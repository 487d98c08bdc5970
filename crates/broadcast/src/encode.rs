//! An event in the form its clients asked for.
//!
//! Classic: `[tag, time, record]`, each of tag and time only if the output asks for it, one message per
//! event. In the other forms an event carries its number, and what stands around several of them is the
//! segment's matter ([`crate::envelope`]).

use std::sync::Arc;

use fluentcast_event::json::{self, Mended};
use fluentcast_event::msgpack::{self, ReadError};
use fluentcast_event::reduction::Reduction;
use fluentcast_event::{Event, EventTime, Tag};

use crate::deflate::{self, SharedDeflater, Window};
use crate::frame::{self, Opcode};
use crate::history::Epoch;

/// In which form events are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON in text messages.
    Json,
    /// MessagePack in binary messages.
    Msgpack,
}

impl Format {
    /// The opcode of its messages.
    #[must_use]
    pub fn opcode(self) -> Opcode {
        match self {
            Self::Json => Opcode::Text,
            Self::Msgpack => Opcode::Binary,
        }
    }
}

/// How events travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// WebSocket, one message per event, as the original plugin sends them.
    Classic,
    /// WebSocket, numbered events in batches: subprotocol `fluentcast.v1.json` or `.msgpack`.
    Resumable,
    /// HTTP, `text/event-stream`. JSON only.
    EventStream,
    /// HTTP, a line of JSON per event. JSON only.
    Lines,
}

impl Protocol {
    /// Whether the client can be told things besides events: gaps above all.
    #[must_use]
    pub fn has_notices(self) -> bool {
        self != Self::Classic
    }

    /// Whether it is spoken over a WebSocket.
    #[must_use]
    pub fn is_websocket(self) -> bool {
        matches!(self, Self::Classic | Self::Resumable)
    }
}

/// What a client is sent for an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// How it travels.
    pub protocol: Protocol,
    /// JSON or MessagePack.
    pub format: Format,
    /// The tag comes first. Classic only; otherwise it is always there.
    pub add_tag: bool,
    /// The time, in whole seconds, comes before the record. Classic only; otherwise it is always there, to
    /// the nanosecond.
    pub add_time: bool,
    /// What of the record: what the client may see and asked for.
    pub fields: Option<Arc<Reduction>>,
    /// Messages are compressed (permessage-deflate), or the whole answer (gzip), with this window.
    pub compress: Option<Window>,
}

/// Writes the events of one tag in one shape. Made once per batch: the tag is encoded once.
#[derive(Debug)]
pub struct Encoder {
    shape: Shape,
    /// What comes before the event's number, and between it and the time. Without a number all of it is
    /// in the second.
    before_seq: Vec<u8>,
    before_time: Vec<u8>,
    /// The same and the whole seconds of a numbered event in JSON: most events share them with the one before.
    before_fraction: Vec<u8>,
    seconds: Option<i64>,
    after: &'static [u8],
    /// The fields of a record that are sent.
    projected: Vec<u8>,
    /// Compresses each event, and where it is made before.
    deflater: Option<SharedDeflater>,
    plain: Vec<u8>,
}

impl Encoder {
    /// An encoder for events of this tag, numbered in this epoch.
    #[must_use]
    pub fn new(shape: &Shape, tag: &Tag, epoch: Epoch) -> Self {
        let (mut before_seq, mut before_time) = (Vec::new(), Vec::new());
        let json_tag = |out: &mut Vec<u8>, before: &str, after: &str| {
            out.extend_from_slice(before.as_bytes());
            json::write_str(out, tag.as_str());
            out.extend_from_slice(after.as_bytes());
        };
        let after: &[u8] = match (shape.protocol, shape.format) {
            (Protocol::Classic, Format::Json) => {
                before_time.push(b'[');
                if shape.add_tag {
                    json_tag(&mut before_time, "", ",");
                }
                b"]"
            }
            (Protocol::Classic, Format::Msgpack) => {
                let elements = 1 + u32::from(shape.add_tag) + u32::from(shape.add_time);
                msgpack::write_array_head(&mut before_time, elements);
                if shape.add_tag {
                    msgpack::write_str(&mut before_time, tag.as_str());
                }
                b""
            }
            (Protocol::Resumable, Format::Json) => {
                before_seq.push(b'[');
                json_tag(&mut before_time, ",", ",");
                b"]"
            }
            (Protocol::Resumable, Format::Msgpack) => {
                msgpack::write_array_head(&mut before_seq, 4);
                msgpack::write_str(&mut before_time, tag.as_str());
                b""
            }
            (Protocol::EventStream, _) => {
                before_seq.extend_from_slice(format!("id: {epoch}:").as_bytes());
                json_tag(&mut before_time, "\ndata: {\"tag\":", ",\"time\":");
                b"}\n\n"
            }
            (Protocol::Lines, _) => {
                before_seq.extend_from_slice(br#"{"seq":"#);
                json_tag(&mut before_time, ",\"tag\":", ",\"time\":");
                b"}\n"
            }
        };
        Self {
            shape: shape.clone(),
            before_seq,
            before_time,
            before_fraction: Vec::new(),
            seconds: None,
            after,
            projected: Vec::new(),
            deflater: None,
            plain: Vec::new(),
        }
    }

    /// Compresses each event that is a message of its own, if there is anything to do that with.
    #[must_use]
    pub(crate) fn deflating(mut self, deflater: Option<SharedDeflater>) -> Self {
        self.deflater = deflater.filter(|_| self.shape.protocol == Protocol::Classic);
        self
    }

    /// Appends the event, framed if its protocol frames each event.
    ///
    /// # Errors
    /// When the record is not sound MessagePack; `out` is then as it was.
    pub fn write(&mut self, out: &mut Vec<u8>, seq: u64, event: &Event<'_>) -> Result<Mended, ReadError> {
        let Some(fields) = &self.shape.fields else { return self.write_message(out, seq, event) };
        let mut projected = std::mem::take(&mut self.projected);
        projected.clear();
        fields.write(event.record, &mut projected)?;
        let written = self.write_message(out, seq, &Event { record: &projected, ..*event });
        self.projected = projected;
        written
    }

    fn write_message(&mut self, out: &mut Vec<u8>, seq: u64, event: &Event<'_>) -> Result<Mended, ReadError> {
        if self.shape.protocol != Protocol::Classic && self.seconds != Some(event.time.seconds) {
            self.seconds = Some(event.time.seconds);
            self.before_fraction.clone_from(&self.before_time);
            self.before_fraction.extend_from_slice(itoa::Buffer::new().format(event.time.seconds).as_bytes());
        }
        let Some(deflater) = &self.deflater else { return self.write_whole(out, seq, event) };
        let deflater = Arc::clone(deflater);
        let mut plain = std::mem::take(&mut self.plain);
        plain.clear();
        let mended = self.write_bare(&mut plain, seq, event)?;
        deflate::lock(&deflater).compress_frame(out, self.shape.format.opcode(), &plain);
        self.plain = plain;
        Ok(mended)
    }

    fn write_whole(&self, out: &mut Vec<u8>, seq: u64, event: &Event<'_>) -> Result<Mended, ReadError> {
        if self.shape.protocol == Protocol::Classic {
            return frame::write_with(out, self.shape.format.opcode(), |out| {
                self.write_bare(out, seq, event)
            });
        }
        let start = out.len();
        self.write_bare(out, seq, event).inspect_err(|_| out.truncate(start))
    }

    fn write_bare(&self, out: &mut Vec<u8>, seq: u64, event: &Event<'_>) -> Result<Mended, ReadError> {
        let Shape { protocol, format, add_time, .. } = self.shape;
        if protocol != Protocol::Classic {
            out.extend_from_slice(&self.before_seq);
            match (protocol, format) {
                (Protocol::Resumable, Format::Msgpack) => msgpack::write_uint(out, seq),
                _ => out.extend_from_slice(itoa::Buffer::new().format(seq).as_bytes()),
            }
        }
        if protocol == Protocol::Classic || format == Format::Msgpack {
            out.extend_from_slice(&self.before_time);
        } else if event.time.seconds < 0 {
            out.extend_from_slice(&self.before_time);
            write_negative_time(out, event.time);
        } else {
            out.extend_from_slice(&self.before_fraction);
            write_fraction(out, event.time.nanos);
        }
        let mended = match (protocol, format) {
            (Protocol::Classic, Format::Json) => {
                if add_time {
                    out.extend_from_slice(itoa::Buffer::new().format(event.time.seconds).as_bytes());
                    out.push(b',');
                }
                json::write_value(out, event.record)?
            }
            (Protocol::Classic, Format::Msgpack) => {
                if add_time {
                    msgpack::write_int(out, event.time.seconds);
                }
                out.extend_from_slice(event.record);
                Mended::default()
            }
            (Protocol::Resumable, Format::Msgpack) => {
                msgpack::write_timestamp(out, event.time);
                out.extend_from_slice(event.record);
                Mended::default()
            }
            (Protocol::Resumable, Format::Json) => {
                out.push(b',');
                json::write_value(out, event.record)?
            }
            (Protocol::EventStream | Protocol::Lines, _) => {
                out.extend_from_slice(br#","record":"#);
                json::write_value(out, event.record)?
            }
        };
        out.extend_from_slice(self.after);
        Ok(mended)
    }
}

/// Seconds before 1970 as a JSON number, to the nanosecond, without zeros at the end.
fn write_negative_time(out: &mut Vec<u8>, time: EventTime) {
    let (mut seconds, mut nanos) = (time.seconds, time.nanos);
    if nanos > 0 {
        // -2 s and 0.25 s more is -1.75.
        seconds += 1;
        nanos = 1_000_000_000 - nanos;
        if seconds == 0 {
            out.push(b'-');
        }
    }
    out.extend_from_slice(itoa::Buffer::new().format(seconds).as_bytes());
    write_fraction(out, nanos);
}

/// What stands behind the whole seconds: nothing, or the point and digits without zeros at the end.
fn write_fraction(out: &mut Vec<u8>, nanos: u32) {
    if nanos > 0 {
        // A one in front keeps the zeros at the beginning.
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(1_000_000_000 + nanos).trim_end_matches('0');
        out.push(b'.');
        out.extend_from_slice(&digits.as_bytes()[1..]);
    }
}

#[cfg(test)]
mod tests {
    use fluentcast_event::EventTime;

    use super::*;

    /// The messages recorded from the original plugin, to the byte.
    #[test]
    fn messages_are_those_of_the_original() {
        let record = b"\x82\xa6action\xa5login\xa4user\x06";
        let event = Event { time: EventTime { seconds: 1_700_000_000, nanos: 9 }, record };
        let frame = |format, add_tag, add_time| {
            let mut out = Vec::new();
            let shape = Shape {
                protocol: Protocol::Classic,
                format,
                add_tag,
                add_time,
                fields: None,
                compress: None,
            };
            let mut encoder = Encoder::new(&shape, &Tag::from("test.a"), Epoch(0));
            encoder.write(&mut out, 1, &event).expect("a sound record");
            assert_eq!(out[0], if format == Format::Json { 0x81 } else { 0x82 });
            assert_eq!(usize::from(out[1]), out.len() - 2);
            out.split_off(2)
        };
        let json =
            |add_tag, add_time| String::from_utf8(frame(Format::Json, add_tag, add_time)).expect("UTF-8");
        assert_eq!(json(true, false), r#"["test.a",{"action":"login","user":6}]"#);
        assert_eq!(json(true, true), r#"["test.a",1700000000,{"action":"login","user":6}]"#);
        assert_eq!(json(false, true), r#"[1700000000,{"action":"login","user":6}]"#);
        assert_eq!(json(false, false), r#"[{"action":"login","user":6}]"#);
        let msgpack = |add_tag, add_time| frame(Format::Msgpack, add_tag, add_time);
        assert_eq!(msgpack(true, false), [b"\x92\xa6test.a", &record[..]].concat());
        assert_eq!(msgpack(true, true), [b"\x93\xa6test.a\xce\x65\x53\xf1\x00", &record[..]].concat());
        assert_eq!(msgpack(false, true), [b"\x92\xce\x65\x53\xf1\x00", &record[..]].concat());
        assert_eq!(msgpack(false, false), [b"\x91", &record[..]].concat());
    }

    #[test]
    fn a_tag_is_escaped() {
        let mut out = Vec::new();
        let shape = Shape {
            protocol: Protocol::Classic,
            format: Format::Json,
            add_tag: true,
            add_time: false,
            fields: None,
            compress: None,
        };
        let event = Event { time: EventTime::default(), record: b"\x80" };
        Encoder::new(&shape, &Tag::from("a\"b\n"), Epoch(0))
            .write(&mut out, 1, &event)
            .expect("a sound record");
        assert_eq!(&out[2..], br#"["a\"b\n",{}]"#);
    }

    #[test]
    fn numbered_events_in_every_form() {
        let event = Event {
            time: EventTime { seconds: 1_700_000_000, nanos: 250_000_000 },
            record: b"\x81\xa1a\x01",
        };
        let encoded = |protocol, format| {
            let shape =
                Shape { protocol, format, add_tag: false, add_time: false, fields: None, compress: None };
            let mut out = Vec::new();
            let mut encoder = Encoder::new(&shape, &Tag::from("t.x"), Epoch(0x1f));
            encoder.write(&mut out, 300, &event).expect("a sound record");
            out
        };
        let text = |protocol| String::from_utf8(encoded(protocol, Format::Json)).expect("UTF-8");
        assert_eq!(text(Protocol::Resumable), r#"[300,"t.x",1700000000.25,{"a":1}]"#);
        assert_eq!(
            text(Protocol::EventStream),
            "id: 000000000000001f:300\ndata: {\"tag\":\"t.x\",\"time\":1700000000.25,\"record\":{\"a\":1}}\n\n"
        );
        assert_eq!(
            text(Protocol::Lines),
            "{\"seq\":300,\"tag\":\"t.x\",\"time\":1700000000.25,\"record\":{\"a\":1}}\n"
        );
        let mut expected = b"\x94\xcd\x01\x2c\xa3t.x".to_vec();
        msgpack::write_timestamp(&mut expected, event.time);
        expected.extend_from_slice(event.record);
        assert_eq!(encoded(Protocol::Resumable, Format::Msgpack), expected);
    }

    #[test]
    fn times_as_json_numbers() {
        let shape = Shape {
            protocol: Protocol::Resumable,
            format: Format::Json,
            add_tag: false,
            add_time: false,
            fields: None,
            compress: None,
        };
        // One for all, as in a batch.
        let mut encoder = Encoder::new(&shape, &Tag::from("t"), Epoch(0));
        for (seconds, nanos, json) in [
            (0, 0, "0"),
            (5, 1, "5.000000001"),
            (5, 120_000_000, "5.12"),
            (5, 0, "5"),
            (-3, 0, "-3"),
            (-2, 250_000_000, "-1.75"),
            (-1, 500_000_000, "-0.5"),
        ] {
            let mut out = Vec::new();
            let event = Event { time: EventTime { seconds, nanos }, record: b"\x80" };
            encoder.write(&mut out, 7, &event).expect("a sound record");
            assert_eq!(String::from_utf8_lossy(&out), format!("[7,\"t\",{json},{{}}]"));
        }
    }
}
