use std::io::{Read, Write};
use std::process::{Command, Stdio};

use flate2::{Crc, Decompress, FlushDecompress};
use proptest::prelude::*;

use super::*;

fn frame(deflater: &mut Deflater, payload: &[u8]) -> Vec<u8> {
    let mut out = b"before".to_vec();
    deflater.compress_frame(&mut out, Opcode::Text, payload);
    assert_eq!(frame::length(&out[6..]), out.len() - 6);
    out.split_off(6)
}

fn plain_frame(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write(&mut out, Opcode::Text, payload);
    out
}

/// Bytes that nothing compresses.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..bytes).map(|_| next()).collect()
}

fn inflate(blocks: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 << 20);
    Decompress::new(false).decompress_vec(blocks, &mut out, FlushDecompress::Sync).expect("sound deflate");
    out
}

#[test]
fn a_frame_is_compressed_when_that_makes_it_smaller() {
    let mut deflater = Deflater::default();
    let events = b"{\"level\":\"info\"}".repeat(20);
    let compressed = frame(&mut deflater, &events);
    assert_eq!(compressed[0], 0xc1, "FIN, RSV1, text");
    assert!(compressed.len() < 40, "{}", compressed.len());
    assert!(!compressed.ends_with(&SYNC_TAIL));
    for plain in [&events[..COMPRESSED_MESSAGE_BYTES_MIN - 1], &[], &noise(1000)] {
        assert_eq!(frame(&mut deflater, plain), plain_frame(plain));
    }
    let long = noise(30_000).repeat(3);
    assert_eq!(frame(&mut deflater, &long), plain_frame(&long), "a head of another length");
    // Never seen to fail, and must not be sent compressed if it does.
    assert_eq!(frame(&mut deflater, &events), compressed);
}

#[test]
fn no_distance_is_longer_than_the_window() {
    for (window, within) in [(Window::Usual, 3000), (Window::Small, 200)] {
        let mut deflater = Deflater::new(window);
        let repeated = noise(within).repeat(2);
        assert!(frame(&mut deflater, &repeated).len() < within * 7 / 6, "{window:?}");
        // What lies just within the window, just beyond, and far beyond; an inflater refuses the rest.
        let texts = [0, 1, 2].map(|power| noise(1 << (window.bits() - 1 + power)).repeat(8));
        for text in [texts.concat(), b"{\"level\":\"info\"}".repeat(4000)] {
            let mut blocks = Vec::new();
            deflater.compress_part(&mut blocks, &text);
            let mut inflater = Decompress::new_with_window_bits(false, window.bits());
            let mut out = Vec::with_capacity(text.len() + 1);
            inflater.decompress_vec(&blocks, &mut out, FlushDecompress::Sync).expect("no distance too far");
            assert!(out == text, "{window:?}");
        }
    }
}

#[test]
fn a_window_is_the_largest_that_the_client_takes() {
    for (bits, window) in [
        (8, None),
        (9, Some(Window::Small)),
        (11, Some(Window::Small)),
        (12, Some(Window::Usual)),
        (15, Some(Window::Usual)),
    ] {
        assert_eq!(Window::within(bits), window, "{bits}");
    }
}

/// One stream per client, made of parts that all share.
#[test]
fn parts_back_to_back_are_one_gzip_stream() {
    let texts: Vec<Vec<u8>> = vec![
        b"data: {\"level\":\"info\"}\n\n".repeat(10),
        b"data: {\"level\":\"info\"}\n\n".to_vec(),
        Vec::new(),
        noise(100_000),
        vec![0; 1_000_000],
    ];
    let mut deflater = Deflater::default();
    let (mut crc, mut gzip) = (Crc::new(), GZIP_HEAD.to_vec());
    for text in &texts {
        let start = gzip.len();
        deflater.compress_part(&mut gzip, text);
        assert!(gzip.ends_with(&SYNC_TAIL));
        assert_eq!(inflate(&gzip[start..]), *text, "refers to nothing before it");
        crc.update(text);
    }
    gzip.extend_from_slice(&LAST_BLOCK);
    gzip.extend_from_slice(&crc.sum().to_le_bytes());
    gzip.extend_from_slice(&crc.amount().to_le_bytes());
    let mut ours = Vec::new();
    flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut ours).expect("sound gzip");
    assert!(ours == texts.concat());
    assert!(gunzip(&gzip) == texts.concat());
}

/// What the program `gzip` makes of it, an independent implementation.
fn gunzip(gzip: &[u8]) -> Vec<u8> {
    let mut program = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip is installed");
    let mut input = program.stdin.take().expect("piped");
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(gzip).expect("gzip reads"));
        let output = program.wait_with_output().expect("gzip ends");
        assert!(output.status.success());
        output.stdout
    })
}

#[test]
fn what_is_stored_is_one_part_too() {
    for bytes in [0, 1, STORED_BYTES_MAX, STORED_BYTES_MAX + 1, 200_000] {
        let (payload, mut out) = (noise(bytes), Vec::new());
        store(&mut out, &payload);
        assert!(out.ends_with(&SYNC_TAIL));
        assert!(inflate(&out) == payload, "{bytes}");
    }
}

proptest! {
    #[test]
    fn a_frame_knows_nothing_of_those_before_it(
        before in prop::collection::vec("[ab]{0,600}", 0..4),
        text in "[ab]{0,600}",
    ) {
        let mut used = Deflater::default();
        before.iter().for_each(|text| drop(frame(&mut used, text.as_bytes())));
        prop_assert_eq!(frame(&mut used, text.as_bytes()), frame(&mut Deflater::default(), text.as_bytes()));
    }

    #[test]
    fn parts_inflate_to_what_they_were(
        parts in prop::collection::vec(prop::collection::vec(0u8..4, 0..3000), 0..6),
    ) {
        let (mut deflater, mut blocks) = (Deflater::default(), Vec::new());
        parts.iter().for_each(|part| deflater.compress_part(&mut blocks, part));
        prop_assert_eq!(inflate(&blocks), parts.concat());
    }
}
