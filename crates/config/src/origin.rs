//! Origins as browsers send them (RFC 6454): `https://logs.example:8443`.
//!
//! One form for all that mean the same, so that a list of them can be compared with a request.

/// The origin of a browser's page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WebOrigin {
    /// `null`: a page from a file, from a sandbox, or one that hides where it is from.
    Opaque,
    /// A scheme, a host and a port.
    Host {
        /// In lower case.
        scheme: String,
        /// In lower case; IPv6 addresses in brackets.
        host: String,
        /// `None`: the scheme's own.
        port: Option<u16>,
    },
}

/// Which pages may watch besides those of the same host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// No others.
    #[default]
    SameHost,
    /// These.
    Listed(Vec<WebOrigin>),
    /// All there are: `*`.
    Any,
}

impl WebOrigin {
    /// Reads an origin; `None` for what is none, such as a URL with a path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "null" {
            return Some(Self::Opaque);
        }
        let (scheme, authority) = text.split_once("://")?;
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if !is_scheme {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let (host, port) = split_authority(authority)?;
        let port = port.filter(|port| Some(*port) != default_port(&scheme));
        Some(Self::Host { scheme, host, port })
    }

    /// Whether a request to this `Host` is one to where the page came from. The scheme is not compared:
    /// a proxy that speaks TLS for the server hides it. A `Host` without a port means the port that the
    /// page's scheme has.
    #[must_use]
    pub fn is_same_host(&self, host_header: &str) -> bool {
        let Self::Host { scheme, host, port } = self else { return false };
        let Some(default) = default_port(scheme) else { return false };
        let Some((asked, asked_port)) = split_authority(host_header) else { return false };
        asked == *host && asked_port.unwrap_or(default) == port.unwrap_or(default)
    }
}

impl AllowedOrigins {
    /// Whether the list has it.
    #[must_use]
    pub fn has(&self, origin: &WebOrigin) -> bool {
        match self {
            Self::SameHost => false,
            Self::Listed(origins) => origins.contains(origin),
            Self::Any => true,
        }
    }
}

/// Host, in lower case, and port of `host[:port]`.
pub(crate) fn split_authority(text: &str) -> Option<(String, Option<u16>)> {
    let end = if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
    let (host, rest) = text.split_at(end);
    let legal = |byte: u8| byte.is_ascii_graphic() && !b"/?#@\\\"'<>`,*".contains(&byte);
    if host.is_empty() || !host.bytes().all(legal) {
        return None;
    }
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
        _ => return None,
    };
    Some((host.to_ascii_lowercase(), port))
}

/// Of the schemes that a page which watches here may have come by.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> WebOrigin {
        WebOrigin::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn one_form_for_all_that_mean_the_same() {
        assert_eq!(origin("HTTPS://Logs.Example:443"), origin("https://logs.example"));
        assert_eq!(origin("http://[::1]:80"), origin("http://[::1]"));
        assert_ne!(origin("http://a.example"), origin("https://a.example"));
        assert_ne!(origin("https://a.example"), origin("https://a.example:80"));
        assert_eq!(origin("null"), WebOrigin::Opaque);
        origin("chrome-extension://abcdefgh");
        for text in [
            "",
            "*",
            "logs.example",
            "https://",
            "https:///",
            "https://a/",
            "https://a/b",
            "https://a?b",
            "https://u@a",
            "https://a:",
            "https://a:x",
            "https://a:70000",
            "https://a:+1",
            "https://[::1",
            "://a",
            "1a://b",
            "https://a b",
            "https://a,https://b",
            "https://*.a",
            "NULL",
        ] {
            assert_eq!(WebOrigin::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_same_host_has_the_same_name_and_port() {
        for (page, host, same) in [
            ("http://logs.example:8080", "logs.example:8080", true),
            ("http://Logs.Example:8080", "logs.EXAMPLE:8080", true),
            ("http://logs.example", "logs.example", true),
            ("http://logs.example", "logs.example:80", true),
            ("https://logs.example", "logs.example", true),
            ("https://logs.example", "logs.example:443", true),
            ("https://logs.example", "logs.example:80", false),
            ("http://logs.example:8080", "logs.example", false),
            ("http://logs.example", "logs.example:8080", false),
            ("http://evil.example", "logs.example", false),
            ("http://logs.example.evil.example", "logs.example", false),
            ("http://logs.example", "evil.logs.example", false),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://127.0.0.1:8080", "localhost:8080", false),
            ("null", "null", false),
            ("file://x", "x", false),
            ("http://x", "", false),
            ("http://x", "x@y", false),
        ] {
            assert_eq!(origin(page).is_same_host(host), same, "{page} {host}");
        }
    }
}
