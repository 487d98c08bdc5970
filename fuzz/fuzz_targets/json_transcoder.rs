//! MessagePack to JSON and JSON to MessagePack, held against serde_json and against each other.

#![no_main]

use fluentcast_event::msgpack::Reader;
use fluentcast_event::{from_json, json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    msgpack_to_json(data);
    json_to_msgpack(data);
});

/// What is sound MessagePack becomes JSON that others can read and that comes back the same.
fn msgpack_to_json(data: &[u8]) {
    let mut text = Vec::new();
    let Ok(value) = Reader::new(data).skip() else {
        assert!(json::write_value(&mut text, data).is_err() && text.is_empty());
        return;
    };
    json::write_value(&mut text, value).expect("a sound value has a JSON form");
    let text = String::from_utf8(text).expect("JSON is UTF-8");
    if let Err(error) = serde_json::from_str::<serde_json::Value>(&text) {
        assert!(too_deep(&error.to_string()), "{error}: {text}");
        return;
    }
    let mut back = Vec::new();
    from_json::append(&mut back, text.as_bytes()).expect("what serde_json reads, we read");
    assert_sound(&back);
    let mut again = Vec::new();
    json::write_value(&mut again, &back).expect("sound");
    assert_eq!(text, String::from_utf8_lossy(&again));
}

/// We take for JSON what serde_json takes for JSON, and make sound MessagePack of it.
fn json_to_msgpack(data: &[u8]) {
    let mut out = b"before".to_vec();
    let ours = from_json::append(&mut out, data);
    let theirs = serde_json::from_slice::<serde_json::Value>(data);
    match (&ours, &theirs) {
        (Ok(()), Ok(_)) => assert_sound(&out[b"before".len()..]),
        (Err(_), Err(_)) => assert_eq!(out, b"before"),
        (Ok(()), Err(error)) => panic!("we took what is no JSON: {error}"),
        (Err(error), Ok(_)) => panic!("we refused JSON: {error}"),
    }
}

fn assert_sound(value: &[u8]) {
    assert_eq!(Reader::new(value).skip().expect("sound"), value);
}

fn too_deep(error: &str) -> bool {
    error.contains("recursion limit")
}
