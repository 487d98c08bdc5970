//! A segment: one file of blocks. Its name, how it begins, and what is known of it in memory.
//!
//! A segment holds blocks of one epoch with rising numbers. Only the newest is ever appended to.
//!
//! ```text
//! offset  bytes  (integers are little-endian)
//!      0      8  magic "FChist\r\n"
//!      8      4  version: 1
//!     12      4  CRC-32 of the rest of the head
//!     16      8  epoch
//!     24      4  salt of the checksums of its blocks
//!     28      4  0
//!     32         blocks
//! ```

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use fluentcast_event::EventTime;
use fluentcast_event::limits::HISTORY_STRETCH_BYTES;

use crate::Epoch;
use crate::block::{Head, sum, u32_at, u64_at};

/// How a segment file begins. A copy that changes line ends does not pass.
const MAGIC: [u8; 8] = *b"FChist\r\n";

/// The format of the files of a history, state included.
pub(crate) const VERSION: u32 = 1;

/// Length of what stands before the first block, in bytes.
pub(crate) const START_BYTES: usize = 32;

/// Earlier than any event.
pub(crate) const TIME_MIN: EventTime = EventTime { seconds: i64::MIN, nanos: 0 };

/// The file of the segment that begins with this number.
pub(crate) fn path(dir: &Path, first_seq: u64) -> PathBuf {
    dir.join(format!("{first_seq:020}.seg"))
}

/// The number in the name of a segment file; `None` for other files.
pub(crate) fn seq_of_name(name: &OsStr) -> Option<u64> {
    let digits = name.to_str()?.strip_suffix(".seg")?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    // Numbers end one below the highest, so that one can always ask for the next.
    digits.parse().ok().filter(|&seq| plain && seq > 0 && seq < u64::MAX)
}

/// What stands before the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) epoch: Epoch,
    pub(crate) salt: u32,
}

/// What the first bytes of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParsedStart {
    Sound(Start),
    /// A sound start of a later format.
    UnknownVersion(u32),
    Damaged,
}

impl Start {
    pub(crate) fn encode(&self) -> [u8; START_BYTES] {
        let mut start = [0; START_BYTES];
        start[..8].copy_from_slice(&MAGIC);
        start[8..12].copy_from_slice(&VERSION.to_le_bytes());
        start[16..24].copy_from_slice(&self.epoch.0.to_le_bytes());
        start[24..28].copy_from_slice(&self.salt.to_le_bytes());
        let start_sum = sum(VERSION, &[&start[16..]]);
        start[12..16].copy_from_slice(&start_sum.to_le_bytes());
        start
    }

    pub(crate) fn parse(bytes: &[u8]) -> ParsedStart {
        let Some(start) = bytes.first_chunk::<START_BYTES>() else { return ParsedStart::Damaged };
        let version = u32_at(start, 8);
        if start[..8] != MAGIC || u32_at(start, 12) != sum(version, &[&start[16..]]) {
            return ParsedStart::Damaged;
        }
        if version != VERSION {
            return ParsedStart::UnknownVersion(version);
        }
        ParsedStart::Sound(Self { epoch: Epoch(u64_at(start, 16)), salt: u32_at(start, 24) })
    }
}

/// What is known of a segment in memory.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// The number in its name: its blocks begin with this one, or later where some are missing.
    pub(crate) first_seq: u64,
    /// The number of its last event; one before `first_seq` while it has none.
    pub(crate) last_seq: u64,
    pub(crate) events: u64,
    /// Bytes of the file that may be read.
    pub(crate) len: u64,
    pub(crate) salt: u32,
    pub(crate) newest_time: EventTime,
    /// When its first and its last block were received; rising from block to block (see `add`).
    pub(crate) first_received: EventTime,
    pub(crate) last_received: EventTime,
    /// The index: where in the file which numbers and times are.
    pub(crate) stretches: Vec<Stretch>,
}

/// Neighbouring blocks of a segment that the index knows only together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// Where in the file its first block begins.
    pub(crate) offset: u64,
    pub(crate) first_seq: u64,
    pub(crate) newest_time: EventTime,
    pub(crate) last_received: EventTime,
}

