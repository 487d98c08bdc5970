//! The six ways to watch, from bytes as they come to what a client is told. Each is read as its page in
//! `docs/protocol.md` says; what is not said there is strange.

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::judge::Told;

/// A way to watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    ClassicJson,
    ClassicMsgpack,
    ResumableJson,
    ResumableMsgpack,
    EventStream,
    Lines,
}

pub(super) const WAYS: [Way; 6] = [
    Way::ClassicJson,
    Way::ClassicMsgpack,
    Way::ResumableJson,
    Way::ResumableMsgpack,
    Way::EventStream,
    Way::Lines,
];

impl Way {
    pub(super) fn is_websocket(self) -> bool {
        !matches!(self, Self::EventStream | Self::Lines)
    }

    /// Whether its events are numbered.
    pub(super) fn is_numbered(self) -> bool {
        !matches!(self, Self::ClassicJson | Self::ClassicMsgpack)
    }

    /// The request that begins the stream.
    pub(super) fn request(self, query: &str) -> String {
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let (path, headers) = match self {
            Self::ClassicJson => ("/", upgrade.to_owned()),
            Self::ClassicMsgpack => ("/?$format=msgpack&", upgrade.to_owned()),
            Self::ResumableJson => ("/", format!("{upgrade}Sec-WebSocket-Protocol: fluentcast.v1.json\r\n")),
            Self::ResumableMsgpack => {
                ("/", format!("{upgrade}Sec-WebSocket-Protocol: fluentcast.v1.msgpack\r\n"))
            }
            Self::EventStream => ("/events", "Accept: text/event-stream\r\n".to_owned()),
            Self::Lines => ("/events", String::new()),
        };
        let mark = if path.contains('?') { "" } else { "?" };
        format!("GET {path}{mark}{query} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n")
    }
}

/// What is read, besides what is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Told(Told),
    /// A ping with this payload, to be answered.
    Ping(Vec<u8>),
    /// A close frame with this code, or the end of an answer.
    Close(Option<u16>),
}

/// The reader of one connection. It keeps what is no whole message yet.
#[derive(Debug)]
pub(super) struct Wire {
    way: Way,
    answered: bool,
    bytes: Vec<u8>,
    /// Of an answer in chunks: its text.
    text: Vec<u8>,
}

impl Wire {
    pub(super) fn new(way: Way) -> Self {
        Self { way, answered: false, bytes: Vec::new(), text: Vec::new() }
    }

    /// Whether the handshake has been answered.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    /// Takes what was read, and hands on what is whole.
    pub(super) fn push(&mut self, read: &[u8], mut each: impl FnMut(Sign)) -> Result<()> {
        // Most of what comes is whole, and not copied.
        let mut kept = std::mem::take(&mut self.bytes);
        let whole = if kept.is_empty() {
            read
        } else {
            kept.extend_from_slice(read);
            &kept
        };
        let mut rest = whole;
        if !self.answered {
            let Some(end) = rest.windows(4).position(|end| end == b"\r\n\r\n") else {
                self.bytes = rest.to_vec();
                return Ok(());
            };
            self.answer(&String::from_utf8_lossy(&rest[..end]), &mut each)?;
            rest = &rest[end + 4..];
        }
        while let Some(used) =
            if self.way.is_websocket() { self.frame(rest, &mut each)? } else { self.chunk(rest, &mut each)? }
        {
            rest = &rest[used..];
        }
        self.bytes = rest.to_vec();
        Ok(())
    }

    fn answer(&mut self, head: &str, each: &mut impl FnMut(Sign)) -> Result<()> {
        let expected = if self.way.is_websocket() { "HTTP/1.1 101 " } else { "HTTP/1.1 200 " };
        ensure!(head.starts_with(expected), "turned away: {head}");
        self.answered = true;
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        if !self.way.is_websocket() {
            let epoch = header("fluentcast-epoch").context("no epoch in the head")?.to_owned();
            let seq = header("fluentcast-seq").context("no number in the head")?.parse()?;
            each(Sign::Told(Told::Hello { epoch, seq }));
        }
        Ok(())
    }

