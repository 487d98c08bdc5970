//! Every combination of what shapes and selects a message, byte for byte.

use crate::support::SOURCES;
use crate::support::forward::{pack, pack_json};
use crate::support::server::Server;
use crate::support::websocket::Client;

const TAG: &str = "t.a";
const TIME: u32 = 1_500_000_000;

/// Sent before the late clients join.
const EARLY: [&str; 5] = [
    r#"{"name":"x","n":6,"a":{"b":1}}"#,
    r#"{"name":"y","n":7}"#,
    r#"{"name":"x y","n":6.0}"#,
    r#"{"name":"z","a.b":1,"a":{"b":2}}"#,
    r#"{"name":"y","n":"6","flag":true,"text":"grüße / \n"}"#,
];

/// Sent after. Each filter takes one of them: its client has a last message to wait for.
const LATE: [&str; 4] = [
    r#"{"name":"x","n":6,"a":{"b":1},"flag":true}"#,
    r#"{"name":"x y","only":"late"}"#,
    r#"{"name":"z","a.b":1}"#,
    r#"{"name":"y","n":6}"#,
];

/// Queries, and the numbers of the events that pass.
const FILTERS: [(&str, &[usize]); 10] = [
    ("", &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
    ("name=x", &[0, 5]),
    // A repeated name means any of them.
    ("name=y&name=z", &[1, 3, 4, 7, 8]),
    // Numbers compare by value, and with text as the original does.
    ("n=6", &[0, 2, 4, 5, 8]),
    // A dotted name reaches into maps; a key that really contains the dot wins.
    ("a.b=1", &[0, 3, 5, 7]),
    ("name=x%20y", &[2, 6]),
    ("flag=true", &[4, 5]),
    // Several names must all hold.
    ("name=y&n=6", &[4, 8]),
    ("only=late", &[6]),
    // The token never filters.
    ("name=x&token=any", &[0, 5]),
];

const BUFFERED: usize = 3;

#[derive(Clone, Copy, Debug)]
struct Shape {
    msgpack: bool,
    time: bool,
    tag: bool,
    buffered: usize,
}

impl Shape {
    fn all() -> Vec<Self> {
        let mut shapes = Vec::new();
        for msgpack in [false, true] {
            for time in [false, true] {
                for tag in [false, true] {
                    for buffered in [0, BUFFERED] {
                        shapes.push(Self { msgpack, time, tag, buffered });
                    }
                }
            }
        }
        shapes
    }

    fn store(self) -> String {
        let Self { msgpack, time, tag, buffered } = self;
        format!(
            "<store>\n@type websocket\nhost 127.0.0.1\nport 0\nuse_msgpack {msgpack}\nadd_time {time}\n\
             add_tag {tag}\nbuffered_messages {buffered}\n</store>\n"
        )
    }

    /// The message for an event, put together by hand.
    fn message(self, number: usize, record: &str) -> Vec<u8> {
        let time = TIME + u32::try_from(number).expect("few events");
        if self.msgpack {
            let mut bytes = vec![0x91 + u8::from(self.tag) + u8::from(self.time)];
            bytes.extend(if self.tag { pack(&TAG.into()) } else { Vec::new() });
            bytes.extend(if self.time { pack(&time.into()) } else { Vec::new() });
            bytes.extend(pack_json(record));
            bytes
        } else {
            let tag = if self.tag { format!("{TAG:?},") } else { String::new() };
            let time = if self.time { format!("{time},") } else { String::new() };
            format!("[{tag}{time}{record}]").into_bytes()
        }
    }
}

struct Watcher {
    what: String,
    client: Client,
    expected: Vec<Vec<u8>>,
}

/// One client per shape and filter, of those that join now: `first` is the oldest event that a shape
/// shows them.
fn join(server: &Server, joined: &str, first: impl Fn(Shape) -> usize) -> Vec<Watcher> {
    let records: Vec<&str> = EARLY.iter().chain(&LATE).copied().collect();
    let mut watchers = Vec::new();
    for (n, shape) in Shape::all().into_iter().enumerate() {
        for (query, passing) in FILTERS {
            let seen = passing.iter().filter(|number| **number >= first(shape));
            watchers.push(Watcher {
                what: format!("{shape:?} ?{query} joined {joined}"),
                client: Client::connect(server.websocket(n), &format!("/?{query}")),
                expected: seen.map(|number| shape.message(*number, records[*number])).collect(),
            });
        }
    }
    watchers
}

#[test]
fn every_combination_is_right_to_the_byte() {
    let stores: String = Shape::all().into_iter().map(Shape::store).collect();
    let server = Server::start(&format!("{SOURCES}<match t.**>\n@type copy\n{stores}</match>\n"));
    let mut sender = server.sender();
    let mut number = 0;
    let mut send = |records: &[&str]| {
        for record in records {
            sender.event(TAG, TIME + number, record);
            number += 1;
        }
    };

    let mut watchers = join(&server, "before", |_| 0);
    send(&EARLY);
    watchers.extend(join(&server, "after", |shape| EARLY.len() - shape.buffered));
    send(&LATE);

    for Watcher { what, client, expected } in &mut watchers {
        for expected in expected {
            let message = client.receive().unwrap_or_else(|end| panic!("{what}: {end:?}"));
            let binary = message.is_binary();
            assert_eq!(binary, what.contains("msgpack: true"), "{what}: the kind of message");
            let bytes = message.into_data();
            assert_eq!(
                bytes.as_ref(),
                expected.as_slice(),
                "{what}: {:?} instead of {:?}",
                String::from_utf8_lossy(&bytes),
                String::from_utf8_lossy(expected)
            );
        }
    }
}
