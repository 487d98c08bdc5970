//! From block to block through a part of a segment file, by the heads alone.
//!
//! Never trusts a length that has not passed its checksum, and never reads beyond the end it was given.
//! Damage is walked over: the next sound head goes on.

use std::fs::File;
use std::io;

use crate::block::{HEAD_BYTES, Head, MAGIC};
use crate::disk;

#[cfg(test)]
mod tests;

/// What is read at once when the next head is looked for byte by byte.
const SEARCH_BYTES: usize = 64 * 1024;

/// A walk.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    file: &'a File,
    salt: u32,
    at: u64,
    end: u64,
    window: Vec<u8>,
    /// Where in the file the window begins.
    window_at: u64,
    window_bytes: usize,
    damaged_at: Option<u64>,
}

/// A block that was found: its head, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) head: Head,
    pub(crate) at: u64,
    /// Where the bytes before it begin that are no block.
    pub(crate) damaged_at: Option<u64>,
}

impl<'a> Walk<'a> {
    /// A walk over the blocks between two offsets, reading `window_bytes` at once.
    pub(crate) fn new(file: &'a File, salt: u32, at: u64, end: u64, window_bytes: usize) -> Self {
        let window_bytes = window_bytes.max(HEAD_BYTES);
        Self { file, salt, at, end, window: Vec::new(), window_at: at, window_bytes, damaged_at: None }
    }

    /// The next block whose head is sound and which ends within the bounds.
    pub(crate) fn next(&mut self) -> io::Result<Option<Found>> {
        while self.at < self.end {
            if let Some(head) = self.head_here()? {
                let found = Found { head, at: self.at, damaged_at: self.damaged_at.take() };
                self.at += head.block_len();
                return Ok(Some(found));
            }
            self.damaged_at.get_or_insert(self.at);
            self.seek_magic()?;
        }
        Ok(None)
    }

    /// Where the walk has come to.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Where the bytes begin that are no block and have none after them; to be asked at the end.
    pub(crate) fn damaged_at(&self) -> Option<u64> {
        self.damaged_at
    }

    fn head_here(&mut self) -> io::Result<Option<Head>> {
        let (salt, room) = (self.salt, self.end - self.at);
        let head = Head::parse(self.window_at(self.at, HEAD_BYTES)?, salt);
        Ok(head.filter(|head| head.block_len() <= room))
    }

    /// Goes to the next place, after this one, where a head may begin; else to the end.
    fn seek_magic(&mut self) -> io::Result<()> {
        self.at += 1;
        while self.at < self.end {
            let bytes = self.window_at(self.at, SEARCH_BYTES)?;
            if let Some(offset) = bytes.windows(MAGIC.len()).position(|four| four == MAGIC) {
                self.at += offset as u64;
                return Ok(());
            }
            // The last bytes may be the beginning of a magic.
            let passed = (bytes.len() + 1).saturating_sub(MAGIC.len());
            if passed == 0 {
                break;
            }
            self.at += passed as u64;
        }
        self.at = self.end;
        Ok(())
    }

    /// `len` bytes of the file from `at`; fewer where the walk, or the file, ends before.
    fn window_at(&mut self, at: u64, len: usize) -> io::Result<&[u8]> {
        let len = usize::try_from(self.end - at).map_or(len, |room| len.min(room));
        let inside = |window_at: u64, window: usize| {
            let skip = usize::try_from(at.checked_sub(window_at)?).ok()?;
            (skip.checked_add(len)? <= window).then_some(skip)
        };
        if let Some(skip) = inside(self.window_at, self.window.len()) {
            return Ok(&self.window[skip..skip + len]);
        }
        let room = usize::try_from(self.end - at).unwrap_or(usize::MAX);
        self.window.resize(self.window_bytes.max(len).min(room), 0);
        self.window_at = at;
        let read = disk::read_at(self.file, &mut self.window, at);
        self.window.truncate(*read.as_ref().unwrap_or(&0));
        read?;
        Ok(&self.window[..len.min(self.window.len())])
    }
}
