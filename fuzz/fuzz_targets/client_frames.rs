//! What clients send: read the same over any split of the bytes, and what is accepted is what a client
//! would have to send to say it. With compression agreed on and without.

#![no_main]

use std::cell::RefCell;
use std::io::IoSlice;

use fluentcast_broadcast::close::CloseReason;
use fluentcast_broadcast::deflate::Deflater;
use fluentcast_broadcast::encode::{Format, Protocol, Shape};
use fluentcast_broadcast::frame::{self, Opcode, RSV1};
use fluentcast_broadcast::inbound::{Inbound, Received};
use fluentcast_broadcast::session::Session;
use libfuzzer_sys::fuzz_target;

const MESSAGE_BYTES_MAX: u64 = 70_000;

fuzz_target!(|data: &[u8]| {
    let [seed, stream @ ..] = data else { return };
    for inflating in [false, true] {
        check(stream, *seed, inflating);
        check(&masked_frames(stream), *seed, inflating);
    }
});

thread_local! {
    static DEFLATER: RefCell<Deflater> = RefCell::default();
}

/// A whole message or a control frame.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Message { text: bool, payload: Vec<u8> },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
}

fn check(stream: &[u8], seed: u8, inflating: bool) {
    let (seen, fed) = read(stream, usize::MAX, inflating);
    for piece in [1, 2, 3, 7, 1 + usize::from(seed)] {
        assert_eq!(read(stream, piece, inflating), (seen.clone(), fed), "pieces of {piece}");
    }
    let mut said = Vec::new();
    for item in &seen {
        check_seen(item);
        say(item, seed, inflating, &mut said);
    }
    assert_eq!(read(&said, usize::MAX, inflating), (seen, Ok(())), "what was accepted, said again");
    check_session(stream, 1 + usize::from(seed), inflating, fed);
}

/// Reads to the end, or to what ends the connection; then whatever comes must count for nothing.
fn read(stream: &[u8], piece: usize, inflating: bool) -> (Vec<Seen>, Result<(), CloseReason>) {
    let mut inbound = Inbound::new(MESSAGE_BYTES_MAX).inflating(inflating);
    let (mut seen, mut message, mut result) = (Vec::new(), Vec::new(), Ok(()));
    for piece in stream.to_vec().chunks_mut(piece) {
        let fed = inbound.feed(piece, |received| {
            assert_eq!(result, Ok(()), "something counts after an error");
            match received {
                Received::Data { text, payload, last } => {
                    message.extend_from_slice(payload);
                    if last {
                        seen.push(Seen::Message { text, payload: std::mem::take(&mut message) });
                    }
                }
                Received::Ping(payload) => seen.push(Seen::Ping(payload.to_vec())),
                Received::Pong(payload) => seen.push(Seen::Pong(payload.to_vec())),
                Received::Close(code) => seen.push(Seen::Close(code)),
            }
        });
        result = result.and(fed);
    }
    (seen, result)
}

fn check_seen(seen: &Seen) {
    match seen {
        Seen::Message { text, payload } => {
            assert!(payload.len() as u64 <= MESSAGE_BYTES_MAX);
            assert!(!text || std::str::from_utf8(payload).is_ok());
        }
        Seen::Ping(payload) | Seen::Pong(payload) => assert!(payload.len() <= 125),
        Seen::Close(code) => assert!(code.is_none_or(|code| (1000..5000).contains(&code))),
    }
}

/// The frames that say it, of a client.
fn say(seen: &Seen, seed: u8, inflating: bool, out: &mut Vec<u8>) {
    match seen {
        Seen::Message { text, payload } if inflating && seed % 2 == 0 => {
            let opcode = if *text { Opcode::Text } else { Opcode::Binary };
            let mut frame = Vec::new();
            DEFLATER.with_borrow_mut(|deflater| deflater.compress_frame(&mut frame, opcode, payload));
            let head_bytes = match frame[1] {
                126 => 4,
                127 => 10,
                _ => 2,
            };
            masked(frame[0], &frame[head_bytes..], seed, out);
        }
        Seen::Message { text, payload } => {
            let opcode = if *text { 1 } else { 2 };
            let (first, rest) = payload.split_at(usize::from(seed).min(payload.len()));
            masked(opcode, first, seed, out);
            masked(0x80, rest, seed, out);
        }
        Seen::Ping(payload) => masked(0x89, payload, seed, out),
        Seen::Pong(payload) => masked(0x8a, payload, seed, out),
        Seen::Close(code) => {
            masked(0x88, code.map(u16::to_be_bytes).as_ref().map_or(&[], |code| &code[..]), seed, out);
        }
    }
}

/// Turns the input into frames whose heads are mostly sound: a first byte, a length, and a payload each,
/// deflated on demand.
fn masked_frames(mut input: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    while let [first, length, rest @ ..] = input {
        // Long payloads are repeated from a short input.
        let bytes = usize::from(length & 0x3f).min(rest.len());
        let (payload, after) = rest.split_at(bytes);
        let times = if length & 0x80 == 0 { 1 } else { 300 };
        let mut payload = payload.repeat(times);
        if first & RSV1 != 0 && length & 0x40 != 0 {
            let mut deflated = Vec::new();
            DEFLATER.with_borrow_mut(|deflater| deflater.compress_part(&mut deflated, &payload));
            deflated.truncate(deflated.len() - 4);
            payload = deflated;
        }
        masked(*first, &payload, *length, &mut frames);
        input = after;
    }
    frames
}

fn masked(first: u8, payload: &[u8], seed: u8, out: &mut Vec<u8>) {
    let mask = [seed, seed ^ 0x55, seed.wrapping_mul(3), 0];
    out.push(first);
    match payload.len() {
        short @ 0..126 => out.push(0x80 | short as u8),
        middle @ 126..0x1_0000 => {
            out.push(0x80 | 126);
            out.extend((middle as u16).to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

/// The session closes for the reason the reader gives, and writes sound frames, the close frame last.
fn check_session(stream: &[u8], piece: usize, inflating: bool, fed: Result<(), CloseReason>) {
    let shape = Shape {
        protocol: Protocol::Classic,
        format: Format::Json,
        add_tag: true,
        add_time: false,
        fields: None,
        compress: None,
    };
    let mut session = Session::new(shape, MESSAGE_BYTES_MAX).inflating(inflating);
    let mut written = Vec::new();
    for piece in stream.to_vec().chunks_mut(piece) {
        session.received(piece, |_, _, _, _| {});
        let mut slices = [IoSlice::new(&[]); 8];
        let used = session.gather(&mut slices, usize::MAX);
        let before = written.len();
        slices[..used].iter().for_each(|slice| written.extend_from_slice(slice));
        session.written(written.len() - before);
    }
    match (session.closing(), fed) {
        (Some(CloseReason::ClosedByClient(_)) | None, Ok(())) => {}
        (Some(reason), Err(expected)) => assert_eq!(reason, expected),
        (reason, fed) => panic!("{reason:?} {fed:?}"),
    }
    assert_eq!(session.closing().is_some(), session.is_finished());
    let mut rest = &written[..];
    while !rest.is_empty() {
        let (frame, after) = rest.split_at(frame::length(rest));
        assert!(matches!(frame[0], 0x88 | 0x8a), "only pongs and a close");
        assert_eq!(frame[0] == 0x88, after.is_empty() && session.closing().is_some());
        rest = after;
    }
}
