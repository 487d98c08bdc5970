//! Files that were cut, changed or deleted: what is sound is shown, the rest is told.

use std::fs;
use std::path::Path;

use fluentcast_event::{Batch, Tag};

use super::support::{Place, piece, read_all, seqs};
use crate::block::{HEAD_BYTES, Head};
use crate::segment::{ParsedStart, START_BYTES, Start};
use crate::{Bounds, Gap, Hole, NewEpoch, Piece, Resolved, WhyGone};

/// Segments of 64 KiB, all kept.
fn small_segments() -> Bounds {
    Bounds { bytes: Some(1_000_000), ..Bounds::default() }
}

fn lost(from: u64, to: u64) -> Gap {
    Gap { from, to, why: WhyGone::Lost }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x04;
    fs::write(path, bytes).unwrap();
}

/// Writes one small segment and returns where each of its blocks ends, with the number of its last event.
fn one_segment(place: &Place) -> Vec<(usize, u64)> {
    let (mut store, _) = place.open();
    let mut ends = vec![(START_BYTES, 0)];
    for events in [2, 1, 3] {
        let piece = piece(store.next_seq(), events, 3);
        store.append(&piece).unwrap();
        let len = HEAD_BYTES + piece.batch.tag.as_str().len() + piece.batch.entries.len();
        ends.push((ends[ends.len() - 1].0 + len, piece.last_seq()));
    }
    ends
}

