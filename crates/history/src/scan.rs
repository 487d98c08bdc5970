//! Through the segment files of a directory when it is opened: makes the index, finds what is missing.
//!
//! Of all segments but the newest only the heads are read: that is what makes start-up fast. The newest is
//! where a process or a system may have ended in the middle of a write, so there the bodies are verified
//! too and what follows the last sound block is the tail, to be cut off. Damage in the others is found
//! when they are read. Changes nothing itself.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;

use fluentcast_event::EventTime;
use fluentcast_event::limits::{HISTORY_HEADS_WINDOW_BYTES, HISTORY_HOLES_REPORTED_MAX};

use crate::block::{HEAD_BYTES, Head};
use crate::disk;
use crate::segment::{self, ParsedStart, START_BYTES, Segment, Start, TIME_MIN, VERSION};
use crate::walk::{Found, Walk};
use crate::{Damage, Hole, OpenError};

/// What the segment files hold.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) segments: VecDeque<Segment>,
    /// The last of `segments` is the newest file, verified, and begins with `start`: it may be appended to,
    /// once it is cut to its `len`.
    pub(crate) appendable: bool,
    /// Number of the newest file; 0: there is none.
    pub(crate) newest_file: u64,
    /// The newest file has no sound block and is to be deleted.
    pub(crate) empty_file: Option<u64>,
    /// What is in the newest file after its last sound block.
    pub(crate) tail: Option<Tail>,
    /// How the newest segment with a sound start begins.
    pub(crate) start: Option<Start>,
    pub(crate) holes: Vec<Hole>,
    pub(crate) numbers_missing: u64,
    pub(crate) damaged: Vec<Damage>,
    pub(crate) damaged_places: u64,
    newest: u64,
    last_received: Option<EventTime>,
}

/// What stands after the last sound block.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) damage: Damage,
    /// Just what a write that was cut short leaves: the beginning of one block, and not all of it.
    pub(crate) torn: bool,
}

/// A segment file as it is being scanned.
struct Scanned {
    segment: Segment,
    /// Length of the file.
    len: u64,
    damaged: Vec<Damage>,
    /// Reading it has failed in the middle.
    unreadable: bool,
}

/// Scans all segment files. `salt`: what the state says, for segments whose own start is damaged.
pub(crate) fn scan(dir: &Path, salt: Option<u32>) -> Result<Scan, OpenError> {
    let mut seqs = Vec::new();
    let listing = fs::read_dir(dir).map_err(|error| OpenError::new("list", dir, error))?;
    for entry in listing {
        let entry = entry.map_err(|error| OpenError::new("list", dir, error))?;
        seqs.extend(segment::seq_of_name(&entry.file_name()));
    }
    seqs.sort_unstable();
    let mut scan = Scan { newest_file: seqs.last().copied().unwrap_or(0), ..Scan::default() };
    for (at, &first_seq) in seqs.iter().enumerate() {
        match seqs.get(at + 1) {
            Some(&next) => {
                let scanned = scan.file(dir, first_seq..next, salt, false)?;
                scan.add_sealed(scanned);
            }
            None => {
                let scanned = scan.file(dir, first_seq..u64::MAX, salt, true)?;
                scan.add_newest(dir, scanned)?;
            }
        }
    }
    Ok(scan)
}

impl Scan {
    /// Number of the newest event found.
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    fn file(
        &mut self,
        dir: &Path,
        seqs: Range<u64>,
        salt: Option<u32>,
        bodies: bool,
    ) -> Result<Scanned, OpenError> {
        let path = segment::path(dir, seqs.start);
        let io_error = |error| OpenError::new("read", &path, error);
        let file = File::open(&path).map_err(io_error)?;
        let len = file.metadata().map_err(io_error)?.len();
        let mut start = [0; START_BYTES];
        // What cannot be read is damaged: one bad sector must not keep the process from starting.
        let read = disk::read_at(&file, &mut start, 0).unwrap_or(0);
        let mut damaged = Vec::new();
        let salt = match Start::parse(&start[..read]) {
            ParsedStart::Sound(start) => {
                self.start = Some(start);
                start.salt
            }
            ParsedStart::UnknownVersion(found) => {
                return Err(OpenError::UnknownVersion { path, found, known: VERSION });
            }
            ParsedStart::Damaged => {
                damaged.push(Damage { file: path.clone(), at: 0, bytes: len.min(START_BYTES as u64) });
                salt.unwrap_or_default()
            }
        };
        let segment = Segment::new(seqs.start, salt, self.last_received.unwrap_or(TIME_MIN));
        let mut scanned = Scanned { segment, len, damaged, unreadable: false };
        self.blocks(&path, &file, &mut scanned, &seqs, bodies);
        self.last_received = Some(scanned.segment.last_received);
        Ok(scanned)
    }

