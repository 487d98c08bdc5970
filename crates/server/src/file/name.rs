//! Which file an event belongs in: the path as configured, completed by time, tag, index and suffix.
//!
//! The tag comes from a sender. It must never lead out of the configured directory, nor make a name
//! that no file can have (which would be retried for ever).

use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use fluentcast_event::limits::{FILE_NAME_BYTES_MAX, FILE_PATH_BYTES_MAX};

use super::slice::{Slice, SliceStart};
use crate::format::time::Strftime;

/// The configured path, compiled.
#[derive(Debug)]
pub(super) struct PathTemplate {
    pieces: Vec<Piece>,
    /// The path up to the first thing that varies.
    fixed: String,
    /// Shape of the path when the tag is harmless: no tag may change it.
    shape: Shape,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    /// Text with strftime items, filled with the start of the slice.
    Time(Strftime),
    Tag,
    /// `${tag[n]}`; negative counts from the end.
    TagPart(i64),
    Index,
}

impl Piece {
    /// What a placeholder stands for.
    fn tag_value<'a>(&self, tag: &'a str) -> Option<&'a str> {
        match self {
            Self::Tag => Some(tag),
            Self::TagPart(index) => Some(tag_part(tag, *index)),
            _ => None,
        }
    }
}

/// A file name whose index is still open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileName {
    /// The slice whose events the file takes.
    pub(super) slice: Option<SliceStart>,
    /// The path, cut where the index goes; one part when there is no index.
    parts: Vec<String>,
}

/// Why a tag cannot be part of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NameError {
    /// It starts with `/`, contains `../`, or otherwise leads elsewhere.
    #[error("the tag would lead out of the directory of the path")]
    Escapes,
    /// No file system takes such a name.
    #[error("the tag makes a path that is too long or no file name")]
    NotAName,
}

/// What decides where a path leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shape {
    absolute: bool,
    parents: usize,
}

impl Shape {
    fn of(path: &Path) -> Self {
        let parents = path.components().filter(|part| *part == Component::ParentDir).count();
        Self { absolute: path.is_absolute(), parents }
    }
}

/// How a slice is written when the path does not say it.
fn time_items(timekey: Duration) -> &'static str {
    match timekey.as_secs() {
        0..60 => "%Y%m%d%H%M%S",
        60..3_600 => "%Y%m%d%H%M",
        3_600..86_400 => "%Y%m%d%H",
        _ => "%Y%m%d",
    }
}

impl PathTemplate {
    /// Compiles `path`.
    ///
    /// # Errors
    /// When the path has only some of the time items its slices need, or an unknown placeholder.
    pub(super) fn compile(
        path: &str,
        timekey: Option<Duration>,
        append: bool,
        suffix: &str,
        gzip: bool,
    ) -> io::Result<Self> {
        let mut parser = Parser { timed: timekey.is_some(), indexed: !append, pieces: Vec::new() };
        let items = timekey.map(time_items);
        let mut stems = path.split('*');
        parser.text(stems.next().unwrap_or_default())?;
        if path.contains('*') {
            for stem in stems {
                parser.text(items.unwrap_or_default())?;
                parser.index();
                parser.text(stem)?;
            }
        } else {
            if let Some(items) = items.filter(|items| !says_slice(path, items)) {
                complain_about_partial_items(path, items)?;
                parser.text(&format!(".{items}"))?;
            }
            parser.index();
            parser.text(suffix)?;
        }
        parser.text(if gzip { ".gz" } else { "" })?;

        let varies =
            |at: &usize| path[*at..].starts_with("${") || (timekey.is_some() && path[*at..].starts_with('%'));
        let fixed =
            path.char_indices().map(|(at, _)| at).find(|at| varies(at) || path[*at..].starts_with('*'));
        let fixed = path[..fixed.unwrap_or(path.len())].to_owned();
        let mut template = Self { pieces: parser.pieces, fixed, shape: Shape::default() };
        template.shape = Shape::of(&template.fill("x", None).path(Some(0)));
        Ok(template)
    }

    /// The directory that is the same for all files.
    pub(super) fn directory(&self) -> &Path {
        let end = self.fixed.rfind('/').map_or(0, |slash| slash.max(1));
        let directory = &self.fixed[..end];
        Path::new(if directory.is_empty() { "." } else { directory })
    }

    /// The file itself when there is only one.
    pub(super) fn only_file(&self) -> Option<PathBuf> {
        match self.pieces.as_slice() {
            pieces if pieces.iter().all(|piece| matches!(piece, Piece::Text(_))) => {
                Some(self.fill("", None).path(None))
            }
            _ => None,
        }
    }

