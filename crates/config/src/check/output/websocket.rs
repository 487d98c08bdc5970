//! `@type websocket`.

mod history;
mod jwt;
mod token;

use super::super::ports::{self, Site};
use super::super::reader::Reader;
use super::super::transport;
use crate::host::{self, AllowedHosts};
use crate::origin::{AllowedOrigins, WebOrigin};
use crate::settings::{Listen, Secret, SlowClient, Websocket};

pub(super) fn read(mut reader: Reader<'_, '_>) -> Websocket {
    let path = path(&mut reader);
    let buffered_messages = reader.get("buffered_messages");
    // Its linger_timeout is of no use here: a close is waited for.
    let tls = transport::read(&mut reader).tls;
    let mut websocket = Websocket {
        listen: ports::listen(
            &mut reader,
            "host",
            "websocket output",
            Some(Site { path: &path, tls: tls.as_deref() }),
        ),
        path,
        use_msgpack: reader.get("use_msgpack"),
        add_time: reader.get("add_time"),
        add_tag: reader.get("add_tag"),
        buffered_messages,
        token: token(&mut reader),
        tokens: token::read(&mut reader),
        jwts: jwt::read(&mut reader),
        allow_origin: allow_origin(&mut reader),
        allow_host: AllowedHosts::Any,
        history: history::read(&mut reader, buffered_messages),
        ui: reader.get("ui"),
        client_lag_limit: reader.get("client_lag_limit"),
        slow_client: reader.opt::<String>("slow_client").map(|name| slow_client(&name)),
        flush_interval: reader.get("flush_interval"),
        compress: reader.get("compress"),
        ping_interval: reader.get("ping_interval"),
        ping_timeout: reader.get("ping_timeout"),
        connection_limit: reader.get("connection_limit"),
        authenticate_timeout: reader.get("authenticate_timeout"),
        unauthenticated_limit: reader.get("unauthenticated_limit"),
        tls,
    };
    websocket.allow_host = allow_host(&mut reader, &websocket);
    exposure(&mut reader, &websocket);
    reader.finish();
    websocket
}

/// Whether whoever reaches the port may watch.
fn is_open(websocket: &Websocket) -> bool {
    let asks_for_certificate = websocket.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
    let asks_for_token =
        websocket.token.is_some() || !websocket.tokens.is_empty() || !websocket.jwts.is_empty();
    !asks_for_token && !asks_for_certificate
}

/// Says what a port that other machines can reach lacks.
fn exposure(reader: &mut Reader<'_, '_>, websocket: &Websocket) {
    if websocket.listen.is_loopback() {
        return;
    }
    let Listen { host, port, .. } = &websocket.listen;
    let span = reader.place("host").unwrap_or(reader.span());
    if is_open(websocket) {
        let message = format!("whoever reaches {host}:{port} can watch every event: there is no `token`");
        reader
            .ctx
            .warning("open-to-everyone", span, message)
            .help("add `token SECRET` (or <token> or <jwt> sections), or `host 127.0.0.1` when only this machine is to watch");
    } else if websocket.tls.is_none() {
        let message = format!(
            "whoever is on the way to {host}:{port} can read the token and every event: there is no TLS"
        );
        reader.ctx.warning("not-encrypted", span, message).help(
            "add `<transport tls>` with `cert_path` and `private_key_path`, or let a proxy with TLS stand before it \
             and write `host 127.0.0.1`; docs/security.md says how",
        );
    }
}

/// A URL path: it begins with a slash and ends before a query could.
fn path(reader: &mut Reader<'_, '_>) -> String {
    let path: String = reader.get("path");
    let legal =
        path.starts_with('/') && path.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#'));
    if !legal {
        let span = reader.place("path").unwrap_or(reader.span());
        reader
            .ctx
            .error("bad-path", span, format!("path: `{path}` is no URL path"))
            .help("begin with `/`; blanks, `?` and `#` cannot be part of it");
    }
    path
}

fn slow_client(name: &str) -> SlowClient {
    match name {
        "skip" => SlowClient::Skip,
        "sample" => SlowClient::Sample,
        _ => SlowClient::Disconnect,
    }
}

/// Origins as they stand in a request, each of them.
fn allow_origin(reader: &mut Reader<'_, '_>) -> AllowedOrigins {
    let Some(written) = reader.opt::<Vec<String>>("allow_origin") else { return AllowedOrigins::SameHost };
    let span = reader.place("allow_origin").unwrap_or(reader.span());
    let mut listed = Vec::new();
    for text in &written {
        match WebOrigin::parse(text) {
            Some(origin) => listed.push(origin),
            None if text == "*" => {}
            None => {
                let message = format!("allow_origin: `{text}` is no origin");
                reader.ctx.error("bad-origin", span, message).help(
                    "write scheme, host and perhaps a port, such as `https://app.example`, without a slash at the \
                     end; `null` for pages that are files; `*` alone for every page",
                );
            }
        }
    }
    match written.iter().any(|text| text == "*") {
        false => AllowedOrigins::Listed(listed),
        true if written.len() > 1 => {
            let message = "allow_origin: `*` beside other origins: every page may watch";
            reader.ctx.error("bad-origin", span, message).help("remove `*`, or everything else");
            AllowedOrigins::Any
        }
        true => AllowedOrigins::Any,
    }
}

/// Under the original an empty token turned everybody away.
fn token(reader: &mut Reader<'_, '_>) -> Option<Secret> {
    reader.secret("token")
}

/// Names by which it may be asked for. A page that has made a name of its own mean this machine has no token, so only
/// what is open to whoever connects from here depends on the name.
fn allow_host(reader: &mut Reader<'_, '_>, websocket: &Websocket) -> AllowedHosts {
    let own = host::parse(&websocket.listen.host);
    let Some(written) = reader.opt::<Vec<String>>("allow_host") else {
        let is_guarded = is_open(websocket) && websocket.listen.is_loopback();
        return if is_guarded { AllowedHosts::Named(own.into_iter().collect()) } else { AllowedHosts::Any };
    };
    let span = reader.place("allow_host").unwrap_or(reader.span());
    let mut names: Vec<_> = own.into_iter().collect();
    for text in written.iter().filter(|text| *text != "*") {
        match host::parse(text) {
            Some(name) => names.push(name),
            None => {
                let message = format!("allow_host: `{text}` is no name of a host");
                reader.ctx.error("bad-host", span, message).help(
                    "write the name alone, such as `logs.example`, without scheme and port; `*` alone for every name",
                );
            }
        }
    }
    if !written.iter().any(|text| text == "*") {
        return AllowedHosts::Named(names);
    }
    if written.len() > 1 {
        let message = "allow_host: `*` beside names: every name will do";
        reader.ctx.error("bad-host", span, message).help("remove `*`, or everything else");
    }
    AllowedHosts::Any
}
