//! The table of parameters as text for a terminal and as a page of the documentation.

use std::fmt::Write as _;

use crate::check::codes::CODES;
use crate::parameters::{Default, Origin, Parameter, SECTIONS, Section, Status};

mod page;

/// For `fluentcast reference`.
#[must_use]
pub fn render_text() -> String {
    let mut out = String::new();
    for section in SECTIONS {
        let _ = writeln!(out, "{}\n  {}", section.path, section.meaning);
        for row in section.parameters.iter().filter(|row| row.status == Status::Honoured) {
            let _ = writeln!(out, "    {} ({})", names(row).join(", "), facts(row).join(", "));
            let _ = writeln!(out, "        {}", row.meaning);
        }
        if let Some(meaning) = section.free_keys {
            let _ = writeln!(out, "    any other name (text)\n        {meaning}");
        }
        for child in section.sections.iter().filter(|child| child.status == Status::Honoured) {
            let _ = writeln!(out, "    <{}>\n        {}", child.name, child.meaning);
        }
        for (names, word, why) in others(section) {
            let _ = writeln!(out, "    {}: {word}; {why}", names.join(", "));
        }
        out.push('\n');
    }
    out
}

/// For `docs/configuration.md`.
#[must_use]
pub fn render_markdown() -> String {
    let mut out = page::INTRODUCTION.to_owned();
    for section in SECTIONS {
        markdown_section(&mut out, section);
    }
    out.push_str(page::CODES);
    out.push_str("| code | what it is about |\n|---|---|\n");
    for (code, meaning) in CODES {
        let _ = writeln!(out, "| `{code}` | {} |", cell(meaning));
    }
    out
}

fn markdown_section(out: &mut String, section: &Section) {
    let _ = writeln!(out, "### {}\n\n{}\n", section.path, section.meaning);
    let rows: Vec<_> = section.parameters.iter().filter(|row| row.status == Status::Honoured).collect();
    if !rows.is_empty() || section.free_keys.is_some() {
        out.push_str("| parameter | type | default | meaning | from |\n|---|---|---|---|---|\n");
    }
    for row in rows {
        let names: Vec<_> = names(row).iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            names.join(", "),
            cell(&kind(row)),
            default(row),
            cell(row.meaning),
            origin(row.origin)
        );
    }
    if let Some(meaning) = section.free_keys {
        let _ = writeln!(out, "| any other name | text | | {} | Fluentd |", cell(meaning));
    }
    markdown_notes(out, section);
    out.push('\n');
}

/// What stands under a section's table.
fn markdown_notes(out: &mut String, section: &Section) {
    let mut notes = Vec::new();
    for child in section.sections.iter().filter(|child| child.status == Status::Honoured) {
        notes.push(format!("`<{}>`: {}.", child.name, child.meaning));
    }
    for (names, word, why) in others(section) {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        notes.push(format!("{}: {word}; {why}.", names.join(", ")));
    }
    let mut old: Vec<_> = section.moved().map(|moved| moved.section).collect();
    old.sort_unstable();
    old.dedup();
    for child in old {
        let names: Vec<_> = section
            .moved()
            .filter(|moved| moved.section == child)
            .map(|moved| format!("`{}`", moved.old))
            .collect();
        notes.push(format!(
            "Old configurations have {} here; they are taken as part of `<{child}>`.",
            names.join(", ")
        ));
    }
    if !notes.is_empty() {
        let _ = writeln!(out, "\n- {}", notes.join("\n- "));
    }
}

/// What is ignored and what is refused, put together by reason, in the order of the table.
fn others(section: &Section) -> Vec<(Vec<String>, &'static str, &'static str)> {
    let parameters = section.parameters.iter().map(|row| (row.name.to_owned(), row.status));
    let sections = section.sections.iter().map(|child| (format!("<{}>", child.name), child.status));
    let mut groups: Vec<(Vec<String>, &'static str, &'static str)> = Vec::new();
    for (name, status) in parameters.chain(sections) {
        let (word, why) = match status {
            Status::Honoured => continue,
            Status::Ignored(why) => ("accepted and ignored", why),
            Status::Refused(_, why) => ("refused", why),
        };
        match groups.iter_mut().find(|group| (group.1, group.2) == (word, why)) {
            Some(group) => group.0.push(name),
            None => groups.push((vec![name], word, why)),
        }
    }
    groups
}

fn names(row: &Parameter) -> Vec<&'static str> {
    std::iter::once(row.name).chain(row.aliases.iter().copied()).collect()
}

/// Type, default and origin in words.
fn facts(row: &Parameter) -> Vec<String> {
    let mut facts = vec![kind(row)];
    match row.default {
        Default::Required => facts.push("required".to_owned()),
        Default::Unset => {}
        Default::Is(text) => facts.push(format!("default {}", shown(text))),
        Default::When(cases) => {
            let cases: Vec<_> = cases.iter().map(|(case, text)| format!("{text} {case}")).collect();
            facts.push(format!("default {}", cases.join(", ")));
        }
    }
    if row.origin == Origin::Fluentcast {
        facts.push("not in Fluentd".to_owned());
    }
    facts
}

fn kind(row: &Parameter) -> String {
    let name = row.kind.name();
    if row.unit.is_empty() { name } else { format!("{name}, {}", row.unit) }
}

fn default(row: &Parameter) -> String {
    match row.default {
        Default::Required => "required".to_owned(),
        Default::Unset => String::new(),
        Default::Is(text) => format!("`{}`", cell(&shown(text))),
        Default::When(cases) => {
            let cases: Vec<_> = cases.iter().map(|(case, text)| format!("`{text}` {case}")).collect();
            cases.join(", ")
        }
    }
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Fluentd => "Fluentd",
        Origin::Plugin => "fluent-plugin-websocket",
        Origin::Fluentcast => "Fluentcast",
    }
}

/// A tab cannot be seen.
fn shown(text: &str) -> String {
    text.replace('\t', "TAB")
}

/// Text within a table: a bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the page is kept.
    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");

    #[test]
    fn the_page_is_up_to_date() {
        let fresh = render_markdown();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(PAGE, &fresh).unwrap();
        }
        let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(kept == fresh, "docs/configuration.md is stale: run `cargo xtask docs`");
    }

    #[test]
    fn the_text_names_every_parameter() {
        let text = render_text();
        for section in SECTIONS {
            assert!(text.contains(section.path), "{}", section.path);
            for row in section.parameters {
                assert!(text.contains(row.name), "{} {}", section.path, row.name);
            }
        }
        assert!(text.contains("buffered_messages (integer 0 to 1000000, events, default 0)"), "{text}");
        assert!(text.contains("chunk_size_limit (size, default 128m)"), "{text}");
    }
}
