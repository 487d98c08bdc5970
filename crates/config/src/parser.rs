//! The classic format: text to elements.
//!
//! Follows Fluentd's v1 parser, word for word in what it accepts, with two differences: it goes on after
//! a mistake at the next line, so that all of them are told together, and it reads every text once from
//! left to right. It knows no directive's name; what a section means is decided later.

use fluentcast_event::limits::CONFIG_UNCLOSED_MAX;

use crate::interpolation::Place;
use crate::load::Loader;
use crate::source::Span;
use crate::tree::{Builder, Param, Value};
use cursor::{Cursor, is_blank, is_line_end};
use strings::Unclosed;

mod cursor;
mod json;
mod section;
pub(crate) mod strings;
mod value;

#[cfg(test)]
mod tests;

/// Reads text number `file` as a body into `target`, which stands `depth` sections deep.
pub(crate) fn parse(loader: &mut Loader<'_>, file: u32, target: &mut Builder, depth: usize) {
    let Some(text) = loader.sources.file(file).map(|file| file.text.clone()) else {
        return;
    };
    let mut parser = Parser {
        cursor: Cursor::new(&text),
        file,
        loader,
        target,
        depth,
        open: Vec::new(),
        unclosed: 0,
        stopped: false,
    };
    parser.body();
}

/// A mistake was told; the rest of the line means nothing.
struct Broken;

struct Parser<'a, 'e> {
    cursor: Cursor<'a>,
    file: u32,
    loader: &'a mut Loader<'e>,
    /// What this text is read into.
    target: &'a mut Builder,
    /// How many sections deep the target stands.
    depth: usize,
    /// The sections opened in this text, outermost first.
    open: Vec<Builder>,
    /// How many quotes, brackets and expressions ran on to the end.
    unclosed: usize,
    /// The rest of the text is not worth reading; that was told.
    stopped: bool,
}

/// A key, a section's argument, an include's target: text that must be text.
struct Word {
    text: String,
    span: Span,
    quoted: bool,
}

impl Parser<'_, '_> {
    fn body(&mut self) {
        loop {
            self.cursor.skip_spacing();
            if self.cursor.peek().is_none() {
                break;
            }
            if self.statement().is_err() {
                self.cursor.skip_line();
            }
            if self.unclosed > CONFIG_UNCLOSED_MAX {
                let span = self.rest_span();
                self.stop(
                    "unclosed-quote",
                    span,
                    "too much of this text is not closed; the rest of it was not read",
                );
            }
            if self.stopped {
                break;
            }
        }
        self.end_of_text();
    }

    fn statement(&mut self) -> Result<(), Broken> {
        if self.cursor.eat("</") {
            self.closing_tag()
        } else if self.cursor.eat("<") {
            self.opening_tag()
        } else {
            self.param_or_include()
        }
    }

