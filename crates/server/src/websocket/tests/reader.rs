//! A client of the numbered streams, in whatever form.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind};

use serde_json::{Value, json};
use socket2::SockRef;

use super::*;

/// How a numbered stream travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Msgpack,
    EventStream,
    Lines,
}

pub(super) const FORMS: [Form; 4] = [Form::Json, Form::Msgpack, Form::EventStream, Form::Lines];

impl Form {
    pub(super) fn is_websocket(self) -> bool {
        matches!(self, Self::Json | Self::Msgpack)
    }
}

/// What a client learns.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Event {
        seq: u64,
        tag: String,
        time: f64,
        record: Value,
    },
    LeftOut(u64),
    /// A notice: its kind and what it says.
    Told(String, Value),
    End(End),
}

enum Source {
    WebSocket(Box<WebSocket<TcpStream>>),
    /// An answer in chunks, and what of its text is no whole line or event yet.
    Http(BufReader<TcpStream>, String),
}

pub(super) struct Reader {
    form: Form,
    /// The head of the answer.
    pub(super) head: String,
    source: Source,
    items: VecDeque<Item>,
    /// Messages or chunks read.
    pub(super) messages: u64,
    /// The numbering, and the number of the last event that it has or knows to be missing.
    pub(super) epoch: String,
    pub(super) seq: u64,
}

impl Reader {
    pub(super) fn open(mut stream: TcpStream, form: Form, path: &str, headers: &str) -> Self {
        let (before, after) = path.split_once('?').unwrap_or((path, ""));
        let request = match form {
            Form::Json => upgrade(path, &format!("Sec-WebSocket-Protocol: fluentcast.v1.json\r\n{headers}")),
            Form::Msgpack => {
                upgrade(path, &format!("Sec-WebSocket-Protocol: fluentcast.v1.msgpack\r\n{headers}"))
            }
            Form::EventStream | Form::Lines => {
                let form = if form == Form::Lines { "application/x-ndjson" } else { "text/event-stream" };
                let path = format!("{}/events?{after}", before.trim_end_matches('/'));
                format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {form}\r\n{headers}\r\n")
            }
        };
        stream.write_all(request.as_bytes()).expect("sent");
        let head = read_head(&mut stream);
        let status = if form.is_websocket() { "HTTP/1.1 101 " } else { "HTTP/1.1 200 " };
        assert!(head.starts_with(status), "{path}: {head}");
        let epoch = head.split_once("fluentcast-epoch: ").map_or("", |(_, rest)| &rest[..16]).to_owned();
        let source = if form.is_websocket() {
            Source::WebSocket(Box::new(WebSocket::from_raw_socket(stream, Role::Client, None)))
        } else {
            Source::Http(BufReader::new(stream), String::new())
        };
        Self { form, head, source, items: VecDeque::new(), messages: 0, epoch, seq: 0 }
    }

    pub(super) fn next(&mut self) -> Item {
        let start = Instant::now();
        while self.items.is_empty() {
            // Signs of life would otherwise keep a silent stream alive for ever.
            assert!(start.elapsed() < DEADLINE, "nothing came before the deadline");
            if let Err(end) = self.read() {
                self.items.push_back(Item::End(end));
            }
        }
        let item = self.items.pop_front().expect("an item");
        match &item {
            Item::Event { seq, .. } => {
                assert!(*seq > self.seq, "{seq} comes after {}", self.seq);
                self.seq = *seq;
            }
            Item::Told(kind, body) if kind == "gap" && body["to"].is_u64() => {
                let number = |name: &str| body[name].as_u64().expect("a number");
                assert!(number("from") > self.seq && number("to") >= number("from"), "{body}");
                self.seq = number("to");
            }
            Item::Told(kind, body) if kind == "hello" => {
                self.epoch = body["epoch"].as_str().expect("an epoch").to_owned();
            }
            Item::Told(kind, _) if kind == "subscribed" => self.seq = 0,
            _ => {}
        }
        item
    }

    /// Reads one message or chunk.
    fn read(&mut self) -> Result<(), End> {
        match &mut self.source {
            Source::WebSocket(socket) => {
                let message = client::message(socket)?;
                self.messages += 1;
                self.take_message(&message)
            }
            Source::Http(stream, text) => {
                let chunk = chunk(stream)?;
                self.messages += 1;
                text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
                let separator = if self.form == Form::Lines { "\n" } else { "\n\n" };
                let mut rest = &text[..];
                while let Some((item, after)) = rest.split_once(separator) {
                    self.items.extend(if self.form == Form::Lines { line(item) } else { event(item) });
                    rest = after;
                }
                *text = rest.to_owned();
            }
        }
        Ok(())
    }

