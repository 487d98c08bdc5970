//! Names that begin with `@`: which there are, and their spellings of old.
//!
//! Looks at the finished tree, so it holds for both formats and across includes.

use crate::diagnostics::Diagnostics;
use crate::tree::Element;

/// The parameters every plugin has.
const RESERVED: [&str; 4] = ["@type", "@id", "@label", "@log_level"];

/// Sections in which another name with `@` is an error; elsewhere Fluentd only warns.
const STRICT: [&str; 5] = [Element::ROOT, "source", "match", "filter", "system"];

/// Sections that make a plugin, so that `type` in them means `@type`. In others, such as `<record>`, it
/// is a name like any other.
const PLUGINS: [&str; 11] = [
    "source",
    "match",
    "filter",
    "store",
    "buffer",
    "parse",
    "format",
    "secondary",
    "storage",
    "service_discovery",
    "metrics",
];

/// Names of old and what they are now.
const LEGACY: [(&str, &str); 3] = [("type", "@type"), ("id", "@id"), ("log_level", "@log_level")];

/// Checks and renames, in `element` and all it holds.
pub(crate) fn normalise(element: &mut Element, diagnostics: &mut Diagnostics) {
    check(element, diagnostics);
    if PLUGINS.contains(&element.name.as_str()) {
        rename_legacy(element, diagnostics);
    }
    for child in &mut element.children {
        normalise(child, diagnostics);
    }
}

fn check(element: &Element, diagnostics: &mut Diagnostics) {
    for param in &element.params {
        let key = param.key.as_str();
        if !key.starts_with('@') || RESERVED.contains(&key) {
            continue;
        }
        let message = format!("'@' is the system reserved prefix; there is no `{key}`");
        let draft = if STRICT.contains(&element.name.as_str()) {
            diagnostics.error("reserved-parameter", param.key_span, message)
        } else {
            diagnostics.warning("reserved-parameter", param.key_span, message)
        };
        draft.help(format!("known are {} and, as a line of its own, @include", RESERVED.join(", ")));
    }
}

/// Gives parameters of old their name of today, unless that one is there as well. The place stays.
fn rename_legacy(element: &mut Element, diagnostics: &mut Diagnostics) {
    for (legacy, name) in LEGACY {
        if element.param(name).is_some() {
            continue;
        }
        let Some(param) = element.params.iter_mut().find(|param| param.key == legacy) else {
            continue;
        };
        param.key = name.to_owned();
        if legacy == "type" {
            diagnostics
                .warning("deprecated-type", param.key_span, "'type' is deprecated parameter name")
                .help("write `@type`");
        }
    }
}
