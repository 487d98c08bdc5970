use fluentcast_event::msgpack::Reader;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Scans in pieces of `size` bytes; what could not be used is shown again with the next piece.
fn scan(bytes: &[u8], size: usize) -> (Result<Option<usize>, ReadError>, Scanner) {
    let mut scanner = Scanner::default();
    let mut used = 0;
    for end in (0..bytes.len()).step_by(size).map(|start| bytes.len().min(start + size)) {
        match scanner.advance(&bytes[used..end]) {
            Ok(progress) => {
                used += progress.used;
                if progress.complete {
                    return (Ok(Some(used)), scanner);
                }
            }
            Err(error) => return (Err(error), scanner),
        }
    }
    (Ok(None), scanner)
}

#[test]
fn tells_where_the_elements_lie() {
    let bytes = b"\x96\xa1t\xc4\x02ab\xc0\x81\x01\x02\x05\x06";
    let (end, mut scanner) = scan(bytes, 1);
    assert_eq!(end, Ok(Some(bytes.len())));
    let elements = scanner.finish();
    let places = (0..6).map(|index| elements.get(index)).collect::<Vec<_>>();
    assert_eq!(places, [Some(1..3), Some(3..7), Some(7..8), Some(8..11), None, None]);
    assert!(elements.is_array());
}

#[test]
fn only_an_array_has_elements() {
    for bytes in [&b"\x81\x01\x91\x02"[..], b"\x05", b"\xc0", b"\xc4\x01\x90"] {
        let (end, mut scanner) = scan(bytes, bytes.len());
        assert_eq!(end, Ok(Some(bytes.len())));
        assert!(!scanner.finish().is_array(), "{bytes:x?}");
    }
}

#[test]
fn the_deepest_entry_of_a_forward_message_is_legal_and_no_deeper() {
    for (levels, outcome) in [(OPEN_MAX, Ok(Some(OPEN_MAX + 1))), (OPEN_MAX + 1, Err(ReadError::TooDeep))] {
        let mut nested = vec![0x91; levels];
        nested.push(0xc0);
        assert_eq!(scan(&nested, 7).0, outcome);
        // An empty array is a level like any other.
        nested.truncate(levels - 1);
        nested.push(0x90);
        assert_eq!(scan(&nested, 7).0.is_ok(), outcome.is_ok());
    }
}

#[test]
fn looks_at_every_byte_once() {
    let mut bytes = vec![0xdd, 0, 4, 0, 0];
    bytes.extend(std::iter::repeat_n([0xce, 1, 2, 3], 0x4_0000).flatten());
    bytes.resize(5 + 5 * 0x4_0000, 0xa0);
    for size in [1, 2, 1000] {
        let (_, scanner) = scan(&bytes, size);
        let pieces = bytes.len().div_ceil(size) as u64;
        assert!(scanner.steps <= bytes.len() as u64 + pieces, "{} steps by {size}", scanner.steps);
    }
}

#[test]
fn says_early_how_long_a_value_will_be() {
    let mut scanner = Scanner::default();
    scanner.advance(b"\x92\xa1t\xc6\xff\xff\xff\xff").unwrap();
    assert_eq!(scanner.bytes_min(), 8 + 0xffff_ffff);
    assert!(scanner.open.capacity() < 100, "a declared length reserves nothing");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Where the reader of whole values finds an end, there it is; in pieces too.
    #[test]
    fn agrees_with_the_reader(bytes in vec(prop_oneof![any::<u8>(), 0x80..=0x9fu8], 0..80), size in 1usize..9) {
        let mut reader = Reader::new(&bytes);
        let expected = match reader.skip() {
            Ok(value) => Ok(Some(value.len())),
            Err(ReadError::Incomplete) => Ok(None),
            Err(error) => Err(error),
        };
        prop_assert_eq!(scan(&bytes, size).0, expected);
    }
}
