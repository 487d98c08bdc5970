//! The rules of every scope, and what can never happen in them: sections that no event reaches, and
//! labels that hand events round in a circle.

use std::collections::HashSet;

use fluentcast_event::limits::{REACHABILITY_COMPARISONS_MAX, RELABEL_HOPS_MAX};
use fluentcast_event::pattern::TagPattern;

use super::context::Context;
use super::layout::{ScopeLayout, nothing_comes};
use super::plugin::argument;
use super::{filter, output};
use crate::settings::{FilterKind, Match, Rule, Scope, ScopeId};
use crate::source::Span;
use crate::tree::Element;

/// A `<match>` as far as these checks care.
struct Taker {
    pattern: TagPattern,
    span: Span,
    /// Where it hands events on to, and where that is said.
    relabels: Vec<(ScopeId, Span)>,
}

/// A scope as far as these checks care.
struct Ends {
    takers: Vec<Taker>,
    /// A filter may drop events on the way.
    drops: bool,
}

/// Reads and checks the rules of all scopes.
pub(super) fn read<'a>(ctx: &mut Context<'a>, layouts: &[ScopeLayout<'a>]) -> Vec<Scope> {
    let mut scopes = Vec::with_capacity(layouts.len());
    let mut ends = Vec::with_capacity(layouts.len());
    for layout in layouts {
        let mut rules = Vec::new();
        let mut scope_takers: Vec<Taker> = Vec::new();
        for element in &layout.rules {
            let (rule, taker) = rule(ctx, element, &scope_takers);
            rules.extend(rule);
            scope_takers.extend(taker);
        }
        ends.push(Ends { drops: rules_drop(&rules), takers: scope_takers });
        scopes.push(Scope { name: layout.name.clone(), rules });
    }
    report_loops(ctx, &ends);
    scopes
}

/// One `<filter>` or `<match>`. A match whose output is wrong still takes its events, as far as the
/// checks of what follows go.
fn rule<'a>(ctx: &mut Context<'a>, element: &'a Element, earlier: &[Taker]) -> (Option<Rule>, Option<Taker>) {
    let pattern = pattern(ctx, element);
    if let Some(pattern) = &pattern {
        report_unreachable(ctx, element, pattern, earlier);
    }
    if element.name == "filter" {
        let filter = filter::read(ctx, element);
        let rule = pattern.zip(filter).map(|(pattern, build)| Rule::Filter(build.with(pattern)));
        return (rule, None);
    }
    ctx.relabels.clear();
    let output = output::read(ctx, element);
    let relabels = std::mem::take(&mut ctx.relabels);
    let Some(pattern) = pattern else {
        return (None, None);
    };
    let taker = Taker { pattern: pattern.clone(), span: argument(element).1, relabels };
    (output.map(|output| Rule::Match(Match { pattern, output })), Some(taker))
}

fn pattern(ctx: &mut Context<'_>, element: &Element) -> Option<TagPattern> {
    let (text, span) = argument(element);
    match TagPattern::parse(text) {
        Ok(pattern) => {
            if element.name == "match" && is_fluentds_log(text) {
                nothing_comes(ctx, span);
            }
            Some(pattern)
        }
        Err(error) => {
            ctx.error("bad-pattern", span, error.to_string());
            None
        }
    }
}

fn is_fluentds_log(patterns: &str) -> bool {
    !patterns.is_empty() && patterns.split_whitespace().all(|pattern| pattern.starts_with("fluent."))
}

fn report_unreachable(ctx: &mut Context<'_>, element: &Element, pattern: &TagPattern, earlier: &[Taker]) {
    let compared = earlier.iter().take(REACHABILITY_COMPARISONS_MAX);
    let Some(taker) = compared.into_iter().find(|taker| taker.pattern.covers(pattern)) else {
        return;
    };
    let span = argument(element).1;
    let place = ctx.origin(taker.span);
    let earlier = format!("<{}>", format!("match {}", taker.pattern.as_str()).trim_end());
    let (code, message, help) = if element.name == "filter" {
        (
            "unreachable-filter",
            format!("this filter never runs: {earlier} at {place} takes all its events first"),
            "move it before that <match>",
        )
    } else {
        (
            "unreachable-match",
            format!("no event reaches this: {earlier} at {place} takes them all first"),
            "move it before that <match>, or put both outputs into one `@type copy`",
        )
    };
    ctx.warning(code, span, message).help(help);
}

fn rules_drop(rules: &[Rule]) -> bool {
    rules
        .iter()
        .any(|rule| matches!(rule, Rule::Filter(filter) if matches!(filter.kind, FilterKind::Grep(_))))
}

/// Reports the circles that every event runs into that gets there. Only what is certain: no filter on the
/// way drops events, and each scope hands them on by its first match, which takes all that come.
fn report_loops(ctx: &mut Context<'_>, scopes: &[Ends]) {
    for (home, ends) in scopes.iter().enumerate() {
        for taker in &ends.takers {
            for (target, span) in &taker.relabels {
                if leads_back(scopes, ScopeId(home), *target, &taker.pattern) {
                    ctx.error(
                        "relabel-loop",
                        *span,
                        "events go round in a circle from here: this label hands them back",
                    )
                    .help("hand them on to a label that ends in an output");
                }
            }
        }
    }
}

/// Whether every event with a tag of `pattern` that is handed to `from` comes to `home` again.
fn leads_back(scopes: &[Ends], home: ScopeId, from: ScopeId, pattern: &TagPattern) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![from];
    while let Some(scope) = open.pop() {
        let ends = &scopes[scope.0];
        if ends.drops {
            continue;
        }
        if scope == home {
            return true;
        }
        // A longer way is cut off at run time before it comes round.
        if !seen.insert(scope.0) || seen.len() > RELABEL_HOPS_MAX {
            continue;
        }
        if let Some(first) = ends.takers.first().filter(|first| first.pattern.covers(pattern)) {
            open.extend(first.relabels.iter().map(|(target, _)| *target));
        }
    }
    false
}
