//! Which pages of a browser may watch: a request's `Origin` against the output's `allow_origin`.
//!
//! A browser sends the `Origin` of the page with every WebSocket handshake and every `fetch` or
//! `EventSource` of another origin, and a page cannot forge it. Programs send none; their token alone
//! decides.

use std::fmt::Write as _;

use fluentcast_config::host::AllowedHosts;
use fluentcast_config::origin::{AllowedOrigins, WebOrigin};
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderMap,
    HeaderName, HeaderValue, ORIGIN, VARY,
};
use hyper::{Method, StatusCode};

use super::admit::Refusal;

/// What a page needs to read of an answer, besides its body.
const EXPOSED: HeaderValue = HeaderValue::from_static("fluentcast-epoch, fluentcast-seq, fluentcast-oldest");

/// What a page may send besides what any may.
const SENT: HeaderValue = HeaderValue::from_static("authorization, last-event-id");

/// Seconds a browser need not ask again.
const PREFLIGHT_AGE: HeaderValue = HeaderValue::from_static("600");

/// Characters of an origin that an answer repeats.
const SHOWN_MAX: usize = 200;

/// A request whose origin may watch: what its answer has to say about that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cors {
    /// `Access-Control-Allow-Origin`; `None`: no page asked.
    allowed: Option<HeaderValue>,
}

/// Judges the name by which a request asks for its stream, wherever it is from.
///
/// # Errors
/// The refusal of a name that nobody has vouched for.
pub(super) fn judge_host(allowed: &AllowedHosts, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = headers.get(HOST).map(|host| host.to_str().unwrap_or_default());
    if allowed.has(host) {
        return Ok(());
    }
    let host: String = host.unwrap_or_default().chars().take(SHOWN_MAX).collect();
    let told = format!(
        "This stream is not known by the name `{host}`. If that is one of its names, add it (without a port) to \
         `allow_host` of the websocket output."
    );
    Err((StatusCode::FORBIDDEN, told))
}

/// Judges the origin of a request.
///
/// # Errors
/// The refusal of a page that may not watch.
pub(super) fn judge(allowed: &AllowedOrigins, headers: &HeaderMap) -> Result<Cors, Refusal> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(header) = origins.next() else { return Ok(Cors::default()) };
    let text = header.to_str().unwrap_or_default();
    let known = WebOrigin::parse(text).filter(|_| origins.next().is_none());
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match known {
        _ if *allowed == AllowedOrigins::Any => Ok(Cors { allowed: Some(HeaderValue::from_static("*")) }),
        Some(origin) if allowed.has(&origin) || origin.is_same_host(host) => {
            Ok(Cors { allowed: Some(header.clone()) })
        }
        _ => Err((StatusCode::FORBIDDEN, refusal(text, host))),
    }
}

/// What somebody who sees it in the console of a browser can do about it.
fn refusal(origin: &str, host: &str) -> String {
    let cut = |text: &str| text.chars().take(SHOWN_MAX).collect::<String>();
    let (origin, host) = (cut(origin), cut(host));
    format!(
        "Pages of the origin `{origin}` may not watch this stream, which was asked for at the host `{host}`. To let \
         them, add `allow_origin {origin}` to the websocket output; if a proxy stands between and both are the same \
         site, let it pass the header Host on."
    )
}

impl Cors {
    /// Puts what there is to say into an answer.
    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_name(ORIGIN));
        for (name, value) in self.headers() {
            headers.insert(name, value);
        }
    }

    /// The same as lines of a head, `Vary` aside.
    pub(super) fn lines(&self) -> String {
        let mut lines = String::new();
        for (name, value) in self.headers() {
            // Writing into a String cannot fail, and what was an origin or is a constant is text.
            let _ = write!(lines, "{name}: {}\r\n", value.to_str().unwrap_or_default());
        }
        lines
    }

    fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let exposed = self.allowed.as_ref().map(|_| (ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED));
        self.allowed.clone().map(|value| (ACCESS_CONTROL_ALLOW_ORIGIN, value)).into_iter().chain(exposed)
    }
}

/// Whether the request is a browser's question whether a page may ask.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// What a page whose origin may watch can ask.
pub(super) fn allow(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, SENT);
    headers.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn listed(origins: &[&str]) -> AllowedOrigins {
        AllowedOrigins::Listed(
            origins.iter().map(|text| WebOrigin::parse(text).expect("an origin")).collect(),
        )
    }

    #[test]
    fn an_origin_is_of_the_same_host_or_listed_or_refused() {
        let here = (HOST, "logs.example:8080");
        let same = AllowedOrigins::SameHost;
        let list = listed(&["https://App.Example:443", "null"]);
        for (allowed, origin, answer) in [
            (&same, None, Some(None)),
            (&same, Some("http://logs.example:8080"), Some(Some("http://logs.example:8080"))),
            (&same, Some("https://app.example"), None),
            (&same, Some("null"), None),
            (&same, Some(""), None),
            (&list, None, Some(None)),
            (&list, Some("https://app.example"), Some(Some("https://app.example"))),
            (&list, Some("null"), Some(Some("null"))),
            (&list, Some("http://logs.example:8080"), Some(Some("http://logs.example:8080"))),
            (&list, Some("http://app.example"), None),
            (&list, Some("https://app.example.evil.example"), None),
            (&AllowedOrigins::Any, None, Some(None)),
            (&AllowedOrigins::Any, Some("null"), Some(Some("*"))),
            (&AllowedOrigins::Any, Some("nonsense"), Some(Some("*"))),
        ] {
            let origin = origin.map(|origin| (ORIGIN, origin));
            let judged = judge(
                allowed,
                &headers(&[&[here.clone()][..], &origin.clone().into_iter().collect::<Vec<_>>()].concat()),
            );
            let told =
                judged.ok().map(|cors| cors.allowed.map(|value| value.to_str().expect("text").to_owned()));
            assert_eq!(told, answer.map(|value| value.map(str::to_owned)), "{allowed:?} {origin:?}");
        }
        let twice =
            [here.clone(), (ORIGIN, "http://logs.example:8080"), (ORIGIN, "http://logs.example:8080")];
        assert!(judge(&same, &headers(&twice)).is_err());
        // Without a Host nothing is the same.
        assert!(judge(&same, &headers(&[(ORIGIN, "http://logs.example:8080")])).is_err());
    }

    #[test]
    fn a_refusal_says_what_to_do_and_is_no_longer_than_it_must() {
        let long: &'static str = Box::leak(format!("https://{}", "a".repeat(10_000)).into_boxed_str());
        let (status, text) = judge(&AllowedOrigins::SameHost, &headers(&[(HOST, "b"), (ORIGIN, long)]))
            .expect_err("another origin");
        assert_eq!(status, 403);
        assert!(
            text.contains("`allow_origin https://aaa") && text.contains("Host") && text.len() < 1_000,
            "{text}"
        );
    }
}