#[test]
fn every_cut_leaves_the_whole_blocks_before_it() {
    let place = Place::new(Bounds::default());
    let ends = one_segment(&place);
    let state_path = place.dir.path().join("state");
    let state = fs::read(&state_path).unwrap();
    let epoch = place.open().0.epoch();
    let path = place.newest_file();
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        fs::write(&state_path, &state).unwrap();
        let (mut store, recovery) = place.open();
        let &(sound, newest) = ends.iter().rev().find(|(end, _)| *end <= cut).unwrap_or(&(0, 0));
        // A write that was cut short was seen by nobody.
        assert_eq!((recovery.epoch, recovery.new_epoch), (epoch, None), "cut at {cut}");
        assert_eq!((recovery.next_seq, recovery.events), (newest + 1, newest));
        let cut_off = recovery.truncated.as_ref().map_or(0, |tail| tail.bytes);
        assert_eq!(cut_off, (cut - sound) as u64, "cut at {cut}");
        assert_eq!(recovery.is_sound(), cut == sound);
        store.append(&piece(newest + 1, 2, 10)).unwrap();
        assert_eq!(read_all(&store.reader(), 1, 1), (seqs(1, newest + 2), vec![]));
        drop(store);
        assert!(place.open().1.is_sound(), "cut at {cut}");
        for file in place.files() {
            fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn every_flipped_byte_costs_one_block_at_most() {
    let place = Place::new(Bounds::default());
    let ends = one_segment(&place);
    let path = place.newest_file();
    let whole = fs::read(&path).unwrap();
    let state = fs::read(place.dir.path().join("state")).unwrap();
    for at in 0..whole.len() {
        fs::write(place.dir.path().join("state"), &state).unwrap();
        fs::write(&path, &whole).unwrap();
        flip(&path, at);
        let (mut store, recovery) = place.open();
        assert!(!recovery.is_sound(), "byte {at}");
        let hit = ends.iter().position(|(end, _)| at < *end).unwrap();
        let (seqs_left, gaps) = read_all(&store.reader(), 1, 1000);
        let newest = ends[ends.len() - 1].1;
        match hit {
            // The start of the file: the state knows the salt too.
            0 => assert_eq!((seqs_left, gaps), (seqs(1, newest), vec![])),
            hit if hit + 1 == ends.len() => {
                assert_eq!((seqs_left, gaps), (seqs(1, ends[hit - 1].1), vec![]));
                assert_eq!(recovery.new_epoch, Some(NewEpoch::TailLost), "byte {at}");
                assert_eq!(recovery.truncated.unwrap().at, ends[hit - 1].0 as u64);
            }
            hit => {
                let (from, to) = (ends[hit - 1].1 + 1, ends[hit].1);
                assert_eq!(gaps, [lost(from, to)], "byte {at}");
                assert_eq!(seqs_left, [seqs(1, from - 1), seqs(to + 1, newest)].concat());
                assert_eq!((recovery.new_epoch, recovery.truncated), (None, None));
                assert_eq!(recovery.damaged[0].at, ends[hit - 1].0 as u64);
                if from > 1 {
                    assert_eq!(recovery.holes, [Hole { from, to }]);
                }
            }
        }
        let next = store.next_seq();
        store.append(&piece(next, 1, 0)).unwrap();
        assert_eq!(read_all(&store.reader(), next, 1).0, [next]);
        drop(store);
        for file in place.files() {
            fs::remove_file(file).unwrap();
        }
    }
}

fn some_segments(place: &Place) -> u64 {
    let (mut store, _) = place.open();
    while place.files().len() < 4 {
        store.append(&piece(store.next_seq(), 10, 500)).unwrap();
    }
    store.next_seq() - 1
}

#[test]
fn a_deleted_segment_in_the_middle_is_a_hole() {
    let place = Place::new(small_segments());
    let newest = some_segments(&place);
    let files = place.files();
    let first_of = |at: usize| -> u64 { files[at].file_stem().unwrap().to_str().unwrap().parse().unwrap() };
    fs::remove_file(&files[1]).unwrap();
    let (store, recovery) = place.open();
    let (from, to) = (first_of(1), first_of(2) - 1);
    assert_eq!(recovery.holes, [Hole { from, to }]);
    assert_eq!((recovery.numbers_missing, recovery.new_epoch), (to - from + 1, None));
    let expected = [seqs(1, from - 1), seqs(to + 1, newest)].concat();
    assert_eq!(read_all(&store.reader(), 1, 9999), (expected, vec![lost(from, to)]));
    assert_eq!(read_all(&store.reader(), from + 3, 9999).1, [lost(from + 3, to)]);
}

#[test]
fn a_segment_deleted_under_a_running_store_is_a_hole_too() {
    let place = Place::new(small_segments());
    let newest = some_segments(&place);
    let (store, _) = place.open();
    let files = place.files();
    let first_of = |at: usize| -> u64 { files[at].file_stem().unwrap().to_str().unwrap().parse().unwrap() };
    fs::remove_file(&files[1]).unwrap();
    let (from, to) = (first_of(1), first_of(2) - 1);
    let expected = [seqs(1, from - 1), seqs(to + 1, newest)].concat();
    assert_eq!(read_all(&store.reader(), 1, 9999), (expected, vec![lost(from, to)]));
    let in_it = super::support::time(from + 2);
    assert_eq!(store.reader().seq_at(in_it).unwrap(), to + 1);
}

#[test]
fn deleting_the_newest_segment_ends_the_epoch_and_no_number_comes_twice() {
    let place = Place::new(small_segments());
    some_segments(&place);
    let before = fs::read(place.dir.path().join("state")).unwrap();
    let epoch = place.open().0.epoch();
    // As it was left by the process that made the segment.
    fs::write(place.dir.path().join("state"), before).unwrap();
    let newest_file = place.newest_file();
    let from: u64 = newest_file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    fs::remove_file(newest_file).unwrap();
    let (mut store, recovery) = place.open();
    assert_eq!(recovery.new_epoch, Some(NewEpoch::TailLost));
    assert_eq!(recovery.next_seq, from);
    assert_ne!(store.epoch(), epoch);
    assert_eq!(store.resolve(epoch, from), Resolved::Beyond { known_up_to: from - 1 });
    store.append(&piece(from, 1, 0)).unwrap();
    assert_eq!(read_all(&store.reader(), 1, 9999), (seqs(1, from), vec![]));
}

#[test]
fn damage_in_a_sealed_segment_costs_one_block() {
    let place = Place::new(small_segments());
    let newest = some_segments(&place);
    let path = place.files().remove(1);
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(997) {
        fs::write(&path, &whole).unwrap();
        flip(&path, at);
        let (store, recovery) = place.open();
        assert_eq!((recovery.new_epoch, recovery.truncated), (None, None));
        for bytes_max in [1, 1_000_000] {
            let (left, gaps) = read_all(&store.reader(), 1, bytes_max);
            let missing: u64 = gaps.iter().map(|gap| gap.to - gap.from + 1).sum();
            assert!(gaps.len() <= 1 && gaps.iter().all(|gap| gap.why == WhyGone::Lost));
            assert_eq!(missing, if at < START_BYTES { 0 } else { 10 }, "byte {at}");
            assert_eq!(left.len() as u64 + missing, newest);
        }
    }
}

#[test]
fn a_sealed_segment_that_was_cut_or_filled_with_zeros_costs_what_is_gone() {
    let place = Place::new(small_segments());
    let newest = some_segments(&place);
    let path = place.files().remove(1);
    let whole = fs::read(&path).unwrap();
    for at in [0, 10, START_BYTES, START_BYTES + 20, whole.len() / 2, whole.len() - 1] {
        let zeros = [&whole[..at], &vec![0; whole.len() - at]].concat();
        for changed in [&whole[..at], &zeros] {
            fs::write(&path, changed).unwrap();
            let (mut store, recovery) = place.open();
            // A body is verified when it is read.
            assert!(!recovery.is_sound() || at + 1 == whole.len());
            let (left, gaps) = read_all(&store.reader(), 1, 10_000);
            let missing: u64 = gaps.iter().map(|gap| gap.to - gap.from + 1).sum();
            assert_eq!(left.len() as u64 + missing, newest);
            assert!(gaps.len() == 1 && missing >= 10, "{gaps:?}");
            let seq = store.reader().seq_at(super::support::time(gaps[0].from)).unwrap();
            // In the gap where a head is sound and says the time; else after it.
            assert!((gaps[0].from..=gaps[0].to + 1).contains(&seq));
            store.retain(fluentcast_event::EventTime::default()).unwrap();
        }
    }
}

#[test]
fn blocks_inside_of_records_are_never_taken_for_blocks() {
    // Blocks of another history, as a sender might make them, inside of an event of this one.
    let other = Place::new(Bounds::default());
    one_segment(&other);
    let foreign = fs::read(other.newest_file()).unwrap();
    let place = Place::new(Bounds::default());
    let (mut store, _) = place.open();
    let mut hostile = piece(1, 1, 0);
    let entries = [
        &[0x92, 7, 0x81, 0xa1, b'x', 0xc6][..],
        &u32::try_from(foreign.len()).unwrap().to_be_bytes(),
        &foreign,
    ];
    hostile.batch = Batch { tag: Tag::from("t"), entries: entries.concat().into(), ..hostile.batch };
    store.append(&Piece { first_seq: 1, ..hostile }).unwrap();
    store.append(&piece(2, 1, 0)).unwrap();
    drop(store);
    flip(&place.newest_file(), START_BYTES + 24);
    let (store, recovery) = place.open();
    assert_eq!(recovery.damaged_places, 1);
    assert_eq!(read_all(&store.reader(), 1, 1000), (vec![2], vec![lost(1, 1)]));
}

#[test]
fn what_a_file_holds_of_numbers_of_the_next_does_not_hide_that() {
    // A tail that was cut off, and has come back when the system went down.
    let place = Place::new(small_segments());
    let newest = some_segments(&place);
    let files = place.files();
    let mut stale = fs::read(&files[1]).unwrap().split_off(START_BYTES);
    let mut at = 0;
    let ParsedStart::Sound(start) = Start::parse(&fs::read(&files[1]).unwrap()) else { panic!("no start") };
    while let Some(head) = Head::parse(&stale[at..], start.salt) {
        stale[at + HEAD_BYTES] ^= 1;
        at += usize::try_from(head.block_len()).unwrap();
    }
    assert_eq!(at, stale.len());
    let bytes = [fs::read(&files[0]).unwrap(), stale].concat();
    fs::write(&files[0], bytes).unwrap();
    let (store, recovery) = place.open();
    assert_eq!((recovery.new_epoch, recovery.numbers_missing), (None, 0));
    assert!(recovery.damaged_places > 0);
    for from in [1, newest / 2] {
        assert_eq!(read_all(&store.reader(), from, 5000), (seqs(from, newest), vec![]));
    }
}

#[test]
fn other_files_are_left_alone() {
    let place = Place::new(Bounds::default());
    one_segment(&place);
    for name in ["notes.txt", "7.seg", "00000000000000000009.seg.bak", "lost+found"] {
        fs::write(place.dir.path().join(name), b"mine").unwrap();
    }
    let (_store, recovery) = place.open();
    assert!(recovery.is_sound());
    assert_eq!(recovery.events, 6);
    assert_eq!(fs::read(place.dir.path().join("7.seg")).unwrap(), b"mine");
}

/// Found by the fuzzer: files 1, 4 and 116, none with a block, and a state that knows of number 1. The event that
/// came next was number 2, behind file 4 in the index, and could not be read.
#[test]
fn numbers_of_files_without_a_block_are_not_given_again() {
    let place = Place::new(Bounds::default());
    let (mut store, _) = place.open();
    store.append(&piece(1, 1, 0)).unwrap();
    drop(store);
    let start = fs::read(place.newest_file()).unwrap()[..START_BYTES].to_vec();
    for first_seq in [4, 116] {
        fs::write(crate::segment::path(place.dir.path(), first_seq), &start).unwrap();
    }
    let (mut store, recovery) = place.open();
    assert_eq!(recovery.next_seq, 5);
    for first_seq in [5, 6] {
        store.append(&piece(first_seq, 1, 0)).unwrap();
    }
    assert_eq!(read_all(&store.reader(), 1, 1), (vec![1, 5, 6], vec![lost(2, 4)]));
    drop(store);
    let (store, _) = place.open();
    assert_eq!(read_all(&store.reader(), 1, 1), (vec![1, 5, 6], vec![lost(2, 4)]));
}
