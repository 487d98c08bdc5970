//! A Forward connection's bytes: no panic, and the pieces they arrive in never change what comes out.
//!
//! The first byte of the input says how large the pieces are.

#![no_main]

use fluentcast_event::EventTime;
use fluentcast_forward::{Ack, Decoder, Item, Limits};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { message_bytes_max: 512, entries_max: 8, decompressed_bytes_max: 4096 };

fuzz_target!(|data: &[u8]| {
    let Some((&size, stream)) = data.split_first() else { return };
    let whole = decode([stream]);
    let pieces = decode(stream.chunks(usize::from(size % 32) + 1));
    assert_eq!(whole, pieces);
});

/// All that comes out, as text.
fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut decoder = Decoder::new(LIMITS);
    let mut out = Vec::new();
    for piece in pieces {
        decoder.feed(piece);
        loop {
            match decoder.next(EventTime::from_seconds(1)) {
                Ok(Some(item)) => describe(&item, &mut out),
                Ok(None) => break,
                Err(error) => {
                    out.push(error.to_string());
                    return out;
                }
            }
        }
    }
    out.push(format!("idle: {}", decoder.is_idle()));
    out
}

fn describe(item: &Item, out: &mut Vec<String>) {
    out.push(format!("{item:?}"));
    match item {
        Item::Heartbeat | Item::Oversize { .. } => {}
        Item::Invalid { ack, .. } | Item::Telemetry { ack } => reply(ack.as_ref()),
        Item::Message(message) => {
            out.extend(message.batch.events().map(|event| format!("{event:?}")));
            reply(message.ack.as_ref());
        }
    }
}

fn reply(ack: Option<&Ack>) {
    let mut out = Vec::new();
    if let Some(ack) = ack {
        ack.encode(&mut out);
        assert!(!out.ends_with(b"null}"), "an ack that acks nothing");
    }
}
