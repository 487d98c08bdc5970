//! Who may read `/metrics`.
//!
//! Counts say how much is going on and who drops it: no secret where everybody may watch the events
//! themselves, but not for the world where a token guards these.

use std::net::SocketAddr;

use fluentcast_config::host;
use fluentcast_config::settings::Secret;
use hyper::StatusCode;
use hyper::header::{FORWARDED, HOST, HeaderMap, HeaderName, VIA};

use super::admit::Refusal;
use super::digest::Digest;

/// Headers by which proxies tell that the peer is only who stands next.
const BY_PROXIES: [HeaderName; 4] =
    [FORWARDED, VIA, HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("x-real-ip")];

/// Who may read the metrics on one port.
#[derive(Debug)]
pub(super) enum Scraping {
    /// Whoever presents this: `metrics_token`.
    Token(Digest),
    /// Whoever reaches the port: on it everybody may watch anyway.
    Open,
    /// This machine.
    Local,
}

impl Scraping {
    /// For a port some of whose outputs are, or none is, guarded by a token.
    pub(super) fn new(token: Option<&Secret>, guarded: bool) -> Self {
        match token {
            Some(token) => Self::Token(Digest::of(token)),
            None if guarded => Self::Local,
            None => Self::Open,
        }
    }

    /// Judges a request.
    pub(super) fn judge(
        &self,
        peer: SocketAddr,
        headers: &HeaderMap,
        presented: Option<&Secret>,
    ) -> Result<(), Refusal> {
        match self {
            Self::Open => Ok(()),
            Self::Token(token) => {
                if presented.is_some_and(|secret| token.equals(&Digest::of(secret)).into()) {
                    return Ok(());
                }
                let told =
                    "Metrics need the `metrics_token` of <system>: send it as `Authorization: Bearer ...`.";
                Err((StatusCode::UNAUTHORIZED, told.to_owned()))
            }
            Self::Local => {
                let by_proxy = BY_PROXIES.iter().any(|name| headers.contains_key(name));
                // A page on this machine may have made a name of its own mean this machine.
                let host = headers.get(HOST).map(|host| host.to_str().unwrap_or_default());
                let by_own_name = host.is_none_or(host::is_certain);
                if peer.ip().to_canonical().is_loopback() && !by_proxy && by_own_name {
                    return Ok(());
                }
                let told = "Where streams need a token, metrics are for this machine only, asked for as localhost or by address. To read them from another, \
                            set `metrics_token` in <system> and send it as `Authorization: Bearer ...`.";
                Err((StatusCode::FORBIDDEN, told.to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn metrics_are_open_where_events_are_and_else_for_this_machine_or_a_token() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let token = secret("metrics");
        let proxied = HeaderMap::from_iter([(BY_PROXIES[2].clone(), HeaderValue::from_static("192.0.2.1"))]);
        let direct = HeaderMap::new();
        let by = |name| HeaderMap::from_iter([(HOST, HeaderValue::from_static(name))]);
        let (own, foreign) = (by("localhost:8080"), by("evil.example:8080"));
        let (here, mapped, there) = ("127.0.0.1:5", "[::ffff:127.0.0.1]:5", "192.0.2.1:5");
        for (scraping, peer, headers, presented, status) in [
            (Scraping::new(None, false), there, &direct, None, 200),
            (Scraping::new(None, true), here, &direct, None, 200),
            (Scraping::new(None, true), mapped, &direct, None, 200),
            (Scraping::new(None, true), here, &own, None, 200),
            (Scraping::new(None, true), here, &foreign, None, 403),
            (Scraping::new(None, false), here, &foreign, None, 200),
            (Scraping::new(None, true), here, &proxied, None, 403),
            (Scraping::new(None, true), there, &direct, Some("metrics"), 403),
            (Scraping::new(Some(&token), false), here, &direct, None, 401),
            (Scraping::new(Some(&token), true), there, &direct, Some("metric"), 401),
            (Scraping::new(Some(&token), true), there, &proxied, Some("metrics"), 200),
        ] {
            let presented = presented.map(secret);
            let judged = scraping.judge(peer.parse().expect("an address"), headers, presented.as_ref());
            assert_eq!(
                judged.map_or_else(|(status, _)| status.as_u16(), |()| 200),
                status,
                "{scraping:?} {peer}"
            );
        }
    }
}
