//! Names that a server is asked for by: a request's `Host`.
//!
//! Who owns a name decides where it points, so a page of `evil.example` can be of the same host as a server on the
//! machine of whoever looks at it (DNS rebinding). Only the name gives that away.

use std::net::{IpAddr, Ipv4Addr};

use crate::origin::split_authority;

/// The names by which a server may be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowedHosts {
    /// All there are: `*`.
    #[default]
    Any,
    /// These, in lower case, and those that [nobody can take](is_certain).
    Named(Vec<String>),
}

impl AllowedHosts {
    /// Whether a request with this `Host` may be served. Browsers always send one; a program may leave it away.
    #[must_use]
    pub fn has(&self, host_header: Option<&str>) -> bool {
        let (Self::Named(names), Some(text)) = (self, host_header) else { return true };
        split_authority(text).is_some_and(|(name, _)| {
            let name = name.strip_suffix('.').unwrap_or(&name);
            is_certain_name(name) || names.iter().any(|known| known == name)
        })
    }
}

/// The host as it stands in [`AllowedHosts::Named`]; `None` for what is no host without a port.
#[must_use]
pub fn parse(text: &str) -> Option<String> {
    let (name, port) = split_authority(text)?;
    port.is_none().then(|| name.strip_suffix('.').map_or(name.clone(), str::to_owned))
}

/// The address that a host to listen on means, when that needs no asking.
pub(crate) fn address(host: &str) -> Option<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether the `Host` is one that always means the machine it was meant for: an address, or `localhost`, which
/// browsers ask nobody about.
#[must_use]
pub fn is_certain(host_header: &str) -> bool {
    AllowedHosts::Named(Vec::new()).has(Some(host_header))
}

fn is_certain_name(name: &str) -> bool {
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost") || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_somebody_may_own_are_in_question() {
        let named = AllowedHosts::Named(vec!["logs.example".to_owned()]);
        for (host, allowed) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("localhost.", true),
            ("app.localhost:8080", true),
            ("127.0.0.1", true),
            ("192.0.2.1:8080", true),
            ("[::1]:8080", true),
            ("logs.example:8080", true),
            ("Logs.Example.", true),
            ("evil.example", false),
            ("logs.example.evil.example", false),
            ("evil.logs.example", false),
            ("localhost.evil.example:8080", false),
            ("127.0.0.1.evil.example", false),
            ("notlocalhost", false),
            ("127.0.0.1@evil.example", false),
            ("", false),
            ("evil.example/localhost", false),
        ] {
            assert_eq!(named.has(Some(host)), allowed, "{host}");
            assert_eq!(is_certain(host), allowed && !host.to_lowercase().contains("example"), "{host}");
            assert!(AllowedHosts::Any.has(Some(host)));
        }
        assert!(named.has(None));
    }

    #[test]
    fn a_name_is_a_host_alone() {
        assert_eq!(parse("Logs.Example."), Some("logs.example".to_owned()));
        assert_eq!(parse("[::1]"), Some("[::1]".to_owned()));
        for text in ["", "logs.example:80", "https://logs.example", "logs.example/", "*.example", "a b"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
