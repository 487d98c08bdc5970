//! The state of a history: its epoch, the former ones, and how the last process left it.
//!
//! Two slots on pages of their own are written in turn, in place: a write that is torn destroys the slot
//! that was the older one anyway, and a full disk does not matter, since the file has its size from the
//! beginning.
//!
//! ```text
//! offset in the slot  bytes  (integers are little-endian)
//!                  0      8  magic "FCstate\n"
//!                  8      4  version: 1
//!                 12      4  CRC-32 of the rest of the slot
//!                 16      8  generation: the higher one counts
//!                 24      8  epoch
//!                 32      8  highest number known to have been given out
//!                 40      8  number of an event that is stored, and all before it that are not lost
//!                 48      8  number of a segment file that is there, or a later one is; 0: none need be
//!                 56     16  boot id of the system that wrote it; zeros: not known
//!                 72      4  salt of the checksums of segments
//!                 76      1  1: closed in order
//!                 77      1  1: events were given numbers and could not be written
//!                 78      1  former epochs that follow, the oldest first
//!                 79      1  0
//!                 80  16*16  epoch, last number
//! ```

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use fluentcast_event::limits::HISTORY_FORMER_EPOCHS_MAX;

use crate::block::{sum, u32_at, u64_at};
use crate::disk::{self, Disk};
use crate::segment::VERSION;
use crate::{Epoch, Former};

#[cfg(test)]
mod tests;

const MAGIC: [u8; 8] = *b"FCstate\n";
const FORMER_AT: usize = 80;
const SLOT_BYTES: usize = FORMER_AT + HISTORY_FORMER_EPOCHS_MAX * 16;

/// How far apart the slots begin: no sector and no page holds bytes of both.
const SLOT_DISTANCE: usize = 4096;

const _: () = assert!(SLOT_BYTES <= 512, "one sector, so that most disks write it as a whole");
const _: () = assert!(HISTORY_FORMER_EPOCHS_MAX <= 255, "the count is one byte");

/// The identity of one run of the operating system; zeros where it has none to offer. What was written
/// during this run is in its page cache, if not on the medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BootId(pub(crate) [u8; 16]);

impl BootId {
    pub(crate) fn current() -> Self {
        fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .ok()
            .and_then(|text| u128::from_str_radix(&text.trim().replace('-', ""), 16).ok())
            .map_or_else(Self::default, |id| Self(id.to_be_bytes()))
    }

    /// Nothing that this process could have lost has been lost by the system since the other was noted.
    pub(crate) fn is_same_run(self, other: Self) -> bool {
        self == other && self != Self::default()
    }
}

/// The state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) epoch: Epoch,
    /// Numbers up to this one have been given out. Exact after `clean`, else a lower bound.
    pub(crate) given: u64,
    /// The event with this number is in a segment file, unless somebody has damaged that; 0: there need be
    /// none. As of the last sealing, opening or closing.
    pub(crate) stored: u64,
    /// Likewise the segment file with this number, or a later one.
    pub(crate) newest_file: u64,
    pub(crate) boot: BootId,
    pub(crate) salt: u32,
    pub(crate) clean: bool,
    pub(crate) behind: bool,
    /// The newest last; at most [`HISTORY_FORMER_EPOCHS_MAX`].
    pub(crate) former: Vec<Former>,
}

impl State {
    fn encode(&self, generation: u64) -> [u8; SLOT_BYTES] {
        let mut slot = [0; SLOT_BYTES];
        slot[..8].copy_from_slice(&MAGIC);
        slot[8..12].copy_from_slice(&VERSION.to_le_bytes());
        slot[16..24].copy_from_slice(&generation.to_le_bytes());
        slot[24..32].copy_from_slice(&self.epoch.0.to_le_bytes());
        slot[32..40].copy_from_slice(&self.given.to_le_bytes());
        slot[40..48].copy_from_slice(&self.stored.to_le_bytes());
        slot[48..56].copy_from_slice(&self.newest_file.to_le_bytes());
        slot[56..72].copy_from_slice(&self.boot.0);
        slot[72..76].copy_from_slice(&self.salt.to_le_bytes());
        slot[76] = self.clean.into();
        slot[77] = self.behind.into();
        for (former, place) in self.former.iter().zip(slot[FORMER_AT..].chunks_exact_mut(16)) {
            place[..8].copy_from_slice(&former.epoch.0.to_le_bytes());
            place[8..].copy_from_slice(&former.last_seq.to_le_bytes());
        }
        slot[78] = u8::try_from(self.former.len().min(HISTORY_FORMER_EPOCHS_MAX)).unwrap_or(u8::MAX);
        let slot_sum = sum(VERSION, &[&slot[16..]]);
        slot[12..16].copy_from_slice(&slot_sum.to_le_bytes());
        slot
    }