    /// One frame; how long it is, if it is all there.
    fn frame(&self, bytes: &[u8], each: &mut impl FnMut(Sign)) -> Result<Option<usize>> {
        let (head, len) = match *bytes {
            [_, 126, a, b, ..] => (4, u64::from(u16::from_be_bytes([a, b]))),
            [_, 127, ref rest @ ..] => match rest.first_chunk() {
                Some(len) => (10, u64::from_be_bytes(*len)),
                None => return Ok(None),
            },
            [_, len, ..] if len < 126 => (2, u64::from(len)),
            [_, len, ..] if len > 127 => bail!("the server masks"),
            _ => return Ok(None),
        };
        let end = head + usize::try_from(len)?;
        let Some(payload) = bytes.get(head..end) else { return Ok(None) };
        match bytes[0] {
            0x81 | 0x82 => self.message(payload, each)?,
            0x88 => each(Sign::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code)))),
            0x89 => each(Sign::Ping(payload.to_vec())),
            0x8a => {}
            other => bail!("a frame that begins with {other:02x}"),
        }
        Ok(Some(end))
    }

    fn message(&self, payload: &[u8], each: &mut impl FnMut(Sign)) -> Result<()> {
        match self.way {
            Way::ClassicJson => {
                let (_, record): (IgnoredAny, Record) = serde_json::from_slice(payload)?;
                each(Sign::Told(record.told(None)));
            }
            Way::ClassicMsgpack => {
                let (_, record): (IgnoredAny, Record) = rmp_serde::from_slice(payload)?;
                each(Sign::Told(record.told(None)));
            }
            Way::ResumableJson => serde_json::from_slice::<Message>(payload)?.tell(each),
            _ => rmp_serde::from_slice::<Message>(payload)?.tell(each),
        }
        Ok(())
    }

    /// One chunk of an answer; how long it is, if it is all there.
    fn chunk(&mut self, bytes: &[u8], each: &mut impl FnMut(Sign)) -> Result<Option<usize>> {
        let Some(line) = bytes.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let len = usize::from_str_radix(String::from_utf8_lossy(&bytes[..line]).trim(), 16)?;
        let end = line + 1 + len + 2;
        let Some(chunk) = bytes.get(line + 1..end) else { return Ok(None) };
        if len == 0 {
            each(Sign::Close(None));
            return Ok(Some(end));
        }
        self.text.extend_from_slice(&chunk[..len]);
        let mark: &[u8] = if self.way == Way::Lines { b"\n" } else { b"\n\n" };
        let mut begin = 0;
        while let Some(found) = self.text[begin..].windows(mark.len()).position(|end| end == mark) {
            let one = std::str::from_utf8(&self.text[begin..begin + found])?;
            if let Some(told) = if self.way == Way::Lines { of_line(one)? } else { of_server_sent(one)? } {
                each(Sign::Told(told));
            }
            begin += found + mark.len();
        }
        self.text.drain(..begin);
        Ok(Some(end))
    }
}

/// What is looked at of a record.
#[derive(Deserialize)]
struct Record {
    s: usize,
    n: u64,
}

impl Record {
    fn told(&self, seq: Option<u64>) -> Told {
        Told::Event { seq, source: self.s, n: self.n }
    }
}

#[derive(Deserialize)]
struct Hello {
    epoch: String,
    seq: u64,
}

#[derive(Deserialize)]
struct Gap {
    to: Option<u64>,
    events: Option<u64>,
}

impl Gap {
    fn told(&self) -> Told {
        Told::Gap { to: self.to, events: self.events }
    }
}

/// A message of the resumable stream.
#[derive(Deserialize)]
struct Message {
    hello: Option<Hello>,
    events: Option<Vec<(u64, IgnoredAny, IgnoredAny, Record)>>,
    gap: Option<Gap>,
}

impl Message {
    fn tell(self, each: &mut impl FnMut(Sign)) {
        if let Some(Hello { epoch, seq }) = self.hello {
            each(Sign::Told(Told::Hello { epoch, seq }));
        } else if let Some(events) = self.events {
            events.iter().for_each(|(seq, _, _, record)| each(Sign::Told(record.told(Some(*seq)))));
        } else {
            let told =
                self.gap.map_or_else(|| Told::Strange("an unknown message".to_owned()), |gap| gap.told());
            each(Sign::Told(told));
        }
    }
}

/// An object of the streams over HTTP.
#[derive(Deserialize)]
struct Envelope {
    seq: Option<u64>,
    record: Option<Record>,
    gap: Option<Gap>,
}

/// A line; `None` for a sign of life.
fn of_line(line: &str) -> Result<Option<Told>> {
    if line.is_empty() {
        return Ok(None);
    }
    let told = match serde_json::from_str(line)? {
        Envelope { seq: Some(seq), record: Some(record), .. } => record.told(Some(seq)),
        Envelope { gap: Some(gap), .. } => gap.told(),
        _ => Told::Strange(line.to_owned()),
    };
    Ok(Some(told))
}

