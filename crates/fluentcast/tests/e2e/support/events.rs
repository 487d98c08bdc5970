//! A reader of `GET /events` as lines of JSON, which notes what a client must note to resume.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::DEADLINE;

/// One line: an event, or that some are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Event { seq: u64, record: Value },
    Gap { from: u64, to: u64, reason: String },
}

pub(crate) struct Events {
    reader: BufReader<TcpStream>,
    epoch: String,
}

impl Events {
    /// Asks with this query; returns when the server has begun to answer.
    pub(crate) fn ask(address: SocketAddr, query: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("the port answers");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        let request = format!("GET /events?{query} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut reader = BufReader::new(stream);
        let (mut head, mut line) = (String::new(), String::new());
        while line != "\r\n" {
            line.clear();
            assert!(reader.read_line(&mut line).expect("a head") > 0, "the head ends early: {head}");
            head.push_str(&line);
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{query}: {head}");
        let epoch = head.lines().find_map(|line| line.strip_prefix("fluentcast-epoch: "));
        Self { epoch: epoch.expect("an epoch").to_owned(), reader }
    }

    /// All there is from the first event on.
    pub(crate) fn replay(address: SocketAddr) -> (String, Vec<Line>) {
        let events = Self::ask(address, "$since=1970-01-01T00:00:00Z&$follow=false");
        (events.epoch.clone(), events.read_to_end())
    }

    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The whole lines up to the end of the connection, however that ends.
    pub(crate) fn read_to_end(mut self) -> Vec<Line> {
        let mut text = Vec::new();
        while let Some(chunk) = self.chunk() {
            text.extend(chunk);
        }
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let text = String::from_utf8(text[..whole].to_vec()).expect("UTF-8");
        text.lines().map(parse).collect()
    }

    /// The next chunk of the answer; `None` when it has ended or is cut off.
    fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut length = String::new();
        self.reader.read_line(&mut length).ok().filter(|count| *count > 0)?;
        let length = usize::from_str_radix(length.trim(), 16).ok().filter(|length| *length > 0)?;
        let mut chunk = vec![0; length + 2];
        self.reader.read_exact(&mut chunk).ok()?;
        chunk.truncate(length);
        Some(chunk)
    }
}

fn parse(line: &str) -> Line {
    let mut value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("no number in {line}"));
    if let Some(gap) = value.get("gap") {
        let reason = gap["reason"].as_str().expect("a reason").to_owned();
        return Line::Gap { from: number(&gap["from"]), to: number(&gap["to"]), reason };
    }
    let record = value["record"].take();
    Line::Event { seq: number(&value["seq"]), record }
}
