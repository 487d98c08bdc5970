//! What a client says before its first message: the query (filters, `$since` and its times and durations,
//! tags, fields), the headers of the handshake, its origin. Refused with a sentence or understood, and what
//! is understood is within its bounds.

#![no_main]

use std::num::NonZeroU32;

use fluentcast_broadcast::history::Epoch;
use fluentcast_broadcast::hub::Start;
use fluentcast_config::origin::WebOrigin;
use fluentcast_event::limits::{FILTER_CONDITIONS_MAX, FILTER_NAME_BYTES_MAX};
use fluentcast_server::websocket::query::{Query, pairs, token};
use fluentcast_server::websocket::{events, handshake};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Version};
use libfuzzer_sys::fuzz_target;

/// The headers that are looked at, each from a line of its own.
const HEADERS: [&str; 7] = [
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "upgrade",
    "connection",
    "sec-websocket-key",
    "accept",
    "accept-encoding",
];

fuzz_target!(|data: &[u8]| {
    let mut lines = data.split(|byte| *byte == b'\n');
    let query = String::from_utf8_lossy(lines.next().unwrap_or_default());
    read(&query, None);
    read(&query, Some(Epoch(0xab)));
    origins(&String::from_utf8_lossy(lines.next().unwrap_or_default()));
    handshakes(lines);
});

fn read(text: &str, epoch: Option<Epoch>) {
    let pairs = pairs(text);
    assert!(pairs.len() <= text.len());
    let _ = token(&pairs);
    match Query::read(&pairs, epoch) {
        Ok(query) => {
            let named = pairs.iter().filter(|(name, _)| !name.starts_with('$') && name != "token");
            assert!(named.clone().count() <= FILTER_CONDITIONS_MAX);
            assert!(named.clone().all(|(name, _)| name.len() <= FILTER_NAME_BYTES_MAX));
            assert_eq!(query.max_rate.map(NonZeroU32::get).unwrap_or(1).min(1), 1);
            if let Some(Start::Time(time)) = query.start {
                assert!(time.nanos < 1_000_000_000);
            }
            // Understood again, it is the same; but for what is so long ago.
            let again = Query::read(&pairs, epoch).expect("the same is read the same");
            assert_eq!((again.tags, again.filter, again.fields), (query.tags, query.filter, query.fields));
        }
        Err(error) => {
            let told = error.to_string();
            assert!(!told.is_empty() && !told.contains(char::is_control), "not one line: {told:?}");
        }
    }
}

fn origins(text: &str) {
    if let Some(origin) = WebOrigin::parse(text) {
        // A page of this origin asks at its own host.
        let host = text.split_once("://").map_or("", |(_, host)| host);
        let browses = text.starts_with("http://") || text.starts_with("https://");
        assert!(!browses || origin.is_same_host(host), "{text:?}");
        assert!(
            !origin.is_same_host("evil.example") || text.to_ascii_lowercase().contains("://evil.example")
        );
    }
}

fn handshakes<'a>(lines: impl Iterator<Item = &'a [u8]>) {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, line) in HEADERS.into_iter().cycle().zip(lines.take(2 * HEADERS.len())) {
        if !line.is_empty()
            && let Ok(value) = HeaderValue::from_bytes(line)
        {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let _ = (events::protocol(&headers), events::takes_gzip(&headers));
    let _ = (handshake::is_wanted(&headers), handshake::presented_token(&headers));
    match handshake::accept(&Method::GET, Version::HTTP_11, &headers, true) {
        Ok(accepted) => {
            assert_eq!(accepted.response.status(), 101);
            let agreed = accepted.response.headers().get("sec-websocket-extensions");
            assert_eq!(agreed.is_some(), accepted.compress.is_some());
            assert!(accepted.compress.is_none_or(|window| (8..=15).contains(&window.bits())));
        }
        Err(refusal) => assert!(matches!(refusal.status.as_u16(), 400 | 426)),
    }
}
