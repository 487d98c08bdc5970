//! `@type websocket`.

mod history;

use super::super::ports::{self, Site};
use super::super::reader::Reader;
use super::super::transport;
use crate::settings::{Secret, SlowClient, Websocket};

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
        history: history::read(&mut reader, buffered_messages),
        client_lag_limit: reader.get("client_lag_limit"),
        slow_client: reader.opt::<String>("slow_client").map(|name| slow_client(&name)),
        flush_interval: reader.get("flush_interval"),
        compress: reader.get("compress"),
        ping_interval: reader.get("ping_interval"),
        ping_timeout: reader.get("ping_timeout"),
        connection_limit: reader.get("connection_limit"),
        tls,
    };
    if websocket.token.is_none() && !ports::is_loopback(&websocket.listen.host) {
        let span = reader.place("host").unwrap_or(reader.span());
        let message = format!(
            "whoever reaches {}:{} can watch every event: there is no `token`",
            websocket.listen.host, websocket.listen.port
        );
        reader
            .ctx
            .warning("open-to-everyone", span, message)
            .help("add `token SECRET`, or `host 127.0.0.1` when only this machine is to watch");
    }
    reader.finish();
    websocket
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

/// Under the original an empty token turned everybody away.
fn token(reader: &mut Reader<'_, '_>) -> Option<Secret> {
    let token: Option<Secret> = reader.opt("token");
    if token.as_ref().is_some_and(|token| token.expose().is_empty()) {
        let span = reader.place("token").unwrap_or(reader.span());
        reader
            .ctx
            .error("empty-token", span, "the token is empty: nobody could present it")
            .help("set a token, or remove the line to let everybody watch");
    }
    token
}
