//! A client of the numbered streams in each of their four forms. Of a record it looks at `n` only.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rmpv::Value as Msgpack;
use serde_json::Value;
use socket2::{Domain, SockRef, Socket, Type};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Message, WebSocket};

use super::DEADLINE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Msgpack,
    EventStream,
    Lines,
}

pub(crate) const FORMS: [Form; 4] = [Form::Json, Form::Msgpack, Form::EventStream, Form::Lines];

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Event {
        seq: u64,
        n: u64,
    },
    LeftOut(u64),
    Gap {
        from: u64,
        to: u64,
        events: Option<u64>,
    },
    /// Anything else, hello aside.
    Other(String),
}

pub(crate) struct Numbered {
    source: Source,
    /// Read and not taken yet.
    items: VecDeque<Item>,
    epoch: String,
}

enum Source {
    Json(WebSocket<TcpStream>),
    Msgpack(WebSocket<TcpStream>),
    /// An answer in chunks, and what of its text is no whole event yet.
    EventStream(BufReader<TcpStream>, String),
    Lines(BufReader<TcpStream>, String),
}

impl Numbered {
    /// Opens a stream and reads until its epoch is known. After a position (`epoch:seq`) it goes on there:
    /// server-sent events say that as browsers do. Narrow: its system takes little for it.
    pub(crate) fn open(
        address: SocketAddr,
        form: Form,
        query: &str,
        position: Option<&str>,
        narrow: bool,
    ) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        if narrow {
            socket.set_recv_buffer_size(16 * 1024).expect("a small buffer");
        }
        socket.connect(&address.into()).expect("the websocket port answers");
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        let since =
            position.filter(|_| form != Form::EventStream).map(|position| format!("&$since={position}"));
        let query = format!("{query}{}", since.unwrap_or_default());
        let (source, epoch) = match form {
            Form::Json => (Source::Json(upgrade(stream, address, &query, "fluentcast.v1.json")), None),
            Form::Msgpack => {
                (Source::Msgpack(upgrade(stream, address, &query, "fluentcast.v1.msgpack")), None)
            }
            Form::EventStream => {
                let id =
                    position.map(|position| format!("Last-Event-ID: {position}\r\n")).unwrap_or_default();
                let (stream, epoch) = ask(stream, &query, &format!("Accept: text/event-stream\r\n{id}"));
                (Source::EventStream(stream, String::new()), Some(epoch))
            }
            Form::Lines => {
                let (stream, epoch) = ask(stream, &query, "");
                (Source::Lines(stream, String::new()), Some(epoch))
            }
        };
        let mut numbered = Self { source, items: VecDeque::new(), epoch: epoch.unwrap_or_default() };
        while numbered.epoch.is_empty() {
            numbered.read();
        }
        numbered
    }

    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    pub(crate) fn next(&mut self) -> Item {
        let start = Instant::now();
        loop {
            // Signs of life would otherwise keep a silent stream alive for ever.
            assert!(start.elapsed() < DEADLINE, "nothing came before the deadline");
            if let Some(item) = self.items.pop_front() {
                return item;
            }
            self.read();
        }
    }

    /// Reads one message or chunk.
    fn read(&mut self) {
        let Self { source, items, epoch } = self;
        match source {
            Source::Json(socket) => {
                if let Message::Text(text) = socket.read().expect("a message") {
                    take_json(&serde_json::from_str(&text).expect("JSON"), items, epoch);
                }
            }
            Source::Msgpack(socket) => {
                if let Message::Binary(bytes) = socket.read().expect("a message") {
                    take_msgpack(
                        &rmpv::decode::read_value(&mut &bytes[..]).expect("MessagePack"),
                        items,
                        epoch,
                    );
                }
            }
            Source::EventStream(stream, text) => {
                split(stream, text, "\n\n", |event| items.extend(server_sent(event)));
            }
            Source::Lines(stream, text) => split(stream, text, "\n", |line| {
                // An empty one is a sign of life.
                items.extend((!line.is_empty()).then(|| of_line(line)));
            }),
        }
    }

    /// Ends the connection, as a client does that is closed or one that crashes.
    pub(crate) fn cut(self, by_reset: bool) {
        let stream = match &self.source {
            Source::Json(socket) | Source::Msgpack(socket) => socket.get_ref(),
            Source::EventStream(stream, _) | Source::Lines(stream, _) => stream.get_ref(),
        };
        if by_reset {
            SockRef::from(stream).set_linger(Some(Duration::ZERO)).expect("linger");
        }
    }
}

fn upgrade(
    stream: TcpStream,
    address: SocketAddr,
    query: &str,
    protocol: &'static str,
) -> WebSocket<TcpStream> {
    let mut request = format!("ws://{address}/?{query}").into_client_request().expect("a URL");
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
    let (socket, response) = tungstenite::client(request, stream).expect("a handshake");
    assert_eq!(response.headers()["sec-websocket-protocol"], protocol);
    socket
}