/// An event of an event stream; `None` for a comment, and for `hello`, which the head has said.
fn of_server_sent(event: &str) -> Result<Option<Told>> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let Some(data) = field("data") else { return Ok(None) };
    Ok(match field("event") {
        None => {
            let envelope: Envelope = serde_json::from_str(data)?;
            let seq =
                field("id").and_then(|id| id.rsplit_once(':')).map(|(_, seq)| seq.parse()).transpose()?;
            Some(envelope.record.context("an event without record")?.told(seq))
        }
        Some("hello") => None,
        Some("gap") => Some(serde_json::from_str::<Gap>(data)?.told()),
        Some(_) => Some(Told::Strange(event.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same however it is cut.
    fn read(way: Way, stream: &[u8]) -> Vec<Sign> {
        let mut all = Vec::new();
        for size in 1..=stream.len() {
            let (mut wire, mut signs) = (Wire::new(way), Vec::new());
            for piece in stream.chunks(size) {
                wire.push(piece, |sign| signs.push(sign)).expect("it is sound");
            }
            assert!(all.is_empty() || all == signs, "pieces of {size}");
            all = signs;
        }
        all
    }

    fn frame(payload: &[u8]) -> Vec<u8> {
        [&[0x82, u8::try_from(payload.len()).expect("short")], payload].concat()
    }

    fn event(seq: Option<u64>) -> Sign {
        Sign::Told(Told::Event { seq, source: 1, n: 7 })
    }

    #[test]
    fn a_websocket_is_read_in_all_its_forms() {
        let head = b"HTTP/1.1 101 Switching Protocols\r\nX: y\r\n\r\n".to_vec();
        let json = frame(br#"["soak.web",{"s":1,"n":7,"level":"x"}]"#);
        let stream = [&head, &json, &b"\x89\x01p"[..], b"\x88\x02\x03\xe9"].concat();
        let end = [Sign::Ping(b"p".to_vec()), Sign::Close(Some(1001))];
        assert_eq!(read(Way::ClassicJson, &stream), [&[event(None)], &end[..]].concat());
        let packed = frame(b"\x92\xa1t\x82\xa1s\x01\xa1n\x07");
        assert_eq!(read(Way::ClassicMsgpack, &[&head[..], &packed].concat()), [event(None)]);
        let messages = [
            frame(br#"{"hello":{"epoch":"ab","seq":3,"oldest":1,"version":"0"}}"#),
            frame(br#"{"events":[[4,"t",1.5,{"s":1,"n":7}]]}"#),
            frame(br#"{"gap":{"from":5,"to":9,"events":2,"reason":"slow"}}"#),
        ];
        let told = [
            Sign::Told(Told::Hello { epoch: "ab".to_owned(), seq: 3 }),
            event(Some(4)),
            Sign::Told(Told::Gap { to: Some(9), events: Some(2) }),
        ];
        assert_eq!(read(Way::ResumableJson, &[&head[..], &messages.concat()].concat()), told);
        let packed = frame(
            b"\x81\xa6events\xdd\0\0\0\x01\x94\x04\xa1t\xc7\x0c\xff\0\0\0\0\0\0\0\0\x65\x53\xf1\x01\x82\xa1s\x01\xa1n\x07",
        );
        assert_eq!(read(Way::ResumableMsgpack, &[&head[..], &packed].concat()), [event(Some(4))]);
    }

    #[test]
    fn streams_over_http_are_read_in_both_their_forms() {
        let head = "HTTP/1.1 200 OK\r\nfluentcast-epoch: ab\r\nfluentcast-seq: 3\r\n\r\n";
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        let lines = [
            "{\"seq\":4,\"tag\":\"t\",\"time\":1,\"record\":{\"s\":1,\"n\":7}}\n",
            "\n{\"gap\":{\"from\":5,",
            "\"to\":9}}\n",
        ];
        let told = [
            Sign::Told(Told::Hello { epoch: "ab".to_owned(), seq: 3 }),
            event(Some(4)),
            Sign::Told(Told::Gap { to: Some(9), events: None }),
        ];
        let stream = format!("{head}{}0\r\n\r\n", lines.map(chunk).concat());
        assert_eq!(read(Way::Lines, stream.as_bytes()), [&told[..], &[Sign::Close(None)]].concat());
        let events = [
            "event: hello\nid: ab:3\ndata: {}\n\n:\n\n",
            "id: ab:4\ndata: {\"tag\":\"t\",\"time\":1,\"record\":{\"s\":1,\"n\":7}}\n\n",
            "event: gap\nid: ab:9\ndata: {\"from\":5,\"to\":9}\n\n",
        ];
        assert_eq!(read(Way::EventStream, format!("{head}{}", events.map(chunk).concat()).as_bytes()), told);
        let refused = Wire::new(Way::Lines).push(b"HTTP/1.1 401 No\r\n\r\n", |_| {});
        assert!(refused.is_err());
    }
}
