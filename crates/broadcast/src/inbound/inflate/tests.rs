use proptest::prelude::*;

use crate::close::CloseReason;
use crate::deflate::Deflater;
use crate::frame::{self, Opcode};
use crate::inbound::{Inbound, Received};

const LIMIT: u64 = 200_000;

/// The examples of RFC 7692 section 7.2.3 that a client may send: what they say, and their payload.
const EXAMPLES: [(&str, &[u8]); 6] = [
    ("Hello", b"\xf2\x48\xcd\xc9\xc9\x07\x00"),
    ("Hello", b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),
    ("Hello", b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
    ("Hello", b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
    ("", b"\x00"),
    // Not of the RFC: streams that end with the message, and none at all.
    ("", b""),
];

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const RSV1: u8 = 0x40;
const FIN: u8 = 0x80;

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x12, 0x34, 0x56, 0x78];
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
        middle @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The frame of a server as a client would send it.
fn as_client(frame: &[u8]) -> Vec<u8> {
    let head_bytes = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    masked(frame[0], &frame[head_bytes..])
}

/// A reader that joins what it is handed.
struct Reader {
    inbound: Inbound,
    begun: Vec<u8>,
    messages: Vec<(bool, Vec<u8>)>,
}

impl Reader {
    fn new() -> Self {
        Self { inbound: Inbound::new(LIMIT).inflating(true), begun: Vec::new(), messages: Vec::new() }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), CloseReason> {
        self.inbound.feed(&mut bytes.to_vec(), |received| {
            if let Received::Data { text, payload, last } = received {
                self.begun.extend_from_slice(payload);
                if last {
                    self.messages.push((text, std::mem::take(&mut self.begun)));
                }
            }
        })
    }
}

fn read(bytes: &[u8]) -> Result<Vec<(bool, Vec<u8>)>, CloseReason> {
    let mut reader = Reader::new();
    reader.feed(bytes)?;
    assert!(reader.inbound.message.is_none(), "an inflater lives for one message");
    Ok(reader.messages)
}

#[test]
fn the_examples_of_the_rfc_are_read_wherever_they_are_cut() {
    for (said, payload) in EXAMPLES {
        let expected = vec![(true, said.as_bytes().to_vec())];
        for cut in 0..=payload.len() {
            let frames = [
                masked(TEXT | RSV1, &payload[..cut]),
                masked(FIN | 9, b"between"),
                masked(FIN, &payload[cut..]),
            ];
            assert_eq!(read(&frames.concat()), Ok(expected.clone()), "{payload:x?} cut at {cut}");
        }
        let mut reader = Reader::new();
        for byte in masked(FIN | RSV1 | TEXT, payload) {
            assert_eq!(reader.feed(&[byte]), Ok(()));
        }
        assert_eq!(reader.messages, expected);
    }
}

#[test]
fn each_message_begins_anew_and_may_be_plain() {
    let hello = masked(FIN | RSV1 | TEXT, EXAMPLES[0].1);
    let all = [hello.clone(), masked(FIN | BINARY, b"plain"), hello.clone(), hello.clone()].concat();
    let hello_read = (true, b"Hello".to_vec());
    let expected = vec![hello_read.clone(), (false, b"plain".to_vec()), hello_read.clone(), hello_read];
    assert_eq!(read(&all), Ok(expected));
    // The second message of section 7.2.3.2 reaches back into the first.
    let reaching_back = masked(FIN | RSV1 | TEXT, b"\xf2\x00\x11\x00\x00");
    assert_eq!(read(&[hello, reaching_back].concat()), Err(CloseReason::InvalidDeflate));
}

#[test]
fn what_no_message_deflates_to_is_refused() {
    for (what, payload) in [
        ("a reserved type of block", &b"\x07"[..]),
        ("a stored block of which half the length is missing", b"\x00\x05\x00"),
        ("lengths that differ", b"\x00\x05\x00\xfa\xfeHello\x00"),
        ("a flush that was not cut off", b"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff"),
        ("text", b"Hello"),
    ] {
        let fed = read(&masked(FIN | RSV1 | BINARY, payload));
        assert_eq!(fed, Err(CloseReason::InvalidDeflate), "{what}");
    }
    assert_eq!(CloseReason::InvalidDeflate.code(), Some(1007));
}

/// A message that lacks its end is no shorter message.
#[test]
fn a_message_that_lacks_its_end_is_refused() {
    let text: String = (0..200).map(|number| format!("{number},")).collect();
    let mut frame = Vec::new();
    Deflater::default().compress_frame(&mut frame, Opcode::Text, text.as_bytes());
    let payload = &frame[4..];
    assert_eq!(read(&masked(FIN | RSV1 | TEXT, payload)), Ok(vec![(true, text.into_bytes())]));
    for cut in 1..payload.len() {
        let fed = read(&masked(FIN | RSV1 | TEXT, &payload[..cut]));
        assert_eq!(fed, Err(CloseReason::InvalidDeflate), "cut at {cut} of {}", payload.len());
    }
}

#[test]
fn reserved_bits_mean_something_only_where_a_message_begins() {
    let begun = masked(RSV1 | TEXT, b"\xf2");
    for (what, bytes) in [
        ("RSV1 on a continuation", [begun.clone(), masked(FIN | RSV1, b"\x48")].concat()),
        ("RSV1 on a ping", masked(FIN | RSV1 | 9, b"")),
        ("RSV1 on a pong", masked(FIN | RSV1 | 10, b"")),
        ("RSV1 on a close frame", masked(FIN | RSV1 | 8, b"")),
        ("RSV2", masked(FIN | 0x20 | TEXT, b"")),
        ("RSV3", masked(FIN | 0x10 | TEXT, b"")),
        ("RSV1 and RSV2", masked(FIN | RSV1 | 0x20 | TEXT, b"")),
    ] {
        assert!(matches!(read(&bytes), Err(CloseReason::Protocol(_))), "{what}");
    }
    let unasked = Inbound::new(LIMIT).feed(&mut masked(FIN | RSV1 | TEXT, EXAMPLES[0].1), |_| {});
    assert!(matches!(unasked, Err(CloseReason::Protocol(_))), "{unasked:?}");
}

#[test]
fn text_is_checked_as_it_is_inflated() {
    let mut part = Vec::new();
    Deflater::default().compress_part(&mut part, &[&[b'a'; 9000][..], b"\xff"].concat());
    // The message goes on, but can be no text any more.
    let fed = Reader::new().feed(&masked(RSV1 | TEXT, &part));
    assert_eq!(fed, Err(CloseReason::InvalidUtf8));
    let euros = "€".repeat(5000);
    let mut deflated = Vec::new();
    Deflater::default().compress_frame(&mut deflated, Opcode::Text, euros.as_bytes());
    assert_eq!(read(&as_client(&deflated)), Ok(vec![(true, euros.into_bytes())]));
    let half = b"\x00\x02\x00\xfd\xff\xe2\x82\x00";
    assert_eq!(read(&masked(FIN | RSV1 | TEXT, half)), Err(CloseReason::InvalidUtf8));
}

/// A gigabyte in a message of one megabyte.
#[test]
fn a_bomb_makes_no_more_than_the_limit() {
    let mut part = Vec::new();
    Deflater::default().compress_part(&mut part, &vec![0; 1 << 20]);
    let bomb = part.repeat(1024);
    let limit = 2 * bomb.len() as u64;
    let mut inbound = Inbound::new(limit).inflating(true);
    let mut made = 0;
    let fed = inbound.feed(&mut masked(FIN | RSV1 | BINARY, &bomb), |received| match received {
        Received::Data { payload, .. } => made += payload.len() as u64,
        other => panic!("{other:?}"),
    });
    assert_eq!(fed, Err(CloseReason::TooBig));
    assert!(made <= limit, "{made} of {limit}");
}

#[test]
fn the_limit_is_on_what_is_inflated() {
    let limit = usize::try_from(LIMIT).unwrap();
    for (bytes, allowed) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
        let payload = vec![b'x'; bytes];
        let mut frame = Vec::new();
        Deflater::default().compress_frame(&mut frame, Opcode::Binary, &payload);
        let expected = if allowed { Ok(vec![(false, payload)]) } else { Err(CloseReason::TooBig) };
        assert!(read(&as_client(&frame)) == expected, "{bytes}");
    }
    // Blocks that hold nothing are bounded as well.
    let nothing = b"\x00\x00\x00\xff\xff".repeat(limit / 2);
    assert_eq!(read(&masked(FIN | RSV1 | BINARY, &nothing)), Err(CloseReason::TooBig));
}

