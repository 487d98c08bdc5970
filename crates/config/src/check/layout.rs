//! What stands where: the root and its labels, each with its rules; the sources; `<system>`.
//!
//! Fluentd sets the contents of `<worker>` sections up after everything outside them.

use super::context::Context;
use super::plugin::argument;
use super::system;
use crate::settings::{ScopeId, System};
use crate::source::Span;
use crate::tree::Element;

/// The sections of a configuration, sorted.
pub(super) struct Layout<'a> {
    pub(super) system: System,
    pub(super) sources: Vec<&'a Element>,
    /// The root, then the labels in order of appearance.
    pub(super) scopes: Vec<ScopeLayout<'a>>,
}

/// The filters and matches of one scope.
pub(super) struct ScopeLayout<'a> {
    pub(super) name: String,
    pub(super) rules: Vec<&'a Element>,
}

impl<'a> Layout<'a> {
    /// Sorts, and reads `<system>` on the way, which says which workers there are.
    pub(super) fn of(ctx: &mut Context<'a>, root: &'a Element, no_system: &'a Element) -> Self {
        let mut systems = root.children.iter().filter(|child| child.name == "system");
        let (system, workers) = system::read(ctx, systems.next().unwrap_or(no_system));
        let root_scope = ScopeLayout { name: "ROOT".to_owned(), rules: Vec::new() };
        let mut layout = Self { system, sources: Vec::new(), scopes: vec![root_scope] };
        for second in systems {
            ctx.error(
                "system-twice",
                second.name_span,
                "<system> is duplicated. <system> should be only one",
            )
            .help("put both together");
        }
        stray_parameters(ctx, root);
        let (inside, outside): (Vec<_>, Vec<_>) =
            root.children.iter().partition(|child| child.name == "worker");
        for child in outside {
            layout.directive(ctx, child);
        }
        for worker in inside {
            check_worker(ctx, worker, workers);
            stray_parameters(ctx, worker);
            for child in &worker.children {
                if matches!(child.name.as_str(), "system" | "worker") {
                    unknown_section(ctx, child, worker, &["source", "match", "filter", "label"]);
                } else {
                    layout.directive(ctx, child);
                }
            }
        }
        layout
    }

    fn directive(&mut self, ctx: &mut Context<'a>, element: &'a Element) {
        match element.name.as_str() {
            "system" => {}
            "source" => self.sources.push(element),
            "match" | "filter" => self.scopes[ScopeId::ROOT.0].rules.push(element),
            "label" => self.label(ctx, element),
            _ => {
                let known = ["source", "match", "filter", "label", "system", "worker"];
                let help = ctx.did_you_mean(&element.name, || known);
                let message = format!("section <{}> is not used in <ROOT>", element.name);
                let draft = ctx.warning("unknown-section", element.name_span, message);
                if let Some(help) = help {
                    draft.help(help);
                }
            }
        }
    }

    fn label(&mut self, ctx: &mut Context<'a>, element: &'a Element) {
        stray_parameters(ctx, element);
        let (name, span) = argument(element);
        let Some(scope) = self.new_scope(ctx, name, span) else {
            return;
        };
        if name == "@FLUENT_LOG" {
            nothing_comes(ctx, span);
        }
        for child in &element.children {
            if matches!(child.name.as_str(), "match" | "filter") {
                self.scopes[scope.0].rules.push(child);
            } else {
                unknown_section(ctx, child, element, &["match", "filter"]);
            }
        }
    }

    fn new_scope(&mut self, ctx: &mut Context<'a>, name: &str, span: Span) -> Option<ScopeId> {
        if name.is_empty() {
            ctx.error("label-name", span, "Missing symbol argument on <label> directive")
                .help("name it: `<label @NAME>`");
            return None;
        }
        if name == "@ROOT" {
            ctx.error(
                "label-name",
                span,
                "@ROOT for <label> is not permitted, reserved for getting root router",
            )
            .help("what stands outside all labels is @ROOT");
            return None;
        }
        if ctx.labels.contains_key(name) {
            ctx.error("label-twice", span, format!("Section <label {name}> appears twice"))
                .help("put both together, or name one differently");
            return None;
        }
        let scope = ScopeId(self.scopes.len());
        ctx.labels.insert(name.to_owned(), scope);
        self.scopes.push(ScopeLayout { name: name.to_owned(), rules: Vec::new() });
        Some(scope)
    }
}

/// Says that a section for Fluentd's own log receives nothing.
pub(super) fn nothing_comes(ctx: &mut Context<'_>, span: Span) {
    ctx.note("fluent-log-empty", span, "this receives nothing: Fluentcast's own log is not made into events")
        .help("it may stay");
}

fn check_worker(ctx: &mut Context<'_>, element: &Element, workers: u32) {
    let (text, span) = argument(element);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let id = |text: &str| text.trim().parse::<u32>().ok();
    match (id(first), id(last)) {
        (Some(first), Some(last)) if first <= last && last < workers => {}
        (Some(first), Some(last)) if first <= last => {
            ctx.error(
                "worker-range",
                span,
                format!(
                    "worker id {last} specified by <worker> directive is not allowed. Available worker id is \
                     between 0 and {}",
                    workers - 1
                ),
            )
            .help("write `<worker 0>`, or leave <worker> out");
        }
        _ => {
            let message = if text.is_empty() {
                "Missing worker id on <worker> directive".to_owned()
            } else {
                format!("`{text}` names no worker")
            };
            ctx.error("worker-range", span, message).help("write `<worker 0>`");
        }
    }
}

/// Parameters where only sections may stand.
fn stray_parameters(ctx: &mut Context<'_>, element: &Element) {
    // What begins with `@` is the parser's to judge.
    for param in element.params.iter().filter(|param| !param.key.starts_with('@')) {
        let message = format!("parameter '{}' in <{}> is not used", param.key, element.name);
        ctx.warning("unknown-parameter", param.key_span, message)
            .help("parameters belong into a <source>, <filter>, <match> or <system>");
    }
}

fn unknown_section(ctx: &mut Context<'_>, child: &Element, parent: &Element, known: &[&str]) {
    let message = format!("section <{}> is not used in <{}>", child.name, parent.name);
    ctx.warning("unknown-section", child.name_span, message).help(format!(
        "in <{}> may stand <{}>",
        parent.name,
        known.join(">, <")
    ));
}
