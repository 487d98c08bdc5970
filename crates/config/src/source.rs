//! The texts a configuration was read from, and places in them.

use std::path::PathBuf;

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

/// One text: a file, the inline configuration, or the embedded default.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path as shown to the user, or a name in angle brackets such as `<inline>`.
    pub name: String,
    /// Where relative includes start, if the text is a file.
    pub directory: Option<PathBuf>,
    /// The text, without a byte order mark.
    pub text: String,
}

/// All texts of one configuration.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
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
