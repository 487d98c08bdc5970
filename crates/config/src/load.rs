//! Reads a configuration: the main text, what it includes, and the inline text, into one tree.
//!
//! The process environment is handed in; this crate never looks at it by itself. Files are read within
//! bounds, and whatever goes wrong is told in the diagnostics: loading always gives what there is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use fluentcast_event::limits::{CONFIG_BYTES_MAX, CONFIG_FILES_MAX};

use crate::diagnostics::Diagnostics;
use crate::source::{SourceMap, Span};
use crate::tree::{Builder, Element};
use crate::{parser, reserved, yaml};

/// What `#{...}` may see.
#[derive(Clone, Default)]
pub struct Environment {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// The name of this machine.
    pub hostname: String,
    /// The worker's number as text; Fluentd's only worker is `0`.
    pub worker_id: String,
}

/// In which format the main file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileKind {
    /// By its name: YAML when it ends in `.yaml` or `.yml`.
    #[default]
    Guess,
    /// YAML.
    Yaml,
    /// The classic format.
    Classic,
}

impl FileKind {
    /// Whether the file at `path` is to be read as YAML.
    fn is_yaml(self, path: &Path) -> bool {
        match self {
            Self::Yaml => true,
            Self::Classic => false,
            Self::Guess => {
                path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
            }
        }
    }
}

/// What was read, and what is wrong with it.
#[derive(Debug)]
pub struct Loaded {
    /// All texts.
    pub sources: SourceMap,
    /// Everything they say.
    pub root: Element,
    /// The mistakes found.
    pub diagnostics: Diagnostics,
}

/// Reads the file at `path`, and then `inline` as if it stood at the end of the file (the two characters
/// `\n` in it are a line end; not with YAML).
#[must_use]
pub fn load_file(path: &Path, environment: &Environment, inline: Option<&str>, kind: FileKind) -> Loaded {
    let mut loader = Loader::new(environment);
    let mut root = Builder::new(Element::ROOT, Span::default());
    let yaml = kind.is_yaml(path);
    if let Some(file) = loader.open(path, None) {
        if yaml {
            yaml::parse(&mut loader, file, &mut root);
        } else {
            parser::parse(&mut loader, file, &mut root, 0);
        }
        loader.close();
    }
    if let Some(inline) = inline {
        let directory = path.parent().map(Path::to_owned);
        let file = loader.sources.add("<inline>", directory, inline.replace("\\n", "\n"));
        if yaml {
            loader
                .diagnostics
                .warning(
                    "inline-ignored",
                    Span::new(file, 0..0),
                    "inline configuration is not used with a YAML file",
                )
                .help("put it into the file");
        } else {
            parser::parse(&mut loader, file, &mut root, 0);
        }
    }
    loader.finish(root)
}

/// Reads a text in the classic format. Relative includes start in the working directory.
#[must_use]
pub fn load_text(name: &str, text: &str, environment: &Environment) -> Loaded {
    let mut loader = Loader::new(environment);
    let mut root = Builder::new(Element::ROOT, Span::default());
    let file = loader.sources.add(name, None, text);
    parser::parse(&mut loader, file, &mut root, 0);
    loader.finish(root)
}

/// Reads a text in YAML. Relative includes start in the working directory.
#[must_use]
pub fn load_yaml_text(name: &str, text: &str, environment: &Environment) -> Loaded {
    let mut loader = Loader::new(environment);
    let mut root = Builder::new(Element::ROOT, Span::default());
    let file = loader.sources.add(name, None, text);
    yaml::parse(&mut loader, file, &mut root);
    loader.finish(root)
}

/// What all texts of one configuration share while they are read.
pub(crate) struct Loader<'e> {
    pub(crate) environment: &'e Environment,
    pub(crate) sources: SourceMap,
    pub(crate) diagnostics: Diagnostics,
    /// The files being read, outermost first, by their real paths.
    open: Vec<PathBuf>,
    /// Files and bytes that may still be read.
    files_left: usize,
    bytes_left: usize,
}

impl<'e> Loader<'e> {
    fn new(environment: &'e Environment) -> Self {
        Self {
            environment,
            sources: SourceMap::default(),
            diagnostics: Diagnostics::default(),
            open: Vec::new(),
            files_left: CONFIG_FILES_MAX,
            bytes_left: CONFIG_BYTES_MAX,
        }
    }

    fn finish(mut self, root: Builder) -> Loaded {
        let mut root = root.finish();
        reserved::normalise(&mut root, &mut self.diagnostics);
        Loaded { sources: self.sources, root, diagnostics: self.diagnostics }
    }

    /// How many files are being read.
    pub(crate) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// Whether that file is being read already.
    pub(crate) fn is_open(&self, path: &Path) -> bool {
        self.open.contains(&real(path))
    }

    /// Adds the file at `path` as a text and marks it as being read, until [`Loader::close`]. What goes
    /// wrong is told at `asked`, or, for the main file, at the file itself; then there is nothing to close.
    pub(crate) fn open(&mut self, path: &Path, asked: Option<Span>) -> Option<u32> {
        let code = if asked.is_some() { "include-error" } else { "file-read" };
        let bytes = match self.read(path) {
            Ok(bytes) => bytes,
            Err(reason) => {
                let name = path.display();
                let span =
                    asked.unwrap_or_else(|| Span::new(self.sources.add(name.to_string(), None, ""), 0..0));
                let message = match asked {
                    Some(_) => format!("include error {name} - {reason}"),
                    None => format!("cannot read `{name}`: {reason}"),
                };
                self.diagnostics
                    .error(code, span, message)
                    .help("the file must exist and be readable by this user");
                return None;
            }
        };
        let directory = path.parent().map(Path::to_owned);
        let (text, invalid) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(at))
            }
        };
        let file = self.sources.add(path.display().to_string(), directory, text);
        if let Some(at) = invalid {
            self.diagnostics
                .error("not-utf8", Span::new(file, at..at + 1), "this is not UTF-8")
                .help("save the file as UTF-8");
        }
        self.open.push(real(path));
        Some(file)
    }

    /// The file opened last is read.
    pub(crate) fn close(&mut self) {
        self.open.pop();
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        if self.files_left == 0 {
            return Err(format!("more than {CONFIG_FILES_MAX} files"));
        }
        self.files_left -= 1;
        let file = File::open(path).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        file.take(self.bytes_left as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() > self.bytes_left {
            return Err(format!("the configuration is larger than {CONFIG_BYTES_MAX} bytes"));
        }
        self.bytes_left -= bytes.len();
        Ok(bytes)
    }
}

/// The path by which a file is recognised.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
