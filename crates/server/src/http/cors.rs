//! Cross-origin requests: which pages of a browser may send here.

use fluentcast_config::settings::HttpSource;
use hyper::HeaderMap;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue,
    ORIGIN, VARY,
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
}

impl Cors {
    /// Looks the request's origin up in the list.
    pub(super) fn of(settings: &HttpSource, headers: &HeaderMap) -> Self {
        let Some(allowed) = &settings.cors_allow_origins else { return Self::Off };
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
            Self::NoOrigin | Self::Refused => {
                headers.insert(VARY, HeaderValue::from_name(ORIGIN));
            }
        }
    }
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
