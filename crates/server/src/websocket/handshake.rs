//! The opening handshake (RFC 6455 section 4.2): may this request become a WebSocket, and what to
//! answer. No socket here.

mod extensions;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use fluentcast_broadcast::deflate::Window;
use fluentcast_broadcast::encode::Format;
use fluentcast_config::settings::Secret;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{Method, Response, StatusCode, Version, http};
use sha1::{Digest, Sha1};

/// The key's suffix before hashing (RFC 6455 section 1.3).
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The resumable stream's subprotocols.
const RESUMABLE: [(&str, Format); 2] =
    [("fluentcast.v1.json", Format::Json), ("fluentcast.v1.msgpack", Format::Msgpack)];

/// Names of subprotocols that start so are Fluentcast's own: choosing one promises its messages.
const OWN_PROTOCOL_PREFIX: &str = "fluentcast.";

/// A subprotocol that starts so carries a token, and is never chosen.
const TOKEN_PROTOCOL_PREFIX: &str = "bearer.";

/// Why a request cannot become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status to answer.
    pub status: StatusCode,
    /// A sentence that says what is wrong and what to do.
    pub reason: &'static str,
}

impl Refusal {
    const fn bad_request(reason: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, reason }
    }
}

/// What makes a request a WebSocket.
#[derive(Debug)]
pub struct Accepted {
    /// The answer.
    pub response: Response<()>,
    /// It agrees on permessage-deflate: messages may be compressed, in both directions; those of the server
    /// with this window.
    pub compress: Option<Window>,
    /// The format of the resumable stream, if that is what was agreed on.
    pub format: Option<Format>,
}

/// Whether the request wants to be a WebSocket at all.
#[must_use]
pub fn is_wanted(headers: &HeaderMap) -> bool {
    lists(headers, &UPGRADE, "websocket") || headers.contains_key(SEC_WEBSOCKET_KEY)
}

/// The answer that makes the request a WebSocket: the resumable stream if that is offered; compression is
/// agreed on if `compress` says so and the client offers what suits.
///
/// # Errors
/// The refusal to answer instead.
pub fn accept(
    method: &Method,
    version: Version,
    headers: &HeaderMap,
    compress: bool,
) -> Result<Accepted, Refusal> {
    check(method, version, headers)?;
    let key = key(headers)?;
    let agreed = if compress {
        extensions::agree(headers).map_err(|extensions::Malformed| {
            Refusal::bad_request("The header `Sec-WebSocket-Extensions` is malformed.")
        })?
    } else {
        None
    };
    let (protocol, format) = chosen_protocol(headers);
    let extensions = agreed.as_ref().map(|agreed| agreed.answer.as_str());
    let response = switching(key, protocol, extensions)
        .map_err(|_| Refusal::bad_request("The handshake cannot be answered."))?;
    Ok(Accepted { response, format, compress: agreed.map(|agreed| agreed.window) })
}

fn check(method: &Method, version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    if method != Method::GET {
        return Err(Refusal::bad_request("A WebSocket handshake must be a GET request."));
    }
    if version < Version::HTTP_11 {
        return Err(Refusal::bad_request("A WebSocket handshake needs HTTP/1.1."));
    }
    if !lists(headers, &UPGRADE, "websocket") {
        return Err(Refusal::bad_request("The header `Upgrade: websocket` is missing."));
    }
    if !lists(headers, &CONNECTION, "upgrade") {
        return Err(Refusal::bad_request("The header `Connection: Upgrade` is missing."));
    }
    // The version before the key: an old client's key may look different.
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version.as_bytes().trim_ascii() != b"13") {
        return Err(Refusal {
            status: StatusCode::UPGRADE_REQUIRED,
            reason: "Only version 13 of the WebSocket protocol is spoken here: send `Sec-WebSocket-Version: 13`.",
        });
    }
    Ok(())
}

fn key(headers: &HeaderMap) -> Result<&[u8], Refusal> {
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return Err(Refusal::bad_request("Exactly one header `Sec-WebSocket-Key` is needed."));
    };
    let key = key.as_bytes().trim_ascii();
    if BASE64_STANDARD.decode(key).map_or(0, |nonce| nonce.len()) != 16 {
        return Err(Refusal::bad_request("The header `Sec-WebSocket-Key` must be 16 bytes in base64."));
    }
    Ok(key)
}

/// The token in a subprotocol `bearer.<base64url>`: a browser has no other header to put one in.
#[must_use]
pub fn presented_token(headers: &HeaderMap) -> Option<Secret> {
    let encoded =
        items(headers, &SEC_WEBSOCKET_PROTOCOL).find_map(|name| name.strip_prefix(TOKEN_PROTOCOL_PREFIX))?;
    let token = BASE64_URL_SAFE_NO_PAD.decode(encoded.trim_end_matches('=')).ok()?;
    String::from_utf8(token).ok().map(Secret::new)
}

