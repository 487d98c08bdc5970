//! The texts a configuration was read from, and places in them.
//!
//! A [`Span`] is cheap and exact; a [`Location`] is what a person reads. A span that fits no text (there
//! is none from this crate) never panics: it is an empty text at the nearest place.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// A range of bytes in one of the texts of a [`SourceMap`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Index of the text in its map.
    pub file: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes `range` of text number `file`. Texts are far smaller than 4 GiB
    /// ([`fluentcast_event::limits::CONFIG_BYTES_MAX`]); beyond that the place saturates.
    #[must_use]
    pub fn new(file: u32, range: Range<usize>) -> Self {
        Self { file, start: saturate(range.start), end: saturate(range.end) }
    }

    /// The bytes it covers.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The empty span just after this one.
    #[must_use]
    pub fn after(self) -> Self {
        Self { start: self.end, ..self }
    }
}

fn saturate(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// One text: a file, the inline configuration, or the embedded default.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path as shown to the user, or a name in angle brackets such as `<inline>`.
    pub name: String,
    /// Where relative includes start, if the text is a file.
    pub directory: Option<PathBuf>,
    /// The text, without a byte order mark.
    pub text: Arc<str>,
    /// Where each line starts; the first at 0.
    line_starts: Vec<u32>,
}

/// All texts of one configuration.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a text, without its byte order mark, and says which number it got.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        directory: Option<PathBuf>,
        text: impl Into<String>,
    ) -> u32 {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let line_starts = line_starts(&text);
        self.files.push(SourceFile { name: name.into(), directory, text: text.into(), line_starts });
        saturate(self.files.len() - 1)
    }

    /// The text of that number.
    #[must_use]
    pub fn file(&self, file: u32) -> Option<&SourceFile> {
        self.files.get(file as usize)
    }

    /// All texts, in the order they were added.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The words at that place.
    #[must_use]
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file).and_then(|file| file.text.get(span.range())).unwrap_or_default()
    }

    /// Where the span starts, for a person.
    #[must_use]
    pub fn location(&self, span: Span) -> Location {
        let Some(file) = self.file(span.file) else {
            return Location::default();
        };
        let line = self.line(span);
        let before = line.text.get(..line.columns.start).unwrap_or(line.text);
        Location {
            file: file.name.clone(),
            line: line.number,
            column: saturate(before.chars().count()).saturating_add(1),
        }
    }

    /// The line the span starts on, and which of its bytes the span covers.
    pub(crate) fn line(&self, span: Span) -> Line<'_> {
        let Some(file) = self.file(span.file) else {
            return Line { number: 1, start: 0, text: "", columns: 0..0 };
        };
        let index = file.line_starts.partition_point(|start| *start <= span.start).saturating_sub(1);
        let start = file.line_starts.get(index).map_or(0, |start| *start as usize);
        let end = file.line_starts.get(index + 1).map_or(file.text.len(), |start| *start as usize);
        let text = file.text.get(start..end).unwrap_or_default().trim_end_matches(['\r', '\n']);
        let covered = span.range();
        let first = text.floor_char_boundary((covered.start - start).min(text.len()));
        let last = text.ceil_char_boundary((covered.end.max(covered.start) - start).min(text.len()));
        Line { number: saturate(index + 1), start, text, columns: first..last }
    }
}

/// One line of a text.
pub(crate) struct Line<'a> {
    /// Its number, from 1.
    pub(crate) number: u32,
    /// Its first byte in the text.
    pub(crate) start: usize,
    /// Its text, without the line end.
    pub(crate) text: &'a str,
    /// The bytes of it that a span covers.
    pub(crate) columns: Range<usize>,
}

/// A line ends where the language says one does: `\n`, `\r`, or `\r\n` together.
fn line_starts(text: &str) -> Vec<u32> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    for (at, byte) in bytes.iter().enumerate() {
        let ends = *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        if ends {
            starts.push(saturate(at + 1));
        }
    }
    starts
}

/// A place for a person: file, line and column, both from 1, the column in characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Location {
    /// The name of the text.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, range: Range<usize>) -> (u32, u32) {
        let mut sources = SourceMap::default();
        let file = sources.add("t.conf", None, text);
        let location = sources.location(Span::new(file, range));
        (location.line, location.column)
    }

    #[test]
    fn lines_end_like_the_language_says() {
        assert_eq!(place("a\nb", 2..3), (2, 1));
        assert_eq!(place("a\r\nb", 3..4), (2, 1));
        assert_eq!(place("a\rb", 2..3), (2, 1));
        assert_eq!(place("a\n\nb", 3..4), (3, 1));
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(place("é b", 3..4), (1, 3));
    }

    #[test]
    fn the_end_of_the_text_is_a_place() {
        assert_eq!(place("ab", 2..2), (1, 3));
        assert_eq!(place("ab\n", 3..3), (2, 1));
    }

    #[test]
    fn a_span_that_fits_nothing_is_harmless() {
        assert_eq!(place("é", 1..9), (1, 1));
        assert_eq!(place("é", 70..80), (1, 2));
        let sources = SourceMap::default();
        assert_eq!(sources.text(Span::new(3, 1..2)), "");
        assert_eq!(sources.location(Span::new(3, 1..2)), Location::default());
    }

    #[test]
    fn the_byte_order_mark_is_no_text() {
        let mut sources = SourceMap::default();
        let file = sources.add("t.conf", None, "\u{feff}a b");
        assert_eq!(sources.text(Span::new(file, 0..1)), "a");
    }
}
