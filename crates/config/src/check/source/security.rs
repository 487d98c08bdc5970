//! `<security>` of `forward`.

use std::net::IpAddr;

use super::super::reader::Reader;
use crate::parameters::source::{CLIENT, SECURITY, USER};
use crate::settings::{Account, AllowedClient, ClientAddress, Network, Secret, Security};
use crate::tree::Element;

pub(super) fn read(forward: &mut Reader<'_, '_>) -> Option<Security> {
    let element = forward.child("security")?;
    let mut reader = Reader::new(forward.ctx, &SECURITY, element);
    let self_hostname = reader.get("self_hostname");
    let shared_key = key(&mut reader).unwrap_or_else(|| Secret::new(String::new()));
    let user_auth: bool = reader.get("user_auth");
    let allow_anonymous_source: bool = reader.get("allow_anonymous_source");
    let users: Vec<_> =
        reader.children("user").into_iter().filter_map(|user| account(&mut reader, user)).collect();
    let sections = reader.children("client");
    let clients: Vec<_> = sections
        .iter()
        .filter_map(|client| allowed_client(&mut reader, client, &shared_key, &users, user_auth))
        .collect();
    if user_auth && users.is_empty() {
        missing(&mut reader, "user_auth", "<user> sections required if user_auth enabled");
    }
    if !allow_anonymous_source && sections.is_empty() {
        let message = "<client> sections required if allow_anonymous_source disabled";
        missing(&mut reader, "allow_anonymous_source", message);
    }
    if !user_auth && !users.is_empty() {
        let span = reader.span();
        reader
            .ctx
            .warning("user-auth-off", span, "nobody is asked for the passwords of the <user> sections")
            .help("add `user_auth true`, or remove the <user> sections");
    }
    reader.finish();
    let users = user_auth.then_some(users);
    Some(Security { self_hostname, shared_key, users, allow_anonymous_source, clients })
}

/// A section that Fluentd demands, in its words.
fn missing(reader: &mut Reader<'_, '_>, because_of: &str, message: &str) {
    let span = reader.place(because_of).unwrap_or(reader.span());
    reader.ctx.error("missing-section", span, message).help("add at least one, or remove this line");
}

/// `shared_key`: with an empty one everybody could send.
fn key(reader: &mut Reader<'_, '_>) -> Option<Secret> {
    let key: Option<Secret> = reader.opt("shared_key");
    if key.as_ref().is_some_and(|key| key.expose().is_empty()) {
        let span = reader.place("shared_key").unwrap_or(reader.span());
        reader
            .ctx
            .error("empty-key", span, "the shared_key is empty: everybody would know it")
            .help("set a long random text, the same at the senders");
    }
    key
}

fn account<'a>(security: &mut Reader<'_, 'a>, element: &'a Element) -> Option<Account> {
    let mut reader = Reader::new(security.ctx, &USER, element);
    let (name, password) = (reader.opt("username"), reader.opt("password"));
    reader.finish();
    Some(Account { name: name?, password: password? })
}

fn allowed_client<'a>(
    security: &mut Reader<'_, 'a>,
    element: &'a Element,
    common_key: &Secret,
    accounts: &[Account],
    user_auth: bool,
) -> Option<AllowedClient> {
    let mut reader = Reader::new(security.ctx, &CLIENT, element);
    let origin_span = reader.place("host").or(reader.place("network")).unwrap_or(reader.span());
    let origin = reader.ctx.origin(origin_span);
    let address = address(&mut reader);
    let shared_key = key(&mut reader).unwrap_or_else(|| common_key.clone());
    let users: Vec<String> = reader.opt("users").unwrap_or_default();
    check_users(&mut reader, &users, accounts, user_auth);
    reader.finish();
    Some(AllowedClient { origin, address: address?, shared_key, users })
}

fn check_users(reader: &mut Reader<'_, '_>, users: &[String], accounts: &[Account], user_auth: bool) {
    let span = reader.place("users").unwrap_or(reader.span());
    if !users.is_empty() && !user_auth {
        reader
            .ctx
            .warning("user-auth-off", span, "nobody is asked which of these users he is")
            .help("add `user_auth true` to <security>, or remove `users`");
    }
    let known = || accounts.iter().map(|account| account.name.as_str());
    for user in users.iter().filter(|user| !known().any(|name| name == user.as_str())) {
        let help = reader
            .ctx
            .did_you_mean(user, known)
            .unwrap_or_else(|| "add a `<user>` section for it to <security>".to_owned());
        let message = format!("users: there is no <user> `{user}`");
        reader.ctx.warning("unknown-user", span, message).help(help);
    }
}

/// `host` or `network`, one of them.
fn address(reader: &mut Reader<'_, '_>) -> Option<ClientAddress> {
    let (host, network): (Option<String>, Option<String>) = (reader.opt("host"), reader.opt("network"));
    let (code, help) = ("client-address", "write `host NAME` or `network 10.0.0.0/8`");
    match (host, network) {
        (Some(host), None) if !host.is_empty() => Some(ClientAddress::Host(host)),
        (None, Some(network)) => {
            let parsed = parse_network(&network);
            if parsed.is_none() {
                let span = reader.place("network").unwrap_or(reader.span());
                let message = format!("network '{network}' address format is invalid");
                reader.ctx.error(code, span, message).help("write it as `10.0.0.0/8` or `fd00::/8`");
            }
            parsed.map(ClientAddress::Network)
        }
        (Some(_), Some(_)) => {
            let span = reader.place("network").unwrap_or(reader.span());
            let message = "both of 'host' and 'network' are specified for client";
            reader.ctx.error(code, span, message).help("remove one of the two");
            None
        }
        (Some(_) | None, None) => {
            let span = reader.span();
            let message = "Either of 'host' and 'network' must be specified for client";
            reader.ctx.error(code, span, message).help(help);
            None
        }
    }
}

/// As Ruby's `IPAddr` reads it: an address, alone or with a prefix length or a mask; IPv6 perhaps in
/// brackets. A sender over IPv4 has an IPv4 address, whatever the listener's socket calls it.
fn parse_network(text: &str) -> Option<Network> {
    let (address, mask) = match text.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (text, None),
    };
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    let address: IpAddr = bare.parse().ok()?;
    let network = match mask {
        None => ClientAddress::single(address),
        Some(mask) => match mask.parse::<u8>() {
            Ok(prefix) => Network::new(address, prefix).ok()?,
            Err(_) => Network::with_netmask(address, mask.parse().ok()?).ok()?,
        },
    };
    Some(network.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_as_ruby_does() {
        for (text, network) in [
            ("10.1.2.3", Some("10.1.2.3/32")),
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            ("10.1.2.3/255.255.0.0", Some("10.1.0.0/16")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("::1", Some("::1/128")),
            ("[fd00::1]/8", Some("fd00::/8")),
            ("::ffff:10.1.2.3", Some("10.1.2.3/32")),
            ("10.1.2.3/33", None),
            ("10.1.2.3/", None),
            ("10.1.2.3/255.0.255.0", None),
            ("10.1.2", None),
            ("host.example", None),
            ("", None),
        ] {
            let parsed = parse_network(text).map(|network| network.to_string());
            assert_eq!(parsed.as_deref(), network, "{text}");
        }
    }
}
