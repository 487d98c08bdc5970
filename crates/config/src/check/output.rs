//! `<match>` and `<store>`.

mod copy;
mod file;
pub(super) mod format;
mod websocket;

use super::context::Context;
use super::plugin::Plugin;
use super::types::{self, Role};
use crate::parameters::output::websocket::WEBSOCKET;
use crate::parameters::output::{COPY, FILE, NULL, RELABEL, STDOUT};
use crate::settings::{Output, OutputKind, ScopeId};
use crate::tree::Element;

/// Reads an output; `None` after an error that leaves nothing to build.
pub(super) fn read<'a>(ctx: &mut Context<'a>, element: &'a Element) -> Option<Output> {
    let plugin = Plugin::read(ctx, element, Role::Output)?;
    let name = plugin.type_name.text;
    let kind = if WEBSOCKET.has_type(name) {
        OutputKind::Websocket(Box::new(websocket::read(plugin.reader(ctx, &WEBSOCKET))))
    } else if COPY.has_type(name) {
        OutputKind::Copy(copy::read(plugin.reader(ctx, &COPY)))
    } else if FILE.has_type(name) {
        OutputKind::File(file::read(plugin.reader(ctx, &FILE)))
    } else if STDOUT.has_type(name) {
        let mut reader = plugin.reader(ctx, &STDOUT);
        let line = format::read(&mut reader, &format::STDOUT);
        reader.finish();
        OutputKind::Stdout(line)
    } else if RELABEL.has_type(name) {
        plugin.reader(ctx, &RELABEL).finish();
        OutputKind::Relabel(relabel(ctx, &plugin)?)
    } else if NULL.has_type(name) {
        plugin.reader(ctx, &NULL).finish();
        OutputKind::Null
    } else {
        types::unknown(ctx, &plugin, Role::Output);
        return None;
    };
    Some(Output { origin: plugin.origin, id: plugin.id, kind })
}

/// Where `relabel` hands its events on to. Without a label it would hand them back to itself.
fn relabel(ctx: &mut Context<'_>, plugin: &Plugin<'_>) -> Option<ScopeId> {
    let Some(label) = plugin.label else {
        ctx.error(
            "missing-label",
            plugin.type_name.span,
            "relabel needs `@label`: without it events come back for ever",
        )
        .help("add `@label @NAME`");
        return None;
    };
    let scope = ctx.label(label.text, label.span)?;
    ctx.relabels.push((scope, label.span));
    Some(scope)
}
