//! A page of another site in the browser of somebody on this machine: whatever it may send without asking, it
//! neither brings an event nor watches one. `tests/browser/elsewhere.test.mjs` is the same in a browser.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::forward::{entries, pack_json, packed_forward};
use crate::support::server::Server;
use crate::support::{DEADLINE, SOURCES, websocket_match};

/// What comes back until the connection ends.
fn say(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("the port answers");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    stream.write_all(bytes).expect("sent");
    let mut answer = Vec::new();
    // What is sent to a closed connection resets it.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(line: &str, host: SocketAddr, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[test]
fn it_brings_no_event() {
    let server = Server::start(&format!("{SOURCES}{}", websocket_match("**", "")));
    let mut neighbour = server.client(0);
    let (http, forward) = (server.http(), server.forward());
    let evil = "Origin: https://evil.example\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let hidden = "Origin: null\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    for (line, headers) in [("POST /evil", evil), ("POST /evil", hidden), ("DELETE /evil?json={}", evil)] {
        let answer = say(http, &request(line, http, headers, b"json={}"));
        assert!(answer.starts_with("HTTP/1.1 403 "), "{line}: {answer}");
        assert!(answer.contains("`cors_allow_origins`"), "{line}: {answer}");
    }
    for line in ["GET /evil?json={}", "HEAD /evil?json={}"] {
        let answer = say(http, &request(line, http, "", b""));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{line}: {answer}");
    }
    assert_eq!(server.metric("fluentcast_http_origins_refused_total"), 3);

    let message = packed_forward("evil", &entries([(1, pack_json("{}"))]), "c");
    for body in [&message[..], br#"["evil",1,{}]"#] {
        assert_eq!(say(forward, &request("POST /", forward, evil, body)), "");
    }
    // The head of a TLS handshake, the length of which hides the rest from nobody.
    assert_eq!(say(forward, &[&b"\x16\x03\x01\x00\x05"[..], &message].concat()), "");
    server.log.wait_for("it speaks HTTP").expect("it is told");
    assert_eq!(server.metric("fluentcast_forward_connections_broken_total"), 3);

    server.sender().event("app.log", 1, r#"{"n":1}"#);
    assert_eq!(neighbour.text(), r#"["app.log",{"n":1}]"#, "and nothing before it");
}

#[test]
fn it_watches_nothing_by_a_name_that_it_lets_mean_this_machine() {
    let outputs = [websocket_match("a", ""), websocket_match("b", "allow_host logs.example")].concat();
    let server = Server::start(&format!("{SOURCES}{outputs}"));
    let ask = |output: usize, host: &str, headers: &str| {
        let text = format!(
            "GET /events?$follow=false HTTP/1.1\r\nHost: {host}\r\n{headers}Accept: application/x-ndjson\r\n\r\n"
        );
        say(server.websocket(output), text.as_bytes())
    };
    let evil = "evil.example:8080";
    for output in [0, 1] {
        for headers in [String::new(), format!("Origin: http://{evil}\r\n")] {
            let answer = ask(output, evil, &format!("{headers}Connection: close\r\n"));
            assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("`allow_host`"), "{answer}");
        }
        assert!(ask(output, "localhost:8080", "").starts_with("HTTP/1.1 200 "));
    }
    assert!(ask(1, "logs.example", "").starts_with("HTTP/1.1 200 "));
    assert!(ask(0, "logs.example", "Connection: close\r\n").starts_with("HTTP/1.1 403 "));
    assert_eq!(server.metric("fluentcast_websocket_hosts_refused_total"), 5);
}
