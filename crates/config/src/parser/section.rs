//! The tags of sections.

use fluentcast_event::limits::CONFIG_SECTION_DEPTH_MAX;

use super::{Broken, Parser, Word};
use crate::tree::Builder;

const NAME_HELP: &str = "a section's name is made of letters, digits and `_`, directly after `<` or `</`";

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

impl Parser<'_, '_> {
    /// After `<`.
    pub(super) fn opening_tag(&mut self) -> Result<(), Broken> {
        let tag = self.cursor.at() - 1;
        if !self.cursor.peek().is_some_and(is_name) {
            let span = self.span(tag, tag + 1);
            self.loader
                .diagnostics
                .error("tag-name", span, "expected a section name after `<`")
                .help(NAME_HELP);
            self.cursor.skip_blanks();
        }
        let start = self.cursor.at();
        let name = self.cursor.take_while(is_name);
        if name.is_empty() {
            return Err(Broken);
        }
        let name_span = self.span(start, self.cursor.at());
        self.cursor.skip_spacing();
        let mut section = Builder::new(name, name_span);
        let arg = self.argument();
        if let Ok(Some(arg)) = &arg {
            section = section.with_arg(arg.text.clone(), arg.span);
        }
        let tag_end = arg.map(drop).and_then(|()| self.tag_end());
        // `<a><b></b></a>` on one line: it closes itself, whatever it was meant to be.
        let closes_itself = tag_end.is_err() && self.cursor.rest_of_line().contains(&format!("</{name}"));
        if !closes_itself {
            self.open(section);
        }
        tag_end
    }

    /// The argument, if any: quoted, or up to the `>` that blanks, line ends and comments may lead up to.
    fn argument(&mut self) -> Result<Option<Word>, Broken> {
        if let Some(quoted) = self.quoted_word()? {
            return Ok(Some(quoted));
        }
        let line = self.cursor.rest_of_line();
        let end = line.find('>').or_else(|| line.find('#')).unwrap_or(line.len());
        let text = line[..end].trim_end_matches([' ', '\t']);
        if text.is_empty() {
            return Ok(None);
        }
        let start = self.cursor.at();
        self.cursor.advance(text.len());
        Ok(Some(Word { text: text.to_owned(), span: self.span(start, self.cursor.at()), quoted: false }))
    }

    /// The `>` and the end of its line.
    fn tag_end(&mut self) -> Result<(), Broken> {
        let before = self.cursor.at();
        self.cursor.skip_spacing();
        if !self.cursor.eat(">") {
            self.cursor.back_to(before);
            self.cursor.skip_blanks();
            let span = self.rest_span();
            self.loader
                .diagnostics
                .error("tag-end", span, "expected '>'")
                .help("close the tag with `>`; after a quoted argument nothing else may come");
            return Err(Broken);
        }
        self.line_end("expected end of line after tag", "put what follows on its own line")
    }

    fn open(&mut self, section: Builder) {
        if self.nesting() < CONFIG_SECTION_DEPTH_MAX {
            self.open.push(section);
        } else {
            let message = format!(
                "sections are nested more than {CONFIG_SECTION_DEPTH_MAX} deep; the rest was not read"
            );
            self.stop("section-depth", section.name_span(), message);
        }
    }

    /// After `</`.
    pub(super) fn closing_tag(&mut self) -> Result<(), Broken> {
        let start = self.cursor.at();
        let name = self.cursor.take_while(is_name);
        let span = self.span(start, self.cursor.at());
        let before = self.cursor.at();
        self.cursor.skip_spacing();
        if name.is_empty() || !self.cursor.eat(">") {
            self.cursor.back_to(before);
            let span = self.rest_span();
            self.loader.diagnostics.error("tag-name", span, "expected character in tag name").help(NAME_HELP);
            if self.open.last().is_some_and(|section| section.name() == name) {
                self.close();
            }
            return Err(Broken);
        }
        match self.open.iter().rposition(|section| section.name() == name) {
            Some(place) => {
                if place + 1 < self.open.len() {
                    self.wrong_end_tag(name, span);
                }
                while self.open.len() > place {
                    self.close();
                }
            }
            None => {
                self.loader
                    .diagnostics
                    .error("unmatched-end-tag", span, "unmatched end tag")
                    .help(format!("no `<{name}>` is open here"));
            }
        }
        self.line_end("expected end of line after end tag", "put what follows on its own line")
    }

    /// `</name>` closes an outer section while an inner one is open.
    fn wrong_end_tag(&mut self, name: &str, span: crate::source::Span) {
        let Some(inner) = self.open.last() else {
            return;
        };
        let opened = self.loader.sources.location(inner.name_span());
        let inner = inner.name();
        self.loader.diagnostics.error("unmatched-end-tag", span, "unmatched end tag").help(format!(
            "`<{inner}>` of line {} is still open: close it with `</{inner}>` before `</{name}>`",
            opened.line
        ));
    }

    /// What is still open lacks its end tag.
    pub(super) fn end_of_text(&mut self) {
        while let Some(section) = self.open.last() {
            let (name, span) = (section.name(), section.name_span());
            if self.stopped {
                self.close();
                continue;
            }
            self.loader
                .diagnostics
                .error("unclosed-section", span, format!("expected end tag '</{name}>' but got end of file"))
                .help(
                    "a section ends in the file in which it begins, with an end tag at the start of a line",
                );
            self.close();
        }
    }
}