    fn take_message(&mut self, message: &Message) {
        let value = match (self.form, message) {
            (Form::Json, Message::Text(text)) => serde_json::from_str(text).expect("JSON"),
            (Form::Msgpack, Message::Binary(bytes)) => {
                json_of(rmpv::decode::read_value(&mut &bytes[..]).expect("MessagePack"))
            }
            other => panic!("{other:?}"),
        };
        let Value::Object(members) = value else { panic!("{value}") };
        for (name, body) in members {
            match name.as_str() {
                "events" => self.items.extend(body.as_array().expect("an array").iter().map(|event| {
                    assert_eq!(event.as_array().expect("an array").len(), 4);
                    item(&event[0], &event[1], &event[2], &event[3])
                })),
                "left_out" => self.items.push_back(Item::LeftOut(body.as_u64().expect("a number"))),
                _ => self.items.push_back(Item::Told(name, body)),
            }
        }
    }

    /// Reads a notice of this kind.
    #[track_caller]
    pub(super) fn told(&mut self, kind: &str) -> Value {
        match self.next() {
            Item::Told(told, body) if told == kind => body,
            other => panic!("no {kind}: {other:?}"),
        }
    }

    /// Reads exactly these events.
    #[track_caller]
    pub(super) fn expect(&mut self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            match self.next() {
                Item::Event { record, .. } => assert_eq!(record["n"], number, "{record}"),
                other => panic!("no event {number}: {other:?}"),
            }
        }
    }

    #[track_caller]
    pub(super) fn expect_end(&mut self, end: End) {
        assert_eq!(self.next(), Item::End(end));
    }

    /// Where it is.
    pub(super) fn position(&self) -> String {
        format!("{}:{}", self.epoch, self.seq)
    }

    /// Asks for something else, without waiting for the answer.
    pub(super) fn subscribe(&mut self, body: Value) {
        self.tell(&json!({ "subscribe": body }));
    }

    /// Presents a token, likewise.
    pub(super) fn authenticate(&mut self, token: &str) {
        self.tell(&json!({"authenticate": {"token": token}}));
    }

    fn tell(&mut self, message: &Value) {
        self.say(match self.form {
            Form::Json => Message::Text(message.to_string().into()),
            _ => Message::Binary(rmp_serde::to_vec(message).expect("MessagePack").into()),
        });
    }

    pub(super) fn say(&mut self, message: Message) {
        let Source::WebSocket(socket) = &mut self.source else { panic!("it cannot speak") };
        socket.send(message).expect("sent");
    }

    pub(super) fn send_raw(&mut self, bytes: &[u8]) {
        let stream = match &mut self.source {
            Source::WebSocket(socket) => socket.get_mut(),
            Source::Http(stream, _) => stream.get_mut(),
        };
        stream.write_all(bytes).expect("sent");
    }

    /// The bytes in the chunks of an answer. Valid only before any other reading.
    pub(super) fn into_chunks(self) -> impl Read {
        let Source::Http(stream, _) = self.source else { panic!("no answer in chunks") };
        Chunks { stream, chunk: std::io::Cursor::default() }
    }

    /// Ends the connection as a crash would.
    pub(super) fn reset(self) {
        let stream = match &self.source {
            Source::WebSocket(socket) => socket.get_ref(),
            Source::Http(stream, _) => stream.get_ref(),
        };
        SockRef::from(stream).set_linger(Some(Duration::ZERO)).expect("linger");
    }

    /// Reads until this many events are accounted for: received, left out or in a gap.
    pub(super) fn account(&mut self, events: u64) -> Account {
        let mut account = Account::default();
        while account.sum() < events {
            match self.next() {
                Item::Event { seq, .. } => account.received.push(seq),
                Item::LeftOut(count) => account.left_out += count,
                Item::Told(kind, gap) if kind == "gap" => {
                    assert_eq!(gap["reason"], "slow");
                    let number = |name: &str| gap[name].as_u64();
                    let (from, to) = number("from").zip(number("to")).expect("a range");
                    account.gaps += 1;
                    account.in_gaps += number("events").unwrap_or(to - from + 1);
                }
                Item::Told(kind, _) if kind == "hello" => {}
                other => panic!("{other:?} after {} of {events}", account.sum()),
            }
        }
        assert_eq!(account.sum(), events, "{account:?}");
        account
    }
}

