//! The fields that `add_http_headers`, `add_query_params` and `add_remote_addr` put into every record.

use std::collections::HashMap;
use std::net::IpAddr;

use fluentcast_config::settings::HttpSource;
use fluentcast_event::msgpack;
use hyper::HeaderMap;

use super::params;

/// Fields by name; a later one replaces an earlier one of the same name.
#[derive(Debug, Default)]
pub(super) struct Added {
    /// Name to its place in `pairs`.
    places: HashMap<Vec<u8>, usize>,
    /// Name and value as MessagePack.
    pairs: Vec<Vec<u8>>,
}

impl Added {
    /// Collects what the settings ask for, in Fluentd's order.
    pub(super) fn of(settings: &HttpSource, headers: &HeaderMap, query: &str, peer: IpAddr) -> Self {
        let mut added = Self::default();
        if settings.add_http_headers {
            for name in headers.keys() {
                let values = headers.get_all(name).iter();
                let texts: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
                let texts: Vec<_> = texts.iter().map(AsRef::as_ref).collect();
                added.insert(&environment_name("HTTP_", name.as_str()), &texts);
            }
        }
        if settings.add_query_params {
            for (name, value) in params::form_fields(query.as_bytes()) {
                let name = environment_name("QUERY_", &String::from_utf8_lossy(&name));
                added.insert(&name, &[&String::from_utf8_lossy(&value)]);
            }
        }
        if settings.add_remote_addr {
            added.insert("REMOTE_ADDR", &[&remote_addr(headers, peer)]);
        }
        added
    }

    /// One text as it is; several (a repeated header) as an array.
    pub(super) fn insert(&mut self, name: &str, texts: &[&str]) {
        let mut pair = Vec::new();
        msgpack::write_str(&mut pair, name);
        if texts.len() != 1 {
            msgpack::write_array_head(&mut pair, u32::try_from(texts.len()).unwrap_or(u32::MAX));
        }
        for text in texts {
            msgpack::write_str(&mut pair, text);
        }
        match self.places.get(name.as_bytes()) {
            Some(&place) => self.pairs[place] = pair,
            None => {
                self.places.insert(name.into(), self.pairs.len());
                self.pairs.push(pair);
            }
        }
    }

    /// True when a record's own field of this name must go.
    pub(super) fn replaces(&self, name: &[u8]) -> bool {
        !self.places.is_empty() && self.places.contains_key(name)
    }

    /// Name and value of each field as MessagePack.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &[u8]> {
        self.pairs.iter().map(Vec::as_slice)
    }
}

fn environment_name(prefix: &str, name: &str) -> String {
    format!("{prefix}{}", name.replace('-', "_").to_ascii_uppercase())
}

/// The first address of `X-Forwarded-For`, which nobody checks, else the peer's.
fn remote_addr(headers: &HeaderMap, peer: IpAddr) -> String {
    let forwarded = headers.get("x-forwarded-for").map_or(b"".as_slice(), |value| value.as_bytes());
    match String::from_utf8_lossy(forwarded).split(',').next().map(str::trim) {
        Some(first) if !first.is_empty() => first.to_owned(),
        _ => peer.to_canonical().to_string(),
    }
}
