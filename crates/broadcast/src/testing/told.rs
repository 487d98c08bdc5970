//! What a client is told, understood in every protocol, without the code that wrote it.

use serde_json::Value;

use crate::encode::{Format, Protocol, Shape};
use crate::frame;

/// One thing a client is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Event(u64),
    LeftOut(u64),
    Gap {
        epoch: Option<String>,
        from: u64,
        to: Option<u64>,
        events: Option<u64>,
        reason: String,
    },
    Hello {
        seq: u64,
        oldest: u64,
    },
    Subscribed {
        seq: u64,
        oldest: u64,
    },
    Error(String),
    Ping,
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// The end of an HTTP answer.
    End,
}

pub(crate) fn numbers(told: &[Told]) -> Vec<u64> {
    let number = |told: &Told| if let Told::Event(n) = told { Some(*n) } else { None };
    told.iter().filter_map(number).collect()
}

pub(crate) fn gap(from: u64, to: u64, events: Option<u64>, reason: &str) -> Told {
    Told::Gap { epoch: None, from, to: Some(to), events, reason: reason.to_owned() }
}

/// A client's parser.
pub(crate) struct Understands {
    protocol: Protocol,
    format: Format,
    compress: bool,
    bytes: Vec<u8>,
    /// Checksum and length of what a compressed answer held.
    content: crc32fast::Hasher,
    content_bytes: u32,
    /// It was told that this is the end.
    checked: bool,
    /// How many messages or chunks came.
    pub(crate) messages: usize,
    /// The `id` of the last event of an event stream.
    pub(crate) last_id: Option<String>,
}

impl Understands {
    pub(crate) fn new(shape: &Shape) -> Self {
        let Shape { protocol, format, compress, .. } = *shape;
        Self {
            protocol,
            format,
            compress: compress.is_some(),
            bytes: Vec::new(),
            content: crc32fast::Hasher::new(),
            content_bytes: 0,
            checked: false,
            messages: 0,
            last_id: None,
        }
    }

    /// Takes more bytes; what is whole is understood.
    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Vec<Told> {
        self.bytes.extend_from_slice(bytes);
        let mut told = Vec::new();
        while let Some(length) = self.whole() {
            let message: Vec<u8> = self.bytes.drain(..length).collect();
            self.messages += 1;
            if self.protocol.is_websocket() {
                self.frame(&message, &mut told);
            } else {
                self.chunk(&message, &mut told);
            }
        }
        told
    }

    /// Nothing is left that is not whole.
    pub(crate) fn is_between_messages(&self) -> bool {
        self.bytes.is_empty()
    }

    fn whole(&self) -> Option<usize> {
        if self.protocol.is_websocket() {
            let head = match self.bytes.get(1)? {
                0..126 => 2,
                126 => 4,
                _ => 10,
            };
            let length = if self.bytes.len() < head { None } else { Some(frame::length(&self.bytes)) };
            return length.filter(|length| *length <= self.bytes.len());
        }
        let line = self.bytes.windows(2).position(|two| two == b"\r\n")?;
        let digits = std::str::from_utf8(&self.bytes[..line]).unwrap();
        let length = line + 2 + usize::from_str_radix(digits, 16).expect("the length of a chunk") + 2;
        (length <= self.bytes.len()).then_some(length)
    }

    fn frame(&self, frame: &[u8], told: &mut Vec<Told>) {
        let payload = &frame[match frame[1] {
            0..126 => 2,
            126 => 4,
            _ => 10,
        }..];
        let code = || payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        let is_compressed = self.compress && frame[0] & frame::RSV1 != 0;
        let inflated = is_compressed.then(|| inflated(payload));
        let payload = inflated.as_deref().unwrap_or(payload);
        match if is_compressed { frame[0] ^ frame::RSV1 } else { frame[0] } {
            0x81 if self.format == Format::Json => self.message(&json(payload), told),
            0x82 if self.format == Format::Msgpack => self.message(&msgpack(payload), told),
            0x89 => told.push(Told::Ping),
            0x8a => told.push(Told::Pong(payload.to_vec())),
            0x88 => told.push(Told::Close(code())),
            other => panic!("a frame that begins with {other:#x}"),
        }
    }

    fn message(&self, message: &Value, told: &mut Vec<Told>) {
        if self.protocol == Protocol::Classic {
            let record = message.as_array().unwrap().last().unwrap();
            return told.push(Told::Event(record["n"].as_u64().expect("a number")));
        }
        let Some(events) = message.get("events") else { return told.push(notice(message)) };
        for event in events.as_array().unwrap() {
            let seq = event[0].as_u64().unwrap();
            assert_eq!(event[3]["n"], seq, "events bear their numbers");
            told.push(Told::Event(seq));
        }
        told.extend(message.get("left_out").map(|left_out| Told::LeftOut(left_out.as_u64().unwrap())));
    }