/// What cannot be compressed grows, and may.
#[test]
fn a_message_of_the_limit_may_be_longer_than_the_limit_when_deflated() {
    let stored: Vec<u8> = (0..LIMIT / 100)
        .flat_map(|_| [&b"\x00\x64\x00\x9b\xff"[..], &[7; 100]].concat())
        .chain([0])
        .collect();
    assert!(stored.len() as u64 > LIMIT);
    assert!(read(&masked(FIN | RSV1 | BINARY, &stored)) == Ok(vec![(false, vec![7; 200_000])]));
}

proptest! {
    #[test]
    fn what_is_compressed_is_read_back_over_any_split(
        messages in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..400),
                prop::collection::vec(0u8..3, 0..20_000),
                ("[a-f]{1,20}", 1usize..500).prop_map(|(word, times)| word.repeat(times).into_bytes()),
            ],
            0..5,
        ),
        pieces in prop::collection::vec(1usize..5000, 1..10),
    ) {
        let mut deflater = Deflater::default();
        let mut bytes = Vec::new();
        for message in &messages {
            let mut frame = Vec::new();
            deflater.compress_frame(&mut frame, Opcode::Binary, message);
            prop_assert_eq!(frame::length(&frame), frame.len());
            bytes.extend(as_client(&frame));
        }
        let mut reader = Reader::new();
        let mut rest = &bytes[..];
        for piece in pieces.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, after) = rest.split_at((*piece).min(rest.len()));
            prop_assert_eq!(reader.feed(now), Ok(()));
            rest = after;
        }
        let expected: Vec<_> = messages.into_iter().map(|message| (false, message)).collect();
        prop_assert_eq!(reader.messages, expected);
    }

    #[test]
    fn random_payloads_never_panic_and_any_split_agrees(
        payload in prop::collection::vec(any::<u8>(), 0..300),
        piece in 1usize..40,
        text in any::<bool>(),
    ) {
        let bytes = masked(FIN | RSV1 | if text { TEXT } else { BINARY }, &payload);
        let (mut whole, mut split) = (Reader::new(), Reader::new());
        let fed_whole = whole.feed(&bytes);
        let mut fed_split = Ok(());
        for part in bytes.chunks(piece) {
            fed_split = fed_split.and(split.feed(part));
        }
        prop_assert_eq!(fed_whole, fed_split);
        prop_assert_eq!(whole.messages, split.messages);
    }
}
