//! The file system as the writer needs it. A trait, so that a test can make a disk that is full.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use fluentcast_event::EventTime;

/// What the writer does with the file system.
pub(super) trait Disk: Send {
    /// Opens a file to write at its end; makes it and its directories when they are missing.
    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Makes a file that was not there; `AlreadyExists` when it was.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Makes `link` point to `target`, replacing what it pointed to at once.
    fn link(&self, target: &Path, link: &Path) -> io::Result<()>;
}

/// An open file. Unbuffered: `write` says how much really went in.
pub(super) trait DiskFile: Write + Send {
    /// Waits until the file is on the medium.
    fn sync(&self) -> io::Result<()>;
    /// True while `path` is still this file (it was not moved or deleted).
    fn is_at(&self, path: &Path) -> bool;
}

/// The real one.
#[derive(Clone, Copy, Debug)]
pub(super) struct RealDisk {
    /// Permissions of new files.
    pub(super) file_permission: u32,
    /// Permissions of new directories.
    pub(super) dir_permission: u32,
}

impl RealDisk {
    /// Checks that files can be made in `directory` (made when missing); a file that is there already
    /// only has to be writable.
    pub(super) fn check(&self, directory: &Path, only_file: Option<&Path>) -> io::Result<()> {
        self.create_directories(directory)?;
        if let Some(file) = only_file.filter(|file| file.exists()) {
            return OpenOptions::new().append(true).open(file).map(drop);
        }
        let probe = directory.join(format!(".fluentcast-{}-{}", std::process::id(), EventTime::now().nanos));
        // Never a file that somebody put there: it might be a link to another.
        OpenOptions::new().write(true).create_new(true).open(&probe)?;
        fs::remove_file(&probe)
    }

    /// Makes missing directories, each with exactly the wanted permissions whatever the umask.
    fn create_directories(&self, directory: &Path) -> io::Result<()> {
        if directory.as_os_str().is_empty() || directory.is_dir() {
            return Ok(());
        }
        if let Some(parent) = directory.parent() {
            self.create_directories(parent)?;
        }
        match DirBuilder::new().mode(self.dir_permission).create(directory) {
            Ok(()) => fs::set_permissions(directory, Permissions::from_mode(self.dir_permission)),
            // Somebody else was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Disk for RealDisk {
    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        match self.create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Ok(Box::new(OpenOptions::new().append(true).open(path)?))
            }
            made => made,
        }
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        if let Some(directory) = path.parent() {
            self.create_directories(directory)?;
        }
        let file = OpenOptions::new().append(true).create_new(true).mode(self.file_permission).open(path)?;
        file.set_permissions(Permissions::from_mode(self.file_permission))?;
        Ok(Box::new(file))
    }

    fn link(&self, target: &Path, link: &Path) -> io::Result<()> {
        if fs::symlink_metadata(link).is_ok_and(|there| !there.is_symlink()) {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "there is something that is no symbolic link",
            ));
        }
        if let Some(directory) = link.parent() {
            self.create_directories(directory)?;
        }
        let mut fresh = link.as_os_str().to_owned();
        fresh.push(format!(".{}", std::process::id()));
        let fresh = PathBuf::from(fresh);
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        symlink(std::path::absolute(target)?, &fresh)?;
        fs::rename(&fresh, link)
    }
}

impl DiskFile for File {
    fn sync(&self) -> io::Result<()> {
        match self.sync_all() {
            // A device or a pipe has no medium to wait for.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result,
        }
    }

    fn is_at(&self, path: &Path) -> bool {
        let there = |there: fs::Metadata| (there.dev(), there.ino());
        match (self.metadata(), fs::metadata(path)) {
            (Ok(open), Ok(named)) => there(open) == there(named),
            _ => false,
        }
    }
}
