//! Those who read: pieces from a number on, and the number that belongs to a time.
//!
//! Every read opens the file anew and reads at an offset: readers share nothing with one another, need no
//! descriptor while they pause, and hold nothing that retention would have to wait for. Never shows what
//! fails its checksum: such numbers, and all that are missing, are told as a gap.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use fluentcast_event::limits::HISTORY_HEADS_WINDOW_BYTES;
use fluentcast_event::{Batch, EventTime, Tag};

use crate::block::{HEAD_BYTES, Head};
use crate::disk;
use crate::epoch::{Epoch, Resolved};
use crate::index::{Place, Shared};
use crate::segment;
use crate::store::Piece;
use crate::walk::{Found, Walk};

/// Reads a history while it is written. Cheap to clone, good for any thread.
#[derive(Clone, Debug)]
pub struct Reader {
    shared: Arc<Shared>,
}

/// What a read gave.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// Pieces and gaps. Each begins with the number after the one before, the first with the number that
    /// was asked for.
    pub parts: Vec<Part>,
    /// Where to go on. The number that was asked for, when there is nothing there yet.
    pub next_seq: u64,
}

/// A part of what was read.
#[derive(Clone, Debug)]
pub enum Part {
    /// Events.
    Piece(Piece),
    /// Numbers without events.
    Gap(Gap),
}

/// Numbers whose events are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// Why.
    pub why: WhyGone,
}

