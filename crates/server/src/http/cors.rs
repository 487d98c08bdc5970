//! Cross-origin requests: which pages of a browser may send here.

use fluentcast_config::host;
use fluentcast_config::origin::WebOrigin;
use fluentcast_config::settings::HttpSource;
use hyper::HeaderMap;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HOST,
    HeaderValue, ORIGIN, VARY,
};

/// What the origin of a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cors {
    /// `cors_allow_origins` is not set.
    Off,
    /// `*` is on the list.
    AnyOrigin,
    /// There is a list and the request names no origin: no browser page sent it.
    NoOrigin,
    /// The origin is on the list.
    Allowed {
        /// The origin as the request has it.
        origin: HeaderValue,
        /// `cors_allow_credentials`.
        credentials: bool,
    },
    /// The origin is not on the list.
    Refused,
    /// There is no list, and a page of somewhere else asks.
    Foreign,
}

impl Cors {
    /// Looks the request's origin up in the list.
    pub(super) fn of(settings: &HttpSource, headers: &HeaderMap) -> Self {
        let Some(allowed) = &settings.cors_allow_origins else {
            return if is_foreign(settings, headers) { Self::Foreign } else { Self::Off };
        };
        if allowed.iter().any(|pattern| pattern == "*") {
            return Self::AnyOrigin;
        }
        match headers.get(ORIGIN) {
            None => Self::NoOrigin,
            Some(origin) if allowed.iter().any(|pattern| matches(pattern, origin.as_bytes())) => {
                Self::Allowed { origin: origin.clone(), credentials: settings.cors_allow_credentials }
            }
            Some(_) => Self::Refused,
        }
    }

    /// Puts the headers of the decision into a response.
    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        match self {
            Self::Off => {}
            Self::AnyOrigin => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
            Self::Allowed { origin, credentials } => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                if *credentials {
                    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
                }
                headers.insert(VARY, HeaderValue::from_name(ORIGIN));
            }
            Self::NoOrigin | Self::Refused | Self::Foreign => {
                headers.insert(VARY, HeaderValue::from_name(ORIGIN));
            }
        }
    }
}

/// Whether a browser's page of another host than this one asks. Under Fluentd it may send forms, whose answer it
/// just cannot read. On a port for this machine alone, the same host is one whose name nobody can take.
fn is_foreign(settings: &HttpSource, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return false };
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let host = headers.get(HOST).map(text).unwrap_or_default();
    let is_local = settings.listen.is_loopback();
    let is_same = WebOrigin::parse(&text(origin)).is_some_and(|origin| origin.is_same_host(&host));
    !is_same || origins.next().is_some() || (is_local && !host::is_certain(&host))
}

/// Answers a preflight: the headers that allow the POST it asks about, or `None` for a refusal.
pub(super) fn preflight(settings: &HttpSource, request: &HeaderMap) -> Option<HeaderMap> {
    if request.get(ACCESS_CONTROL_REQUEST_METHOD)?.as_bytes() != b"POST" {
        return None;
    }
    let cors = Cors::of(settings, request);
    if !matches!(cors, Cors::AnyOrigin | Cors::Allowed { .. }) {
        return None;
    }
    let mut headers = HeaderMap::new();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    let asked = request.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or(HeaderValue::from_static("")));
    cors.apply(&mut headers);
    Some(headers)
}

/// True when an origin is the pattern, or begins and ends like one with a `*` (of several the first
/// counts). The empty pattern is nobody's.
fn matches(pattern: &str, origin: &[u8]) -> bool {
    match pattern.split_once('*') {
        None => !pattern.is_empty() && pattern.as_bytes() == origin,
        Some((prefix, suffix)) => {
            origin.strip_prefix(prefix.as_bytes()).is_some_and(|rest| rest.ends_with(suffix.as_bytes()))
        }
    }
}

#[cfg(test)]
mod tests;
