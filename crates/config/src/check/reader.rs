//! Reading one section through the table of parameters.
//!
//! A reader remembers what was asked for; [`Reader::finish`] reports everything else that stands in the
//! section. A value that is wrong is reported and replaced by its type's default: whoever builds
//! settings need not stop, because settings with errors are never handed out.

use super::context::Context;
use super::convert::FromText;
use crate::parameters::{self, Default as TableDefault, Parameter, Section, Status};
use crate::settings::Secret;
use crate::source::Span;
use crate::tree::{Element, Param, Value};

/// One section being read.
pub(super) struct Reader<'c, 'a> {
    pub(super) ctx: &'c mut Context<'a>,
    table: &'static Section,
    /// The section's name as shown, and where it stands.
    name: &'a str,
    span: Span,
    entries: Vec<Entry<'a>>,
    children: Vec<Child<'a>>,
    /// The parameters were moved here from the section around: those this section does not know are
    /// not its business.
    moved: bool,
}

struct Entry<'a> {
    /// The name here; a moved parameter was written under another.
    key: &'a str,
    param: &'a Param,
    used: bool,
}

struct Child<'a> {
    element: &'a Element,
    used: bool,
}

/// A value as written.
#[derive(Clone, Copy)]
pub(super) struct Written<'a> {
    pub(super) text: &'a str,
    pub(super) span: Span,
}

impl<'c, 'a> Reader<'c, 'a> {
    pub(super) fn new(ctx: &'c mut Context<'a>, table: &'static Section, element: &'a Element) -> Self {
        Self {
            ctx,
            table,
            name: &element.name,
            span: element.name_span,
            entries: element
                .params
                .iter()
                .map(|param| Entry { key: &param.key, param, used: false })
                .collect(),
            children: element.children.iter().map(|element| Child { element, used: false }).collect(),
            moved: false,
        }
    }

    /// Where the section stands.
    pub(super) fn span(&self) -> Span {
        self.span
    }

    /// A parameter that is required or has a default.
    pub(super) fn get<T: FromText + Default>(&mut self, name: &str) -> T {
        self.opt(name).unwrap_or_default()
    }

    /// A parameter that may be unset. `None` also after an error.
    pub(super) fn opt<T: FromText>(&mut self, name: &str) -> Option<T> {
        let row = self.row(name);
        match self.written(name) {
            Some(written) => self.convert(row, written),
            None => match row.default {
                TableDefault::Is(text) => self.default(row, text),
                TableDefault::Unset | TableDefault::Required | TableDefault::When(_) => None,
            },
        }
    }

    /// A secret that may be unset; an empty one is reported.
    pub(super) fn secret(&mut self, name: &str) -> Option<Secret> {
        let secret: Secret = self.opt(name)?;
        if secret.expose().is_empty() {
            self.empty_secret(name);
        }
        Some(secret)
    }

    fn empty_secret(&mut self, name: &str) {
        let span = self.place(name).unwrap_or(self.span);
        self.ctx
            .error("empty-token", span, format!("the {name} is empty: nobody could present it"))
            .help(format!("set one, or remove the line to do without a {name}"));
    }

    /// The default that a parameter has in that case.
    pub(super) fn default_when<T: FromText>(&self, name: &str, case: &str) -> Option<T> {
        let row = self.row(name);
        let TableDefault::When(cases) = row.default else {
            debug_assert!(false, "the default of {name} depends on nothing");
            return None;
        };
        let found = cases.iter().find(|(known, _)| *known == case);
        debug_assert!(found.is_some(), "{name} has no default {case}");
        found.and_then(|(_, text)| self.default(row, text))
    }

    fn default<T: FromText>(&self, row: &Parameter, text: &str) -> Option<T> {
        let converted = T::from_text(text, row.kind, self.ctx.strictness);
        debug_assert!(converted.is_ok(), "the default of {} is not of its kind", row.name);
        converted.ok().map(|converted| converted.value)
    }

    /// Where the value of a parameter stands, if it is written.
    pub(super) fn place(&self, name: &str) -> Option<Span> {
        let row = self.row(name);
        self.entries.iter().find(|entry| row.is_called(entry.key)).map(|entry| value_place(entry.param))
    }

