//! A client of plain HTTP.

use std::collections::HashMap;

use super::*;

/// One connection, as a client that is no WebSocket uses it.
pub(super) struct Http(pub(super) TcpStream);

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: String,
}

impl Http {
    pub(super) fn ask(&mut self, request: &str) -> Answer {
        self.0.write_all(request.as_bytes()).expect("sent");
        let head = read_head(&mut self.0);
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let headers: HashMap<_, _> = lines
            .map(|line| line.split_once(": ").expect("a header"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").map_or(0, |length| length.parse().expect("a length"));
        let mut body = vec![0; if request.starts_with("HEAD") { 0 } else { length }];
        self.0.read_exact(&mut body).expect("a whole body");
        let status = status.parse().expect("a number");
        Answer { status, headers, body: String::from_utf8(body).expect("text") }
    }
}