/// What became of events.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) received: Vec<u64>,
    pub(super) left_out: u64,
    pub(super) gaps: u64,
    pub(super) in_gaps: u64,
}

impl Account {
    pub(super) fn sum(&self) -> u64 {
        self.received.len() as u64 + self.left_out + self.in_gaps
    }
}

struct Chunks {
    stream: BufReader<TcpStream>,
    chunk: std::io::Cursor<Vec<u8>>,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.chunk.position() == self.chunk.get_ref().len() as u64 {
            match chunk(&mut self.stream) {
                Ok(chunk) => self.chunk = std::io::Cursor::new(chunk),
                Err(End::Complete) => return Ok(0),
                Err(end) => panic!("no chunk: {end:?}"),
            }
        }
        self.chunk.read(buffer)
    }
}

/// The next chunk of an answer.
fn chunk(stream: &mut BufReader<TcpStream>) -> Result<Vec<u8>, End> {
    let end = |error: std::io::Error| match error.kind() {
        ErrorKind::ConnectionReset => End::Reset,
        ErrorKind::UnexpectedEof => End::Cut,
        _ => panic!("{error}"),
    };
    let mut size = String::new();
    if stream.read_line(&mut size).map_err(end)? == 0 {
        return Err(End::Cut);
    }
    let size = usize::from_str_radix(size.trim_end(), 16).expect("the size of a chunk");
    let mut chunk = vec![0; size + 2];
    stream.read_exact(&mut chunk).map_err(end)?;
    assert!(chunk.ends_with(b"\r\n"));
    chunk.truncate(size);
    if size == 0 { Err(End::Complete) } else { Ok(chunk) }
}

fn line(line: &str) -> Option<Item> {
    if line.is_empty() {
        return None;
    }
    let value: Value = serde_json::from_str(line).expect("JSON");
    let members = value.as_object().expect("an object");
    let (name, body) = members.iter().next().expect("a member");
    Some(match name.as_str() {
        "seq" => item(body, &value["tag"], &value["time"], &value["record"]),
        "left_out" => Item::LeftOut(body.as_u64().expect("a number")),
        _ => Item::Told(name.clone(), body.clone()),
    })
}

fn event(text: &str) -> Option<Item> {
    let (mut kind, mut id, mut data) = ("message", None, None);
    for line in text.lines().filter(|line| !line.starts_with(':')) {
        match line.split_once(": ").expect("a field") {
            ("event", value) => kind = value,
            ("id", value) => id = Some(value),
            ("data", value) => data = Some(serde_json::from_str::<Value>(value).expect("JSON")),
            other => panic!("{other:?}"),
        }
    }
    let data = data?;
    Some(match kind {
        "message" => {
            let (_, seq) = id.and_then(|id| id.split_once(':')).expect("an id");
            item(&json!(seq.parse::<u64>().expect("a number")), &data["tag"], &data["time"], &data["record"])
        }
        "left_out" => Item::LeftOut(data.as_u64().expect("a number")),
        _ => Item::Told(kind.to_owned(), data),
    })
}

fn item(seq: &Value, tag: &Value, time: &Value, record: &Value) -> Item {
    Item::Event {
        seq: seq.as_u64().expect("a number"),
        tag: tag.as_str().expect("a tag").to_owned(),
        time: time.as_f64().expect("a time"),
        record: record.clone(),
    }
}

fn json_of(value: rmpv::Value) -> Value {
    match value {
        rmpv::Value::Nil => Value::Null,
        rmpv::Value::Boolean(truth) => truth.into(),
        rmpv::Value::Integer(number) => json!(number.as_u64().expect("not negative")),
        rmpv::Value::F64(number) => number.into(),
        rmpv::Value::String(text) => text.as_str().expect("UTF-8").into(),
        rmpv::Value::Array(items) => items.into_iter().map(json_of).collect(),
        rmpv::Value::Map(members) => {
            let members = members.into_iter();
            members.map(|(name, value)| (name.as_str().expect("a name").to_owned(), json_of(value))).collect()
        }
        // A timestamp of 96 bits.
        rmpv::Value::Ext(-1, bytes) => {
            let nanos = u32::from_be_bytes(bytes[..4].try_into().expect("four bytes"));
            let seconds = u32::try_from(i64::from_be_bytes(bytes[4..].try_into().expect("eight bytes")));
            json!(f64::from(seconds.expect("a time")) + f64::from(nanos) / 1e9)
        }
        other => panic!("{other}"),
    }
}
