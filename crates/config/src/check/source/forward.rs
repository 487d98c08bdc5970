//! `@type forward`.

use super::super::ports;
use super::super::reader::Reader;
use super::super::transport;
use super::{security, tag};
use crate::settings::ForwardSource;

pub(super) fn read(mut reader: Reader<'_, '_>) -> ForwardSource {
    let transport = transport::read(&mut reader);
    let security = security::read(&mut reader);
    let linger_here = reader.opt("linger_timeout");
    let forward = ForwardSource {
        listen: ports::listen(&mut reader, "bind", "forward source", None),
        backlog: reader.opt("backlog"),
        tag: tag(&mut reader, "tag"),
        add_tag_prefix: tag(&mut reader, "add_tag_prefix"),
        chunk_size_limit: reader.get("chunk_size_limit"),
        chunk_size_warn_limit: reader.opt("chunk_size_warn_limit"),
        decompression_size_limit: reader.get("decompression_size_limit"),
        source_address_key: reader.opt("source_address_key"),
        source_hostname_key: reader.opt("source_hostname_key"),
        deny_keepalive: reader.get("deny_keepalive"),
        send_keepalive_packet: reader.get("send_keepalive_packet"),
        linger_timeout: transport.linger_timeout.or(linger_here),
        connection_limit: reader.get("connection_limit"),
        entry_limit: reader.get("entry_limit"),
        security,
        tls: transport.tls,
    };
    if reader.opt("resolve_hostname") == Some(false) && forward.source_hostname_key.is_some() {
        let span = reader.place("resolve_hostname").unwrap_or(reader.span());
        reader
            .ctx
            .error("hostname-conflict", span, "resolve_hostname must be true with source_hostname_key")
            .help("remove one of the two");
    }
    if forward.deny_keepalive && forward.send_keepalive_packet {
        let span = reader.place("send_keepalive_packet").unwrap_or(reader.span());
        reader
            .ctx
            .error(
                "keepalive-conflict",
                span,
                "both 'send_keepalive_packet' and 'deny_keepalive' cannot be set to true",
            )
            .help("remove one of the two");
    }
    reader.finish();
    forward
}