    /// True when the tag is part of the path.
    pub(super) fn by_tag(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Tag | Piece::TagPart(_)))
    }

    /// The name for the events of `tag` in `slice`.
    ///
    /// # Errors
    /// [`NameError`]
    pub(super) fn name(&self, tag: &str, slice: Option<Slice>) -> Result<FileName, NameError> {
        for value in self.pieces.iter().filter_map(|piece| piece.tag_value(tag)) {
            if value.starts_with('/') || value.contains("../") {
                return Err(NameError::Escapes);
            }
            if value.contains('\0') {
                return Err(NameError::NotAName);
            }
        }
        let name = self.fill(tag, slice);
        let path = name.path(Some(0));
        if Shape::of(&path) != self.shape {
            return Err(NameError::Escapes);
        }
        let text = path.as_os_str().as_encoded_bytes();
        let too_long = text.len() > FILE_PATH_BYTES_MAX
            || text.split(|byte| *byte == b'/').any(|part| part.len() > FILE_NAME_BYTES_MAX);
        if too_long || text.ends_with(b"/") || text.ends_with(b"/.") {
            return Err(NameError::NotAName);
        }
        Ok(name)
    }

    fn fill(&self, tag: &str, slice: Option<Slice>) -> FileName {
        let mut parts = Vec::new();
        let mut part = String::new();
        let time = slice.map(|slice| slice.time());
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => part.push_str(text),
                Piece::Time(format) => {
                    if let Some(time) = &time {
                        format.render(&mut part, time);
                    }
                }
                Piece::Tag | Piece::TagPart(_) => part.push_str(piece.tag_value(tag).unwrap_or_default()),
                Piece::Index => parts.push(std::mem::take(&mut part)),
            }
        }
        parts.push(part);
        FileName { slice: slice.map(|slice| slice.start), parts }
    }
}

impl FileName {
    /// The path; `index` counts only where the name has one.
    pub(super) fn path(&self, index: Option<u32>) -> PathBuf {
        let index = index.map_or_else(String::new, |index| format!("_{index}"));
        PathBuf::from(self.parts.join(&index))
    }

    /// Bytes the name takes.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(String::len).sum()
    }
}

struct Parser {
    timed: bool,
    indexed: bool,
    pieces: Vec<Piece>,
}

impl Parser {
    /// Appends text with `${…}` and, when there are slices, strftime items.
    fn text(&mut self, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (placeholder, after) = after
                .split_once('}')
                .ok_or_else(|| invalid(format!("`${{` without `}}` in path {text:?}")))?;
            self.literal(before);
            self.pieces.push(placeholder_piece(placeholder)?);
            rest = after;
        }
        self.literal(rest);
        Ok(())
    }

    fn literal(&mut self, text: &str) {
        match text {
            "" => {}
            text if self.timed && text.contains('%') => {
                self.pieces.push(Piece::Time(Strftime::compile(text)))
            }
            text => self.pieces.push(Piece::Text(text.to_owned())),
        }
    }

    fn index(&mut self) {
        if self.indexed {
            self.pieces.push(Piece::Index);
        }
    }
}

fn placeholder_piece(placeholder: &str) -> io::Result<Piece> {
    let part = placeholder.strip_prefix("tag[").and_then(|part| part.strip_suffix(']'));
    match part.map(str::parse) {
        Some(Ok(index)) => Ok(Piece::TagPart(index)),
        None if placeholder == "tag" => Ok(Piece::Tag),
        _ => Err(invalid(format!(
            "`${{{placeholder}}}` cannot stand in path; `${{tag}}` and `${{tag[0]}}` can"
        ))),
    }
}

/// True when the path itself holds every time item its slices need.
fn says_slice(path: &str, items: &str) -> bool {
    time_item_pairs(items).all(|item| path.contains(item))
}

fn complain_about_partial_items(path: &str, items: &str) -> io::Result<()> {
    let missing: Vec<_> = time_item_pairs(items).filter(|item| !path.contains(item)).collect();
    if missing.len() == time_item_pairs(items).count() {
        return Ok(());
    }
    let missing = missing.join(", ");
    Err(invalid(format!(
        "insufficient timestamp placeholders in path {path:?}: slices this short need {missing} as well, or none at all"
    )))
}

fn time_item_pairs(items: &str) -> impl Iterator<Item = &str> {
    (0..items.len()).step_by(2).filter_map(|at| items.get(at..at + 2))
}

fn tag_part(tag: &str, index: i64) -> &str {
    let position = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    let part = if index < 0 { tag.rsplit('.').nth(position - 1) } else { tag.split('.').nth(position) };
    part.unwrap_or_default()
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
