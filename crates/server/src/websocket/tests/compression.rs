//! permessage-deflate on the wire, as a client sees it that speaks RFC 7692 by itself.

use flate2::{Decompress, FlushDecompress};
use serde_json::{Value, json};

use super::*;

/// FIN, RSV1 and text; without RSV1 the message is not compressed.
const COMPRESSED: u8 = 0xc1;
const PLAIN: u8 = 0x81;

/// What a client offers, what is agreed on, and the size of the window, as a power of two.
const OFFERS: [(&str, Option<u8>); 4] = [
    ("", None),
    ("permessage-deflate; server_max_window_bits=8", None),
    ("permessage-deflate; client_max_window_bits", Some(12)),
    ("permessage-deflate; server_max_window_bits=10", Some(9)),
];

fn connect(server: &Server, offer: &str, more_headers: &str) -> (String, TcpStream) {
    let mut stream = stream_to(server.address);
    let offer =
        if offer.is_empty() { String::new() } else { format!("Sec-WebSocket-Extensions: {offer}\r\n") };
    stream.write_all(upgrade("/", &format!("{offer}{more_headers}")).as_bytes()).expect("sent");
    let head = read_head(&mut stream);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    (head, stream)
}

/// The first byte of the next frame, and its text.
fn frame(stream: &mut TcpStream, window: Option<u8>) -> (u8, String) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).expect("a frame");
    let length = match head[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).expect("a length");
            u16::from_be_bytes(length).into()
        }
        127 => panic!("a frame of more than 64 KiB"),
        length => usize::from(length),
    };
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).expect("a payload");
    if head[0] == COMPRESSED {
        payload.extend([0, 0, 0xff, 0xff]);
        let window = window.expect("nothing is compressed that was not agreed on");
        // An inflater of its own for every message; it refuses what lies beyond the window.
        let mut inflated = Vec::with_capacity(1 << 20);
        Decompress::new_with_window_bits(false, window)
            .decompress_vec(&payload, &mut inflated, FlushDecompress::Sync)
            .expect("sound deflate");
        payload = inflated;
    }
    (head[0], String::from_utf8(payload).expect("text"))
}

#[test]
fn each_client_gets_the_same_events_in_the_compression_that_it_agreed_on() {
    for protocol in ["", "Sec-WebSocket-Protocol: fluentcast.v1.json\r\n"] {
        let server = Server::one(Output { compress: true, ..Output::default() });
        let clients = OFFERS.map(|(offer, window)| {
            let (head, stream) = connect(&server, offer, protocol);
            assert_eq!(head.contains("sec-websocket-extensions: permessage-deflate; "), window.is_some());
            (stream, window)
        });
        server.publish(0, &batch(0..1, 1_000));
        for (mut stream, window) in clients {
            if !protocol.is_empty() {
                let (first, hello) = frame(&mut stream, window);
                assert!(first == PLAIN && hello.contains("hello"), "{hello}");
            }
            let (first, text) = frame(&mut stream, window);
            assert_eq!(first, if window.is_some() { COMPRESSED } else { PLAIN }, "{window:?}");
            let text: Value = serde_json::from_str(&text).expect("JSON");
            let padding =
                &text.pointer(if protocol.is_empty() { "/0" } else { "/events/0/3" }).expect("an event");
            assert_eq!(padding["padding"], json!("x".repeat(1_000)));
        }
        server.wait_until_empty();
    }
}

#[test]
fn nothing_is_compressed_where_it_is_not_configured() {
    let server = Server::one(Output::default());
    let (head, mut stream) = connect(&server, "permessage-deflate", "");
    assert!(!head.contains("sec-websocket-extensions"), "{head}");
    server.publish(0, &batch(0..1, 1_000));
    assert_eq!(frame(&mut stream, None).0, PLAIN);
}