impl Segment {
    /// A segment without a block yet. `last_received`: of the segment before it.
    pub(crate) fn new(first_seq: u64, salt: u32, last_received: EventTime) -> Self {
        Self {
            first_seq,
            last_seq: first_seq - 1,
            events: 0,
            len: START_BYTES as u64,
            salt,
            newest_time: TIME_MIN,
            first_received: last_received,
            last_received,
            stretches: Vec::new(),
        }
    }

    /// Takes note of a block at this offset, the one after all that are known.
    pub(crate) fn add(&mut self, head: &Head, offset: u64) {
        // A clock that was set back, or batches that overtook one another: what comes later in the file
        // was received later. So the oldest are always at the front.
        let received = head.received.max(self.last_received);
        if self.events == 0 {
            self.first_received = received;
        }
        self.last_received = received;
        self.newest_time = self.newest_time.max(head.newest_time);
        self.last_seq = head.last_seq();
        self.events += u64::from(head.events);
        self.len = offset + head.block_len();
        match self.stretches.last_mut() {
            Some(stretch) if offset - stretch.offset < HISTORY_STRETCH_BYTES => {
                stretch.newest_time = stretch.newest_time.max(head.newest_time);
                stretch.last_received = received;
            }
            _ => self.stretches.push(Stretch {
                offset,
                first_seq: head.first_seq,
                newest_time: head.newest_time,
                last_received: received,
            }),
        }
    }

    /// Receptions later than `now` become `now`.
    pub(crate) fn clamp_received(&mut self, now: EventTime) {
        self.first_received = self.first_received.min(now);
        self.last_received = self.last_received.min(now);
        for stretch in self.stretches.iter_mut().rev().take_while(|stretch| stretch.last_received > now) {
            stretch.last_received = now;
        }
    }

    /// Where to begin looking for a number.
    pub(crate) fn offset_for(&self, seq: u64) -> u64 {
        let after = self.stretches.partition_point(|stretch| stretch.first_seq <= seq);
        match after.checked_sub(1).and_then(|at| self.stretches.get(at)) {
            Some(stretch) => stretch.offset,
            None => START_BYTES as u64,
        }
    }

    /// The last number that may be in the stretch of this one.
    pub(crate) fn stretch_last_seq(&self, seq: u64) -> u64 {
        let next = self.stretches.partition_point(|stretch| stretch.first_seq <= seq);
        self.stretches.get(next).map_or(self.last_seq, |stretch| stretch.first_seq - 1)
    }

    /// The first number of the first stretch that holds an event of `time` or later, not before `from`.
    pub(crate) fn seq_of_stretch(&self, from: u64, time: EventTime) -> Option<u64> {
        let first = self.stretches.partition_point(|stretch| stretch.first_seq <= from).saturating_sub(1);
        let found = self.stretches.iter().skip(first).find(|stretch| stretch.newest_time >= time)?;
        Some(found.first_seq.max(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(path(Path::new("/d"), 7), Path::new("/d/00000000000000000007.seg"));
        assert_eq!(seq_of_name(OsStr::new("00000000000000000007.seg")), Some(7));
        for other in [
            "7.seg",
            "00000000000000000000.seg",
            "18446744073709551615.seg",
            "99999999999999999999.seg",
            "+0000000000000000007.seg",
            "00000000000000000007.seg.bak",
            "state",
        ] {
            assert_eq!(seq_of_name(OsStr::new(other)), None, "{other}");
        }
    }

    #[test]
    fn a_start_is_what_was_written_or_damaged() {
        let start = Start { epoch: Epoch(0x0123_4567_89ab_cdef), salt: 0xdead_beef };
        let bytes = start.encode();
        assert_eq!(Start::parse(&bytes), ParsedStart::Sound(start));
        for at in 0..START_BYTES {
            for bit in 0..8 {
                let mut wrong = bytes;
                wrong[at] ^= 1 << bit;
                assert_eq!(Start::parse(&wrong), ParsedStart::Damaged, "byte {at} bit {bit}");
            }
            assert_eq!(Start::parse(&bytes[..at]), ParsedStart::Damaged);
        }
        let mut later = bytes;
        later[8..12].copy_from_slice(&2u32.to_le_bytes());
        let start_sum = sum(2, &[&later[16..]]);
        later[12..16].copy_from_slice(&start_sum.to_le_bytes());
        assert_eq!(Start::parse(&later), ParsedStart::UnknownVersion(2));
    }
}