fn switching(key: &[u8], protocol: Option<&str>, extensions: Option<&str>) -> http::Result<Response<()>> {
    let accept = BASE64_STANDARD.encode(Sha1::new().chain_update(key).chain_update(ACCEPT_GUID).finalize());
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "Upgrade")
        .header(SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(protocol) = protocol {
        response = response.header(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    if let Some(extensions) = extensions {
        response = response.header(SEC_WEBSOCKET_EXTENSIONS, extensions);
    }
    response.body(())
}

/// The subprotocol to answer: one of those offered, as a browser that offered any drops a connection
/// that chose none; and its format if it is the resumable stream. The classic stream has no name of its
/// own, so the first that promises nothing will do.
fn chosen_protocol(headers: &HeaderMap) -> (Option<&str>, Option<Format>) {
    let offered = || items(headers, &SEC_WEBSOCKET_PROTOCOL);
    let resumable = offered().find_map(|name| RESUMABLE.into_iter().find(|(known, _)| *known == name));
    match resumable {
        Some((name, format)) => (Some(name), Some(format)),
        None => {
            let promises =
                |name: &str| name.starts_with(OWN_PROTOCOL_PREFIX) || name.starts_with(TOKEN_PROTOCOL_PREFIX);
            (offered().find(|name| !promises(name)), None)
        }
    }
}

/// Whether a comma-separated header lists the word, in whatever case.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    items(headers, name).any(|item| item.eq_ignore_ascii_case(word))
}

/// The items of a comma-separated header that may stand in several lines.
fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|value: &HeaderValue| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(changes: &[(&'static str, Option<&'static str>)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("upgrade", "websocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in changes {
            headers.remove(*name);
            if let Some(value) = value {
                headers.append(*name, HeaderValue::from_static(value));
            }
        }
        headers
    }

    fn get(headers: &HeaderMap, compress: bool) -> Result<Accepted, Refusal> {
        accept(&Method::GET, Version::HTTP_11, headers, compress)
    }

    #[test]
    fn the_example_of_rfc_6455_is_answered_as_there() {
        let accepted = get(&headers(&[]), false).expect("a good handshake");
        let response = accepted.response;
        assert_eq!(response.status(), 101);
        assert_eq!(response.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(!response.headers().contains_key(SEC_WEBSOCKET_PROTOCOL));
    }

    #[test]
    fn compression_is_agreed_on_when_allowed_and_offered() {
        let deflate = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        for (offered, compress, agreed) in [
            (Some("permessage-deflate"), true, true),
            (Some("permessage-deflate"), false, false),
            (Some("permessage-deflate; server_max_window_bits=8"), true, false),
            (None, true, false),
            (Some("a malformed one"), false, false),
        ] {
            let headers = headers(&[("sec-websocket-extensions", offered)]);
            let accepted = get(&headers, compress).expect("a good handshake");
            let answered = accepted.response.headers().get(SEC_WEBSOCKET_EXTENSIONS);
            assert_eq!(accepted.compress.is_some(), agreed, "{offered:?}");
            assert_eq!(answered.map(HeaderValue::as_bytes), agreed.then_some(deflate.as_bytes()));
        }
        let malformed = headers(&[("sec-websocket-extensions", Some("a malformed one"))]);
        assert_eq!(get(&malformed, true).expect_err("malformed").status, 400);
    }

    #[test]
    fn a_bad_handshake_is_told_what_is_wrong() {
        for (name, value, status) in [
            ("upgrade", Some("h2c"), 400),
            ("upgrade", None, 400),
            ("connection", Some("close"), 400),
            ("sec-websocket-version", Some("8"), 426),
            ("sec-websocket-version", None, 426),
            ("sec-websocket-key", None, 400),
            ("sec-websocket-key", Some("c2hvcnQ="), 400),
            ("sec-websocket-key", Some("!!!!"), 400),
        ] {
            let headers = headers(&[(name, value)]);
            let refusal = get(&headers, false).expect_err(name);
            assert_eq!(refusal.status, status, "{name}: {value:?}");
        }
        assert!(accept(&Method::POST, Version::HTTP_11, &headers(&[]), false).is_err());
        assert!(accept(&Method::GET, Version::HTTP_10, &headers(&[]), false).is_err());
    }

    #[test]
    fn words_are_found_in_lists_and_in_any_case() {
        let headers = headers(&[("upgrade", Some("h2c, WebSocket")), ("connection", Some("UPGRADE"))]);
        assert!(get(&headers, false).is_ok());
        assert!(is_wanted(&headers));
        assert!(!is_wanted(&HeaderMap::new()));
    }

    #[test]
    fn one_offered_protocol_is_chosen_unless_it_promises_something() {
        for (offered, chosen) in [
            ("chat", Some("chat")),
            ("chat, superchat", Some("chat")),
            (" bearer.abc ,, chat", Some("chat")),
            ("fluentcast.v2.json, chat", Some("chat")),
            ("chat, fluentcast.v1.json", Some("fluentcast.v1.json")),
            ("bearer.abc, fluentcast.v1.msgpack, fluentcast.v1.json", Some("fluentcast.v1.msgpack")),
            ("fluentcast.v2.json", None),
            ("bearer.abc", None),
        ] {
            let headers = headers(&[("sec-websocket-protocol", Some(offered))]);
            assert_eq!(chosen_protocol(&headers).0, chosen, "{offered}");
        }
    }

    #[test]
    fn a_token_may_come_as_a_subprotocol() {
        let token = |offered| presented_token(&headers(&[("sec-websocket-protocol", Some(offered))]));
        assert_eq!(token("chat, bearer.czNjcmV0Pz8"), Some(Secret::new("s3cret??".to_owned())));
        assert_eq!(token("bearer.czNjcmV0Pw=="), Some(Secret::new("s3cret?".to_owned())));
        assert_eq!((token("bearer.!"), token("chat")), (None, None));
    }
}
