//! `<source>`.

mod forward;
mod http;
mod sample;
mod security;

use super::context::Context;
use super::plugin::Plugin;
use super::reader::Reader;
use super::types::{self, Role};
use crate::parameters::source::{FORWARD, HTTP, SAMPLE};
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
