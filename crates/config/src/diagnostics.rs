//! Mistakes as values: collected, then shown together, each with its place and what to do.
//!
//! Nothing here prints, and nothing from the configuration reaches a terminal unescaped.

use std::borrow::Cow;

use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};
use fluentcast_event::limits::{CONFIG_DIAGNOSTICS_KEPT_MAX, CONFIG_DIAGNOSTICS_SHOWN_MAX};

use crate::parameters;
use crate::source::{SourceMap, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Works as meant; worth knowing.
    Note,
    /// Works, but hardly as meant.
    Warning,
    /// Nothing starts.
    Error,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable code such as `unknown-type`, for searching and for tests.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake that stops the start.
    #[must_use]
    pub fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), span, help: None }
    }

    /// A mistake that is only told.
    #[must_use]
    pub fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Something worth knowing that is no mistake.
    #[must_use]
    pub fn note(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(code, span, message) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// As text: the title, the place, the line with carets under the words, the help.
    #[must_use]
    pub fn render(&self, sources: &SourceMap) -> String {
        let level = match self.severity {
            Severity::Note => Level::NOTE,
            Severity::Warning => Level::WARNING,
            Severity::Error => Level::ERROR,
        };
        let place = sources.file(self.span.file).map(|file| {
            let line = sources.line(self.span);
            let shown = without_secret(line.text);
            match file.text.is_empty() {
                true => Element::from(Origin::path(file.name.as_str())),
                false => Element::from(
                    Snippet::source(shown)
                        .path(file.name.as_str())
                        .line_start(line.number as usize)
                        .annotation(AnnotationKind::Primary.span(line.columns)),
                ),
            }
        });
        let mut group = level.primary_title(visible(&self.message)).id(self.code).elements(place);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(visible(help)));
        }
        Renderer::plain().render(&[group])
    }
}

/// The line of a secret parameter, or of what was probably meant as one, with a value that means nothing,
/// of the same length. What is read from elsewhere (`"#{ENV['KEY']}"`) is none.
fn without_secret(line: &str) -> Cow<'_, str> {
    let key = line.trim_start_matches([' ', '\t', '-', '"', '\'']);
    let end = key.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(key.len());
    let (key, behind) = key.split_at(end);
    let value = behind.trim_start_matches([' ', '\t', ':', '"', '\'']);
    if value.is_empty() || value.starts_with("#{") || !parameters::may_be_secret(key) {
        return Cow::Borrowed(line);
    }
    let (before, value) = line.split_at(line.len() - value.len());
    let hidden = value.bytes().map(|byte| if byte.is_ascii_whitespace() { ' ' } else { 'x' });
    Cow::Owned(before.chars().chain(hidden).collect())
}

/// Control characters as escapes, so that a configuration cannot steer the terminal it is shown on.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The mistakes found so far.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl Diagnostics {
    /// Takes one in. Beyond [`CONFIG_DIAGNOSTICS_KEPT_MAX`] of its severity it is only counted; the same
    /// mistake at the same place (a YAML alias used twice) counts once.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let count = match diagnostic.severity {
            Severity::Note => &mut self.notes,
            Severity::Warning => &mut self.warnings,
            Severity::Error => &mut self.errors,
        };
        if *count < CONFIG_DIAGNOSTICS_KEPT_MAX {
            if self.kept.contains(&diagnostic) {
                return;
            }
            self.kept.push(diagnostic);
        }
        *count += 1;
    }

    /// Starts an error; it is taken in when the returned draft goes.
    pub fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> Draft<'_> {
        Draft { diagnostics: self, diagnostic: Some(Diagnostic::error(code, span, message)) }
    }

    /// Starts a warning; it is taken in when the returned draft goes.
    pub fn warning(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> Draft<'_> {
        Draft { diagnostics: self, diagnostic: Some(Diagnostic::warning(code, span, message)) }
    }

    /// Starts a note; it is taken in when the returned draft goes.
    pub fn note(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> Draft<'_> {
        Draft { diagnostics: self, diagnostic: Some(Diagnostic::note(code, span, message)) }
    }

    /// Whether anything forbids the start.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors there were, kept or not.
    #[must_use]
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// How many warnings there were, kept or not.
    #[must_use]
    pub fn warning_count(&self) -> usize {
        self.warnings
    }

    /// Whether there was nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors + self.warnings + self.notes == 0
    }

    /// Those kept, in order of place; at one place in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        let mut ordered: Vec<_> = self.kept.iter().collect();
        ordered.sort_by_key(|diagnostic| diagnostic.span);
        ordered.into_iter()
    }

    /// All as one text: at most [`CONFIG_DIAGNOSTICS_SHOWN_MAX`] of them, errors before warnings before
    /// notes when it comes to choosing, then how many more there are. Empty when there is nothing to say.
    #[must_use]
    pub fn render(&self, sources: &SourceMap) -> String {
        let errors_shown = self.errors.min(CONFIG_DIAGNOSTICS_SHOWN_MAX);
        let warnings_shown = self.warnings.min(CONFIG_DIAGNOSTICS_SHOWN_MAX - errors_shown);
        let (mut errors_left, mut warnings_left) = (errors_shown, warnings_shown);
        let mut notes_left = CONFIG_DIAGNOSTICS_SHOWN_MAX - errors_shown - warnings_shown;
        let mut out = String::new();
        for diagnostic in self.iter() {
            let left = match diagnostic.severity {
                Severity::Error => &mut errors_left,
                Severity::Warning => &mut warnings_left,
                Severity::Note => &mut notes_left,
            };
            if *left > 0 {
                *left -= 1;
                out.push_str(&diagnostic.render(sources));
                out.push_str("\n\n");
            }
        }
        let (errors, warnings) = (self.errors - errors_shown, self.warnings - warnings_shown);
        if errors + warnings > 0 {
            out.push_str(&format!("... and {errors} more errors, {warnings} more warnings\n\n"));
        }
        out.pop();
        out
    }
}

