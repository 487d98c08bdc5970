//! A disk that is full or fails: said plainly, nothing before it harmed, and on it goes after it.

use std::fs;
use std::sync::atomic::Ordering::SeqCst;

use super::support::{Place, piece, read_all, seqs};
use crate::{Bounds, Gap, NewEpoch, Resolved, Synced, WhyGone};

const FULL: u64 = u64::MAX;

fn lost(from: u64, to: u64) -> Gap {
    Gap { from, to, why: WhyGone::Lost }
}

#[test]
fn a_full_disk_leaves_a_hole_and_nothing_else() {
    let place = Place::new(Bounds::default());
    let faults = &place.disk.faults;
    let (mut store, _) = place.open();
    store.append(&piece(1, 10, 20)).unwrap();
    let len = fs::metadata(place.newest_file()).unwrap().len();
    // Wherever in the block the disk fills up.
    for room in [0, 1, 55, 56, 60, 300] {
        faults.room.store(room, SeqCst);
        assert!(store.append(&piece(store.next_seq(), 10, 20)).is_err());
        assert!(store.is_behind());
        assert_eq!(fs::metadata(place.newest_file()).unwrap().len(), len);
    }
    store.passed(75);
    assert_eq!((store.next_seq(), store.reader().newest()), (76, 10));
    assert_eq!(store.resolve(store.epoch(), 75), Resolved::At(75));
    faults.room.store(FULL, SeqCst);
    store.append(&piece(76, 5, 20)).unwrap();
    assert!(!store.is_behind());
    let expected = ([seqs(1, 10), seqs(76, 80)].concat(), vec![lost(11, 75)]);
    assert_eq!(read_all(&store.reader(), 1, 100), expected);
    drop(store);
    let (store, recovery) = place.open();
    assert_eq!((recovery.new_epoch, recovery.next_seq, recovery.numbers_missing), (None, 81, 65));
    assert_eq!(read_all(&store.reader(), 1, 100), expected);
}

#[test]
fn a_kill_while_the_disk_is_full_ends_the_epoch() {
    let place = Place::new(Bounds::default());
    let (mut store, _) = place.open();
    store.append(&piece(1, 10, 20)).unwrap();
    place.disk.faults.room.store(30, SeqCst);
    assert!(store.append(&piece(11, 10, 20)).is_err());
    let epoch = store.epoch();
    drop(store);
    let (store, recovery) = place.open();
    assert_eq!(recovery.new_epoch, Some(NewEpoch::Behind));
    assert_eq!(store.resolve(epoch, 10), Resolved::At(10));
    assert_eq!(store.resolve(epoch, 11), Resolved::Beyond { known_up_to: 10 });
}

#[test]
fn an_orderly_end_while_the_disk_is_full_knows_all_numbers() {
    let place = Place::new(Bounds::default());
    let (mut store, _) = place.open();
    store.append(&piece(1, 10, 20)).unwrap();
    place.disk.faults.room.store(30, SeqCst);
    assert!(store.append(&piece(11, 10, 20)).is_err());
    store.passed(33);
    let epoch = store.epoch();
    store.close().unwrap();
    let (mut store, recovery) = place.open();
    assert_eq!((recovery.epoch, recovery.new_epoch, recovery.next_seq), (epoch, None, 34));
    place.disk.faults.room.store(FULL, SeqCst);
    store.append(&piece(34, 1, 0)).unwrap();
    assert_eq!(read_all(&store.reader(), 1, 9), ([seqs(1, 10), vec![34]].concat(), vec![lost(11, 33)]));
}

#[test]
fn a_file_that_cannot_be_cut_back_is_left_for_a_new_one() {
    let place = Place::new(Bounds::default());
    let faults = &place.disk.faults;
    let (mut store, _) = place.open();
    store.append(&piece(1, 10, 20)).unwrap();
    faults.truncate.store(true, SeqCst);
    faults.room.store(100, SeqCst);
    assert!(store.append(&piece(11, 10, 20)).is_err());
    faults.room.store(FULL, SeqCst);
    store.append(&piece(21, 10, 20)).unwrap();
    assert_eq!(place.files().len(), 2);
    let expected = ([seqs(1, 10), seqs(21, 30)].concat(), vec![lost(11, 20)]);
    assert_eq!(read_all(&store.reader(), 1, 100), expected);
    drop(store);
    faults.truncate.store(false, SeqCst);
    let (store, recovery) = place.open();
    assert_eq!((recovery.new_epoch, recovery.next_seq), (None, 31));
    assert_eq!(recovery.damaged[0].bytes, 100);
    assert_eq!(read_all(&store.reader(), 1, 100), expected);
}

