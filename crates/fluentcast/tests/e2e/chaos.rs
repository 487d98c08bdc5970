//! Five seconds of random bytes and of mutated valid messages at each port, while neighbours work on.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::websocket::Client;
use crate::support::{SOURCES, http, websocket_match};

const CHAOS_TIME: Duration = Duration::from_secs(5);

/// How long a connection waits for what the server says to nonsense.
const PATIENCE: Duration = Duration::from_millis(20);

/// A stream of events has no end to wait for.
const READS_MAX: usize = 16;

impl Random {
    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    /// One to eight changes: flipped bits, other bytes, cuts, repeats, insertions.
    fn mutate(&mut self, valid: &[u8]) -> Vec<u8> {
        let mut bytes = valid.to_vec();
        for _ in 0..=self.below(8) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                1 if !bytes.is_empty() => bytes[at] = self.byte(),
                2 => bytes.truncate(at),
                3 => {
                    let piece = bytes[at..(at + self.below(32)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
                4 => {
                    let count = self.below(16);
                    let piece = self.bytes(count);
                    bytes.splice(at..at, piece);
                }
                // Lengths and numbers like the largest there are.
                _ => {
                    bytes.splice(at..at, [0xff; 4]);
                }
            }
        }
        bytes
    }
}

fn forward_messages() -> Vec<Vec<u8>> {
    [
        // Message, Forward, PackedForward and gzip, all with a chunk; a metadata time; JSON.
        "94a5632e6c6f67ce59682f0081a16ba17681a56368756e6bac59326831626d73744d513d3d",
        "93a5632e6c6f679292ce59682f0081a16e0192d70059682f010000000581a16e0281a56368756e6ba26331",
        "93a5632e6c6f67c41992ce59682f0081a16e0192d70059682f010000000581a16e0281a56368756e6ba27063",
        "93a5632e6c6f67c42b1f8b08000000000000ff9b742e32439fa171611ee3a4eb0c4026230303032b90cb04004b9f282619000000\
         82aa636f6d70726573736564a4677a6970a473697a6502",
        "93a5632e6c6f67929292d70059682f00000000078081a16e019292ce59682f008081a16e0282a473697a6502ad666c75656e745f7369676e616c00",
    ]
    .iter()
    .map(|hex| {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let text = |pair: &[u8]| std::str::from_utf8(pair).expect("ASCII").to_owned();
        digits.chunks(2).map(|pair| u8::from_str_radix(&text(pair), 16).expect("hex")).collect()
    })
    .chain([br#"["c.log",1500000000,{"k":"v","list":[1,2.5e3,null,{"a":"\u00e9"}]},{"chunk":"jc"}]"#.to_vec()])
    .collect()
}

fn http_requests() -> Vec<Vec<u8>> {
    [
        "POST /c/log HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 15\r\n\r\njson=%7B%7D&t=1",
        "POST /c/log?time=1.5 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n[{\"a\":1},{\"b\":2}]",
        "POST /c/log HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{\"a\":1}\n\r\n0\r\n\r\n",
        "POST /c HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 68\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{\"a\":1}\r\n--b--\r\n",
        "OPTIONS /c HTTP/1.1\r\nHost: localhost\r\nOrigin: http://o\r\nAccess-Control-Request-Method: POST\r\n\r\n",
        "POST /c HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Type: application/msgpack\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n\u{1f}\u{8}\0\0",
    ]
    .iter()
    .map(|request| request.as_bytes().to_vec())
    .collect()
}

fn websocket_requests() -> Vec<Vec<u8>> {
    let handshake = |path: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        .into_bytes()
    };
    // A masked text, a fragmented one with a ping between, a close, a long binary.
    let frames: [&[u8]; 4] = [
        b"\x81\x85\x01\x02\x03\x04\x69\x67\x6f\x68\x6e",
        b"\x01\x82\0\0\0\0hi\x89\x81\0\0\0\0p\x80\x82\0\0\0\0ho",
        b"\x88\x82\0\0\0\0\x03\xe8",
        b"\x82\xfe\x01\x00\x01\x01\x01\x01abcdefghijklmnop",
    ];
    let mut requests = vec![
        handshake("/?a=b&c=d&token=x"),
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
    ];
    requests.extend(frames.iter().map(|frame| [handshake("/"), frame.to_vec()].concat()));
    requests
}

/// One connection that says this, half-closes and listens a little.
fn say(address: SocketAddr, bytes: &[u8]) {
    let Ok(mut stream) = TcpStream::connect(address) else {
        // Ports of this machine run out for a moment; whether the server lives is checked by its neighbours.
        return;
    };
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    // The server may hang up in the middle of it.
    stream.write_all(bytes).ok();
    stream.shutdown(Shutdown::Write).ok();
    let mut answer = [0; 4096];
    for _ in 0..READS_MAX {
        if !stream.read(&mut answer).is_ok_and(|count| count > 0) {
            break;
        }
    }
}

/// Random bytes and mutated messages, in turns, for the whole time.
fn rage(address: SocketAddr, seed: u64, valid: &[Vec<u8>]) -> usize {
    let mut random = Random::new(seed);
    let start = Instant::now();
    let mut count = 0;
    while start.elapsed() < CHAOS_TIME {
        let bytes = if count % 4 == 0 {
            let length = random.below(2_000);
            random.bytes(length)
        } else {
            let message = &valid[random.below(valid.len())];
            // What follows a mutated message on the same connection must survive, or end with it.
            [random.mutate(message), valid[random.below(valid.len())].clone()].concat()
        };
        say(address, &bytes);
        count += 1;
    }
    count
}

#[test]
fn nonsense_on_every_port_costs_no_neighbour_anything() {
    let config = format!("{SOURCES}{}{}", websocket_match("good.**", ""), websocket_match("**", ""));
    let mut server = Server::start(&config);
    let mut neighbour = server.client(0);
    let ports = [
        ("forward", server.forward(), 0xf00d_u64, forward_messages()),
        ("http", server.http(), 0xbeef, http_requests()),
        ("websocket", server.websocket(0), 0xcafe, websocket_requests()),
        ("websocket", server.websocket(1), 0xface, websocket_requests()),
    ];

    let raging = AtomicBool::new(true);
    let sent = std::thread::scope(|scope| {
        let good = scope.spawn(|| send_while(&server, &raging));
        let rages: Vec<_> = ports
            .iter()
            .map(|(name, address, seed, valid)| (name, seed, scope.spawn(|| rage(*address, *seed, valid))))
            .collect();
        for (name, seed, rage) in rages {
            let count = rage.join().expect("the rage ends well");
            println!("{name}: {count} connections, seed {seed:#x}");
            assert!(count > 0, "nothing was said on the {name} port");
        }
        raging.store(false, Ordering::Relaxed);
        good.join().expect("the good sender ends well")
    });

    assert!(server.is_running(), "the server is gone");
    for number in 0..sent {
        assert_eq!(neighbour.text(), format!(r#"["good.x",{{"n":{number}}}]"#));
    }
    let mut next = Client::connect(server.websocket(1), "/?still=here");
    server.sender().event("t", 1, r#"{"still":"here"}"#);
    assert_eq!(next.text(), r#"["t",{"still":"here"}]"#);
    assert!(server.stop().success());
}

/// Numbered events through both sources, each acknowledged; how many.
fn send_while(server: &Server, raging: &AtomicBool) -> usize {
    let mut sender = server.sender();
    let mut number = 0;
    while raging.load(Ordering::Relaxed) {
        sender.event("good.x", 1, &format!(r#"{{"n":{number}}}"#));
        http::post_json(server.http(), "/good/x", &format!(r#"{{"n":{}}}"#, number + 1));
        number += 2;
    }
    number
}
