//! A history against a naive reference: random appends, syncs, retention, kills, power failures, full and
//! failing disks, flipped bytes and deleted files.
//!
//! `HISTORY_MODEL_SEED=N` runs one seed, `HISTORY_MODEL_STEPS=N` so many steps of each.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use super::support::{Place, piece, read_all, time};
use crate::policy::earlier;
use crate::{Bounds, Epoch, NewEpoch, Resolved, Store, WhyGone};

/// Marsaglia's xorshift: the same steps for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// The reference: what was appended, as pieces, and what may be said about it.
struct Model {
    random: Random,
    place: Place,
    store: Option<Store>,
    /// Pieces that are to be there, by first number: the last number.
    pieces: BTreeMap<u64, u64>,
    /// Every number that was given out, under its epoch.
    given: HashSet<(Epoch, u64)>,
    newest_given: u64,
    behind: bool,
    /// Nothing may be promised up to here.
    doubtful: u64,
    durable: u64,
    /// The newest file and its length when all was synced.
    synced_file: Option<(PathBuf, u64)>,
    /// What was shown first; it never goes back while the history is open.
    oldest: u64,
    /// Events whose times must not be relied upon for retention, since their blocks are damaged.
    damage: bool,
    now: u64,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            random.below(1);
        }
        let bounds = match seed % 4 {
            0 => Bounds::default(),
            1 => Bounds { bytes: Some(400_000), ..Bounds::default() },
            2 => Bounds { events: Some(2000), ..Bounds::default() },
            _ => Bounds { age: Some(Duration::from_secs(3000)), bytes: Some(900_000), events: Some(5000) },
        };
        let place = Place::new(bounds);
        let store = Some(place.open().0);
        Self {
            random,
            place,
            store,
            pieces: BTreeMap::new(),
            given: HashSet::new(),
            newest_given: 0,
            behind: false,
            doubtful: 0,
            durable: 0,
            synced_file: None,
            oldest: 1,
            damage: false,
            now: 0,
        }
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().unwrap()
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..=59 => self.append(),
            60..=64 => self.fail_to_append(),
            65..=72 => self.sync(),
            73..=74 => self.fail_to_sync(),
            75..=80 => self.retain(),
            81..=86 => self.kill(),
            87..=88 => self.close(),
            89..=91 => self.lose_power(),
            92..=94 => self.flip_a_byte(),
            95..=96 => self.delete_a_middle_file(),
            97 => self.delete_the_newest_file(),
            _ => self.check_times(),
        }
    }

    /// A piece of random size, sometimes after numbers that nobody uses.
    fn next_piece(&mut self) -> crate::Piece {
        let skip = if self.random.below(30) == 0 { self.random.below(50) } else { 0 };
        let events = 1 + u32::try_from(self.random.below(40)).unwrap();
        let padding = usize::try_from(self.random.below(300)).unwrap();
        let first_seq = self.store().next_seq() + skip;
        let piece = piece(first_seq, events, padding);
        self.now = self.now.max(piece.last_seq());
        let epoch = self.store().epoch();
        for seq in first_seq..=piece.last_seq() {
            assert!(self.given.insert((epoch, seq)), "{epoch}:{seq} is given out twice");
        }
        self.newest_given = piece.last_seq();
        piece
    }

    fn append(&mut self) {
        let piece = self.next_piece();
        self.store().append(&piece).unwrap();
        self.pieces.insert(piece.first_seq, piece.last_seq());
        self.behind = false;
    }

    fn fail_to_append(&mut self) {
        let room = self.random.below(600);
        let truncate_fails = self.random.below(4) == 0;
        let faults = self.place.disk.faults.clone();
        faults.room.store(room, SeqCst);
        faults.truncate.store(truncate_fails, SeqCst);
        let piece = self.next_piece();
        if self.store().append(&piece).is_ok() {
            self.pieces.insert(piece.first_seq, piece.last_seq());
            self.behind = false;
        } else {
            self.behind = true;
        }
        faults.room.store(u64::MAX, SeqCst);
        faults.truncate.store(false, SeqCst);
        assert_eq!(self.store().is_behind(), self.behind);
    }

    fn newest(&mut self) -> u64 {
        self.store().reader().newest()
    }

    fn sync(&mut self) {
        let synced = self.store().syncer().sync().unwrap();
        let newest = self.newest();
        assert_eq!(synced.up_to.max(synced.after), newest.max(synced.after));
        assert!(synced.after >= self.doubtful, "{synced:?} promises what a failed sync covered");
        for (&first_seq, &last_seq) in self.pieces.range(self.doubtful + 1..) {
            assert!(synced.covers(first_seq) && synced.covers(last_seq), "{first_seq} {last_seq} {synced:?}");
        }
        self.durable = newest;
        self.synced_file = self.place.files().pop().map(|file| {
            let len = fs::metadata(&file).unwrap().len();
            (file, len)
        });
    }

    fn fail_to_sync(&mut self) {
        self.place.disk.faults.sync.store(true, SeqCst);
        let failed = self.store().syncer().sync().is_err();
        self.place.disk.faults.sync.store(false, SeqCst);
        if failed {
            self.doubtful = self.newest();
        }
    }

    fn retain(&mut self) {
        self.now += self.random.below(200);
        let now = time(self.now);
        let since = self.place.bounds.age.map(|age| earlier(now, age));
        self.store().retain(now).unwrap();
        if let Some(since) = since
            && !self.damage
        {
            let young = self.pieces.values().all(|&last_seq| time(last_seq) >= since);
            let first_young = self.pieces.iter().find(|&(_, &last_seq)| time(last_seq) >= since);
            if let (false, Some((&first_seq, _))) = (young, first_young) {
                assert!(self.store().reader().oldest() >= first_seq);
            }
        }
    }

    /// Opens the history again and says why the epoch is a new one, if it is.
    fn reopen(&mut self) -> Option<NewEpoch> {
        let before = self.store.take().map(|store| store.epoch());
        let (store, recovery) = self.place.open();
        if let Some(before) = before {
            assert_eq!(recovery.new_epoch.is_none(), before == store.epoch());
            if recovery.new_epoch.is_some() {
                let newest = store.reader().newest();
                let known = store.resolve(before, newest);
                assert_eq!(known, Resolved::At(newest));
                assert_eq!(store.resolve(before, newest + 1), Resolved::Beyond { known_up_to: newest });
            }
        }
        self.store = Some(store);
        // The newest events may be gone, and `age` is only known after `retain`.
        self.oldest = 1;
        let newest = self.newest();
        self.doubtful = newest;
        self.durable = self.durable.min(newest);
        if let Some((file, synced_len)) = &mut self.synced_file
            && let Ok(metadata) = fs::metadata(file)
        {
            *synced_len = metadata.len().min(*synced_len);
        }
        self.behind = false;
        recovery.new_epoch
    }

    fn kill(&mut self) {
        let behind = self.behind;
        let next_seq = self.store().next_seq();
        let expected = behind.then_some(NewEpoch::Behind);
        let why = self.reopen();
        // Damage in a sealed file shows when it has become the newest.
        assert!(why == expected || (self.damage && why == Some(NewEpoch::TailLost)), "{why:?}, {expected:?}");
        if !behind {
            assert_eq!(self.store().next_seq(), next_seq, "numbers were forgotten");
        }
    }

    fn close(&mut self) {
        let store = self.store.take().unwrap();
        let (next_seq, epoch) = (store.next_seq(), store.epoch());
        store.close().unwrap();
        // An orderly end is one, whatever the system does after it.
        self.place.boot = self.place.boot.wrapping_add(1).max(1);
        let why = self.reopen();
        assert!(why.is_none() || (self.damage && why == Some(NewEpoch::TailLost)), "{why:?}");
        assert_eq!(self.store().next_seq(), next_seq);
        assert_eq!(self.store().epoch() == epoch, why.is_none());
    }

    /// Retention may have deleted files.
    fn forget_deleted(&mut self) {
        let first_file = self.place.files().first().map_or(u64::MAX, |file| seq_of(file));
        self.pieces.retain(|_, last_seq| *last_seq >= first_file);
    }

    /// The newest file loses some of what was not synced.
    fn lose_power(&mut self) {
        self.forget_deleted();
        if let Some(file) = self.place.files().pop() {
            let len = fs::metadata(&file).unwrap().len();
            let floor = match &self.synced_file {
                Some((synced, synced_len)) if *synced == file => *synced_len,
                Some((synced, _)) if *synced > file => len,
                _ => 0,
            };
            let cut = floor + self.random.below(len - floor + 1);
            fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(cut).unwrap();
        }
        self.place.boot = self.place.boot.wrapping_add(1).max(1);
        let durable = self.durable;
        assert_eq!(self.reopen(), Some(NewEpoch::PowerLoss));
        let newest = self.newest();
        let lost: Vec<_> = self.pieces.range(newest + 1..).map(|(&first_seq, _)| first_seq).collect();
        for first_seq in lost {
            assert!(first_seq > durable, "{first_seq} was durable");
            self.pieces.remove(&first_seq);
        }
    }

    /// At most one piece may be missing after it.
    fn flip_a_byte(&mut self) {
        let files = self.place.files();
        if files.is_empty() {
            return;
        }
        let file = &files[usize::try_from(self.random.below(files.len() as u64)).unwrap()];
        let mut bytes = fs::read(file).unwrap();
        let at = usize::try_from(self.random.below(bytes.len() as u64)).unwrap();
        bytes[at] ^= 1 << self.random.below(8);
        fs::write(file, bytes).unwrap();
        self.damage = true;
        // Without bounds, so that what is hidden is looked at too: it can be shown again.
        let bounds = std::mem::take(&mut self.place.bounds);
        self.reopen();
        assert!(self.adopt_losses() <= 1);
        self.place.bounds = bounds;
        self.reopen();
    }

    fn delete_a_middle_file(&mut self) {
        let files = self.place.files();
        if files.len() < 3 {
            return;
        }
        let at = 1 + usize::try_from(self.random.below(files.len() as u64 - 2)).unwrap();
        let (from, to) = (seq_of(&files[at]), seq_of(&files[at + 1]));
        fs::remove_file(&files[at]).unwrap();
        self.pieces.retain(|first_seq, _| !(from..to).contains(first_seq));
        self.damage = true;
        if self.random.below(2) == 0 {
            self.reopen();
        }
    }

    fn delete_the_newest_file(&mut self) {
        let Some(file) = self.place.files().pop() else { return };
        let from = seq_of(&file);
        let behind = self.behind;
        fs::remove_file(&file).unwrap();
        self.pieces.retain(|&first_seq, _| first_seq < from);
        self.damage = true;
        let was_synced = self.synced_file.as_ref().is_some_and(|(synced, _)| *synced >= file);
        let why = if behind { NewEpoch::Behind } else { NewEpoch::TailLost };
        assert_eq!(self.reopen(), Some(why));
        if was_synced {
            // So are all before it.
            self.synced_file = self.place.files().pop().map(|file| {
                let len = fs::metadata(&file).unwrap().len();
                (file, len)
            });
        }
    }

    /// Pieces that are shown no more are forgotten; says how many.
    fn adopt_losses(&mut self) -> usize {
        let reader = self.store().reader();
        let (seqs, _) = read_all(&reader, 1, 100_000);
        let seqs: HashSet<_> = seqs.into_iter().collect();
        self.forget_deleted();
        let before = self.pieces.len();
        self.pieces.retain(|_, last_seq| seqs.contains(last_seq));
        before - self.pieces.len()
    }

    fn check_times(&mut self) {
        let reader = self.store().reader();
        let oldest = reader.oldest();
        let wanted = self.random.below(self.newest_given + 2);
        let found = reader.seq_at(time(wanted)).unwrap();
        let expected = self.pieces.iter().filter(|&(_, &last_seq)| last_seq >= wanted.max(oldest));
        let expected = expected.map(|(&first_seq, _)| first_seq.max(wanted).max(oldest)).next();
        let expected = expected.unwrap_or(reader.newest() + 1);
        // A damaged block whose head is sound may be what is found; it is before the first that can be read.
        assert!(found == expected || (self.damage && found < expected), "time {wanted}: {found}, {expected}");
    }

    /// All that is to be there is, in order, and every other number is told as gone.
    fn check(&mut self) {
        let reader = self.store().reader();
        let (oldest, newest) = (reader.oldest(), reader.newest());
        assert!(oldest >= self.oldest.min(newest + 1), "{oldest} was hidden");
        self.oldest = oldest;
        let bytes_max = usize::try_from(1 + self.random.below(200_000)).unwrap();
        let (seqs, gaps) = read_all(&reader, 1, bytes_max);
        let expected: Vec<u64> = self
            .pieces
            .iter()
            .flat_map(|(&first_seq, &last_seq)| first_seq..=last_seq)
            .filter(|&seq| seq >= oldest)
            .collect();
        assert_eq!(runs(&seqs), runs(&expected), "shown, and to be shown");
        let missing: u64 = gaps.iter().map(|gap| gap.to - gap.from + 1).sum();
        assert_eq!(seqs.len() as u64 + missing, newest, "{gaps:?}");
        assert!(
            gaps.iter().all(|gap| (gap.why == WhyGone::Expired) == (gap.to < oldest)),
            "{gaps:?} {oldest}"
        );
        self.forget_deleted();
        let bounds = self.place.bounds;
        if let Some(events) = bounds.events {
            assert!(oldest + events > newest);
        }
        if let Some(bytes) = bounds.bytes {
            let files = self.place.files();
            let all: u64 = files.iter().map(|file| fs::metadata(file).unwrap().len()).sum();
            assert!(all <= bytes + 1000, "{all}");
        } else if bounds.events.is_none() {
            assert!(self.pieces.first_key_value().is_none_or(|(&first_seq, _)| oldest <= first_seq));
        } else if let (Some(events), Some((&first_seq, _))) = (bounds.events, self.pieces.first_key_value()) {
            assert!(oldest <= first_seq.max((newest + 1).saturating_sub(events)));
        }
    }
}

/// The number in the name of a segment file.
fn seq_of(file: &Path) -> u64 {
    file.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

/// Numbers as first and last of each run, which is shorter to read.
fn runs(seqs: &[u64]) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &seq in seqs {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == seq => *last = seq,
            _ => runs.push((seq, seq)),
        }
    }
    runs
}

fn run(seed: u64, steps: u64) {
    let mut model = Model::new(seed);
    for _ in 0..steps {
        model.step();
        if model.random.below(4) == 0 {
            model.check();
        }
    }
    model.check();
}

#[test]
fn a_history_does_what_the_model_does() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let steps = number("HISTORY_MODEL_STEPS").unwrap_or(400);
    let seeds = match number("HISTORY_MODEL_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=8,
    };
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| run(seed, steps));
        assert!(outcome.is_ok(), "failed with HISTORY_MODEL_SEED={seed} HISTORY_MODEL_STEPS={steps}");
    }
}
