//! Who may send to a forward source: `<security>` with its host names looked up.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};

use fluentcast_config::settings::{Account, ClientAddress, ForwardSource, Network, Origin, Secret, Security};
use fluentcast_forward::handshake::{Challenge, Handshake, NONCE_BYTES, Source, Terms};

/// A `<client>` whose host cannot be looked up.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: host '{host}' cannot be resolved: {error}; correct `host`, or write its address")]
pub struct UnknownHost {
    /// The place in the configuration.
    pub origin: Origin,
    /// The name.
    pub host: String,
    /// What the system said.
    pub error: io::Error,
}

/// `<security>`, ready to ask senders.
#[derive(Debug)]
pub struct Door {
    security: Security,
    /// The `<client>` sections, in their order.
    clients: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    networks: Vec<Network>,
    shared_key: Secret,
    /// None: all.
    users: Vec<String>,
}

impl Door {
    /// Looks up the hosts of `<client>` sections, which may take as long as the system's resolver does.
    /// `None`: whoever reaches the port may send.
    ///
    /// # Errors
    /// A host that nobody knows: a sender from there would be taken for somebody else.
    pub fn of(settings: &ForwardSource) -> Result<Option<Self>, UnknownHost> {
        let Some(security) = settings.security.clone() else { return Ok(None) };
        let clients = security.clients.iter().map(|client| {
            let networks = match &client.address {
                ClientAddress::Network(network) => vec![*network],
                ClientAddress::Host(host) => look_up(host).map_err(|error| UnknownHost {
                    origin: client.origin.clone(),
                    host: host.clone(),
                    error,
                })?,
            };
            Ok(Client { networks, shared_key: client.shared_key.clone(), users: client.users.clone() })
        });
        let clients = clients.collect::<Result<_, _>>()?;
        Ok(Some(Self { security, clients }))
    }

    /// The handshake of a new connection.
    ///
    /// # Errors
    /// When the system has no randomness to give; then nobody can be let in.
    pub(super) fn handshake() -> io::Result<Handshake> {
        let (mut nonce, mut auth) = ([0; NONCE_BYTES], [0; NONCE_BYTES]);
        getrandom::fill(&mut nonce).and_then(|()| getrandom::fill(&mut auth)).map_err(io::Error::other)?;
        Ok(Handshake::new(Challenge { nonce, auth }))
    }

    /// What a sender from there is asked for.
    pub(super) fn terms(&self, peer: IpAddr) -> Terms<'_> {
        let peer = peer.to_canonical();
        let client =
            self.clients.iter().find(|client| client.networks.iter().any(|network| network.contains(&peer)));
        let source = match client {
            Some(client) => self.expected(&client.shared_key, &client.users),
            None if self.security.allow_anonymous_source => self.expected(&self.security.shared_key, &[]),
            None => Source::Unexpected(peer),
        };
        Terms { server_hostname: &self.security.self_hostname, source }
    }

    fn expected<'a>(&'a self, shared_key: &'a Secret, only: &[String]) -> Source<'a> {
        let may = |account: &&Account| only.is_empty() || only.contains(&account.name);
        let users = self.security.users.as_ref().map(|users| {
            let users = users.iter().filter(may);
            users.map(|user| (user.name.as_str(), user.password.expose().as_bytes())).collect()
        });
        Source::Expected { shared_key: shared_key.expose().as_bytes(), users }
    }
}

/// All addresses of a host.
fn look_up(host: &str) -> io::Result<Vec<Network>> {
    let addresses = (host, 0).to_socket_addrs()?;
    Ok(addresses.map(|address| ClientAddress::single(address.ip())).collect())
}

#[cfg(test)]
mod tests;
