//! The one that writes: opens a history, appends to it, keeps it within its bounds, closes it.
//!
//! Never leaves half a block before a whole one, and never goes on as if nothing was lost: what it could
//! not write it notes in the state before it says so.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use fluentcast_event::{Batch, EventTime};

use crate::block::{self, Head};
use crate::disk::Disk;
use crate::epoch::{Epoch, Resolved};
use crate::index::Shared;
use crate::policy::Bounds;
use crate::recovery::Recovery;
use crate::segment::{self, START_BYTES, Segment, Start};
use crate::state::{BootId, State, StateFile};
use crate::{OpenError, Reader, Syncer};

mod opening;
mod retention;

pub(crate) use opening::Host;
pub use retention::Retained;

/// A piece of the stream: one tag and numbered events, as they go into the history and come out of it.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Number of its first event, at least 1.
    pub first_seq: u64,
    /// How many, at least 1: as many as [`Batch::events`] gives without error.
    pub events: u32,
    /// The latest time of any of them.
    pub newest_time: EventTime,
    /// The events.
    pub batch: Batch,
}

impl Piece {
    /// Number of its last event.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.first_seq.saturating_add(u64::from(self.events).saturating_sub(1))
    }
}

/// A history, to be written.
///
/// Dropping it is what kill -9 does to it: nothing that was appended is lost, the numbering goes on.
/// [`Store::close`] is the orderly end.
#[derive(Debug)]
pub struct Store {
    shared: Arc<Shared>,
    state_file: StateFile,
    state: State,
    /// The state could not be written as it is.
    state_unwritten: bool,
    /// There may be half a block after the last whole one.
    cut_open: bool,
    /// Held as long as the store lives.
    _lock: File,
}

impl Store {
    /// Opens the history in this directory, making it if needed. Call [`Store::retain`] right after, so
    /// that what has become too old meanwhile is not shown.
    pub fn open(dir: &Path, bounds: Bounds) -> Result<(Self, Recovery), OpenError> {
        Self::open_on(dir, bounds, Host { boot: BootId::current(), disk: Disk::default() })
    }

