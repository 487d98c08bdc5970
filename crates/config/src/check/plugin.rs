//! What every `<source>`, `<filter>`, `<match>` and `<store>` has: a type, an id, a label.

use super::context::Context;
use super::reader::{Reader, Written, value_place};
use super::types::Role;
use crate::parameters::system::PLUGIN;
use crate::parameters::{Section, Status};
use crate::settings::Origin;
use crate::source::Span;
use crate::tree::{Element, Param, Value};

/// The head of a plugin's section.
pub(super) struct Plugin<'a> {
    element: &'a Element,
    /// `@type`
    pub(super) type_name: Written<'a>,
    /// `@id`
    pub(super) id: Option<String>,
    /// `@label`
    pub(super) label: Option<Written<'a>>,
    /// Where the section stands.
    pub(super) origin: Origin,
}

impl<'a> Plugin<'a> {
    /// Reads the head; `None` when there is no type.
    pub(super) fn read(ctx: &mut Context<'a>, element: &'a Element, role: Role) -> Option<Self> {
        let origin = ctx.origin(element.name_span);
        let id = reserved(element, "@id").filter(|id| !id.text.is_empty());
        if let Some(id) = id {
            ctx.ids.push((id.text.to_owned(), id.span));
        }
        let label = reserved(element, "@label");
        if let Some(level) = element.param("@log_level") {
            ignored(ctx, level);
        }
        let Some(type_name) = reserved(element, "@type").filter(|name| !name.text.is_empty()) else {
            let name = &element.name;
            let place =
                if name == "store" { "in <store> section" } else { &format!("on <{name}> directive") };
            let message = format!("Missing '@type' parameter {place}");
            ctx.error("missing-type", element.name_span, message)
                .help(format!("add `@type NAME`; there are {}", role.names().join(", ")));
            return None;
        };
        Some(Self { element, type_name, id: id.map(|id| id.text.to_owned()), label, origin })
    }

    /// A reader of the rest.
    pub(super) fn reader<'c>(&self, ctx: &'c mut Context<'a>, table: &'static Section) -> Reader<'c, 'a> {
        Reader::new(ctx, table, self.element)
    }
}

/// `@log_level`, which the table says does nothing.
fn ignored(ctx: &mut Context<'_>, param: &Param) {
    if let Some(Status::Ignored(why)) = PLUGIN.parameter(&param.key).map(|row| row.status) {
        let message = format!("`{}` is accepted and does nothing", param.key);
        ctx.warning("ignored-parameter", param.key_span, message).help(why);
    }
}

/// The argument of a section and where it stands (its name, when there is none).
pub(super) fn argument(element: &Element) -> (&str, Span) {
    let span = if element.arg.is_empty() { element.name_span } else { element.arg_span };
    (&element.arg, span)
}

/// A reserved parameter. (Whoever made the tree gave those of old their name of today.)
fn reserved<'a>(element: &'a Element, name: &str) -> Option<Written<'a>> {
    debug_assert!(PLUGIN.parameter(name).is_some(), "{name} is missing in the table");
    let param = element.param(name)?;
    match &param.value {
        Value::Text(text) => Some(Written { text, span: value_place(param) }),
        Value::Nil | Value::Default => None,
    }
}