/// Why events are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyGone {
    /// They are beyond the bounds of the history.
    Expired,
    /// They could not be written, or are damaged, or somebody has deleted a file.
    Lost,
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The epoch that numbers are given out under.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    /// What a client's position means here: the number of the last event it has.
    #[must_use]
    pub fn resolve(&self, epoch: Epoch, seq: u64) -> Resolved {
        self.shared.resolve(epoch, seq)
    }

    /// The first number that is shown; one after [`Reader::newest`] when there is none.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        self.shared.index().oldest()
    }

    /// The last number in the history; what it was, when the bounds have left nothing. 0: there never was
    /// any.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.shared.index().newest
    }

    /// The number of the first event whose own time is this or later; one after [`Reader::newest`] when
    /// there is none. Damaged blocks whose time is known count as if they could be read: reading from
    /// there tells the gap.
    pub fn seq_at(&self, time: EventTime) -> io::Result<u64> {
        let mut from = 0;
        loop {
            let (seq, place) = {
                let index = self.shared.index();
                from = index.oldest().max(from);
                let Some(seq) = index.seq_near(from, time) else { return Ok(index.newest + 1) };
                let Some(place) = index.place(seq) else { return Ok(index.newest + 1) };
                (seq, place)
            };
            let Some(file) = self.open(&place)? else {
                from = self.after_missing(&place, seq);
                continue;
            };
            let found = find(&file, &place, |head| head.last_seq() >= seq && head.newest_time >= time);
            let Ok(Some(found)) = found else {
                // A stretch that cannot be read, or (damage) has not what the index says.
                from = place.stretch_last_seq.max(seq) + 1;
                continue;
            };
            let Some(body) = body(&file, &found, place.salt) else {
                return Ok(found.head.first_seq.max(seq));
            };
            let batch = batch(&found.head, &body, 0, None);
            let numbered = (found.head.first_seq..).zip(batch.events().flatten());
            let mut late = numbered.filter(|(number, event)| *number >= seq && event.time >= time);
            match late.next() {
                Some((number, _)) => return Ok(number),
                None => from = found.head.last_seq() + 1,
            }
        }
    }

    /// Reads on from a number: as one buffer of about `bytes_max` at most, but at least one block; what is
    /// not there as gaps. Ends with a segment: the caller goes on with [`Read::next_seq`] until nothing
    /// comes any more.
    ///
    /// An error means that a file could not be opened for now. (One that cannot be read is damage.)
    pub fn read(&self, from: u64, bytes_max: usize) -> io::Result<Read> {
        let mut read = Read { parts: Vec::new(), next_seq: from.max(1) };
        loop {
            let (oldest, newest, place) = {
                let index = self.shared.index();
                let oldest = index.oldest();
                (oldest, index.newest, index.place(read.next_seq.max(oldest)))
            };
            read.gap_up_to(oldest - 1, WhyGone::Expired);
            if read.next_seq > newest {
                return Ok(read);
            }
            let Some(place) = place else {
                read.gap_up_to(newest, WhyGone::Lost);
                return Ok(read);
            };
            read.gap_up_to(place.first_seq - 1, WhyGone::Lost);
            match self.open(&place)? {
                Some(file) => {
                    read.segment(&file, &place, bytes_max);
                    return Ok(read);
                }
                None => {
                    let next = self.after_missing(&place, read.next_seq);
                    read.gap_up_to(next - 1, WhyGone::Lost);
                }
            }
        }
    }

    /// The file of a place; `None` when there is none.
    fn open(&self, place: &Place) -> io::Result<Option<File>> {
        match File::open(segment::path(&self.shared.dir, place.first_seq)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Where to go on when a file is missing: the same number, if retention was faster than us, since the
    /// index knows that now; else (somebody has deleted it) after the segment.
    fn after_missing(&self, place: &Place, seq: u64) -> u64 {
        if self.shared.index().has(place.first_seq) { place.last_seq + 1 } else { seq }
    }
}

impl Read {
    /// A gap from the next number up to this one, if that is one.
    fn gap_up_to(&mut self, to: u64, why: WhyGone) {
        if to >= self.next_seq {
            self.parts.push(Part::Gap(Gap { from: self.next_seq, to, why }));
            self.next_seq = to + 1;
        }
    }

    /// Reads on in one segment. Afterwards `next_seq` is a higher number.
    fn segment(&mut self, file: &File, place: &Place, bytes_max: usize) {
        let from = self.next_seq;
        let found = find(file, place, |head| head.last_seq() >= from && head.last_seq() <= place.last_seq);
        let found = match found {
            Ok(Some(found)) => found,
            Ok(None) => return self.gap_up_to(place.last_seq, WhyGone::Lost),
            Err(_) => return self.gap_up_to(place.stretch_last_seq, WhyGone::Lost),
        };
        self.gap_up_to(found.head.first_seq - 1, WhyGone::Lost);
        let block_len = usize::try_from(found.head.block_len()).unwrap_or(usize::MAX);
        let room = usize::try_from(place.end - found.at).unwrap_or(usize::MAX);
        let wanted = bytes_max.max(block_len).min(room);
        let bytes = bytes_at(file, found.at, wanted)
            // A part of the disk that cannot be read may lie beyond the first block.
            .or_else(|_| bytes_at(file, found.at, block_len));
        match bytes {
            Ok(bytes) if bytes.len() >= block_len => self.blocks(&bytes, place),
            _ => self.gap_up_to(found.head.last_seq(), WhyGone::Lost),
        }
    }

    /// Takes the blocks of a buffer that begins with a sound head. Ends where the buffer does, or the
    /// numbers do not follow one another: the next read finds out why.
    fn blocks(&mut self, bytes: &Bytes, place: &Place) {
        let mut at = 0;
        let mut tag: Option<Tag> = None;
        while let Some(head) = Head::parse(&bytes[at..], place.salt) {
            let follows = at == 0 || head.first_seq == self.next_seq;
            let whole = usize::try_from(head.block_len()).ok().filter(|len| *len <= bytes.len() - at);
            let (Some(len), true) = (whole, follows && head.last_seq() <= place.last_seq) else { return };
            let body = bytes.slice(at + HEAD_BYTES..at + len);
            if head.body_is_sound(&body, place.salt) {
                let skip = self.next_seq - head.first_seq;
                let batch = batch(&head, &body, skip, tag.take());
                tag = Some(batch.tag.clone());
                let (first_seq, newest_time) = (self.next_seq, head.newest_time);
                // Fits: `first_seq` is one of the head's numbers.
                let events = head.events - u32::try_from(skip).unwrap_or(0);
                self.parts.push(Part::Piece(Piece { first_seq, events, newest_time, batch }));
                self.next_seq = head.last_seq() + 1;
            } else {
                self.gap_up_to(head.last_seq(), WhyGone::Lost);
            }
            at += len;
        }
    }
}

/// The first block from a place on whose head is wanted.
fn find(file: &File, place: &Place, wanted: impl Fn(&Head) -> bool) -> io::Result<Option<Found>> {
    let mut walk = Walk::new(file, place.salt, place.offset, place.end, HISTORY_HEADS_WINDOW_BYTES);
    while let Some(found) = walk.next()? {
        if wanted(&found.head) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// So many bytes, or fewer where the file ends.
fn bytes_at(file: &File, at: u64, len: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; len];
    let read = disk::read_at(file, &mut bytes, at)?;
    bytes.truncate(read);
    Ok(bytes.into())
}

/// The body of a block, if it is sound.
fn body(file: &File, found: &Found, salt: u32) -> Option<Bytes> {
    let len = usize::try_from(found.head.body_len()).ok()?;
    let body = bytes_at(file, found.at + HEAD_BYTES as u64, len).ok()?;
    found.head.body_is_sound(&body, salt).then_some(body)
}

/// The events of a sound body but for the first `skip`. `tag`: of the block before, which is often the
/// same.
fn batch(head: &Head, body: &Bytes, skip: u64, tag: Option<Tag>) -> Batch {
    let (text, entries) = body.split_at(usize::from(head.tag_len));
    let tag = match tag {
        Some(tag) if tag.as_str().as_bytes() == text => tag,
        _ => Tag::from_bytes_lossy(text),
    };
    let mut batch = Batch { tag, entries: body.slice_ref(entries), received: head.received };
    if skip > 0 {
        let mut events = batch.events();
        let mut left = skip;
        while left > 0
            && let Some(entry) = events.next()
        {
            left -= u64::from(entry.is_ok());
        }
        let skipped = events.position();
        batch.entries = batch.entries.slice(skipped.min(batch.entries.len())..);
    }
    batch
}
