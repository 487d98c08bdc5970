//! A history's directory from any bytes: files that are noise, files whose checksums are right and whose
//! numbers are not, and both cut and changed. Opening it ends, nothing is shown that fails its checksum, every
//! number is either shown or told as a gap, and what is written afterwards is read again.
//!
//! The input is a list of operations; [`Directory::apply`] says which.

#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use fluentcast_event::limits::HISTORY_FORMER_EPOCHS_MAX;
use fluentcast_event::{BatchBuilder, EventTime, Tag};
use fluentcast_history::{Bounds, OpenError, Part, Piece, Reader, Store};
use libfuzzer_sys::fuzz_target;

const BLOCK_HEAD_BYTES: usize = 56;
const START_BYTES: usize = 32;
const SLOT_DISTANCE: usize = 4096;
const VERSION: u32 = 1;
/// Of all segments, unless an operation says otherwise.
const SALT: u32 = 0x5eed;
const NOW: EventTime = EventTime::from_seconds(1_700_000_000);
/// Reads before it must have come to an end.
const READS_MAX: usize = 100_000;

fuzz_target!(|data: &[u8]| {
    let [bounds, operations @ ..] = data else { return };
    let mut directory = Directory::default();
    let mut input = Input(operations);
    while let Some(operation) = input.byte() {
        directory.apply(operation, &mut input);
    }
    let shm = Path::new("/dev/shm");
    let parent = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
    let folder = tempfile::Builder::new().prefix("fluentcast-fuzz").tempdir_in(parent).expect("a folder");
    directory.write(folder.path());
    open(folder.path(), &directory, bounds_of(*bounds));
});

fn bounds_of(byte: u8) -> Bounds {
    let given = |bit: u8| byte & bit != 0;
    Bounds {
        events: given(1).then_some(5),
        bytes: given(2).then_some(if given(16) { 200 } else { 64 << 10 }),
        age: given(4).then_some(Duration::from_secs(if given(8) { 1 } else { 1 << 40 })),
    }
}

fn open(dir: &Path, directory: &Directory, bounds: Bounds) {
    let (mut store, recovery) = match Store::open(dir, bounds) {
        Ok(opened) => opened,
        Err(error @ OpenError::UnknownVersion { .. }) => {
            return assert!(error.to_string().contains("has format"));
        }
        Err(error) => panic!("it cannot be opened: {error}"),
    };
    store.retain(NOW);
    read_all(&store.reader(), directory);
    for seconds in [i64::MIN, 0, 1, NOW.seconds, i64::MAX] {
        let reader = store.reader();
        let seq = reader.seq_at(EventTime::from_seconds(seconds)).expect("files open");
        assert!(seq >= 1 && seq <= reader.newest() + 1);
    }
    // The numbering goes on, unless it has come to the end of all numbers.
    let first_seq = store.next_seq();
    assert_eq!(first_seq, recovery.next_seq);
    let mut builder = BatchBuilder::new(Tag::from("after".to_owned()), NOW);
    builder.push(NOW, b"\x80");
    let piece = Piece { first_seq, events: 1, newest_time: NOW, batch: builder.finish() };
    let appends = first_seq < u64::MAX - 1;
    if appends {
        store.append(&piece).expect("there is room");
        let read = store.reader().read(first_seq, 1).expect("files open");
        let found =
            matches!(&read.parts[..], [Part::Piece(read)] if read.batch.entries == piece.batch.entries);
        assert!(found, "{piece:?} was written, and {read:?} is read");
    }
    let (epoch, next_seq) = (store.epoch(), store.next_seq());
    // As kill -9 leaves it. What was mended is sound now; but where nothing was written, the file that is the
    // newest may be one that was not looked into to its end before.
    drop(store);
    let (again, recovery) = Store::open(dir, bounds).expect("it was just open");
    assert_eq!(again.next_seq(), next_seq);
    assert!(!appends || (again.epoch(), recovery.truncated) == (epoch, None), "{:?}", recovery.new_epoch);
}

