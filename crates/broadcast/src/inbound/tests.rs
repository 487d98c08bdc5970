use proptest::prelude::*;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use tungstenite::protocol::frame::{Frame as TheirFrame, FrameHeader};

use super::*;

const LIMIT: u64 = 1000;

#[derive(Debug, PartialEq, Eq, Clone)]
enum Seen {
    Message(bool, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
}

/// Feeds the bytes in pieces of these lengths (the last one repeated) and joins the parts of messages.
fn read(bytes: &[u8], pieces: &[usize]) -> (Vec<Seen>, Result<(), CloseReason>) {
    let mut inbound = Inbound::new(LIMIT);
    let (mut seen, mut message) = (Vec::new(), Vec::new());
    let mut rest = bytes.to_vec();
    let mut pieces = pieces.iter().copied();
    let mut piece = usize::MAX;
    while !rest.is_empty() {
        piece = pieces.next().unwrap_or(piece).clamp(1, rest.len());
        let after = rest.split_off(piece);
        let fed = inbound.feed(&mut rest, |received| match received {
            Received::Data { text, payload, last } => {
                message.extend_from_slice(payload);
                if last {
                    seen.push(Seen::Message(text, std::mem::take(&mut message)));
                }
            }
            Received::Ping(payload) => seen.push(Seen::Ping(payload.to_vec())),
            Received::Pong(payload) => seen.push(Seen::Pong(payload.to_vec())),
            Received::Close(code) => seen.push(Seen::Close(code)),
        });
        if fed.is_err() {
            return (seen, fed);
        }
        rest = after;
    }
    (seen, Ok(()))
}

/// A frame as tungstenite, an independent implementation, writes it for a client.
fn frame(opcode: OpCode, payload: &[u8], last: bool) -> Vec<u8> {
    let mask = Some([0x12, 0x34, 0x56, 0x78]);
    let header = FrameHeader { is_final: last, opcode, mask, ..FrameHeader::default() };
    let frame = TheirFrame::from_payload(header, payload.to_vec().into());
    let mut bytes = Vec::new();
    frame.format(&mut bytes).expect("a Vec takes everything");
    bytes
}

fn data(text: bool) -> OpCode {
    OpCode::Data(if text { Data::Text } else { Data::Binary })
}

fn continuation() -> OpCode {
    OpCode::Data(Data::Continue)
}

fn control(opcode: Control, payload: &[u8]) -> Vec<u8> {
    frame(OpCode::Control(opcode), payload, true)
}

#[test]
fn close_codes_are_checked() {
    for code in 0..=5000u16 {
        // 1014, bad gateway, is registered with IANA; tungstenite 0.30 does not know it yet.
        let known = CloseCode::from(code).is_allowed() || code == 1014;
        let (seen, fed) = read(&control(Control::Close, &code.to_be_bytes()), &[]);
        if known {
            assert_eq!((seen, fed), (vec![Seen::Close(Some(code))], Ok(())), "{code}");
        } else {
            assert!(matches!(fed, Err(CloseReason::Protocol(_))), "{code}: {fed:?}");
        }
    }
    assert_eq!(read(&control(Control::Close, b""), &[]).0, [Seen::Close(None)]);
    assert!(matches!(read(&control(Control::Close, b"\x03"), &[]).1, Err(CloseReason::Protocol(_))));
    assert_eq!(read(&control(Control::Close, b"\x03\xe8\xff"), &[]).1, Err(CloseReason::InvalidUtf8));
}

#[test]
fn nothing_counts_after_a_close_frame() {
    let bytes = [control(Control::Close, b""), control(Control::Ping, b"x"), vec![0xff; 9]].concat();
    assert_eq!(read(&bytes, &[1]), (vec![Seen::Close(None)], Ok(())));
}

/// Whoever is told of its error may go on sending for as long as the close frame takes.
#[test]
fn nothing_counts_after_an_error() {
    let mut inbound = Inbound::new(LIMIT);
    let mut feed = |part: &[u8], opcode| {
        let mut seen = 0;
        (inbound.feed(&mut frame(opcode, part, false), |_| seen += 1), seen)
    };
    assert_eq!(feed(b"\xe2", data(true)), (Ok(()), 1));
    assert_eq!(feed(b"(", continuation()), (Err(CloseReason::InvalidUtf8), 0));
    for _ in 0..5 {
        assert_eq!(feed(b"(", continuation()), (Ok(()), 0));
    }
}

#[test]
fn what_rfc_6455_forbids_is_a_protocol_error_at_the_first_byte_that_shows_it() {
    let masked = [0; 4];
    for (what, bytes) in [
        ("RSV1", &[0xc1, 0x80][..]),
        ("RSV3", &[0x91, 0x80]),
        ("no mask", &[0x81, 0x00]),
        ("opcode 3", &[0x83, 0x80]),
        ("opcode 11", &[0x8b, 0x80]),
        ("fragmented ping", &[0x09, 0x80]),
        ("long ping", &[0x89, 0xfe]),
        ("continuation of nothing", &[0x80, 0x80]),
        ("new text inside a text", &[0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80]),
        ("length 5 in 16 bits", &[&[0x82, 0xfe, 0, 5][..], &masked].concat()),
        ("length 500 in 64 bits", &[&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 1, 0xf4][..], &masked].concat()),
        ("length beyond 63 bits", &[&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0][..], &masked].concat()),
    ] {
        let (seen, fed) = read(bytes, &[1]);
        assert!(matches!(fed, Err(CloseReason::Protocol(_))), "{what}: {fed:?}");
        assert!(seen.is_empty());
    }
}

