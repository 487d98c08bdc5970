//! Peers that reset their connection at every moment of it, on every port.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::{chunk, send};
use crate::support::numbered::{Form, Item, Numbered};
use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::{SOURCES, poll, websocket_match};

/// Connections to each port.
const PEERS: usize = 150;

const HANDSHAKE: &str = "GET /?x=1 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const POST: &str =
    "POST /gone HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}";

/// Says a part of this, perhaps all of it, perhaps reads some of the answer, and resets.
fn reset_within(address: SocketAddr, said: &[u8], random: &mut Random) {
    let mut stream = TcpStream::connect(address).expect("the port answers");
    let part = random.below(said.len() + said.len() / 2).min(said.len());
    stream.write_all(&said[..part]).expect("the system takes it");
    if part == said.len() && random.below(2) == 0 {
        // Whether an answer comes depends on what was said; nobody waits for it.
        stream.set_read_timeout(Some(Duration::from_millis(5))).expect("a timeout");
        let _ = stream.read(&mut [0; 64]);
    }
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("linger");
}

#[test]
fn whoever_resets_in_the_middle_costs_nobody_else_anything() {
    // What the peers send has a tag of its own.
    let config = [SOURCES, &websocket_match("t", ""), &websocket_match("**", "")].concat();
    let mut server = Server::start(&config);
    let mut neighbour = Numbered::open(server.websocket(0), Form::Json, "", None, false);
    let (mut random, mut sender) = (Random::new(0x2e5e7), server.sender());
    let mut sent = 0;
    for _ in 0..PEERS {
        let mut forward = chunk(0..3, "");
        // The tag `t` of the neighbour's becomes another one.
        forward[2] = b'g';
        for (address, said) in [
            (server.forward(), forward.as_slice()),
            (server.http(), POST.as_bytes()),
            (server.websocket(1), HANDSHAKE.as_bytes()),
            (server.websocket(1), b"GET /events HTTP/1.1\r\nHost: h\r\n\r\n"),
        ] {
            reset_within(address, said, &mut random);
        }
        send(&mut sender, sent..sent + 5);
        sent += 5;
    }
    for n in 0..sent {
        match neighbour.next() {
            Item::Event { n: got, .. } => assert_eq!(got, n),
            other => panic!("{other:?}"),
        }
    }
    poll("everybody else to be counted out", || {
        (server.metric("fluentcast_websocket_clients") == 1).then_some(())
    });
    assert!(server.stop().success());
}
