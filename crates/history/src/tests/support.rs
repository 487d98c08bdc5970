//! What the tests share: pieces whose events say their own number, and a store on a disk that can fail.

use std::fs;
use std::path::{Path, PathBuf};

use fluentcast_event::{BatchBuilder, EventTime, Tag, msgpack};
use tempfile::TempDir;

use crate::disk::Disk;
use crate::state::BootId;
use crate::store::Host;
use crate::{Bounds, Gap, Part, Piece, Reader, Recovery, Store};

/// The time at which the event with this number came, and its own time: a second each.
pub(crate) fn time(seq: u64) -> EventTime {
    EventTime { seconds: 1_000_000 + i64::try_from(seq).unwrap(), nanos: 5 }
}

/// A record that says its number, and is `padding` bytes longer.
fn record(seq: u64, padding: usize) -> Vec<u8> {
    let mut record = Vec::new();
    msgpack::write_map_head(&mut record, 2);
    msgpack::write_str(&mut record, "n");
    msgpack::write_uint(&mut record, seq);
    msgpack::write_str(&mut record, "p");
    msgpack::write_str(&mut record, &"x".repeat(padding));
    record
}

/// A piece with these numbers, received when its last event came.
pub(crate) fn piece(first_seq: u64, events: u32, padding: usize) -> Piece {
    let last_seq = first_seq + u64::from(events) - 1;
    let mut builder = BatchBuilder::new(Tag::from(format!("t.{}", first_seq % 3)), time(last_seq));
    for seq in first_seq..=last_seq {
        builder.push(time(seq), &record(seq, padding));
    }
    Piece { first_seq, events, newest_time: time(last_seq), batch: builder.finish() }
}

/// A directory, and the system around it.
pub(crate) struct Place {
    pub(crate) dir: TempDir,
    pub(crate) bounds: Bounds,
    pub(crate) disk: Disk,
    pub(crate) boot: u8,
}

impl Place {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { dir: TempDir::new().unwrap(), bounds, disk: Disk::default(), boot: 1 }
    }

    pub(crate) fn open(&self) -> (Store, Recovery) {
        let host = Host { boot: BootId([self.boot; 16]), disk: self.disk.clone() };
        Store::open_on(self.dir.path(), self.bounds, host).unwrap()
    }

    /// The segment files, the oldest first.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        segment_files(self.dir.path())
    }

    pub(crate) fn newest_file(&self) -> PathBuf {
        self.files().pop().unwrap()
    }
}

pub(crate) fn segment_files(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ext| ext == "seg")).collect();
    files.sort();
    files
}

/// All numbers from `from` on that can be read, and the gaps between. Checks every event and that nothing
/// is left out.
pub(crate) fn read_all(reader: &Reader, from: u64, bytes_max: usize) -> (Vec<u64>, Vec<Gap>) {
    let (mut seqs, mut gaps): (_, Vec<Gap>) = (Vec::new(), Vec::new());
    let mut next = from;
    loop {
        let read = reader.read(next, bytes_max).unwrap();
        if read.parts.is_empty() {
            assert_eq!(read.next_seq, next);
            return (seqs, gaps);
        }
        for part in &read.parts {
            match part {
                Part::Gap(gap) => {
                    assert_eq!(gap.from, next);
                    assert!(gap.to >= gap.from);
                    next = gap.to + 1;
                    match gaps.last_mut() {
                        // Two reads, or two reasons for the reader, and one hole for the client.
                        Some(last) if last.to + 1 == gap.from && last.why == gap.why => last.to = gap.to,
                        _ => gaps.push(*gap),
                    }
                }
                Part::Piece(piece) => {
                    assert_eq!(piece.first_seq, next);
                    check(piece);
                    seqs.extend(piece.first_seq..=piece.last_seq());
                    next = piece.last_seq() + 1;
                }
            }
        }
        assert_eq!(read.next_seq, next);
    }
}

/// Each event is the one that was written under its number.
fn check(piece: &Piece) {
    let events: Vec<_> = piece.batch.events().map(Result::unwrap).collect();
    assert_eq!(events.len(), usize::try_from(piece.events).unwrap());
    for (seq, event) in (piece.first_seq..).zip(events) {
        assert_eq!(event.time, time(seq));
        let mut reader = msgpack::Reader::new(event.record);
        reader.read().unwrap();
        reader.read().unwrap();
        assert_eq!(reader.read().unwrap(), msgpack::Value::UInt(seq));
    }
}

/// The numbers from one to another.
pub(crate) fn seqs(from: u64, to: u64) -> Vec<u64> {
    (from..=to).collect()
}
