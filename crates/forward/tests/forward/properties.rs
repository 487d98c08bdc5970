//! Bytes nobody chose: no panic, and the pieces they arrive in never change what comes out.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::render::decode;
use crate::vectors::vectors;

/// Real messages back to back, with a few bytes overwritten.
fn mutated_messages() -> impl Strategy<Value = Vec<u8>> {
    let messages = vectors().into_iter().map(|vector| vector.bytes).collect::<Vec<_>>();
    let stream = vec(select(messages), 1..6).prop_map(|messages| messages.concat());
    (stream, vec((any::<Index>(), any::<u8>()), 0..4)).prop_map(|(mut stream, changes)| {
        for (at, byte) in changes {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        stream
    })
}

/// Cuts the stream at the given places.
fn pieces<'a>(stream: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut cuts = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect::<Vec<_>>();
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for cut in cuts {
        pieces.push(&stream[start..cut]);
        start = cut;
    }
    pieces.push(&stream[start..]);
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_in_random_pieces(stream in vec(any::<u8>(), 0..300), cuts in vec(any::<Index>(), 0..6)) {
        prop_assert_eq!(decode(pieces(&stream, &cuts)), decode([&stream[..]]));
    }

    #[test]
    fn mutated_messages_in_random_pieces(stream in mutated_messages(), cuts in vec(any::<Index>(), 0..6)) {
        prop_assert_eq!(decode(pieces(&stream, &cuts)), decode([&stream[..]]));
    }
}
