//! `@type grep`.

use std::collections::HashSet;

use super::super::accessor;
use super::super::reader::{Reader, Written};
use crate::parameters::filter::GREP_TERM;
use crate::settings::{Grep, GrepTerm, PathStep};
use crate::source::Span;
use crate::tree::Element;
use crate::values::{self, Advice};

/// Keys seen so far: Fluentd takes each only once per kind.
#[derive(Default)]
struct Seen {
    regexp: HashSet<String>,
    exclude: HashSet<String>,
}

pub(super) fn read(mut reader: Reader<'_, '_>) -> Grep {
    let mut grep = Grep::default();
    let mut seen = Seen::default();
    for (param, written) in reader.numbered("regexpN") {
        grep.all.extend(old_term(&mut reader, &param.key, written, &mut seen.regexp));
    }
    for (param, written) in reader.numbered("excludeN") {
        grep.none.extend(old_term(&mut reader, &param.key, written, &mut seen.exclude));
    }
    for element in reader.children("regexp") {
        grep.all.extend(term(&mut reader, element, &mut seen.regexp));
    }
    for element in reader.children("exclude") {
        grep.none.extend(term(&mut reader, element, &mut seen.exclude));
    }
    for element in reader.children("and") {
        let (regexps, excludes) = group(&mut reader, element, &mut seen);
        grep.all.extend(regexps);
        grep.not_all.extend((!excludes.is_empty()).then_some(excludes));
    }
    for element in reader.children("or") {
        let (regexps, excludes) = group(&mut reader, element, &mut seen);
        grep.any.extend((!regexps.is_empty()).then_some(regexps));
        grep.none.extend(excludes);
    }
    reader.finish();
    grep
}

/// `<and>` or `<or>`: sections of one kind.
fn group<'a>(
    reader: &mut Reader<'_, 'a>,
    element: &'a Element,
    seen: &mut Seen,
) -> (Vec<GrepTerm>, Vec<GrepTerm>) {
    let of = |name: &'static str| element.children.iter().filter(move |child| child.name == name);
    for param in &element.params {
        let message = format!("parameter '{}' in <{}> is not used", param.key, element.name);
        reader.ctx.warning("unknown-parameter", param.key_span, message);
    }
    for child in element.children.iter().filter(|child| !matches!(child.name.as_str(), "regexp" | "exclude"))
    {
        let message = format!("section <{}> is not used in <{}>", child.name, element.name);
        reader.ctx.warning("unknown-section", child.name_span, message);
    }
    if of("regexp").count() + of("exclude").count() == 0 {
        let message = format!("<{}> needs <regexp> or <exclude> sections", element.name);
        reader.ctx.error("missing-section", element.name_span, message);
    }
    if of("regexp").count() > 0 && of("exclude").count() > 0 {
        let message = format!("<{}> holds <regexp> or <exclude> sections, not both", element.name);
        reader.ctx.error("invalid-value", element.name_span, message).help("make two of it");
    }
    let regexps = of("regexp").filter_map(|child| term(reader, child, &mut seen.regexp)).collect();
    let excludes = of("exclude").filter_map(|child| term(reader, child, &mut seen.exclude)).collect();
    (regexps, excludes)
}

fn term<'a>(
    reader: &mut Reader<'_, 'a>,
    element: &'a Element,
    seen: &mut HashSet<String>,
) -> Option<GrepTerm> {
    let mut section = Reader::new(reader.ctx, &GREP_TERM, element);
    let key = section.written("key");
    let pattern = section.opt("pattern");
    section.finish();
    let key = key?;
    let path = path(reader, key.text, key.span, seen);
    Some(GrepTerm { path: path?, pattern: pattern? })
}

/// `regexp1 KEY PATTERN`
fn old_term(
    reader: &mut Reader<'_, '_>,
    name: &str,
    written: Written<'_>,
    seen: &mut HashSet<String>,
) -> Option<GrepTerm> {
    reader
        .ctx
        .note("legacy-name", written.span, format!("`{name} KEY PATTERN` is the old form"))
        .help("write a section with `key` and `pattern`");
    let Some((key, pattern)) = written.text.split_once(' ') else {
        reader.ctx.error("invalid-value", written.span, format!("{name}: a key and a pattern are needed"));
        return None;
    };
    let path = path(reader, key, written.span, seen);
    match values::regexp(pattern.trim_start()) {
        Ok(pattern) => Some(GrepTerm { path: path?, pattern }),
        Err(advice) => {
            report(reader, written.span, &advice);
            None
        }
    }
}

fn path(
    reader: &mut Reader<'_, '_>,
    key: &str,
    span: Span,
    seen: &mut HashSet<String>,
) -> Option<Vec<PathStep>> {
    if !seen.insert(key.to_owned()) {
        reader
            .ctx
            .error("duplicate-key", span, format!("the key `{key}` is used twice"))
            .help("join the patterns with `|`, or use <and> and <or> in a second filter");
    }
    match accessor::parse(key) {
        Ok(path) => Some(path),
        Err(advice) => {
            report(reader, span, &advice);
            None
        }
    }
}

fn report(reader: &mut Reader<'_, '_>, span: Span, advice: &Advice) {
    let draft = reader.ctx.error("invalid-value", span, advice.message.clone());
    if let Some(help) = &advice.help {
        draft.help(help.clone());
    }
}