/// Every number from the first to the newest: in a piece that is what some file holds with right checksums,
/// or in a gap.
fn read_all(reader: &Reader, directory: &Directory) {
    let mut next = 0;
    for _ in 0..READS_MAX {
        let read = reader.read(next, 300).expect("files open");
        let mut due = next.max(1);
        for part in &read.parts {
            let (from, to) = match part {
                Part::Gap(gap) => (gap.from, gap.to),
                Part::Piece(piece) => {
                    directory.assert_holds(piece);
                    (piece.first_seq, piece.last_seq())
                }
            };
            assert!(from == due && to >= from, "{from}..={to} where {due} was due");
            due = to + 1;
        }
        assert_eq!(read.next_seq, due);
        if read.parts.is_empty() {
            assert!(due > reader.newest());
            return;
        }
        next = due;
    }
    panic!("reading does not end");
}

/// The input as a sequence of small values. It ends with zeros.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = usize::from(self.byte().unwrap_or(0)).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes.to_vec()
    }

    /// Mostly small; now and then at the end of all numbers.
    fn number(&mut self) -> u64 {
        match self.byte().unwrap_or(0) {
            0xff => u64::MAX - u64::from(self.byte().unwrap_or(0)),
            0xfe => 1 << (self.byte().unwrap_or(0) & 63),
            small => small.into(),
        }
    }
}

/// Files by name, as they are going to be written.
#[derive(Default)]
struct Directory {
    files: BTreeMap<String, Vec<u8>>,
    current: String,
}

impl Directory {
    fn apply(&mut self, operation: u8, input: &mut Input<'_>) {
        match operation % 8 {
            // Goes to a segment file, which begins as it should.
            0 | 1 => {
                self.current = format!("{:020}.seg", input.number());
                let salt = if operation & 0x80 == 0 { SALT } else { 7 };
                self.file().extend(start(VERSION, input.number(), salt));
            }
            2 | 3 => {
                let block = block(input);
                self.file().extend(block);
            }
            4 => {
                let bytes = input.bytes();
                self.file().extend(bytes);
            }
            5 => self.change(input),
            6 => self.state(input),
            // A file of another version, or with another name.
            _ if operation & 0x80 == 0 => {
                let (version, epoch) = (u32::from(input.byte().unwrap_or(0)), input.number());
                self.file().extend(start(version, epoch, SALT));
            }
            _ => {
                let name = String::from_utf8_lossy(&input.bytes()).replace(['/', '\0', '.'], "_");
                self.current = name.chars().filter(char::is_ascii).take(20).collect();
            }
        }
    }

    fn file(&mut self) -> &mut Vec<u8> {
        if self.current.is_empty() {
            self.current = format!("{:020}.seg", 1);
        }
        self.files.entry(self.current.clone()).or_default()
    }

    fn change(&mut self, input: &mut Input<'_>) {
        let (at, how) = (usize::from(input.byte().unwrap_or(0)), input.byte().unwrap_or(0));
        let file = self.file();
        match (how, file.len()) {
            (_, 0) => {}
            (0, len) => file.truncate(at % len),
            (how, len) => file[at % len] ^= how,
        }
    }

    /// A state with a right checksum, in one of the slots.
    fn state(&mut self, input: &mut Input<'_>) {
        let mut slot = vec![0; 80 + HISTORY_FORMER_EPOCHS_MAX * 16];
        let flags = input.byte().unwrap_or(0);
        slot[..8].copy_from_slice(b"FCstate\n");
        slot[8..12].copy_from_slice(&VERSION.to_le_bytes());
        for at in [16, 24, 32, 40, 48] {
            slot[at..at + 8].copy_from_slice(&input.number().to_le_bytes());
        }
        if flags & 0x40 != 0 {
            slot[56..72].copy_from_slice(&boot());
        }
        slot[72..76].copy_from_slice(&SALT.to_le_bytes());
        slot[76] = flags & 1;
        slot[77] = flags >> 1 & 1;
        slot[78] = input.byte().unwrap_or(0);
        for former in slot[80..].chunks_exact_mut(8).take(4) {
            former.copy_from_slice(&input.number().to_le_bytes());
        }
        let sum = sum(VERSION, &slot[16..]);
        slot[12..16].copy_from_slice(&sum.to_le_bytes());
        let file = self.files.entry("state".to_owned()).or_default();
        file.resize(2 * SLOT_DISTANCE, 0);
        let at = if flags & 0x80 == 0 { 0 } else { SLOT_DISTANCE };
        file[at..at + slot.len()].copy_from_slice(&slot);
    }

