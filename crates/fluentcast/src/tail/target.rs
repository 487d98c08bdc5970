//! From what a person writes as URL and flags to the request: where to connect, what to ask for.

use std::borrow::Cow;
use std::fmt;

use form_urlencoded::Serializer;
use hyper::Uri;

use super::args::{TailArgs, Token};
use super::place::Start;

/// The port when none is named, as a websocket output has it.
const PORT_DEFAULT: u16 = 8080;

/// Port of `ws://` and `http://` as everywhere.
const PORT_HTTP: u16 = 80;

/// Port of `wss://` and `https://`.
const PORT_HTTPS: u16 = 443;

/// The last part of the path of a stream.
const EVENTS: &str = "/events";

/// How many of the newest events come first unless the flags say otherwise: as Unix's `tail`.
const LAST_DEFAULT: u64 = 10;

/// What is asked for, except where to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    /// Over TLS.
    pub(super) is_secure: bool,
    /// With the output's own path before it.
    path: String,
    /// Names and values, percent-encoded.
    query: String,
    token: Option<Token>,
}

/// A mistake in the URL or a flag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TargetError(String);

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TargetError {}

/// What stands in the URL and is said by a flag as well.
struct FromUrl {
    token: Option<Token>,
    start: Option<Start>,
    ends: bool,
}

impl Target {
    /// Understands the URL and the flags; also where to begin, and whether to end with what there is.
    pub(super) fn read(args: &TailArgs) -> Result<(Self, Start, bool), TargetError> {
        let Url { is_secure, host, port, path, query: url_query } = Url::of(&args.url)?;
        if args.trust.is_set() && !is_secure {
            return Err(TargetError(format!("`{}` asks for no TLS, so --ca-file means nothing", args.url)));
        }
        let mut query = Serializer::new(String::new());
        let from_url = take_over(&mut query, &url_query)?;
        for tag in &args.tag {
            query.append_pair("$tag", tag);
        }
        let max_rate = args.max_rate.map(|rate| rate.to_string());
        for (name, value) in [("$filter", &args.filter), ("$fields", &args.fields), ("$max_rate", &max_rate)]
        {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        for condition in &args.conditions {
            match condition.split_once('=') {
                Some((field, value)) => query.append_pair(field, value),
                None => query.append_key_only(condition),
            };
        }
        let ends = args.no_follow || from_url.ends;
        if ends {
            query.append_pair("$follow", "false");
        }
        let flag = args.since.clone().map(Start::Since).or(args.last.map(Start::Last));
        let start = flag.or(from_url.start).unwrap_or(Start::Last(LAST_DEFAULT));
        let token = args.token.clone().or(from_url.token);
        let query = query.finish();
        Ok((Self { host, port, is_secure, path, query, token }, start, ends))
    }

    /// Path and query of a request that begins there (`$last` or `$since`).
    pub(super) fn path_and_query(&self, name: &str, value: &str) -> String {
        let mut query = Serializer::new(self.query.clone());
        query.append_pair(name, value);
        if let Some(Token(token)) = self.token.as_ref().filter(|_| self.authorization().is_none()) {
            query.append_pair("token", token);
        }
        format!("{}?{}", self.path, query.finish())
    }

    /// The header that carries the token, if there is one that a header can carry.
    pub(super) fn authorization(&self) -> Option<String> {
        let Token(token) = self.token.as_ref()?;
        let fits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| format!("Bearer {token}"))
    }

    /// Everything from a port of this machine.
    #[cfg(test)]
    pub(super) fn at_port(port: u16) -> Self {
        let path = EVENTS.to_owned();
        let host = "127.0.0.1".to_owned();
        Self { host, port, is_secure: false, path, query: String::new(), token: None }
    }

    /// Host and port as a URL has them.
    pub(super) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// The parts of a URL.
struct Url {
    is_secure: bool,
    host: String,
    port: u16,
    /// That of the stream.
    path: String,
    query: String,
}

impl Url {
    fn of(url: &str) -> Result<Self, TargetError> {
        let wrong = |why: &str| {
            TargetError(format!(
                "`{url}` {why}: say where the output is as ws://HOST:PORT/, wss://HOST:PORT/ (or http, https) or HOST:PORT"
            ))
        };
        let (is_secure, whole, port_default) = match url.split_once("://") {
            Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
                "ws" | "http" => (false, rest, PORT_HTTP),
                "wss" | "https" => (true, rest, PORT_HTTPS),
                _ => return Err(wrong("has a scheme that is not known")),
            },
            None => (false, url, PORT_DEFAULT),
        };
        let whole = whole.split('#').next().unwrap_or_default();
        let end = whole.find(['/', '?']).unwrap_or(whole.len());
        let (authority, rest) = whole.split_at(end);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        // What a person may paste into a shell's quotes and a request line must not have.
        let path: String = form_path(path);
        let uri = Uri::builder().scheme("http").authority(authority).path_and_query("/").build();
        let uri = uri.map_err(|_| wrong("has no host that makes sense"))?;
        let authority = uri.authority().ok_or_else(|| wrong("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("has a user name, which no output knows (a token goes into --token)"));
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(wrong("has no host"));
        }
        let port = match authority.as_str().get(host.len()..).and_then(|rest| rest.strip_prefix(':')) {
            Some(port) => port.parse().map_err(|_| wrong("has no port that makes sense behind the colon"))?,
            None => port_default,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let path = path.trim_end_matches('/');
        let path = if path.ends_with(EVENTS) { path.to_owned() } else { format!("{path}{EVENTS}") };
        Ok(Self { is_secure, host, port, path, query: query.to_owned() })
    }
}

/// The path with everything encoded that a request line cannot have.
fn form_path(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_graphic()
            && !matches!(byte, b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'\\' | b'^' | b'|')
        {
            out.push(byte.into());
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Puts the conditions of the URL into the query, and returns what is no condition.
fn take_over(query: &mut Serializer<'_, String>, url_query: &str) -> Result<FromUrl, TargetError> {
    let mut found = FromUrl { token: None, start: None, ends: false };
    for element in url_query.split('&').filter(|element| !element.is_empty()) {
        let Some((name, value)) = form_urlencoded::parse(element.as_bytes()).next() else { continue };
        match &*name {
            "token" => found.token = Some(Token(value.into_owned())),
            "$since" => found.start = Some(Start::Since(value.into_owned())),
            "$last" => {
                let last = value.parse().map_err(|_| {
                    TargetError(format!("`$last={value}` in the URL: a whole number is needed"))
                })?;
                found.start = Some(Start::Last(last));
            }
            "$follow" => found.ends = matches!(&*value, "false" | "0"),
            _ if element.contains('=') => _ = query.append_pair(&name, &value),
            _ => _ = query.append_key_only(&Cow::clone(&name)),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
