//! Who listens where: no address may be used twice, except by websocket outputs that share a port.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use super::context::Context;
use super::reader::Reader;
use crate::settings::{Listen, Tls};
use crate::source::Span;

/// An address something listens on.
pub(super) struct Bind {
    /// Who: `forward`, `websocket`.
    what: &'static str,
    host: String,
    port: u16,
    /// The URL prefix of a websocket output; a source has none.
    path: Option<String>,
    tls: Option<Tls>,
    span: Span,
}

/// A websocket output, of which several may share a port.
pub(super) struct Site<'a> {
    /// Its URL prefix.
    pub(super) path: &'a str,
    /// What the port speaks.
    pub(super) tls: Option<&'a Tls>,
}

/// Reads host and port.
pub(super) fn listen(
    reader: &mut Reader<'_, '_>,
    host: &str,
    what: &'static str,
    site: Option<Site<'_>>,
) -> Listen {
    let span = reader.place("port").unwrap_or(reader.span());
    let mut host: String = reader.get(host);
    if host.is_empty() || host == "*" {
        host = "0.0.0.0".to_owned();
    }
    let listen = Listen { host, port: reader.get("port"), origin: reader.ctx.origin(span) };
    reader.ctx.binds.push(Bind {
        what,
        host: listen.host.clone(),
        port: listen.port,
        path: site.as_ref().map(|site| site.path.to_owned()),
        tls: site.and_then(|site| site.tls.cloned()),
        span,
    });
    listen
}

/// Reports addresses that are used twice.
pub(super) fn check(ctx: &mut Context<'_>) {
    let mut binds = std::mem::take(&mut ctx.binds);
    binds.sort_by_key(|bind| bind.span);
    let mut by_port: HashMap<u16, Vec<&Bind>> = HashMap::new();
    for bind in &binds {
        // The system chooses a free one for each.
        if bind.port == 0 {
            continue;
        }
        let earlier = by_port.entry(bind.port).or_default();
        if let Some((first, why)) = earlier.iter().find_map(|first| Some((first, first.conflict(bind)?))) {
            let place = ctx.origin(first.span);
            let message = format!(
                "port {} is already used by the {} at {place} ({})",
                bind.port, first.what, first.host
            );
            ctx.error("port-twice", bind.span, message).help(why);
        } else {
            earlier.push(bind);
        }
    }
}

impl Bind {
    pub(super) fn is_source(&self) -> bool {
        self.path.is_none()
    }

    /// Why the two cannot be together, if they cannot.
    fn conflict(&self, other: &Self) -> Option<&'static str> {
        if !overlap(&self.host, &other.host) {
            return None;
        }
        match (&self.path, &other.path) {
            (Some(mine), Some(theirs)) if self.host != other.host && mine != theirs => {
                Some("outputs that share a port must name the same host")
            }
            (Some(mine), Some(theirs)) if trimmed(mine) != trimmed(theirs) => {
                let same = match (&self.tls, &other.tls) {
                    (Some(mine), Some(theirs)) => mine.is_same(theirs),
                    (mine, theirs) => mine.is_none() && theirs.is_none(),
                };
                (!same).then_some("outputs that share a port must have the same `<transport>`")
            }
            (Some(_), Some(_)) => Some("give one of them another port, or another `path`"),
            _ => Some("give one of them another port"),
        }
    }
}

fn trimmed(path: &str) -> &str {
    path.trim_end_matches('/')
}

/// Whether listening on both hosts at once fails: the same, or one of them is every address.
fn overlap(a: &str, b: &str) -> bool {
    match (address(a), address(b)) {
        (Some(a), Some(b)) => {
            a == b || (a.is_unspecified() && covers(a, b)) || (b.is_unspecified() && covers(b, a))
        }
        _ => a.eq_ignore_ascii_case(b),
    }
}

/// `::` takes IPv4 too.
fn covers(every: IpAddr, one: IpAddr) -> bool {
    every.is_ipv6() || one.is_ipv4()
}

fn address(host: &str) -> Option<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Whether only this machine can reach it.
pub(super) fn is_loopback(host: &str) -> bool {
    address(host).is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_overlap_when_one_is_every_address() {
        for (a, b, both) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("0.0.0.0", "127.0.0.1", true),
            ("127.0.0.1", "10.0.0.1", false),
            ("::", "127.0.0.1", true),
            ("::", "::1", true),
            ("0.0.0.0", "::1", false),
            ("localhost", "127.0.0.1", true),
            ("Localhost", "0.0.0.0", true),
            ("db.example", "DB.example", true),
            ("db.example", "127.0.0.1", false),
            ("[::1]", "::1", true),
        ] {
            assert_eq!(overlap(a, b), both, "{a} {b}");
            assert_eq!(overlap(b, a), both, "{b} {a}");
        }
    }

    #[test]
    fn loopback() {
        assert!(is_loopback("127.0.0.1") && is_loopback("localhost") && is_loopback("::1"));
        assert!(!is_loopback("0.0.0.0") && !is_loopback("db.example") && !is_loopback("10.0.0.1"));
    }
}