/// A diagnostic being written; taken in when it is dropped.
pub struct Draft<'a> {
    diagnostics: &'a mut Diagnostics,
    diagnostic: Option<Diagnostic>,
}

impl Draft<'_> {
    /// Adds what to do about it.
    pub fn help(mut self, help: impl Into<String>) {
        if let Some(diagnostic) = &mut self.diagnostic {
            diagnostic.help = Some(help.into());
        }
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if let Some(diagnostic) = self.diagnostic.take() {
            self.diagnostics.push(diagnostic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_secret_is_shown_without_it() {
        for (line, shown) in [
            ("  token s3cr3t", "  token xxxxxx"),
            ("  shared_kye é b", "  shared_kye xx x"),
            ("pass s3cr3t", "pass xxxxxx"),
            ("password: 's3cr3t'", "password: 'xxxxxxx"),
            ("- \"password\": \"s3\"", "- \"password\": \"xxx"),
            ("  token \"#{ENV['TOKEN']}\"", "  token \"#{ENV['TOKEN']}\""),
            ("  token", "  token"),
            ("  port 8080", "  port 8080"),
        ] {
            assert_eq!(without_secret(line), shown);
            assert_eq!(shown.len(), line.len());
        }
    }

    fn sources() -> SourceMap {
        let mut sources = SourceMap::default();
        sources.add("dir/t.conf", None, "<match>\n  tökn \"a\u{1b}\" x\n</match>\n");
        sources
    }

    #[test]
    fn shows_place_line_caret_code_and_help() {
        let mut diagnostics = Diagnostics::default();
        diagnostics.error("line-end", Span::new(0, 20..21), "expected end of line").help("quote it");
        assert_eq!(
            diagnostics.render(&sources()),
            "error[line-end]: expected end of line\n \
             --> dir/t.conf:2:12\n  \
             |\n2 |   tökn \"a␛\" x\n  \
             |            ^\n  \
             |\n  = help: quote it\n"
        );
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let text = Diagnostic::warning("x", Span::new(0, 0..1), "a\u{1b}[2Jb").render(&sources());
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn places_decide_the_order() {
        let mut diagnostics = Diagnostics::default();
        diagnostics.warning("b", Span::new(0, 9..9), "second");
        diagnostics.error("a", Span::new(0, 1..1), "first");
        let codes: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        assert_eq!(codes, ["a", "b"]);
        assert!(diagnostics.has_errors());
    }

    #[test]
    fn the_same_mistake_counts_once() {
        let mut diagnostics = Diagnostics::default();
        diagnostics.warning("b", Span::new(0, 9..9), "m");
        diagnostics.warning("b", Span::new(0, 9..9), "m");
        assert_eq!(diagnostics.warning_count(), 1);
        assert!(!diagnostics.has_errors());
    }

    #[test]
    fn errors_are_shown_before_warnings_and_the_rest_is_counted() {
        let mut diagnostics = Diagnostics::default();
        for at in 0..CONFIG_DIAGNOSTICS_KEPT_MAX + 7 {
            diagnostics.warning("w", Span::new(0, at..at), "warn");
        }
        diagnostics.error("e", Span::new(0, 22..23), "the error");
        let text = diagnostics.render(&sources());
        assert!(text.contains("error[e]: the error"), "{text}");
        assert_eq!(text.matches("warning[w]").count(), CONFIG_DIAGNOSTICS_SHOWN_MAX - 1);
        let more = CONFIG_DIAGNOSTICS_KEPT_MAX + 7 - (CONFIG_DIAGNOSTICS_SHOWN_MAX - 1);
        assert!(text.ends_with(&format!("... and 0 more errors, {more} more warnings\n")), "{text}");
    }
}
