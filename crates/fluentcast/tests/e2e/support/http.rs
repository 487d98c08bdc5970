//! Plain HTTP requests, one connection each.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::DEADLINE;

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Response {
    request(address, "GET", path, "text/plain", b"")
}

pub(crate) fn post(address: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> Response {
    request(address, "POST", path, content_type, body)
}

/// A JSON body to a tag.
pub(crate) fn post_json(address: SocketAddr, path: &str, json: &str) {
    let response = post(address, path, "application/json", json.as_bytes());
    assert_eq!(response.status, 200, "{}", String::from_utf8_lossy(&response.body));
}

fn request(address: SocketAddr, method: &str, path: &str, content_type: &str, body: &[u8]) -> Response {
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend(body);
    let mut stream = TcpStream::connect(address).expect("the port answers");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    stream.write_all(&bytes).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    parse(&answer)
}

fn parse(answer: &[u8]) -> Response {
    let shown = || String::from_utf8_lossy(answer).into_owned();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("not an HTTP answer: {}", shown()));
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("not an HTTP answer: {}", shown()));
    let body = &answer[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") { join_chunks(body) } else { body.to_vec() };
    Response { status, body }
}

/// A body that came in chunks, whole to its last.
fn join_chunks(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.iter().position(|byte| *byte == b'\n').expect("the length of a chunk");
        let length = String::from_utf8_lossy(&rest[..line]);
        let length = usize::from_str_radix(length.trim(), 16).expect("a hexadecimal number");
        let chunk = rest.get(line + 1..line + 1 + length).expect("a whole chunk");
        if length == 0 {
            return body;
        }
        body.extend_from_slice(chunk);
        rest = rest[line + 1 + length..].strip_prefix(b"\r\n").expect("the end of a chunk");
    }
}
