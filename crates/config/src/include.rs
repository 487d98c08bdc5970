//! `@include`: from the target as written to the files it names, and their content into the tree.
//!
//! Nothing is fetched over the network. Every chain of includes ends: it is bounded in depth, in files
//! and in bytes, and a file that includes itself is refused.

use std::path::{Path, PathBuf};

use fluentcast_event::limits::{CONFIG_FILES_MAX, CONFIG_INCLUDE_DEPTH_MAX};
use glob::{MatchOptions, Pattern};
use percent_encoding::percent_decode_str;

use crate::load::Loader;
use crate::parser;
use crate::source::Span;
use crate::tree::Builder;

/// As in a shell: `*` stops at `/` and does not see hidden files.
const GLOB: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

impl Loader<'_> {
    /// Reads what `target` names, in the classic format, into `into`, which stands `depth` sections deep.
    pub(crate) fn include(&mut self, target: &str, span: Span, into: &mut Builder, depth: usize) {
        self.each_included(
            target,
            span,
            &["yaml", "yml"],
            "the classic `@include` cannot read YAML",
            |loader, file| {
                parser::parse(loader, file, into, depth);
            },
        );
    }

    /// Opens in turn every file that `target` names and hands it to `read`. Files that end in one of
    /// `foreign` are of the other format.
    pub(crate) fn each_included(
        &mut self,
        target: &str,
        span: Span,
        foreign: &[&str],
        refusal: &str,
        mut read: impl FnMut(&mut Self, u32),
    ) {
        for path in self.resolve(target, span) {
            let extension = path.extension().and_then(|extension| extension.to_str());
            if extension.is_some_and(|extension| foreign.contains(&extension)) {
                self.diagnostics
                    .error("include-format", span, format!("include error {} - {refusal}", path.display()))
                    .help("write the included file in the format of the file that includes it");
                continue;
            }
            if !self.may_open(&path, span) {
                continue;
            }
            if let Some(file) = self.open(&path, Some(span)) {
                read(self, file);
                self.close();
            }
        }
    }

    fn may_open(&mut self, path: &Path, span: Span) -> bool {
        let shown = path.display();
        if self.is_open(path) {
            self.diagnostics
                .error("include-cycle", span, format!("include error {shown} - it is being included already"))
                .help("a file cannot include itself, directly or through others");
            return false;
        }
        if self.open_count() > CONFIG_INCLUDE_DEPTH_MAX {
            self.diagnostics
                .error(
                    "include-depth",
                    span,
                    format!("includes are nested more than {CONFIG_INCLUDE_DEPTH_MAX} deep"),
                )
                .help("include the files from the main file");
            return false;
        }
        true
    }

    /// The files that `target` names, sorted by path.
    fn resolve(&mut self, target: &str, span: Span) -> Vec<PathBuf> {
        let path = match local_path(target) {
            Ok(path) => path,
            Err(reason) => {
                self.diagnostics
                    .error("include-target", span, format!("include error {target} - {reason}"))
                    .help("put the file on this machine and name its path");
                return Vec::new();
            }
        };
        let directory =
            self.sources.file(span.file).and_then(|file| file.directory.clone()).unwrap_or_default();
        if path.contains(['*', '?', '[']) && !directory.join(&path).exists() {
            return self.glob(&directory, &path, span);
        }
        let path = directory.join(path);
        if path.is_dir() {
            return self.glob(&path, "*.conf", span);
        }
        if !path.exists() {
            self.diagnostics
                .warning(
                    "include-missing",
                    span,
                    format!("there is no `{}`, so nothing is included", path.display()),
                )
                .help("check the path; it is relative to the directory of the file that includes it");
            return Vec::new();
        }
        vec![path]
    }

    /// The files in `directory` that match `pattern`.
    fn glob(&mut self, directory: &Path, pattern: &str, span: Span) -> Vec<PathBuf> {
        let base = Pattern::escape(&directory.to_string_lossy());
        let full = Path::new(&base).join(pattern);
        let found = match glob::glob_with(&full.to_string_lossy(), GLOB) {
            Ok(found) => found,
            Err(error) => {
                self.diagnostics
                    .error("include-target", span, format!("include error {pattern} - {}", error.msg))
                    .help("known are `*`, `?`, `[abc]` and, for any directories, `**/`");
                return Vec::new();
            }
        };
        let mut paths = Vec::new();
        // One more than may be opened, so that opening tells of it.
        for entry in found.take(CONFIG_FILES_MAX + 1) {
            match entry {
                Ok(path) if path.is_dir() => self
                    .diagnostics
                    .error(
                        "include-directory",
                        span,
                        format!("include error {} - it is a directory", path.display()),
                    )
                    .help("let the pattern match files only, such as `d/*.conf`"),
                Ok(path) => paths.push(path),
                Err(error) => self
                    .diagnostics
                    .error("include-error", span, format!("include error {error}"))
                    .help("the directory must be readable by this user"),
            }
        }
        paths.sort();
        self.warn_of_backups(&paths, span);
        paths
    }

    /// An editor's or a person's copy beside the real file is included as well, and doubles it.
    fn warn_of_backups(&mut self, paths: &[PathBuf], span: Span) {
        for path in paths.iter().filter(|path| is_backup(path)) {
            self.diagnostics
                .warning(
                    "include-backup",
                    span,
                    format!("`{}` looks like a backup, and is included", path.display()),
                )
                .help("move it away, or give it another ending, if it should not count");
        }
    }
}

fn is_backup(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let last = stem.rsplit(['.', '_', '-', ' ']).next().unwrap_or_default();
    last.len() < stem.len() && matches!(last, "bak" | "backup" | "old" | "orig" | "copy" | "save")
}

/// The path of a target, which is a path or a URL of Fluentd's: without scheme, percent-decoded.
fn local_path(target: &str) -> Result<String, &'static str> {
    let path = match target.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("file") => {
            let path = rest.strip_prefix("localhost").unwrap_or(rest);
            if !path.starts_with('/') {
                return Err("a file: address must be absolute, such as file:///etc/x.conf");
            }
            path
        }
        Some((scheme, _))
            if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !scheme.is_empty() =>
        {
            return Err("configuration is not fetched over the network");
        }
        _ => target,
    };
    match percent_decode_str(path).decode_utf8() {
        Ok(path) if path.contains('\0') => Err("a path cannot hold a zero byte"),
        Ok(path) => Ok(path.into_owned()),
        Err(_) => Err("it is not UTF-8 once percent-decoded"),
    }
}