#[test]
fn a_message_over_the_limit_is_refused_by_its_head() {
    let over = usize::try_from(LIMIT).unwrap() + 1;
    let head = &frame(data(false), &vec![0; over], true)[..8];
    assert_eq!(read(head, &[]).1, Err(CloseReason::TooBig));
    let in_parts = [frame(data(false), &[0; 600], false), frame(continuation(), &[0; 401], true)].concat();
    assert_eq!(read(&in_parts, &[]).1, Err(CloseReason::TooBig));
    assert!(read(&frame(data(false), &vec![0; over - 1], true), &[]).1.is_ok());
}

#[test]
fn text_fails_at_its_first_wrong_byte_and_may_be_split_inside_a_character() {
    let euro = "a€𝄞z".as_bytes();
    for cut in 0..=euro.len() {
        let bytes =
            [frame(data(true), &euro[..cut], false), frame(continuation(), &euro[cut..], true)].concat();
        assert_eq!(read(&bytes, &[1]).0, [Seen::Message(true, euro.to_vec())]);
    }
    for wrong in [&b"\xc0\xaf"[..], b"\xed\xa0\x80", b"\xf4\x90", b"\xff", b"a\x80"] {
        // Not even the end of the frame is waited for.
        let bytes = frame(data(true), &[wrong, b"..."].concat(), false);
        assert_eq!(read(&bytes[..bytes.len() - 3], &[1]).1, Err(CloseReason::InvalidUtf8), "{wrong:x?}");
    }
    assert_eq!(read(&frame(data(true), b"\xe2\x82", true), &[]).1, Err(CloseReason::InvalidUtf8));
}

fn any_seen() -> impl Strategy<Value = (Seen, Vec<u8>)> {
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    let short = prop::collection::vec(any::<u8>(), 0..=125);
    prop_oneof![
        ("\\PC{0,60}", 0usize..60).prop_map(|(text, cut)| {
            let bytes = text.into_bytes();
            let cut = cut.min(bytes.len());
            let frames = [
                frame(data(true), &bytes[..cut], false),
                control(Control::Ping, b"between"),
                frame(continuation(), &bytes[cut..], true),
            ];
            (Seen::Message(true, bytes), frames.concat())
        }),
        bytes.prop_map(|bytes| (Seen::Message(false, bytes.clone()), frame(data(false), &bytes, true))),
        short.clone().prop_map(|bytes| (Seen::Ping(bytes.clone()), control(Control::Ping, &bytes))),
        short.prop_map(|bytes| (Seen::Pong(bytes.clone()), control(Control::Pong, &bytes))),
    ]
}

proptest! {
    #[test]
    fn any_split_reads_the_same(
        messages in prop::collection::vec(any_seen(), 0..8),
        pieces in prop::collection::vec(1usize..40, 1..10),
    ) {
        let bytes: Vec<u8> = messages.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        let (seen, fed) = read(&bytes, &pieces);
        prop_assert_eq!(fed, Ok(()));
        let between = Seen::Ping(b"between".to_vec());
        let seen: Vec<_> = seen.into_iter().filter(|seen| *seen != between).collect();
        prop_assert_eq!(seen, messages.into_iter().map(|(seen, _)| seen).collect::<Vec<_>>());
    }

    #[test]
    fn random_bytes_never_panic_and_any_split_agrees(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        pieces in prop::collection::vec(1usize..20, 1..10),
    ) {
        let (whole, fed_whole) = read(&bytes, &[]);
        let (split, fed_split) = read(&bytes, &pieces);
        prop_assert_eq!(fed_whole, fed_split);
        prop_assert_eq!(whole, split);
    }
}
