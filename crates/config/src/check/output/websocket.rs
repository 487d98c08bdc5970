//! `@type websocket`.

mod history;
mod token;

use super::super::ports::{self, Site};
use super::super::reader::Reader;
use super::super::transport;
use crate::origin::{AllowedOrigins, WebOrigin};
use crate::settings::{Listen, Secret, SlowClient, Websocket};

pub(super) fn read(mut reader: Reader<'_, '_>) -> Websocket {
    let path = path(&mut reader);
    let buffered_messages = reader.get("buffered_messages");
    // Its linger_timeout is of no use here: a close is waited for.
    let tls = transport::read(&mut reader).tls;
    let websocket = Websocket {
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
        allow_origin: allow_origin(&mut reader),
        history: history::read(&mut reader, buffered_messages),
        ui: reader.get("ui"),
        client_lag_limit: reader.get("client_lag_limit"),
        slow_client: reader.opt::<String>("slow_client").map(|name| slow_client(&name)),
        flush_interval: reader.get("flush_interval"),
        compress: reader.get("compress"),
        ping_interval: reader.get("ping_interval"),
        ping_timeout: reader.get("ping_timeout"),
        connection_limit: reader.get("connection_limit"),
        tls,
    };
    exposure(&mut reader, &websocket);
    reader.finish();
    websocket
}

/// Says what a port that other machines can reach lacks.
fn exposure(reader: &mut Reader<'_, '_>, websocket: &Websocket) {
    let Listen { host, port, .. } = &websocket.listen;
    if ports::is_loopback(host) {
        return;
    }
    let span = reader.place("host").unwrap_or(reader.span());
    let asks_for_certificate = websocket.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
    if websocket.token.is_none() && websocket.tokens.is_empty() && !asks_for_certificate {
        let message = format!("whoever reaches {host}:{port} can watch every event: there is no `token`");
        reader
            .ctx
            .warning("open-to-everyone", span, message)
            .help("add `token SECRET` (or <token> sections), or `host 127.0.0.1` when only this machine is to watch");
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