    /// The text of a parameter, marked as read; reports a required one that is missing.
    pub(super) fn written(&mut self, name: &str) -> Option<Written<'a>> {
        let row = self.row(name);
        #[cfg(test)]
        self.ctx.reads.insert((self.table.path, row.name));
        let mut found = None;
        for entry in self.entries.iter_mut().filter(|entry| row.is_called(entry.key)) {
            entry.used = true;
            match found {
                None => found = Some(entry.param),
                Some(first) => twice(self.ctx, first, entry.param),
            }
        }
        let required = row.default == TableDefault::Required;
        let Some(param) = found else {
            if required {
                self.missing(row);
            }
            return None;
        };
        match &param.value {
            Value::Text(text) => Some(Written { text, span: value_place(param) }),
            Value::Default if required => {
                let message = format!("'{}' doesn't have default value", param.key);
                self.ctx.error("missing-parameter", value_place(param), message);
                None
            }
            Value::Default => None,
            Value::Nil => {
                if row.default != TableDefault::Unset {
                    let message = format!("'{}' parameter is required but nil is specified", param.key);
                    self.ctx.error("nil-value", value_place(param), message).help("give it a value");
                }
                None
            }
        }
    }

    /// The parameters of a numbered name (`regexpN`), marked as read.
    pub(super) fn numbered(&mut self, name: &str) -> Vec<(&'a Param, Written<'a>)> {
        let row = self.row(name);
        #[cfg(test)]
        self.ctx.reads.insert((self.table.path, row.name));
        let mut found = Vec::new();
        for entry in self.entries.iter_mut().filter(|entry| row.is_called(entry.key)) {
            entry.used = true;
            if let Value::Text(text) = &entry.param.value {
                found.push((entry.param, Written { text, span: value_place(entry.param) }));
            }
        }
        found
    }

    /// All parameters of a section whose keys are data.
    pub(super) fn free(&self) -> Vec<&'a Param> {
        debug_assert!(self.table.free_keys.is_some(), "{} has no free keys", self.table.path);
        self.entries.iter().map(|entry| entry.param).collect()
    }

    /// The sections of that name.
    pub(super) fn children(&mut self, name: &str) -> Vec<&'a Element> {
        debug_assert!(self.table.subsection(name).is_some(), "<{name}> is missing in {}", self.table.path);
        let mut found = Vec::new();
        for child in self.children.iter_mut().filter(|child| child.element.name == name) {
            child.used = true;
            found.push(child.element);
        }
        found
    }

    /// The section of that name, which may stand only once.
    pub(super) fn child(&mut self, name: &str) -> Option<&'a Element> {
        let found = self.children(name);
        for second in found.iter().skip(1) {
            let message = format!("'<{name}>' section cannot be written twice or more");
            self.ctx.error("section-twice", second.name_span, message);
        }
        found.first().copied()
    }

    /// The `@type` of the section of that name, from the section or in the old form.
    pub(super) fn child_type(&mut self, name: &str) -> Option<Written<'a>> {
        let param = match self.children.iter().find(|child| child.element.name == name) {
            Some(child) => child.element.param("@type"),
            None => {
                let old = self.table.moved().find(|moved| moved.section == name && moved.new == "@type")?.old;
                self.entries.iter().find(|entry| entry.key == old).map(|entry| entry.param)
            }
        }?;
        match &param.value {
            Value::Text(text) => Some(Written { text, span: value_place(param) }),
            Value::Nil | Value::Default => None,
        }
    }

    /// A reader of the section of that name; without one, of the parameters that older versions had here;
    /// without those, of an empty section.
    pub(super) fn enter(&mut self, name: &'static str, table: &'static Section) -> Reader<'_, 'a> {
        if let Some(element) = self.child(name) {
            return Reader::new(self.ctx, table, element);
        }
        let entries = self.take_moved(name);
        Reader { ctx: self.ctx, table, name, span: self.span, entries, children: Vec::new(), moved: true }
    }

    fn take_moved(&mut self, section: &str) -> Vec<Entry<'a>> {
        let mut taken = Vec::new();
        for moved in self.table.moved().filter(|moved| moved.section == section) {
            for entry in self.entries.iter_mut().filter(|entry| entry.key == moved.old) {
                entry.used = true;
                taken.push(Entry { key: moved.new, param: entry.param, used: false });
            }
        }
        if let Some(first) = taken.first() {
            let names: Vec<_> = taken.iter().map(|entry| format!("`{}`", entry.param.key)).collect();
            self.ctx
                .note(
                    "legacy-name",
                    first.param.key_span,
                    format!("the old form of <{section}>: {}", names.join(", ")),
                )
                .help(format!("move it into a section `<{section}>` ... `</{section}>`"));
        }
        taken
    }

    /// Marks parameters as read that are read elsewhere.
    pub(super) fn skip(&mut self, used: impl Fn(&str) -> bool) {
        for entry in self.entries.iter_mut().filter(|entry| used(entry.key)) {
            entry.used = true;
        }
    }

    /// Reports everything that was not asked for.
    pub(super) fn finish(self) {
        let mut ignored: Vec<(&Param, &'static str)> = Vec::new();
        for entry in &self.entries {
            if entry.used {
                continue;
            }
            match self.table.parameter(entry.key).map(|row| row.status) {
                Some(Status::Ignored(why)) => ignored.push((entry.param, why)),
                Some(Status::Refused(code, why)) => {
                    let message = format!("`{}` is not supported: {why}", entry.param.key);
                    self.ctx.error(code, entry.param.key_span, message);
                }
                Some(Status::Honoured) => {}
                // What begins with `@` is the parser's to judge.
                None if entry.key.starts_with('@') || self.moved || self.table.free_keys.is_some() => {}
                None => unknown_parameter(self.ctx, self.table, self.name, entry.param),
            }
        }
        report_ignored(self.ctx, &ignored);
        for child in self.children.iter().filter(|child| !child.used) {
            unknown_child(self.ctx, self.table, self.name, child.element);
        }
    }

    fn convert<T: FromText>(&mut self, row: &Parameter, written: Written<'_>) -> Option<T> {
        match T::from_text(written.text, row.kind, self.ctx.strictness) {
            Ok(converted) => {
                if let Some(advice) = converted.misleading {
                    let message = format!("{}: {}", row.name, advice.message);
                    let draft = self.ctx.warning("misleading-value", written.span, message);
                    if let Some(help) = advice.help {
                        draft.help(help);
                    }
                }
                Some(converted.value)
            }
            Err(problem) => {
                let message = format!("{}: {}", row.name, problem.advice.message);
                let draft = self.ctx.error(problem.code, written.span, message);
                if let Some(help) = problem.advice.help {
                    draft.help(help);
                }
                None
            }
        }
    }

    fn missing(&mut self, row: &Parameter) {
        self.ctx
            .error("missing-parameter", self.span, format!("'{}' parameter is required", row.name))
            .help(format!("add `{} ...` to <{}>: {}", row.name, self.name, row.meaning));
    }

    /// # Panics
    /// When the code asks for a name that the table does not have; a test reads every row.
    fn row(&self, name: &str) -> &'static Parameter {
        let found = self.table.parameters.iter().find(|row| row.name == name);
        found.unwrap_or_else(|| panic!("`{name}` is missing in the table of `{}`", self.table.path))
    }
}

