//! The hex vectors of the Forward reference against the whole server. What they mean for the decoder
//! alone, and at every cut point, is the forward crate's test; the file is the same.

use std::fs;

use crate::support::forward::Sender;
use crate::support::server::Server;
use crate::support::{SOURCES, tools, websocket_match};

/// The limits that the file assumes.
const LIMITS: &str = "chunk_size_limit 4096\n  decompression_size_limit 4096\n  entry_limit 8\n";

#[derive(Default)]
struct Vector {
    id: String,
    bytes: Vec<u8>,
    /// `TAG SECONDS RECORD`, a time of reception as `now`.
    events: Vec<String>,
    acks: Vec<u8>,
    closed: bool,
}

fn read() -> Vec<Vector> {
    let path = tools::repository("crates/forward/testdata/vectors.txt");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut vectors: Vec<Vector> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("  ") {
            None => vectors.push(Vector { id: line.to_owned(), ..Vector::default() }),
            Some(line) => vectors.last_mut().expect("an id first").add(line),
        }
    }
    vectors
}

impl Vector {
    fn add(&mut self, line: &str) {
        let (line, count) = match line.rsplit_once(" * ") {
            Some((line, count)) => (line, count.parse().expect("a number")),
            None => (line, 1),
        };
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "hex" => self.bytes = unhex(rest),
            "text" => self.bytes = unescape(rest),
            "event" => self.events.extend(std::iter::repeat_n(event(rest), count)),
            "ack" => self.acks.extend(
                rest.strip_prefix("text ").map_or_else(|| unhex(rest), |text| text.as_bytes().to_vec()),
            ),
            "closed:" => self.closed = true,
            // How the server counts and names the rest is not seen from outside.
            _ => {}
        }
    }
}

/// `TAG SECONDS.NANOS RECORD` with whole seconds, as `add_time` shows them.
fn event(line: &str) -> String {
    let mut words = line.splitn(3, ' ');
    let mut word = || words.next().expect("a tag, a time and a record");
    let (tag, time, record) = (word(), word(), word());
    let seconds = time.split_once('.').map_or(time, |(seconds, _)| seconds);
    format!("{tag} {seconds} {record}")
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).expect("hex").try_into().expect("a digit")).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut characters = text.bytes();
    while let Some(byte) = characters.next() {
        bytes.push(match byte {
            b'\\' => match characters.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                other => other.expect("something after the backslash"),
            },
            byte => byte,
        });
    }
    bytes
}

/// `["TAG",SECONDS,RECORD]` as `TAG SECONDS RECORD`, times of this year and later as `now`.
fn shown(message: &str) -> String {
    let inner = message.strip_prefix("[\"").and_then(|rest| rest.strip_suffix(']'));
    let (tag, rest) = inner.and_then(|rest| rest.split_once("\",")).unwrap_or_else(|| panic!("{message}"));
    let (seconds, record) = rest.split_once(',').unwrap_or_else(|| panic!("{message}"));
    let now = seconds.parse::<i64>().is_ok_and(|seconds| seconds > 1_700_000_000);
    format!("{tag} {} {record}", if now { "now" } else { seconds })
}

#[test]
fn each_vector_has_the_events_acks_and_end_of_the_reference() {
    let sources = SOURCES.replacen("port 0\n", &format!("port 0\n  {LIMITS}"), 1);
    let server = Server::start(&format!("{sources}{}", websocket_match("**", "add_time true")));
    let mut client = server.client(0);
    let mut neighbour = server.sender();

    let vectors = read();
    assert!(vectors.len() > 50, "only {} vectors", vectors.len());
    for vector in &vectors {
        let mut sender = Sender::connect(server.forward());
        // The server may have closed before the last byte.
        sender.try_send(&vector.bytes).ok();
        let answer = if vector.closed { sender.read_to_end() } else { sender.finish() };
        assert_eq!(answer, vector.acks, "{}: the acks", vector.id);

        neighbour.event("end.of.vector", 1, "{}");
        let events: Vec<String> =
            client.texts_until("end.of.vector").iter().map(|text| shown(text)).collect();
        assert_eq!(events, vector.events, "{}: the events", vector.id);
    }
}
