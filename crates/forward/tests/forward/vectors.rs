//! Every vector of `testdata/vectors.txt`: whole, cut in two at every point, and byte by byte.

use crate::render::decode;

/// One case of the file.
pub(crate) struct Vector {
    id: String,
    pub(crate) bytes: Vec<u8>,
    expected: Vec<String>,
}

/// Reads the file.
pub(crate) fn vectors() -> Vec<Vector> {
    let mut vectors: Vec<Vector> = Vec::new();
    for line in include_str!("../../testdata/vectors.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some(line) = line.strip_prefix("  ") else {
            vectors.push(Vector { id: line.into(), bytes: Vec::new(), expected: Vec::new() });
            continue;
        };
        let vector = vectors.last_mut().expect("an id comes first");
        if let Some(hex) = line.strip_prefix("hex ") {
            vector.bytes = unhex(hex);
        } else if let Some(text) = line.strip_prefix("text ") {
            vector.bytes = unescape(text);
        } else {
            vector.expected.push(line.into());
        }
    }
    vectors
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "half a byte in {text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        out.push(match char {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('\\') => '\\',
                other => panic!("unknown escape {other:?} in {text}"),
            },
            char => char,
        });
    }
    out.into_bytes()
}

#[test]
fn whole() {
    let mut wrong = String::new();
    for vector in vectors() {
        let got = decode([&vector.bytes[..]]);
        if got != vector.expected {
            wrong += &format!("{}\n  {}\n", vector.id, got.join("\n  "));
        }
    }
    assert!(wrong.is_empty(), "these came out otherwise, namely so:\n{wrong}");
}

#[test]
fn cut_at_every_point() {
    for vector in vectors() {
        for cut in 0..=vector.bytes.len() {
            let (first, second) = vector.bytes.split_at(cut);
            assert_eq!(decode([first, second]), vector.expected, "{} cut at {cut}", vector.id);
        }
    }
}

#[test]
fn byte_by_byte() {
    for vector in vectors() {
        assert_eq!(decode(vector.bytes.chunks(1)), vector.expected, "{}", vector.id);
    }
}

#[test]
fn the_file_is_whole() {
    let vectors = vectors();
    assert!(vectors.len() >= 90, "{} vectors", vectors.len());
    for vector in &vectors {
        assert!(!vector.bytes.is_empty() && !vector.expected.is_empty(), "{} is not whole", vector.id);
        assert_eq!(vectors.iter().filter(|other| other.id == vector.id).count(), 1, "{} twice", vector.id);
    }
}