    fn chunk(&mut self, chunk: &[u8], told: &mut Vec<Told>) {
        let head = chunk.windows(2).position(|two| two == b"\r\n").unwrap() + 2;
        let bytes = chunk[head..].strip_suffix(b"\r\n").unwrap();
        assert!(!self.checked || bytes.is_empty(), "something behind the end of the stream");
        if bytes.is_empty() {
            assert_eq!(self.checked, self.compress, "a compressed answer ends with its checksum");
            return told.push(Told::End);
        }
        if let Some(sum) = bytes.strip_prefix(&[1, 0, 0, 0xff, 0xff]).filter(|_| self.compress) {
            let expected =
                [self.content.clone().finalize(), self.content_bytes].map(u32::to_le_bytes).concat();
            assert_eq!(sum, expected, "checksum and length");
            self.checked = true;
            return;
        }
        let bytes = if self.compress { inflated(bytes) } else { bytes.to_vec() };
        self.content.update(&bytes);
        self.content_bytes += u32::try_from(bytes.len()).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        let rest = if self.protocol == Protocol::Lines {
            text.split_inclusive('\n').for_each(|line| line_said(line, told));
            text.ends_with('\n')
        } else {
            text.split_inclusive("\n\n").for_each(|event| self.event_said(event, told));
            text.ends_with("\n\n")
        };
        assert!(rest, "a chunk ends where an event does: {text:?}");
    }

    fn event_said(&mut self, text: &str, told: &mut Vec<Told>) {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        if text.starts_with(':') {
            return told.push(Told::Ping);
        }
        let (kind, id) = (field("event: "), field("id: "));
        let data = json(field("data: ").unwrap().as_bytes());
        self.last_id = id.map(str::to_owned).or(self.last_id.take());
        match kind {
            None => {
                let (_, seq) = id.expect("events have an id").split_once(':').unwrap();
                assert_eq!(data["record"]["n"], seq.parse::<u64>().unwrap(), "events bear their numbers");
                told.push(Told::Event(seq.parse().unwrap()));
            }
            Some("left_out") => told.push(Told::LeftOut(data.as_u64().unwrap())),
            Some(kind) => told.push(notice(&serde_json::json!({ kind: data }))),
        }
    }
}

fn line_said(line: &str, told: &mut Vec<Told>) {
    if line == "\n" {
        return told.push(Told::Ping);
    }
    let value = json(line.as_bytes());
    if let Some(seq) = value.get("seq") {
        assert_eq!(value["record"]["n"], *seq, "events bear their numbers");
        told.push(Told::Event(seq.as_u64().unwrap()));
    } else if let Some(left_out) = value.get("left_out") {
        told.push(Told::LeftOut(left_out.as_u64().unwrap()));
    } else {
        told.push(notice(&value));
    }
}

fn notice(message: &Value) -> Told {
    let (kind, body) = message.as_object().unwrap().iter().next().unwrap();
    let number = |name: &str| body.get(name).and_then(Value::as_u64);
    let position = || (number("seq").unwrap(), number("oldest").unwrap());
    match kind.as_str() {
        "hello" => Told::Hello { seq: position().0, oldest: position().1 },
        "subscribed" => Told::Subscribed { seq: position().0, oldest: position().1 },
        "error" => Told::Error(body["message"].as_str().unwrap().to_owned()),
        "gap" => Told::Gap {
            epoch: body.get("epoch").map(|epoch| epoch.as_str().unwrap().to_owned()),
            from: number("from").unwrap(),
            to: number("to"),
            events: number("events"),
            reason: body["reason"].as_str().unwrap().to_owned(),
        },
        _ => panic!("what is {message}?"),
    }
}

/// What one compressed part says; it refers to nothing before it.
fn inflated(part: &[u8]) -> Vec<u8> {
    use flate2::{Decompress, FlushDecompress};
    let mut out = Vec::with_capacity(1 << 20);
    Decompress::new(false).decompress_vec(part, &mut out, FlushDecompress::Sync).expect("sound deflate");
    out
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"))
}

/// MessagePack as the JSON that says the same; times are lost.
fn msgpack(bytes: &[u8]) -> Value {
    fn convert(value: &rmpv::Value) -> Value {
        match value {
            rmpv::Value::Array(items) => items.iter().map(convert).collect(),
            rmpv::Value::Map(pairs) => {
                pairs.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), convert(value))).collect()
            }
            rmpv::Value::String(text) => text.as_str().into(),
            rmpv::Value::Integer(number) => number.as_u64().into(),
            rmpv::Value::Boolean(truth) => (*truth).into(),
            _ => Value::Null,
        }
    }
    let mut rest = bytes;
    let value = rmpv::decode::read_value(&mut rest).unwrap();
    assert!(rest.is_empty(), "a message is one value");
    convert(&value)
}
