//! Nodes of YAML to elements.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use fluentcast_event::limits::{CONFIG_SECTION_DEPTH_MAX, CONFIG_YAML_NODES_MAX, NESTING_DEPTH_MAX};
use serde_json::Value as Json;

use super::node::{self, Kind, Node, Tag};
use super::scalar::{Plain, plain, plain_json};
use crate::interpolation::Place;
use crate::load::Loader;
use crate::parser::strings;
use crate::source::Span;
use crate::tree::{Builder, Element, Param, Value};

/// Turns a main file's document into the content of the root.
pub(super) fn document(loader: &mut Loader<'_>, node: &Node, root: &mut Builder) {
    let mut converter = Converter { loader, nodes_left: CONFIG_YAML_NODES_MAX, stopped: false };
    converter.document(node, root);
}

type Entries = Vec<(Rc<Node>, Rc<Node>)>;

struct Converter<'a, 'e> {
    loader: &'a mut Loader<'e>,
    nodes_left: usize,
    /// Too much was asked for, and that was told.
    stopped: bool,
}

impl Converter<'_, '_> {
    fn structure(&mut self, span: Span, message: impl Into<String>, help: &str) {
        self.loader.diagnostics.error("yaml-structure", span, message).help(help);
    }

    /// Counts a node about to be looked at; says whether to.
    fn may_visit(&mut self, node: &Node, depth: usize) -> bool {
        if self.stopped {
            return false;
        }
        if self.nodes_left == 0 || depth > NESTING_DEPTH_MAX {
            self.stopped = true;
            self.structure(
                node.span,
                "aliases make this configuration too large or too deep",
                "use fewer aliases of aliases",
            );
            return false;
        }
        self.nodes_left -= 1;
        true
    }

    fn document(&mut self, node: &Node, root: &mut Builder) {
        if is_null(node) {
            return;
        }
        if !matches!(node.kind, Kind::Map(_)) {
            return self.structure(
                node.span,
                "expected a map",
                "the top level holds `system:` and `config:`",
            );
        }
        for (key, value) in self.entries(node, 0) {
            let Some(name) = self.key(&key) else { continue };
            match name {
                "system" => {
                    if let Some(system) = self.section(name, key.span, &value, 1) {
                        root.add(system);
                    }
                }
                "config" => self.items(&value, root, 0),
                _ if name.starts_with("x-") => {}
                _ => self
                    .loader
                    .diagnostics
                    .warning("yaml-unused", key.span, format!("`{name}` at the top level means nothing"))
                    .help(
                        "sections are items of the list `config:`; name it `x-...` if it only holds anchors",
                    ),
            }
        }
    }

    /// The list of sections in `config:`.
    fn items(&mut self, node: &Node, into: &mut Builder, depth: usize) {
        if is_null(node) || !self.may_visit(node, depth) {
            return;
        }
        let Kind::List(items) = &node.kind else {
            let help = "write `- source: ...`, `- match: ...`, one item each";
            return self.structure(node.span, "expected a list of sections", help);
        };
        for item in items {
            match (&item.kind, &item.tag) {
                (Kind::Scalar { text, .. }, Tag::Include) => self.include(text, item.span, into, depth),
                (Kind::Map(_), _) => {
                    for (key, value) in self.entries(item, depth) {
                        let Some(name) = self.key(&key) else { continue };
                        if let Some(section) = self.section(name, key.span, &value, depth + 1) {
                            into.add(section);
                        }
                    }
                }
                _ => {
                    let help = "an item is `source:`, `match:`, `filter:`, `label:` or `worker:` and a map, or `!include FILE`";
                    self.structure(item.span, "expected a section", help);
                }
            }
        }
    }

    fn include(&mut self, target: &str, span: Span, into: &mut Builder, depth: usize) {
        let mut left = self.nodes_left;
        self.loader.each_included(
            target,
            span,
            &["conf"],
            "`!include` cannot read the classic format",
            |loader, file| {
                if let Some(document) = node::read(loader, file) {
                    let mut inner = Converter { loader, nodes_left: left, stopped: false };
                    inner.items(&document, into, depth);
                    left = inner.nodes_left;
                }
            },
        );
        self.nodes_left = left;
    }

