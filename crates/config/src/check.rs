//! The tree to checked settings.
//!
//! Everything is checked and every mistake collected before anything may start: settings are handed out
//! only when there is no error. One file per plugin reads its section through `reader`; what must hold
//! across sections (labels, ports, reachability, loops) has a file each.

mod accessor;
pub mod codes;
mod context;
mod convert;
mod directories;
mod filter;
mod layout;
mod output;
mod plugin;
mod ports;
mod reader;
mod routes;
mod source;
mod system;
mod transport;
mod types;

#[cfg(test)]
mod tests;

use crate::diagnostics::Diagnostics;
use crate::settings::Settings;
use crate::source::SourceMap;
use crate::tree::Element;
use context::Context;
use layout::Layout;

/// Checks a configuration. `None` when there are errors; warnings and notes alone do not forbid a start.
pub fn check(root: &Element, sources: &SourceMap, diagnostics: &mut Diagnostics) -> Option<Settings> {
    let errors_before = diagnostics.error_count();
    let no_system = Element { name: "system".to_owned(), ..Element::default() };
    let mut ctx = Context::new(sources, diagnostics);
    let settings = read(&mut ctx, root, &no_system);
    ctx.check_ids();
    ports::check(&mut ctx);
    directories::check(&mut ctx);
    (diagnostics.error_count() == errors_before).then_some(settings)
}

fn read<'a>(ctx: &mut Context<'a>, root: &'a Element, no_system: &'a Element) -> Settings {
    let layout = Layout::of(ctx, root, no_system);
    let scopes = routes::read(ctx, &layout.scopes);
    let mut sources: Vec<_> =
        layout.sources.iter().filter_map(|element| source::read(ctx, element)).collect();
    if ctx.without_source {
        sources.clear();
        ctx.binds.retain(|bind| !bind.is_source());
    }
    let error_scope = ctx.labels.get("@ERROR").copied();
    Settings { system: layout.system, sources, scopes, error_scope }
}