    /// Walks over the blocks of one file, which may have these numbers.
    fn blocks(&mut self, path: &Path, file: &File, scanned: &mut Scanned, seqs: &Range<u64>, bodies: bool) {
        let salt = scanned.segment.salt;
        let mut walk = Walk::new(file, salt, START_BYTES as u64, scanned.len, HISTORY_HEADS_WINDOW_BYTES);
        let mut body = Vec::new();
        let damage = |at, end| Damage { file: path.to_owned(), at, bytes: end - at };
        let damaged_at = loop {
            let found = match walk.next() {
                Ok(Some(found)) => found,
                Ok(None) => break walk.damaged_at(),
                Err(_) => {
                    scanned.unreadable = true;
                    break Some(walk.at());
                }
            };
            scanned.damaged.extend(found.damaged_at.map(|at| damage(at, found.at)));
            let end = found.at + found.head.block_len();
            let (first_seq, last_seq) = (found.head.first_seq, found.head.last_seq());
            let in_order = first_seq > self.newest && first_seq >= seqs.start && last_seq < seqs.end;
            if in_order && (!bodies || body_is_sound(file, &found, salt, &mut body)) {
                self.number(&found.head);
                scanned.segment.add(&found.head, found.at);
            } else {
                scanned.damaged.push(damage(found.at, end));
            }
        };
        scanned.damaged.extend(damaged_at.map(|at| damage(at, scanned.len)));
    }

    /// Takes note of a block's numbers, and of those that are missing before them.
    fn number(&mut self, head: &Head) {
        if self.newest > 0 && head.first_seq > self.newest + 1 {
            self.numbers_missing += head.first_seq - self.newest - 1;
            if self.holes.len() < HISTORY_HOLES_REPORTED_MAX {
                self.holes.push(Hole { from: self.newest + 1, to: head.first_seq - 1 });
            }
        }
        self.newest = head.last_seq();
    }

    fn add_sealed(&mut self, scanned: Scanned) {
        let mut segment = scanned.segment;
        segment.len = scanned.len;
        self.segments.push_back(segment);
        self.note_damage(scanned.damaged);
    }

    fn add_newest(&mut self, dir: &Path, mut scanned: Scanned) -> Result<(), OpenError> {
        if scanned.unreadable {
            // Perhaps it can be read another day: nothing is cut off, and nothing appended.
            self.add_sealed(scanned);
            return Ok(());
        }
        let path = segment::path(dir, scanned.segment.first_seq);
        let empty = scanned.segment.events == 0;
        if empty {
            self.empty_file = Some(scanned.segment.first_seq);
        }
        let start_is_sound = scanned.damaged.first().is_none_or(|damage| damage.at > 0);
        // What is left when a process ends between a file's start and its first block is nothing to tell.
        let sound_end = if empty && !start_is_sound { 0 } else { scanned.segment.len };
        if scanned.len > sound_end {
            let torn = is_torn(&path, scanned.segment.salt, sound_end, scanned.len)
                .map_err(|error| OpenError::new("read", &path, error))?;
            let damage = Damage { file: path, at: sound_end, bytes: scanned.len - sound_end };
            self.tail = Some(Tail { damage, torn });
        }
        scanned.damaged.retain(|damage| damage.at < sound_end);
        self.note_damage(scanned.damaged);
        if !empty {
            self.segments.push_back(scanned.segment);
            self.appendable = start_is_sound;
        }
        Ok(())
    }

    fn note_damage(&mut self, damaged: Vec<Damage>) {
        self.damaged_places += damaged.len() as u64;
        let room = HISTORY_HOLES_REPORTED_MAX.saturating_sub(self.damaged.len());
        self.damaged.extend(damaged.into_iter().take(room));
    }
}

/// A body that cannot be read is not sound.
fn body_is_sound(file: &File, found: &Found, salt: u32, body: &mut Vec<u8>) -> bool {
    let Ok(len) = usize::try_from(found.head.body_len()) else { return false };
    body.resize(len, 0);
    let read = disk::read_at(file, body, found.at + HEAD_BYTES as u64);
    read.is_ok_and(|read| found.head.body_is_sound(&body[..read], salt))
}

/// Whether what follows `sound_end` is the beginning of one block and no more; or, when that is 0, of a
/// start.
fn is_torn(path: &Path, salt: u32, sound_end: u64, len: u64) -> std::io::Result<bool> {
    let at = sound_end.max(START_BYTES as u64);
    if len < at + HEAD_BYTES as u64 {
        return Ok(true);
    }
    let mut head = [0; HEAD_BYTES];
    let read = disk::read_at(&File::open(path)?, &mut head, at)?;
    Ok(Head::parse(&head[..read], salt).is_some_and(|head| head.block_len() > len - at))
}
