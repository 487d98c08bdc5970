//! An event as the payload of one message of the classic stream: `[tag, time, record]`, each of tag and
//! time only if the output asks for it.

use fluentcast_event::json::{self, Mended};
use fluentcast_event::msgpack::{self, ReadError};
use fluentcast_event::{Event, Tag};

use crate::frame::{self, Opcode};

/// In which form events are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON in text messages.
    Json,
    /// MessagePack in binary messages.
    Msgpack,
}

/// What one message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// JSON or MessagePack.
    pub format: Format,
    /// The tag comes first.
    pub add_tag: bool,
    /// The time, in whole seconds, comes before the record.
    pub add_time: bool,
}

/// Writes the events of one tag in one shape. Made once per batch: the tag is encoded once.
#[derive(Debug)]
pub struct Encoder {
    shape: Shape,
    /// All of the payload that comes before the time: the array's head and the tag.
    prefix: Vec<u8>,
}

impl Encoder {
    /// An encoder for events of this tag.
    #[must_use]
    pub fn new(shape: Shape, tag: &Tag) -> Self {
        let mut prefix = Vec::with_capacity(tag.as_str().len() + 8);
        match shape.format {
            Format::Json => {
                prefix.push(b'[');
                if shape.add_tag {
                    json::write_str(&mut prefix, tag.as_str());
                    prefix.push(b',');
                }
            }
            Format::Msgpack => {
                msgpack::write_array_head(
                    &mut prefix,
                    1 + u32::from(shape.add_tag) + u32::from(shape.add_time),
                );
                if shape.add_tag {
                    msgpack::write_str(&mut prefix, tag.as_str());
                }
            }
        }
        Self { shape, prefix }
    }

    /// Appends the event as one frame.
    ///
    /// # Errors
    /// When the record is not sound MessagePack; `out` is then as it was.
    pub fn write_frame(&self, out: &mut Vec<u8>, event: &Event<'_>) -> Result<Mended, ReadError> {
        let opcode = match self.shape.format {
            Format::Json => Opcode::Text,
            Format::Msgpack => Opcode::Binary,
        };
        frame::write_with(out, opcode, |out| self.write_payload(out, event))
    }

    fn write_payload(&self, out: &mut Vec<u8>, event: &Event<'_>) -> Result<Mended, ReadError> {
        out.extend_from_slice(&self.prefix);
        match self.shape.format {
            Format::Json => {
                if self.shape.add_time {
                    out.extend_from_slice(itoa::Buffer::new().format(event.time.seconds).as_bytes());
                    out.push(b',');
                }
                let mended = json::write_value(out, event.record)?;
                out.push(b']');
                Ok(mended)
            }
            Format::Msgpack => {
                if self.shape.add_time {
                    msgpack::write_int(out, event.time.seconds);
                }
                out.extend_from_slice(event.record);
                Ok(Mended::default())
            }
        }
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
            let encoder = Encoder::new(Shape { format, add_tag, add_time }, &Tag::from("test.a"));
            encoder.write_frame(&mut out, &event).expect("a sound record");
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
        let shape = Shape { format: Format::Json, add_tag: true, add_time: false };
        let event = Event { time: EventTime::default(), record: b"\x80" };
        Encoder::new(shape, &Tag::from("a\"b\n")).write_frame(&mut out, &event).expect("a sound record");
        assert_eq!(&out[2..], br#"["a\"b\n",{}]"#);
    }
}
