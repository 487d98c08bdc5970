//! `<security>` of `forward`: who may send.

use std::net::IpAddr;

pub use ipnet::IpNet as Network;

use super::{Origin, Secret};

/// `<security>`.
#[derive(Clone, Debug)]
pub struct Security {
    /// `self_hostname`: what this server calls itself.
    pub self_hostname: String,
    /// `shared_key`; never empty.
    pub shared_key: Secret,
    /// The `<user>` sections, if `user_auth` asks for one of them; then there is at least one.
    pub users: Option<Vec<Account>>,
    /// `allow_anonymous_source`: who is none of `clients` may send, too.
    pub allow_anonymous_source: bool,
    /// The `<client>` sections; the first that fits counts.
    pub clients: Vec<AllowedClient>,
}

/// `<user>`.
#[derive(Clone, Debug)]
pub struct Account {
    /// `username`.
    pub name: String,
    /// `password`.
    pub password: Secret,
}

/// `<client>`.
#[derive(Clone, Debug)]
pub struct AllowedClient {
    /// Where the address stands.
    pub origin: Origin,
    /// `host` or `network`.
    pub address: ClientAddress,
    /// `shared_key`, its own or the one of all; never empty.
    pub shared_key: Secret,
    /// `users`: names of those who may send from there; none: all of them.
    pub users: Vec<String>,
}

/// Where a `<client>` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAddress {
    /// `host`: a name or an address, looked up at the start.
    Host(String),
    /// `network`.
    Network(Network),
}

impl ClientAddress {
    /// The network of one address.
    #[must_use]
    pub fn single(address: IpAddr) -> Network {
        address.to_canonical().into()
    }
}