/// Asks for a stream over HTTP; returns what follows the head, and the epoch that stands there.
fn ask(mut stream: TcpStream, query: &str, headers: &str) -> (BufReader<TcpStream>, String) {
    let request = format!("GET /events?{query} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut stream = BufReader::new(stream);
    let (mut head, mut line) = (String::new(), String::new());
    while line != "\r\n" {
        line.clear();
        assert!(stream.read_line(&mut line).expect("a head") > 0, "the head ends early: {head}");
        head.push_str(&line);
    }
    assert!(head.starts_with("HTTP/1.1 200 "), "{query}: {head}");
    let epoch = head.lines().find_map(|line| line.strip_prefix("fluentcast-epoch: ")).expect("an epoch");
    (stream, epoch.to_owned())
}

/// Reads a chunk and hands on the parts of the text that are whole.
fn split(stream: &mut BufReader<TcpStream>, text: &mut String, separator: &str, mut part: impl FnMut(&str)) {
    let mut length = String::new();
    stream.read_line(&mut length).expect("a chunk");
    let length = usize::from_str_radix(length.trim_end(), 16).expect("the length of a chunk");
    assert!(length > 0, "the answer has ended");
    let mut chunk = vec![0; length + 2];
    stream.read_exact(&mut chunk).expect("a whole chunk");
    text.push_str(std::str::from_utf8(&chunk[..length]).expect("UTF-8"));
    let mut rest = &text[..];
    while let Some((whole, after)) = rest.split_once(separator) {
        part(whole);
        rest = after;
    }
    *text = rest.to_owned();
}

fn take_json(message: &Value, items: &mut VecDeque<Item>, epoch: &mut String) {
    for (kind, body) in message.as_object().expect("an object") {
        match kind.as_str() {
            "hello" => body["epoch"].as_str().expect("an epoch").clone_into(epoch),
            "events" => items.extend(
                body.as_array()
                    .expect("an array")
                    .iter()
                    .map(|event| Item::Event { seq: number(&event[0]), n: number(&event[3]["n"]) }),
            ),
            _ => items.push_back(notice(kind, body)),
        }
    }
}

fn take_msgpack(message: &Msgpack, items: &mut VecDeque<Item>, epoch: &mut String) {
    let number = |value: &Msgpack| value.as_u64().unwrap_or_else(|| panic!("{value} is no number"));
    for (kind, body) in message.as_map().expect("a map") {
        match kind.as_str().expect("a name") {
            "hello" => member(body, "epoch").as_str().expect("an epoch").clone_into(epoch),
            "events" => items.extend(
                body.as_array()
                    .expect("an array")
                    .iter()
                    .map(|event| Item::Event { seq: number(&event[0]), n: number(member(&event[3], "n")) }),
            ),
            "left_out" => items.push_back(Item::LeftOut(number(body))),
            "gap" => items.push_back(Item::Gap {
                from: number(member(body, "from")),
                to: number(member(body, "to")),
                events: body
                    .as_map()
                    .expect("a map")
                    .iter()
                    .find(|(name, _)| name.as_str() == Some("events"))
                    .map(|(_, events)| number(events)),
            }),
            _ => items.push_back(Item::Other(message.to_string())),
        }
    }
}

fn member<'a>(map: &'a Msgpack, name: &str) -> &'a Msgpack {
    let members = map.as_map().unwrap_or_else(|| panic!("{map} is no map"));
    let found = members.iter().find(|(known, _)| known.as_str() == Some(name));
    &found.unwrap_or_else(|| panic!("no {name} in {map}")).1
}

/// What is said by an event of an event stream; a comment and hello say nothing.
fn server_sent(event: &str) -> Option<Item> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data: Value = serde_json::from_str(field("data")?).expect("JSON");
    match field("event") {
        None => {
            let (_, seq) = field("id").and_then(|id| id.split_once(':')).expect("an id");
            Some(Item::Event { seq: seq.parse().expect("a number"), n: number(&data["record"]["n"]) })
        }
        Some("hello") => None,
        Some(kind) => Some(notice(kind, &data)),
    }
}

fn of_line(line: &str) -> Item {
    let value: Value = serde_json::from_str(line).expect("JSON");
    let members = value.as_object().expect("an object");
    if members.contains_key("seq") {
        return Item::Event { seq: number(&value["seq"]), n: number(&value["record"]["n"]) };
    }
    let (kind, body) = members.iter().next().expect("a member");
    notice(kind, body)
}

fn notice(kind: &str, body: &Value) -> Item {
    match kind {
        "left_out" => Item::LeftOut(number(body)),
        "gap" => {
            let events = body.get("events").map(number);
            Item::Gap { from: number(&body["from"]), to: number(&body["to"]), events }
        }
        _ => Item::Other(format!("{kind}: {body}")),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}
