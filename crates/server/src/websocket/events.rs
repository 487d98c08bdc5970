//! `GET /events`: the stream for those without WebSocket, as server-sent events or as lines of JSON.
//!
//! The answer's head is written here; from then on the bare socket belongs to a worker, as that of an
//! upgraded client.

use fluentcast_broadcast::deflate::GZIP_HEAD;
use fluentcast_broadcast::encode::Protocol;
use fluentcast_broadcast::envelope::write_chunk;
use fluentcast_broadcast::hub::Hello;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap};

use super::origin::Cors;

/// The last part of a path that streams.
const EVENTS: &str = "/events";

/// A header by which a browser resumes (HTML, section 9.2.4).
pub const LAST_EVENT_ID: &str = "last-event-id";

/// The path of the output whose stream this is.
#[must_use]
pub fn output_path(path: &str) -> Option<&str> {
    let output = path.strip_suffix(EVENTS)?;
    Some(if output.is_empty() { "/" } else { output })
}

/// The form that is asked for: server-sent events where they are named, else lines, so that `curl URL |
/// jq` works. `None` when neither would be accepted.
#[must_use]
pub fn protocol(headers: &HeaderMap) -> Option<Protocol> {
    let mut accepts_anything = true;
    let accepted = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    for item in accepted.flat_map(|line| line.split(',')) {
        let media_type = item.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "text/event-stream" | "text/*" => return Some(Protocol::EventStream),
            "application/x-ndjson" | "application/*" | "application/json" | "*/*" => {
                return Some(Protocol::Lines);
            }
            _ => accepts_anything = false,
        }
    }
    accepts_anything.then_some(Protocol::Lines)
}

/// The media type of a form.
#[must_use]
pub fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::EventStream => "text/event-stream; charset=utf-8",
        _ => "application/x-ndjson; charset=utf-8",
    }
}

/// Whether the client takes gzip.
#[must_use]
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|line| line.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"));
        is_gzip && !parts.any(|weight| matches!(weight, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// The head of the answer, where the stream stands, and what begins its body. The connection ends with it: what is behind it in
/// the client's pipeline is not read.
#[must_use]
pub(super) fn head(protocol: Protocol, hello: &Hello, gzip: bool, cors: &Cors) -> Vec<u8> {
    let Hello { epoch, seq, oldest } = hello;
    let encoding = if gzip { "content-encoding: gzip\r\n" } else { "" };
    let mut head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {}\r\ncache-control: no-store\r\nvary: origin, accept, \
         accept-encoding\r\nx-content-type-options: nosniff\r\n{}{encoding}transfer-encoding: chunked\r\nx-accel-buffering: no\r\nfluentcast-epoch: {epoch}\r\n\
         fluentcast-seq: {seq}\r\nfluentcast-oldest: {oldest}\r\nconnection: close\r\n\r\n",
        content_type(protocol),
        cors.lines()
    )
    .into_bytes();
    if gzip {
        write_chunk(&mut head, &GZIP_HEAD);
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_follows_what_is_accepted() {
        let asked = |accept: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            accept.map(|accept| headers.insert(ACCEPT, accept.parse().expect("a header")));
            protocol(&headers)
        };
        for (accept, form) in [
            (None, Some(Protocol::Lines)),
            (Some("*/*"), Some(Protocol::Lines)),
            (Some("text/event-stream"), Some(Protocol::EventStream)),
            (Some("Text/Event-Stream;q=1, */*"), Some(Protocol::EventStream)),
            (Some("text/html,application/x-ndjson"), Some(Protocol::Lines)),
            (Some("image/png"), None),
        ] {
            assert_eq!(asked(accept), form, "{accept:?}");
        }
    }

    #[test]
    fn paths() {
        assert_eq!(output_path("/events"), Some("/"));
        assert_eq!(output_path("/a/b/events"), Some("/a/b"));
        assert_eq!((output_path("/"), output_path("/events/"), output_path("/myevents")), (None, None, None));
    }

    #[test]
    fn gzip_is_used_where_it_is_taken() {
        let takes = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, accept.parse().expect("a header"));
            takes_gzip(&headers)
        };
        assert!(takes("deflate, GZIP;q=0.5") && takes("gzip"));
        assert!(!takes("gzip;q=0") && !takes("br, deflate") && !takes("identity"));
    }
}
