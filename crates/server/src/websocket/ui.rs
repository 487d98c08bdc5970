//! The live page of an output: files that are part of the binary, served below the output's prefix.
//!
//! They are public, and the same for everybody: what an output's `token` guards is its events, which the
//! page asks for like any other client. Nothing of a request ever gets into an answer here, the query of
//! a redirection aside.

mod files;

use std::io::Write;
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use hyper::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode, Uri};
use sha1::{Digest, Sha1};

use super::events;

/// What the page may do: run its own modules, take its own style, talk to its own host. `'self'` takes in
/// WebSockets of the same host in every current browser.
const POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; \
                      connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The browser asks each time whether a file is still the same, so that a page is never made of two
/// versions; the answer to that is short.
const CACHING: &str = "no-cache";

/// A file of the page.
struct File {
    /// Its path below the output's prefix; the page itself is at `/`.
    path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    prepared: OnceLock<Prepared>,
}

/// What is made of a file once, when it is asked for first.
struct Prepared {
    /// A hash, as it stands between the quotes of an ETag.
    hash: String,
    /// Where that is shorter.
    gzip: Option<Bytes>,
}

/// The answer to a GET or HEAD below an output's prefix; `rest` is what follows it. `None`: there is no such
/// file.
pub(super) fn answer(rest: &str, uri: &Uri, headers: &HeaderMap) -> Option<Response<Full<Bytes>>> {
    if rest.is_empty() {
        return Some(to_folder(uri));
    }
    let file = files::FILES.iter().find(|file| file.path == rest)?;
    let prepared = file.prepared.get_or_init(|| prepare(file.bytes));
    let gzip = prepared.gzip.as_ref().filter(|_| events::takes_gzip(headers));
    let etag = format!("\"{}{}\"", prepared.hash, if gzip.is_some() { "-gzip" } else { "" });
    let mut answer = if is_known(headers, &etag) {
        let mut unchanged = Response::new(Full::default());
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged
    } else {
        let bytes = gzip.map_or(Bytes::from_static(file.bytes), Bytes::clone);
        let mut whole = Response::new(Full::from(bytes));
        set(&mut whole, CONTENT_TYPE, file.content_type);
        if gzip.is_some() {
            set(&mut whole, CONTENT_ENCODING, "gzip");
        }
        whole
    };
    if let Ok(etag) = HeaderValue::try_from(etag) {
        answer.headers_mut().insert(ETAG, etag);
    }
    set(&mut answer, VARY, "accept-encoding");
    set(&mut answer, CACHE_CONTROL, CACHING);
    harden(&mut answer);
    Some(answer)
}

/// From `/a/b` to `/a/b/`, from where the page's relative URLs lead to the right places. Relative itself,
/// for proxies that serve it elsewhere.
fn to_folder(uri: &Uri) -> Response<Full<Bytes>> {
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let Ok(location) = HeaderValue::try_from(format!("./{last}/{query}")) {
        answer.headers_mut().insert(LOCATION, location);
    }
    set(&mut answer, CACHE_CONTROL, CACHING);
    harden(&mut answer);
    answer
}

fn harden(answer: &mut Response<Full<Bytes>>) {
    set(answer, CONTENT_SECURITY_POLICY, POLICY);
    set(answer, X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(answer, REFERRER_POLICY, "no-referrer");
    set(answer, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
}

fn set(answer: &mut Response<Full<Bytes>>, name: HeaderName, value: &'static str) {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
}

fn prepare(bytes: &[u8]) -> Prepared {
    let digest = Sha1::digest(bytes);
    let hash = digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let gzip = encoder.write_all(bytes).and_then(|()| encoder.finish()).ok();
    Prepared { hash, gzip: gzip.filter(|gzip| gzip.len() < bytes.len()).map(Bytes::from) }
}

/// Whether the client has this one (RFC 9110 section 13.1.2).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|line| line.split(',')).map(str::trim).any(|item| {
        let item = item.strip_prefix("W/").unwrap_or(item);
        item == "*" || item == etag
    })
}