/// Where the value stands; the name, when there is no value.
pub(super) fn value_place(param: &Param) -> Span {
    if param.value_span.range().is_empty() { param.key_span } else { param.value_span }
}

fn twice(ctx: &mut Context<'_>, first: &Param, second: &Param) {
    ctx.warning(
        "name-twice",
        second.key_span,
        format!("`{}` and `{}` are the same parameter; the first one counts", first.key, second.key),
    )
    .help(format!("remove `{}`", second.key));
}

fn unknown_parameter(ctx: &mut Context<'_>, table: &Section, section: &str, param: &Param) {
    let message = format!("parameter '{}' in <{section}> is not used", param.key);
    if let Some(moved) = table.moved().find(|moved| moved.old == param.key) {
        ctx.warning("unknown-parameter", param.key_span, message)
            .help(format!("there is a section <{0}>: write it there, as `{1}`", moved.section, moved.new));
        return;
    }
    if let Some(inner) = parameters::inner_section_with(table, &param.key) {
        ctx.warning("unknown-parameter", param.key_span, message)
            .help(format!("it belongs into a section `<{inner}>` ... `</{inner}>`"));
        return;
    }
    let reserved = parameters::system::PLUGIN.parameters;
    let known = table.parameters.iter().chain(reserved).flat_map(|row| row.aliases.iter().chain([&row.name]));
    let help = ctx.did_you_mean(&param.key, || known.copied());
    let draft = ctx.warning("unknown-parameter", param.key_span, message);
    if let Some(help) = help {
        draft.help(help);
    }
}

fn report_ignored(ctx: &mut Context<'_>, ignored: &[(&Param, &'static str)]) {
    let Some((first, _)) = ignored.first() else {
        return;
    };
    let names: Vec<_> = ignored.iter().map(|(param, _)| format!("`{}`", param.key)).collect();
    let mut reasons: Vec<_> = ignored.iter().map(|(_, why)| *why).collect();
    reasons.dedup();
    let does = if names.len() == 1 { "is accepted and does nothing" } else { "are accepted and do nothing" };
    ctx.warning("ignored-parameter", first.key_span, format!("{} {does}", names.join(", ")))
        .help(reasons.join("; "));
}

fn unknown_child(ctx: &mut Context<'_>, table: &Section, parent: &str, element: &Element) {
    match table.subsection(&element.name).map(|known| known.status) {
        Some(Status::Honoured) => {}
        Some(Status::Ignored(why)) => {
            ctx.warning(
                "ignored-section",
                element.name_span,
                format!("<{}> is accepted and does nothing", element.name),
            )
            .help(why);
        }
        Some(Status::Refused(code, why)) => {
            ctx.error(code, element.name_span, format!("<{}> is not supported: {why}", element.name));
        }
        None => {
            let message = format!("section <{}> is not used in <{parent}>", element.name);
            let help = ctx.did_you_mean(&element.name, || table.sections.iter().map(|known| known.name));
            let draft = ctx.warning("unknown-section", element.name_span, message);
            if let Some(help) = help {
                draft.help(help);
            }
        }
    }
}
