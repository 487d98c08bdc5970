//! What a sender says instead of a PING: no panic, nobody who knows nothing gets in, and the pieces it arrives
//! in never change the verdict.
//!
//! The first byte of the input says how large the pieces are.

#![no_main]

use fluentcast_forward::handshake::{Challenge, Handshake, Source, Terms};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&size, said)) = data.split_first() else { return };
    assert_eq!(verdict([said]), verdict(said.chunks(usize::from(size % 32) + 1)));
});

/// The answer, if there is one.
fn verdict<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let users = Some(vec![("alice", &b"wonder"[..])]);
    let source = Source::Expected { shared_key: b"s3cr3t", users };
    let terms = Terms { server_hostname: "server.example", source };
    let mut handshake = Handshake::new(Challenge { nonce: [1; 16], auth: [2; 16] });
    let verdict = pieces.into_iter().find_map(|piece| handshake.receive(piece, &terms))?;
    assert!(verdict.outcome.is_err(), "somebody guessed two digests of 512 bits");
    Some(verdict.pong)
}