#[test]
fn a_file_that_could_not_be_cut_back_at_once_is_cut_before_the_next_piece() {
    let place = Place::new(Bounds::default());
    let faults = &place.disk.faults;
    let (mut store, _) = place.open();
    store.append(&piece(1, 10, 20)).unwrap();
    faults.truncate.store(true, SeqCst);
    faults.room.store(100, SeqCst);
    assert!(store.append(&piece(11, 10, 20)).is_err());
    faults.room.store(FULL, SeqCst);
    faults.truncate.store(false, SeqCst);
    store.append(&piece(11 + 10, 10, 20)).unwrap();
    assert_eq!(place.files().len(), 1);
    drop(store);
    assert_eq!(place.open().1.damaged_places, 0);
}

#[test]
fn no_new_file_no_piece_but_the_next_one_is_welcome() {
    let place = Place::new(Bounds::default());
    let faults = &place.disk.faults;
    let (mut store, _) = place.open();
    faults.create.store(true, SeqCst);
    assert!(store.append(&piece(1, 1, 0)).is_err());
    faults.create.store(false, SeqCst);
    faults.room.store(5, SeqCst);
    assert!(store.append(&piece(2, 1, 0)).is_err());
    assert!(place.files().is_empty(), "a start that could not be written is no file");
    faults.room.store(FULL, SeqCst);
    store.append(&piece(3, 1, 0)).unwrap();
    assert_eq!(read_all(&store.reader(), 3, 1).0, [3]);
}

#[test]
fn a_state_that_cannot_be_written_is_written_later() {
    let place = Place::new(Bounds::default());
    let faults = &place.disk.faults;
    let (mut store, _) = place.open();
    store.append(&piece(1, 1, 0)).unwrap();
    faults.overwrite.store(true, SeqCst);
    faults.room.store(0, SeqCst);
    assert!(store.append(&piece(2, 1, 0)).is_err());
    faults.overwrite.store(false, SeqCst);
    store.passed(3);
    drop(store);
    assert_eq!(place.open().1.new_epoch, Some(NewEpoch::Behind));
}

#[test]
fn a_sync_covers_what_was_appended_and_only_once() {
    let place = Place::new(Bounds { bytes: Some(1_000_000), ..Bounds::default() });
    let faults = &place.disk.faults;
    let (mut store, _) = place.open();
    let syncer = store.syncer();
    assert_eq!(syncer.sync().unwrap(), Synced { after: 0, up_to: 0 });
    while place.files().len() < 3 {
        store.append(&piece(store.next_seq(), 10, 1000)).unwrap();
    }
    let newest = store.next_seq() - 1;
    let before = faults.syncs.load(SeqCst);
    assert_eq!(syncer.sync().unwrap(), Synced { after: 0, up_to: newest });
    assert_eq!(faults.syncs.load(SeqCst) - before, 4, "three files and the directory");
    syncer.clone().sync().unwrap();
    assert_eq!(faults.syncs.load(SeqCst) - before, 4, "nothing new, nothing to do");
    store.append(&piece(newest + 1, 1, 0)).unwrap();
    syncer.sync().unwrap();
    assert_eq!(faults.syncs.load(SeqCst) - before, 5, "one file");
    drop(store);
    let (mut store, _) = place.open();
    let synced = store.syncer().sync().unwrap();
    assert!(!synced.covers(newest), "what a former process wrote was for that to promise");
    store.append(&piece(newest + 2, 1, 0)).unwrap();
    assert!(store.syncer().sync().unwrap().covers(newest + 2));
}

#[test]
fn what_a_failed_sync_covered_is_never_called_durable() {
    let place = Place::new(Bounds::default());
    let faults = &place.disk.faults;
    let (mut store, _) = place.open();
    let syncer = store.syncer();
    store.append(&piece(1, 10, 0)).unwrap();
    assert!(syncer.sync().unwrap().covers(10));
    store.append(&piece(11, 10, 0)).unwrap();
    faults.sync.store(true, SeqCst);
    assert!(syncer.sync().is_err());
    faults.sync.store(false, SeqCst);
    assert!(!syncer.sync().unwrap().covers(20));
    store.append(&piece(21, 10, 0)).unwrap();
    assert_eq!(place.files().len(), 2, "the file whose sync has failed is not gone on with");
    let synced = syncer.sync().unwrap();
    assert_eq!(synced, Synced { after: 20, up_to: 30 });
    assert!(!synced.covers(20) && synced.covers(21) && synced.covers(30) && !synced.covers(31));
    assert_eq!(read_all(&store.reader(), 1, 100), (seqs(1, 30), vec![]), "it can be read, though");
    store.append(&piece(31, 10, 0)).unwrap();
    assert_eq!(place.files().len(), 2);
}

#[test]
fn closing_with_a_disk_that_fails_is_no_orderly_end() {
    let mut place = Place::new(Bounds::default());
    let (mut store, _) = place.open();
    store.append(&piece(1, 10, 0)).unwrap();
    place.disk.faults.sync.store(true, SeqCst);
    assert!(store.close().is_err());
    place.disk.faults.sync.store(false, SeqCst);
    place.boot += 1;
    assert_eq!(place.open().1.new_epoch, Some(NewEpoch::PowerLoss));
}
