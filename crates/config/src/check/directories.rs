//! Whose directory is whose: no two outputs may keep their history in one, nor one inside the other's.
//!
//! Paths are compared as they are written: what a link or a `..` leads to only the file system knows, and
//! whoever opens the directory locks it.

use std::path::{Component, Path, PathBuf};

use super::context::Context;
use crate::source::Span;

/// A directory that an output wants for itself.
pub(super) struct Directory {
    pub(super) path: PathBuf,
    pub(super) span: Span,
}

/// Reports directories that two outputs want.
pub(super) fn check(ctx: &mut Context<'_>) {
    let mut directories = std::mem::take(&mut ctx.directories);
    for directory in &mut directories {
        directory.path = normal(&directory.path);
    }
    // By path: what is inside a directory comes directly behind it.
    directories.sort_by(|a, b| (&a.path, a.span).cmp(&(&b.path, b.span)));
    let mut around: Vec<&Directory> = Vec::new();
    for directory in &directories {
        while around.last().is_some_and(|outer| !directory.path.starts_with(&outer.path)) {
            around.pop();
        }
        match around.last() {
            Some(outer) if is_within(&directory.path, &outer.path) => report(ctx, outer, directory),
            _ => around.push(directory),
        }
    }
}

/// At the later of the two, naming the earlier.
fn report(ctx: &mut Context<'_>, outer: &Directory, inner: &Directory) {
    let (earlier, later) = if outer.span < inner.span { (outer, inner) } else { (inner, outer) };
    let place = ctx.origin(earlier.span);
    let how = if outer.path == inner.path {
        "that of another history"
    } else if later.span == inner.span {
        "inside that of another history"
    } else {
        "around that of another history"
    };
    let message = format!("path: this directory is {how}, at {place}");
    ctx.error("path-twice", later.span, message).help("give every history a directory of its own");
}

/// Without `.` and without slashes too many.
fn normal(path: &Path) -> PathBuf {
    path.components().filter(|component| *component != Component::CurDir).collect()
}

/// Whether the inner path begins with the outer one and stays inside. (Where the process was started is
/// an empty path, which every other begins with.)
fn is_within(inner: &Path, outer: &Path) -> bool {
    let stays = |rest: &Path| !rest.components().any(|component| component == Component::ParentDir);
    inner.has_root() == outer.has_root() && inner.strip_prefix(outer).is_ok_and(stays)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_and_slashes_do_not_make_another_directory() {
        for (a, b, same) in [
            ("/a/b", "/a/b/", true),
            ("/a/./b", "//a//b/.", true),
            ("a", "./a", true),
            (".", "./", true),
            ("/a/b", "a/b", false),
            ("/a/b", "/a/B", false),
        ] {
            assert_eq!(normal(Path::new(a)) == normal(Path::new(b)), same, "{a} {b}");
        }
    }

    #[test]
    fn within_is_by_whole_names_and_not_behind_a_way_up() {
        for (inner, outer, within) in [
            ("/a/b", "/a", true),
            ("/a", "/a", true),
            ("a/b", "", true),
            ("/a/b/c", "/a", true),
            ("/ab", "/a", false),
            ("/a/../b", "/a", false),
            ("../b", "", false),
            ("/a", "", false),
            ("/a", "/a/b", false),
        ] {
            assert_eq!(is_within(Path::new(inner), Path::new(outer)), within, "{inner} {outer}");
        }
    }
}
