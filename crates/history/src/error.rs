//! Why a history cannot be opened, in words for the person who configured it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a history cannot be opened: what, where, what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The lock is held.
    #[error(
        "the history {} is in use by another process, or by another output of this one: \
         stop that, or give each websocket output a `path` of its own",
        .dir.display()
    )]
    InUse {
        /// The history.
        dir: PathBuf,
    },
    /// There is something else where the directory should be.
    #[error("{} is not a directory: move it away, or choose another `path` for the history", .path.display())]
    NotADirectory {
        /// What is there.
        path: PathBuf,
    },
    /// Not allowed.
    #[error(
        "no permission to {what} {}: give it to the user that runs Fluentcast, or choose another `path` \
         for the history",
        .path.display()
    )]
    Permission {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
    },
    /// Written by a later version.
    #[error(
        "{} has format {found}, and this Fluentcast knows formats up to {known}: use the version that \
         wrote it, or choose another `path` for the history",
        .path.display()
    )]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// Anything else that the system says.
    #[error("cannot {what} {}: {source}; see to it, or choose another `path` for the history", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl OpenError {
    /// From what the system said.
    pub(crate) fn new(what: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Permission { what, path }
            }
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => Self::NotADirectory { path },
            _ => Self::Io { what, path, source },
        }
    }
}
