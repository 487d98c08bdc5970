//! `<source>`.

mod forward;
mod http;
mod sample;

use super::context::Context;
use super::plugin::Plugin;
use super::reader::Reader;
use super::types::{self, Role};
use crate::parameters::source::{FORWARD, HTTP, SAMPLE, TRANSPORT};
use crate::settings::{ScopeId, Source, SourceKind};
use crate::tree::Element;

/// Reads a source; `None` after an error that leaves nothing to build.
pub(super) fn read<'a>(ctx: &mut Context<'a>, element: &'a Element) -> Option<Source> {
    let plugin = Plugin::read(ctx, element, Role::Source)?;
    let scope = match plugin.label {
        Some(label) => ctx.label(label.text, label.span).unwrap_or(ScopeId::ROOT),
        None => ScopeId::ROOT,
    };
    let name = plugin.type_name.text;
    let kind = if FORWARD.has_type(name) {
        SourceKind::Forward(forward::read(plugin.reader(ctx, &FORWARD)))
    } else if HTTP.has_type(name) {
        SourceKind::Http(http::read(plugin.reader(ctx, &HTTP)))
    } else if SAMPLE.has_type(name) {
        SourceKind::Sample(sample::read(plugin.reader(ctx, &SAMPLE)))
    } else {
        types::unknown(ctx, &plugin, Role::Source);
        return None;
    };
    Some(Source { origin: plugin.origin, id: plugin.id, scope, kind })
}

/// `tag` and `add_tag_prefix`: never empty.
fn tag(reader: &mut Reader<'_, '_>, name: &str) -> Option<String> {
    let tag: Option<String> = reader.opt(name);
    if tag.as_deref() == Some("") {
        let span = reader.place(name).unwrap_or(reader.span());
        reader
            .ctx
            .error("empty-tag", span, format!("'{name}' parameter must not be empty"))
            .help("give it a value, or remove it");
    }
    tag
}

/// `<transport>`: TCP, or an error. Says what of it is set.
fn transport(reader: &mut Reader<'_, '_>) -> Option<std::time::Duration> {
    let element = reader.child("transport")?;
    let (protocol, span) = super::plugin::argument(element);
    match protocol {
        "" | "tcp" => {
            let mut tcp = Reader::new(reader.ctx, &TRANSPORT, element);
            let linger = tcp.opt("linger_timeout");
            tcp.finish();
            return linger;
        }
        "tls" => {
            reader
                .ctx
                .error(
                    "not-yet",
                    span,
                    "TLS comes with a later version; until then everything would come in the clear",
                )
                .help("until then put a proxy that ends TLS in front, and listen on 127.0.0.1");
            if let Some(ruby) = element.param("cert_verifier") {
                reader.ctx.error(
                    "ruby-code",
                    ruby.key_span,
                    "`cert_verifier` names Ruby code, which cannot be run",
                );
            }
        }
        other => {
            reader
                .ctx
                .error("invalid-value", span, format!("unknown transport `{other}`"))
                .help("write `<transport tcp>`");
        }
    }
    None
}