    fn write(&self, dir: &Path) {
        for (name, bytes) in self.files.iter().filter(|(name, _)| !name.is_empty()) {
            fs::write(dir.join(name), bytes).expect("a file");
        }
    }

    /// Some file has, at some place, a block with right checksums that holds these very events.
    fn assert_holds(&self, piece: &Piece) {
        let tag = piece.batch.tag.as_str();
        let found = self.files.values().any(|file| {
            (0..file.len()).any(|at| {
                [SALT, 7, 0].into_iter().any(|salt| {
                    Block::read(&file[at..], salt).is_some_and(|block| {
                        block.seqs.contains(&piece.first_seq)
                            && block.seqs.contains(&piece.last_seq())
                            && String::from_utf8_lossy(block.tag) == tag
                            && block.entries.ends_with(&piece.batch.entries)
                    })
                })
            })
        });
        assert!(found, "shown, and stored nowhere: {piece:?}");
    }
}

fn sum(salt: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    hasher.update(bytes);
    hasher.finalize()
}

/// Of this run of the system, as a history that was in use a moment ago has it.
fn boot() -> [u8; 16] {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    u128::from_str_radix(&id.trim().replace('-', ""), 16).unwrap_or(0).to_be_bytes()
}

fn start(version: u32, epoch: u64, salt: u32) -> [u8; START_BYTES] {
    let mut start = [0; START_BYTES];
    start[..8].copy_from_slice(b"FChist\r\n");
    start[8..12].copy_from_slice(&version.to_le_bytes());
    start[16..24].copy_from_slice(&epoch.to_le_bytes());
    start[24..28].copy_from_slice(&salt.to_le_bytes());
    let sum = sum(version, &start[16..]);
    start[12..16].copy_from_slice(&sum.to_le_bytes());
    start
}

/// A block with right checksums around whatever the input says.
fn block(input: &mut Input<'_>) -> Vec<u8> {
    let how = input.byte().unwrap_or(0);
    let salt = if how & 1 == 0 { SALT } else { 7 };
    let (first_seq, events) = (input.number(), input.number());
    let (received, newest) = (input.number(), input.number());
    let tag = input.bytes();
    // Mostly as many events as it says.
    let events = u32::try_from(events).unwrap_or(u32::MAX);
    let entries = if how & 2 == 0 { b"\x92\x01\x80".repeat(events.min(64) as usize) } else { input.bytes() };
    let mut block = vec![0; BLOCK_HEAD_BYTES];
    block[..4].copy_from_slice(b"FCb1");
    block[12..16].copy_from_slice(&(entries.len() as u32).to_le_bytes());
    block[16..18].copy_from_slice(&(tag.len() as u16).to_le_bytes());
    block[20..24].copy_from_slice(&events.to_le_bytes());
    block[24..32].copy_from_slice(&first_seq.to_le_bytes());
    block[32..40].copy_from_slice(&received.to_le_bytes());
    block[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    block[44..48].copy_from_slice(&u32::from(how).to_le_bytes());
    block[48..56].copy_from_slice(&newest.to_le_bytes());
    let body_sum = sum(salt, &[&tag[..], &entries].concat());
    block[8..12].copy_from_slice(&body_sum.to_le_bytes());
    let head_sum = sum(salt, &block[8..]);
    block[4..8].copy_from_slice(&head_sum.to_le_bytes());
    [block, tag, entries].concat()
}

/// A block, read by rules written down a second time.
struct Block<'a> {
    seqs: std::ops::RangeInclusive<u64>,
    tag: &'a [u8],
    entries: &'a [u8],
}

impl<'a> Block<'a> {
    fn read(bytes: &'a [u8], salt: u32) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(BLOCK_HEAD_BYTES)?;
        let u32_at = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        if !head.starts_with(b"FCb1") || u32_at(4) != sum(salt, &head[8..]) {
            return None;
        }
        let tag_len = usize::from(u16::from_le_bytes([head[16], head[17]]));
        let body = rest.get(..tag_len + u32_at(12) as usize)?;
        let first_seq = u64::from(u32_at(24)) | u64::from(u32_at(28)) << 32;
        let last_seq = first_seq.checked_add(u64::from(u32_at(20)).checked_sub(1)?)?;
        let (tag, entries) = body.split_at(tag_len);
        (u32_at(8) == sum(salt, body)).then_some(Self { seqs: first_seq..=last_seq, tag, entries })
    }
}
