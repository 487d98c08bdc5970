//! `<filter>`.

mod grep;
mod record_transformer;

use fluentcast_event::pattern::TagPattern;

use super::context::Context;
use super::output::format;
use super::plugin::Plugin;
use super::types::{self, Role};
use crate::parameters::filter::{GREP, RECORD_TRANSFORMER, STDOUT};
use crate::settings::{Filter, FilterKind, Origin};
use crate::tree::Element;

/// A filter that still lacks its pattern.
pub(super) struct Unplaced {
    origin: Origin,
    id: Option<String>,
    kind: FilterKind,
}

impl Unplaced {
    pub(super) fn with(self, pattern: TagPattern) -> Filter {
        Filter { origin: self.origin, id: self.id, pattern, kind: self.kind }
    }
}

/// Reads a filter; `None` after an error that leaves nothing to build.
pub(super) fn read<'a>(ctx: &mut Context<'a>, element: &'a Element) -> Option<Unplaced> {
    let plugin = Plugin::read(ctx, element, Role::Filter)?;
    let name = plugin.type_name.text;
    let kind = if GREP.has_type(name) {
        FilterKind::Grep(grep::read(plugin.reader(ctx, &GREP)))
    } else if RECORD_TRANSFORMER.has_type(name) {
        FilterKind::RecordTransformer(record_transformer::read(plugin.reader(ctx, &RECORD_TRANSFORMER)))
    } else if STDOUT.has_type(name) {
        let mut reader = plugin.reader(ctx, &STDOUT);
        let line = format::read(&mut reader, &format::STDOUT);
        reader.finish();
        FilterKind::Stdout(line)
    } else {
        types::unknown(ctx, &plugin, Role::Filter);
        return None;
    };
    Some(Unplaced { origin: plugin.origin, id: plugin.id, kind })
}
