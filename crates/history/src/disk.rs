//! The few things that are done to files, in one place, so that tests can make them fail.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The way to the disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    #[cfg(test)]
    pub(crate) faults: std::sync::Arc<crate::tests::faults::Faults>,
}

impl Disk {
    /// Makes a file that must not exist, to be appended to.
    pub(crate) fn create(&self, path: &Path) -> io::Result<File> {
        #[cfg(test)]
        self.faults.check_create()?;
        OpenOptions::new().read(true).append(true).create_new(true).open(path)
    }

    /// Appends all parts in one call, where the system takes them in one.
    pub(crate) fn append(&self, mut file: &File, parts: &[&[u8]; 3]) -> io::Result<()> {
        #[cfg(test)]
        self.faults.check_append(file, parts)?;
        let mut slices = parts.map(IoSlice::new);
        let mut rest = &mut slices[..];
        // Drops empty slices at the front, so that a write of nothing always means an error.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match file.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Cuts a file off.
    pub(crate) fn truncate(&self, file: &File, len: u64) -> io::Result<()> {
        #[cfg(test)]
        self.faults.check_truncate()?;
        file.set_len(len)
    }

    /// Overwrites bytes that the file already has.
    pub(crate) fn overwrite(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        #[cfg(test)]
        self.faults.check_overwrite(file, bytes, at)?;
        file.write_all_at(bytes, at)
    }

    /// Brings a file's content onto the medium.
    pub(crate) fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        self.faults.check_sync()?;
        file.sync_data()
    }

    /// Brings the names in a directory onto the medium.
    pub(crate) fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.sync(&File::open(dir)?)
    }

    /// Deletes a file; that it is gone already is as good.
    pub(crate) fn remove(&self, path: &Path) -> io::Result<()> {
        #[cfg(test)]
        self.faults.check_remove()?;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Reads until the buffer is full or the file ends, and says how much that was.
pub(crate) fn read_at(file: &File, mut buffer: &mut [u8], mut at: u64) -> io::Result<usize> {
    let wanted = buffer.len();
    while !buffer.is_empty() {
        match file.read_at(buffer, at) {
            Ok(0) => break,
            Ok(read) => {
                buffer = &mut buffer[read..];
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(wanted - buffer.len())
}