    /// The section that is being read.
    fn current(&mut self) -> &mut Builder {
        self.open.last_mut().unwrap_or(self.target)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start..end)
    }

    /// What is left of the line, without blanks at its end.
    fn rest_span(&self) -> Span {
        let at = self.cursor.at();
        self.span(at, at + self.cursor.rest_of_line().trim_end().len())
    }

    fn param_or_include(&mut self) -> Result<(), Broken> {
        let key = self.key()?;
        self.cursor.skip_blanks();
        if key.text == "@include" {
            return self.include();
        }
        if key.text == "include" && !key.quoted && self.open.is_empty() {
            self.loader
                .diagnostics
                .warning("deprecated-include", key.span, "'include' is deprecated")
                .help("write `@include`");
            return self.include();
        }
        let (value, value_span) = match self.cursor.peek() {
            None => (Value::Text(String::new()), key.span.after()),
            Some(byte) if is_line_end(byte) => (Value::Text(String::new()), key.span.after()),
            Some(_) => self.value()?,
        };
        self.current().set(Param { key: key.text, key_span: key.span, value, value_span });
        self.line_end("expected end of line", "put the value in quotes, or begin a new line")
    }

    fn key(&mut self) -> Result<Word, Broken> {
        if let Some(key) = self.quoted_word()? {
            if self.cursor.peek().is_some_and(|byte| !is_blank(byte) && !is_line_end(byte)) {
                let span = self.rest_span();
                self.loader
                    .diagnostics
                    .error("line-end", span, "expected a blank after the quoted name")
                    .help("put a blank between name and value");
                return Err(Broken);
            }
            return Ok(key);
        }
        let start = self.cursor.at();
        let text = self.cursor.take_while(|byte| !is_blank(byte) && !is_line_end(byte)).to_owned();
        Ok(Word { text, span: self.span(start, self.cursor.at()), quoted: false })
    }

    /// A quoted text where only text will do; nothing when what comes next is not quoted.
    fn quoted_word(&mut self) -> Result<Option<Word>, Broken> {
        let Some((value, span)) = self.quoted_value()? else {
            return Ok(None);
        };
        let text = match value {
            Value::Text(text) => text,
            Value::Nil | Value::Default => {
                self.loader
                    .diagnostics
                    .error("ruby-code", span, "use_nil and use_default mean nothing here")
                    .help("they stand for a parameter's value; use them only there");
                String::new()
            }
        };
        Ok(Some(Word { text, span, quoted: true }))
    }

    fn quoted_value(&mut self) -> Result<Option<(Value, Span)>, Broken> {
        let start = self.cursor.at();
        let (value, end) = match self.cursor.peek() {
            Some(b'"') => {
                let place = Place::of(self.file);
                let Loader { environment, diagnostics, .. } = &mut *self.loader;
                strings::double_quoted(self.cursor.text(), start + 1, true, place, environment, diagnostics)
                    .map_err(|unclosed| self.unclosed_quote(start, unclosed))?
            }
            Some(b'\'') => {
                let read = strings::single_quoted(self.cursor.text(), start + 1);
                let (text, end) = read.ok_or_else(|| self.unclosed_single_quote())?;
                (Value::Text(text), end)
            }
            _ => return Ok(None),
        };
        self.cursor.back_to(end);
        Ok(Some((value, self.span(start, end))))
    }

    fn unclosed_quote(&mut self, start: usize, unclosed: Unclosed) -> Broken {
        self.unclosed += 1;
        let (span, message, help) = match unclosed {
            Unclosed::Quote => (
                self.rest_span(),
                "unexpected end of file in a double quoted string",
                "close it with `\"`; a `\"` within it is written `\\\"`",
            ),
            Unclosed::Expression(at) => (
                self.span(at, at + 2),
                "unexpected end of file in `#{`",
                "close it with `}`; a plain `#{` is written `\\#{`",
            ),
        };
        self.loader.diagnostics.error("unclosed-quote", span, message).help(help);
        self.cursor.back_to(start);
        Broken
    }

    fn unclosed_single_quote(&mut self) -> Broken {
        let span = self.rest_span();
        self.loader
            .diagnostics
            .error("unclosed-quote", span, "unexpected end of file in a single quoted string")
            .help("close it with `'` on the same line; for several lines use double quotes");
        Broken
    }

    /// `@include TARGET`, the cursor at the target.
    fn include(&mut self) -> Result<(), Broken> {
        let target = match self.quoted_word()? {
            Some(target) => target,
            None => {
                let start = self.cursor.at();
                let text = self.bare_text();
                Word { text, span: self.span(start, self.cursor.at()), quoted: false }
            }
        };
        if target.text.is_empty() || (!target.quoted && target.text.starts_with('#')) {
            self.loader
                .diagnostics
                .error("include-target", target.span, "`@include` needs to know what to include")
                .help("name a file, a directory or a pattern: `@include conf.d/*.conf`");
            return Err(Broken);
        }
        let depth = self.nesting();
        // Not `current()`: the loader and the target are borrowed apart.
        let into = self.open.last_mut().unwrap_or(self.target);
        self.loader.include(&target.text, target.span, into, depth);
        self.line_end("expected end of line", "only a comment may follow the target")
    }

    /// Takes what may stand at the end of a line.
    fn line_end(&mut self, message: &str, help: &str) -> Result<(), Broken> {
        if self.cursor.at_line_end() {
            return Ok(());
        }
        let span = self.rest_span();
        self.loader.diagnostics.error("line-end", span, message).help(help);
        Err(Broken)
    }

    /// Gives the rest of the text up.
    fn stop(&mut self, code: &'static str, span: Span, message: impl Into<String>) {
        self.loader
            .diagnostics
            .error(code, span, message)
            .help("is an end tag, a bracket or a quote missing further up?");
        self.stopped = true;
    }

    /// How deep the current section stands.
    fn nesting(&self) -> usize {
        self.depth + self.open.len()
    }

    /// Closes the innermost section.
    fn close(&mut self) {
        if let Some(section) = self.open.pop() {
            self.current().add(section.finish());
        }
    }
}
