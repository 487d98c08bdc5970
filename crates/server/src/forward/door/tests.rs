use fluentcast_config::settings::AllowedClient;

use super::*;
use crate::forward::tests::settings;

fn secret(text: &str) -> Secret {
    Secret::new(text.into())
}

fn client(address: ClientAddress, key: &str, users: &[&str]) -> AllowedClient {
    let users = users.iter().map(|user| (*user).to_owned()).collect();
    AllowedClient { origin: Origin::default(), address, shared_key: secret(key), users }
}

fn network(text: &str) -> ClientAddress {
    ClientAddress::Network(text.parse().unwrap())
}

fn door(allow_anonymous_source: bool, clients: Vec<AllowedClient>) -> Result<Door, UnknownHost> {
    let account =
        |name: &str| Account { name: name.into(), password: secret(&format!("password of {name}")) };
    let security = Security {
        self_hostname: "server.example".into(),
        shared_key: secret("the key of all"),
        users: Some(vec![account("alice"), account("bob")]),
        allow_anonymous_source,
        clients,
    };
    let settings = ForwardSource { security: Some(security), ..settings() };
    Door::of(&settings).map(|door| door.unwrap())
}

/// The key and the names that a sender from there is asked for.
fn asked(door: &Door, peer: &str) -> Option<(String, Vec<String>)> {
    match door.terms(peer.parse().unwrap()).source {
        Source::Unexpected(_) => None,
        Source::Expected { shared_key, users } => Some((
            String::from_utf8(shared_key.into()).unwrap(),
            users.unwrap().into_iter().map(|(name, _)| name.to_owned()).collect(),
        )),
    }
}

#[test]
fn the_first_client_that_has_the_address_counts() {
    let clients = vec![
        client(network("10.1.0.0/16"), "narrow", &["bob"]),
        client(network("10.0.0.0/8"), "wide", &[]),
        client(network("10.1.2.0/24"), "never", &[]),
        client(network("fd00::/8"), "six", &["bob", "nobody"]),
        client(ClientAddress::Host("localhost".into()), "host", &[]),
    ];
    let both = |key: &str| Some((key.to_owned(), vec!["alice".to_owned(), "bob".to_owned()]));
    let bob = |key: &str| Some((key.to_owned(), vec!["bob".to_owned()]));
    for (anonymous, else_where) in [(true, both("the key of all")), (false, None)] {
        let door = door(anonymous, clients.clone()).unwrap();
        for (peer, expected) in [
            ("10.1.2.3", bob("narrow")),
            ("::ffff:10.1.2.3", bob("narrow")),
            ("10.2.0.1", both("wide")),
            ("fd12::1", bob("six")),
            ("127.0.0.1", both("host")),
            ("192.0.2.1", else_where.clone()),
            ("2001:db8::1", else_where.clone()),
        ] {
            assert_eq!(asked(&door, peer), expected, "{peer}");
        }
    }
}

#[test]
fn a_host_that_nobody_knows_is_told_with_its_place() {
    let clients = vec![client(ClientAddress::Host("no host".into()), "k", &[])];
    let error = door(true, clients).unwrap_err().to_string();
    assert!(error.contains(": host 'no host' cannot be resolved: "), "{error}");
}

#[test]
fn no_secret_is_shown() {
    let door = door(true, vec![client(network("10.0.0.0/8"), "narrow", &[])]).unwrap();
    let shown = format!("{door:?}");
    assert!(shown.contains("alice") && shown.contains("10.0.0.0/8"), "{shown}");
    for secret in ["the key of all", "password of", "narrow"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn no_two_connections_are_asked_the_same() {
    let hello = || Door::handshake().unwrap().hello(true);
    assert_ne!(hello(), hello());
}