    fn section(&mut self, name: &str, name_span: Span, node: &Node, depth: usize) -> Option<Element> {
        if !self.may_visit(node, depth) {
            return None;
        }
        if depth > CONFIG_SECTION_DEPTH_MAX {
            let message = format!("sections are nested more than {CONFIG_SECTION_DEPTH_MAX} deep");
            self.structure(name_span, message, "a configuration needs a few levels only");
            return None;
        }
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            self.structure(
                name_span,
                "this is no name of a section",
                "a section's name is made of letters, digits and `_`",
            );
            return None;
        }
        let mut section = Builder::new(name, name_span);
        if is_null(node) {
            return Some(section.finish());
        }
        if !matches!(node.kind, Kind::Map(_)) {
            self.structure(
                node.span,
                format!("expected the content of `{name}` as a map"),
                "write `name: value` pairs below it",
            );
            return None;
        }
        for (key, value) in self.entries(node, depth) {
            let Some(key_text) = self.key(&key) else { continue };
            section = match (name, key_text) {
                (_, "$arg") | ("match" | "filter", "$tag") | ("label", "$name") => {
                    let arg = self.argument(name, &value, depth);
                    section.with_arg(arg, value.span)
                }
                ("label" | "worker", "config") => {
                    self.items(&value, &mut section, depth);
                    section
                }
                _ => {
                    self.entry(&mut section, key_text, &key, &value, depth);
                    section
                }
            };
        }
        Some(section.finish())
    }

    /// A parameter, or sections within the section.
    fn entry(&mut self, section: &mut Builder, name: &str, key: &Node, value: &Node, depth: usize) {
        let sections: &[Rc<Node>] = match &value.kind {
            Kind::Map(_) if value.tag != Tag::Json => {
                let child = self.section(name, key.span, value, depth + 1);
                return child.into_iter().for_each(|child| section.add(child));
            }
            Kind::List(items) if value.tag != Tag::Json && items.iter().any(|item| is_section(item)) => items,
            _ => &[],
        };
        for item in sections {
            if let Some(child) = self.section(name, item.span, item, depth + 1) {
                section.add(child);
            }
        }
        if !sections.is_empty() {
            return;
        }
        let value_text = self.value(value, depth);
        let key_text = match name {
            "$type" | "$id" | "$label" | "$log_level" => name.replacen('$', "@", 1),
            _ => name.to_owned(),
        };
        let empty = matches!(&value.kind, Kind::Scalar { text, plain: true } if text.is_empty());
        let value_span = if empty { key.span.after() } else { value.span };
        section.set(Param { key: key_text, key_span: key.span, value: value_text, value_span });
    }

    /// The argument of a section: text, or a list joined with commas.
    fn argument(&mut self, section: &str, node: &Node, depth: usize) -> String {
        let Kind::List(items) = &node.kind else {
            return self.text(node, depth);
        };
        if matches!(section, "match" | "filter") && items.len() > 1 {
            self.loader
                .diagnostics
                .warning(
                    "yaml-tag-list",
                    node.span,
                    "a list is joined with commas, and makes one pattern that matches none of its parts",
                )
                .help("write the patterns in one text with blanks between them: `$tag: 'a.** b'`");
        }
        let parts: Vec<String> = items.iter().map(|item| self.text(item, depth + 1)).collect();
        parts.join(",")
    }

    fn text(&mut self, node: &Node, depth: usize) -> String {
        match self.value(node, depth) {
            Value::Text(text) => text,
            Value::Nil | Value::Default => String::new(),
        }
    }

    fn value(&mut self, node: &Node, depth: usize) -> Value {
        if !self.may_visit(node, depth) {
            return Value::Nil;
        }
        match (&node.kind, &node.tag) {
            (Kind::Scalar { text, .. }, Tag::Interpolated) => self.interpolated(text, node.span),
            (Kind::Scalar { text, plain: is_plain }, Tag::None | Tag::Unknown(_)) => {
                self.warn_of_tag(node);
                match plain(text) {
                    _ if !is_plain => Value::Text(text.clone()),
                    Plain::Null => Value::Nil,
                    Plain::Bool(truth) => Value::Text(truth.to_string()),
                    Plain::Hexadecimal(number) => Value::Text(number.to_string()),
                    Plain::Text(text) => Value::Text(text.to_owned()),
                }
            }
            (Kind::Scalar { text, .. }, Tag::Text) => Value::Text(text.clone()),
            (Kind::Scalar { .. }, Tag::Include) => {
                let help = "it stands for sections, as `- !include FILE` in a list `config:`";
                self.structure(node.span, "`!include` has no meaning here", help);
                Value::Nil
            }
            (_, _) => Value::Text(self.json(node, depth).to_string()),
        }
    }

    fn json(&mut self, node: &Node, depth: usize) -> Json {
        match &node.kind {
            Kind::Scalar { text, plain: true } if matches!(node.tag, Tag::None | Tag::Json) => {
                plain_json(text)
            }
            Kind::Scalar { text, .. } if node.tag != Tag::Interpolated => Json::String(text.clone()),
            Kind::Scalar { .. } => match self.value(node, depth) {
                Value::Text(text) => Json::String(text),
                Value::Nil | Value::Default => Json::Null,
            },
            Kind::List(items) => {
                let mut out = Vec::new();
                for item in items {
                    if self.may_visit(item, depth + 1) {
                        out.push(self.json(item, depth + 1));
                    }
                }
                Json::Array(out)
            }
            Kind::Map(_) => {
                let mut out = serde_json::Map::new();
                for (key, value) in self.entries(node, depth) {
                    let Some(name) = self.key(&key) else { continue };
                    if self.may_visit(&value, depth + 1) {
                        let value = self.json(&value, depth + 1);
                        out.insert(name.to_owned(), value);
                    }
                }
                Json::Object(out)
            }
        }
    }

    /// `!fluent/s`: as if between double quotes in the classic format.
    fn interpolated(&mut self, text: &str, span: Span) -> Value {
        let Loader { environment, diagnostics, .. } = &mut *self.loader;
        match strings::double_quoted(text, 0, false, Place::Fixed(span), environment, diagnostics) {
            Ok((value, _)) => value,
            Err(_) => {
                diagnostics
                    .error("unclosed-quote", span, "unexpected end of text in `#{`")
                    .help("close it with `}`; a plain `#{` is written `\\#{`");
                Value::Text(text.to_owned())
            }
        }
    }

    fn warn_of_tag(&mut self, node: &Node) {
        if let Tag::Unknown(tag) = &node.tag {
            self.loader
                .diagnostics
                .warning("yaml-tag", node.span, format!("the tag `{tag}` means nothing here"))
                .help("known are !fluent/s, !fluent/json and !include");
        }
    }

    fn key<'n>(&mut self, key: &'n Node) -> Option<&'n str> {
        match &key.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => {
                self.structure(key.span, "a name must be text", "write `name: value`");
                None
            }
        }
    }

    /// The entries of a map with `<<` merged in: what is written out wins, then the first merged; a name
    /// written twice keeps the last value.
    fn entries(&mut self, node: &Node, depth: usize) -> Entries {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut out: Entries = Vec::new();
        let mut found: Vec<(Rc<Node>, Rc<Node>, bool)> = Vec::new();
        if let Kind::Map(pairs) = &node.kind {
            for (key, value) in pairs {
                if !self.may_visit(key, depth) {
                    break;
                }
                if matches!(&key.kind, Kind::Scalar { text, plain: true } if text == "<<") {
                    found
                        .extend(self.merged(value, depth).into_iter().map(|(key, value)| (key, value, true)));
                } else {
                    found.push((Rc::clone(key), Rc::clone(value), false));
                }
            }
        }
        for (key, value, merged) in &found {
            let Kind::Scalar { text, .. } = &key.kind else {
                out.push((Rc::clone(key), Rc::clone(value)));
                continue;
            };
            let next = out.len();
            match places.entry(text) {
                Entry::Vacant(place) => {
                    place.insert(next);
                    out.push((Rc::clone(key), Rc::clone(value)));
                }
                Entry::Occupied(place) if !merged => out[*place.get()] = (Rc::clone(key), Rc::clone(value)),
                Entry::Occupied(_) => {}
            }
        }
        out
    }

    fn merged(&mut self, value: &Node, depth: usize) -> Entries {
        if !self.may_visit(value, depth + 1) {
            return Vec::new();
        }
        match &value.kind {
            Kind::Map(_) => self.entries(value, depth + 1),
            Kind::List(maps) => maps.iter().flat_map(|map| self.merged(map, depth + 1)).collect(),
            Kind::Scalar { .. } => {
                self.structure(value.span, "`<<` needs a map", "merge an alias of a map: `<<: *name`");
                Vec::new()
            }
        }
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.kind, Kind::Scalar { text, plain: true } if plain(text) == Plain::Null && node.tag == Tag::None)
}

fn is_section(node: &Node) -> bool {
    matches!(node.kind, Kind::Map(_)) && node.tag != Tag::Json
}
