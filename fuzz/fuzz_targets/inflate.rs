//! Compressed messages of clients (permessage-deflate): inflated the same over any split into frames and
//! reads, within the bound, and to what another implementation makes of the same bytes.

#![no_main]

use fluentcast_broadcast::deflate::LAST_BLOCK;
use fluentcast_broadcast::inbound::{Inbound, Received};
use libfuzzer_sys::fuzz_target;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

const MESSAGE_BYTES_MAX: usize = 65_536;

/// What RFC 7692 puts behind each message.
const SYNC_TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

fuzz_target!(|data: &[u8]| {
    let [seed, payload @ ..] = data else { return };
    let piece = 1 + usize::from(*seed);
    let whole = ours(&frames(payload, usize::MAX), usize::MAX);
    for (frame, read) in [(usize::MAX, 1), (usize::MAX, piece), (piece, usize::MAX), (piece, 7), (1, 3)] {
        assert_eq!(ours(&frames(payload, frame), read), whole, "frames of {frame}, reads of {read}");
    }
    match reference(payload) {
        Reference::Sound(message) => assert_eq!(whole.as_ref(), Some(&message)),
        Reference::Broken => assert_eq!(whole, None),
        Reference::Unsure => {}
    }
});

/// The message, if it is one.
fn ours(stream: &[u8], piece: usize) -> Option<Vec<u8>> {
    let mut inbound = Inbound::new(MESSAGE_BYTES_MAX as u64).inflating(true);
    let (mut message, mut whole, mut failed) = (Vec::new(), None, false);
    for piece in stream.to_vec().chunks_mut(piece) {
        let fed = inbound.feed(piece, |received| {
            assert!(!failed, "something counts after an error");
            let Received::Data { payload, last, .. } = received else { panic!("not a message") };
            message.extend_from_slice(payload);
            assert!(message.len() <= MESSAGE_BYTES_MAX);
            if last {
                assert!(whole.is_none(), "one message is two");
                whole = Some(std::mem::take(&mut message));
            }
        });
        failed |= fed.is_err();
    }
    assert_ne!(failed, whole.is_some(), "it is either a message or an error");
    whole
}

/// The payload as one message in frames of so many bytes.
fn frames(payload: &[u8], frame: usize) -> Vec<u8> {
    let mut stream = Vec::new();
    // Compressed and binary; then continuations.
    let mut first = 0x42;
    let mut rest = payload;
    loop {
        let (part, after) = rest.split_at(frame.min(rest.len()));
        let last = if after.is_empty() { 0x80 } else { 0 };
        stream.push(last | first);
        stream.push(0x80 | 127);
        stream.extend((part.len() as u64).to_be_bytes());
        // A mask of zeros leaves the payload as it is. (Length in its longest form only where it must be.)
        shorten(&mut stream, part.len());
        stream.extend([0; 4]);
        stream.extend_from_slice(part);
        if after.is_empty() {
            return stream;
        }
        (first, rest) = (0, after);
    }
}

/// Replaces the length that was just written by its shortest form, which the protocol demands.
fn shorten(stream: &mut Vec<u8>, len: usize) {
    if len > 0xffff {
        return;
    }
    stream.truncate(stream.len() - 9);
    match u8::try_from(len) {
        Ok(short) if short < 126 => stream.push(0x80 | short),
        _ => {
            stream.push(0x80 | 126);
            stream.extend(u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
}

enum Reference {
    Sound(Vec<u8>),
    /// Nothing that could be inflated, or too large.
    Broken,
    /// A stream that ends within what was put behind the message.
    Unsure,
}

/// What another implementation makes of it: one stream, or several where the client ended them.
fn reference(payload: &[u8]) -> Reference {
    let mut message = Vec::new();
    let mut rest = payload;
    while !rest.is_empty() {
        let input = [rest, &SYNC_TAIL, &LAST_BLOCK].concat();
        let (status, used, made) = inflate(&input, false);
        match status {
            TINFLStatus::Done if used <= rest.len() => rest = &rest[used..],
            // What only ends the stream must add nothing to the message.
            TINFLStatus::Done if used == input.len() => {
                let (_, _, before) = inflate(&input[..input.len() - LAST_BLOCK.len()], true);
                if before.len() < made.len() {
                    return Reference::Broken;
                }
                rest = &[];
            }
            TINFLStatus::Done => return Reference::Unsure,
            _ => return Reference::Broken,
        }
        message.extend(made);
        if message.len() > MESSAGE_BYTES_MAX {
            return Reference::Broken;
        }
    }
    Reference::Sound(message)
}

fn inflate(input: &[u8], more_to_come: bool) -> (TINFLStatus, usize, Vec<u8>) {
    let mut out = vec![0; MESSAGE_BYTES_MAX + 1024];
    let more = if more_to_come { TINFL_FLAG_HAS_MORE_INPUT } else { 0 };
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | more;
    let (status, used, made) = decompress(&mut DecompressorOxide::new(), input, &mut out, 0, flags);
    out.truncate(made);
    (status, used, out)
}
