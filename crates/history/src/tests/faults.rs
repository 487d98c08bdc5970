//! A disk that fails on demand.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What fails, from now on.
#[derive(Debug)]
pub(crate) struct Faults {
    /// Bytes that can be appended before the disk is full.
    pub(crate) room: AtomicU64,
    pub(crate) create: AtomicBool,
    pub(crate) truncate: AtomicBool,
    pub(crate) sync: AtomicBool,
    pub(crate) remove: AtomicBool,
    /// Overwrites write the first half, and fail.
    pub(crate) overwrite: AtomicBool,
    /// Syncs that were made.
    pub(crate) syncs: AtomicU64,
}

impl Default for Faults {
    fn default() -> Self {
        let room = AtomicU64::new(u64::MAX);
        let off = AtomicBool::default;
        Self {
            room,
            create: off(),
            truncate: off(),
            sync: off(),
            remove: off(),
            overwrite: off(),
            syncs: AtomicU64::new(0),
        }
    }
}

fn fail_if(fault: &AtomicBool) -> io::Result<()> {
    if fault.load(Ordering::SeqCst) { Err(io::Error::other("injected")) } else { Ok(()) }
}

impl Faults {
    pub(crate) fn check_create(&self) -> io::Result<()> {
        fail_if(&self.create)
    }

    pub(crate) fn check_truncate(&self) -> io::Result<()> {
        fail_if(&self.truncate)
    }

    pub(crate) fn check_remove(&self) -> io::Result<()> {
        fail_if(&self.remove)
    }

    pub(crate) fn check_sync(&self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        fail_if(&self.sync)
    }

    pub(crate) fn check_overwrite(&self, file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
        let failed = fail_if(&self.overwrite);
        if failed.is_err() {
            file.write_all_at(&bytes[..bytes.len() / 2], at)?;
        }
        failed
    }

    /// Writes as much as there is room for before it fails.
    pub(crate) fn check_append(&self, mut file: &File, parts: &[&[u8]; 3]) -> io::Result<()> {
        let room = self.room.load(Ordering::SeqCst);
        let bytes = parts.concat();
        if bytes.len() as u64 <= room {
            self.room
                .store(if room == u64::MAX { room } else { room - bytes.len() as u64 }, Ordering::SeqCst);
            return Ok(());
        }
        file.write_all(&bytes[..usize::try_from(room).unwrap()])?;
        self.room.store(0, Ordering::SeqCst);
        Err(io::ErrorKind::StorageFull.into())
    }
}