    fn parse(slot: &[u8]) -> Parsed {
        let Some(slot) = slot.first_chunk::<SLOT_BYTES>() else { return Parsed::Damaged };
        let version = u32_at(slot, 8);
        if slot[..8] != MAGIC || u32_at(slot, 12) != sum(version, &[&slot[16..]]) {
            return Parsed::Damaged;
        }
        if version != VERSION {
            return Parsed::UnknownVersion(version);
        }
        let mut boot = BootId::default();
        boot.0.copy_from_slice(&slot[56..72]);
        let former = slot[FORMER_AT..].chunks_exact(16).take(slot[78].into());
        let state = Self {
            epoch: Epoch(u64_at(slot, 24)),
            given: u64_at(slot, 32).min(u64::MAX - 1),
            stored: u64_at(slot, 40),
            newest_file: u64_at(slot, 48),
            boot,
            salt: u32_at(slot, 72),
            clean: slot[76] == 1,
            behind: slot[77] == 1,
            former: former
                .map(|pair| Former { epoch: Epoch(u64_at(pair, 0)), last_seq: u64_at(pair, 8) })
                .collect(),
        };
        Parsed::Sound(u64_at(slot, 16), state)
    }
}

enum Parsed {
    Sound(u64, State),
    UnknownVersion(u32),
    Damaged,
}

/// The file.
#[derive(Debug)]
pub(crate) struct StateFile {
    file: File,
    disk: Disk,
    /// Of the slot that counts.
    generation: u64,
}

/// What was found in the file.
#[derive(Debug)]
pub(crate) enum Stored {
    /// The state.
    Sound(State),
    /// The file was not there.
    Missing,
    /// Neither slot can be read.
    Damaged,
    /// Written by a later version.
    UnknownVersion(u32),
}

impl StateFile {
    /// Opens the file, making it if needed, and reads the slot that counts.
    pub(crate) fn open(path: &Path, disk: Disk) -> io::Result<(Self, Stored)> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = [0; 2 * SLOT_DISTANCE];
        let len = disk::read_at(&file, &mut bytes, 0)?;
        if len < bytes.len() {
            // Gives the file its blocks now, so that no later write needs room on the disk.
            disk.overwrite(&file, &bytes[len..], len as u64)?;
        }
        let mut stored = if len == 0 { Stored::Missing } else { Stored::Damaged };
        let mut newest = 0;
        for slot in bytes.chunks_exact(SLOT_DISTANCE) {
            match State::parse(slot) {
                Parsed::Sound(generation, state) if generation >= newest => {
                    newest = generation;
                    stored = Stored::Sound(state);
                }
                Parsed::UnknownVersion(version) => {
                    stored = Stored::UnknownVersion(version);
                    break;
                }
                Parsed::Sound(..) | Parsed::Damaged => {}
            }
        }
        Ok((Self { file, disk, generation: newest }, stored))
    }

    /// Writes the state into the slot that does not count, which then does. Survives this process; to
    /// survive the system it takes [`StateFile::sync`].
    pub(crate) fn write(&mut self, state: &State) -> io::Result<()> {
        let generation = self.generation.wrapping_add(1);
        let slot = if generation.is_multiple_of(2) { 0 } else { SLOT_DISTANCE as u64 };
        self.disk.overwrite(&self.file, &state.encode(generation), slot)?;
        self.generation = generation;
        Ok(())
    }

    /// Brings what was written onto the medium.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.disk.sync(&self.file)
    }
}