    /// The epoch that numbers are given out under.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    /// The next number to give out.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.shared.index().given + 1
    }

    /// Numbers were given out for events that are not in the history, and no later event is in it yet. An
    /// unready server, and no acks.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.state.behind
    }

    /// What a client's position means here. See [`Reader::resolve`].
    #[must_use]
    pub fn resolve(&self, epoch: Epoch, seq: u64) -> Resolved {
        self.shared.resolve(epoch, seq)
    }

    /// One that reads, now and while this store writes.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.shared))
    }

    /// One that brings onto the medium what was appended.
    #[must_use]
    pub fn syncer(&self) -> Syncer {
        Syncer::new(Arc::clone(&self.shared))
    }

    /// Appends a piece, in one write to the system's page cache: from then on it survives this process, and
    /// readers see it. Its numbers must be higher than all before. Append before anybody is shown the
    /// events: so a write that was cut short by the end of the process is one that nobody has seen.
    ///
    /// After an error the piece is not in the history and [is not going to be](Store::is_behind); the
    /// next piece is welcome, and leaves a hole where this one is missing.
    pub fn append(&mut self, piece: &Piece) -> io::Result<()> {
        let appended = self.write_piece(piece);
        match appended {
            Ok(()) if self.state.behind => {
                self.state.behind = false;
                self.state_unwritten = true;
            }
            Ok(()) => {}
            Err(_) => self.note_passed(piece.last_seq()),
        }
        if self.state_unwritten {
            // Tried again with the next piece. Meanwhile the medium says `behind` where it should not,
            // which costs an epoch; or not where it should, when the disk takes nothing at all any more.
            self.state_unwritten = self.write_state().is_err();
        }
        appended
    }

    /// Notes that numbers up to this one were given out to events that will not be appended: because
    /// appending fails and the caller does not try with every piece.
    pub fn passed(&mut self, seq: u64) {
        self.note_passed(seq);
        self.state_unwritten = self.state_unwritten && self.write_state().is_err();
    }

    fn note_passed(&mut self, seq: u64) {
        let mut index = self.shared.index();
        index.given = index.given.max(seq.min(u64::MAX - 1));
        self.state_unwritten |= !self.state.behind;
        self.state.behind = true;
    }

    /// The orderly end: all is synced, and the next process knows that no number was given out beyond
    /// those noted.
    pub fn close(mut self) -> io::Result<()> {
        self.syncer().sync()?;
        let stored = self.shared.index().stored();
        self.state = State { clean: true, behind: false, stored, ..self.state };
        self.write_state()?;
        self.state_file.sync()?;
        self.shared.disk.sync_dir(&self.shared.dir)
    }

    fn write_state(&mut self) -> io::Result<()> {
        self.state.given = self.shared.index().given;
        self.state_file.write(&self.state)
    }

    fn write_piece(&mut self, piece: &Piece) -> io::Result<()> {
        let tag = piece.batch.tag.as_str().as_bytes();
        let entries = &piece.batch.entries[..];
        let head = self.head(piece)?;
        self.seal_full(&head)?;
        self.delete_expired(head.block_len() + START_BYTES as u64)?;
        let (file, at, salt) = self.open_segment(head.first_seq)?;
        let head = Head { body_sum: block::sum(salt, &[tag, entries]), ..head };
        let written = self.shared.disk.append(&file, &[&head.encode(salt), tag, entries]);
        if written.is_err() {
            self.cut_open = self.shared.disk.truncate(&file, at).is_err();
            return written;
        }
        let mut index = self.shared.index();
        index.newest = head.last_seq();
        index.given = index.given.max(head.last_seq());
        index.bytes += head.block_len();
        if let Some(segment) = index.segments.back_mut() {
            segment.add(&head, at);
        }
        Ok(())
    }

    /// The head of a piece, still without the sum of its body.
    fn head(&self, piece: &Piece) -> io::Result<Head> {
        let newest = self.shared.index().newest;
        let end = piece.first_seq.checked_add(piece.events.into());
        if piece.events == 0 || piece.first_seq <= newest || end.is_none() {
            let message = format!("{} events numbered from {} after {newest}", piece.events, piece.first_seq);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, "a piece is too long for a block");
        Ok(Head {
            first_seq: piece.first_seq,
            events: piece.events,
            tag_len: u16::try_from(piece.batch.tag.as_str().len()).map_err(too_long)?,
            entries_len: u32::try_from(piece.batch.entries.len()).map_err(too_long)?,
            received: piece.batch.received,
            newest_time: piece.newest_time,
            body_sum: 0,
        })
    }

    /// Seals the open segment if this block is not to go into it, or must not.
    fn seal_full(&mut self, head: &Head) -> io::Result<()> {
        let mut index = self.shared.index();
        let Some((_, file)) = index.unsynced.open.clone() else { return Ok(()) };
        let Some(segment) = index.segments.back() else { return Ok(()) };
        let mut full = index.bounds.is_full(segment, head.block_len(), head.received);
        if self.cut_open {
            // A file that cannot be cut is left as it is: what it holds beyond its last block is not
            // read, and walked over after a restart.
            full |= self.shared.disk.truncate(&file, segment.len).is_err();
        }
        if full || index.unsynced.abandon {
            index.seal();
            self.cut_open = false;
        }
        Ok(())
    }

    /// The file to append to, its length, and its salt.
    fn open_segment(&mut self, first_seq: u64) -> io::Result<(Arc<File>, u64, u32)> {
        let open = {
            let index = self.shared.index();
            index.unsynced.open.clone().zip(index.segments.back().map(|segment| (segment.len, segment.salt)))
        };
        match open {
            Some(((_, file), (len, salt))) => Ok((file, len, salt)),
            None => Ok((self.begin_segment(first_seq)?, START_BYTES as u64, self.state.salt)),
        }
    }

    fn begin_segment(&mut self, first_seq: u64) -> io::Result<Arc<File>> {
        let path = segment::path(&self.shared.dir, first_seq);
        let file = self.shared.disk.create(&path)?;
        let start = Start { epoch: self.shared.epoch, salt: self.state.salt }.encode();
        self.state.stored = self.shared.index().stored();
        self.state.newest_file = first_seq;
        // What is noted tells, after a kill, a file that somebody has deleted.
        let begun = self.shared.disk.append(&file, &[&start, &[], &[]]).and_then(|()| self.write_state());
        if let Err(error) = begun {
            self.state.newest_file = self.shared.index().newest_file();
            // Should that fail too: a file without a block is deleted when the history is opened.
            let _ = self.shared.disk.remove(&path);
            return Err(error);
        }
        let file = Arc::new(file);
        let mut index = self.shared.index();
        let segment = Segment::new(first_seq, self.state.salt, index.last_received());
        index.bytes += segment.len;
        index.segments.push_back(segment);
        index.unsynced.open = Some((first_seq, Arc::clone(&file)));
        index.unsynced.dir = true;
        Ok(file)
    }
}
