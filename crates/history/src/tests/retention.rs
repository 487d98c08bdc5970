//! Bounds: what is shown, and what is on the disk.

use std::fs;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fluentcast_event::EventTime;

use super::support::{Place, piece, read_all, seqs, time};
use crate::{Bounds, Gap, Retained, Store, WhyGone};

fn bytes_on_disk(place: &Place) -> u64 {
    place.files().iter().map(|file| fs::metadata(file).unwrap().len()).sum()
}

fn fill(store: &mut Store, to: u64, events: u32, padding: usize) {
    while store.next_seq() <= to {
        store.append(&piece(store.next_seq(), events, padding)).unwrap();
    }
}

#[test]
fn bytes_are_a_bound_at_any_time_and_most_of_it_is_used() {
    let bound = 2_000_000;
    let place = Place::new(Bounds { bytes: Some(bound), ..Bounds::default() });
    let (mut store, _) = place.open();
    let mut most = 0;
    while store.next_seq() < 30_000 {
        store.append(&piece(store.next_seq(), 20, 150)).unwrap();
        let bytes = bytes_on_disk(&place);
        assert!(bytes <= bound, "{bytes}");
        if bytes < most {
            assert!(bytes > bound * 13 / 16, "{bytes} of {bound} kept");
        }
        most = most.max(bytes);
    }
    assert!(most > bound * 15 / 16);
    let reader = store.reader();
    let newest = reader.newest();
    let gap = Gap { from: 1, to: reader.oldest() - 1, why: WhyGone::Expired };
    assert_eq!(read_all(&reader, 1, 100_000), (seqs(reader.oldest(), newest), vec![gap]));
}

#[test]
fn a_piece_larger_than_the_bound_is_kept_alone() {
    let place = Place::new(Bounds { bytes: Some(10_000), ..Bounds::default() });
    let (mut store, _) = place.open();
    for first_seq in [1, 101, 201] {
        store.append(&piece(first_seq, 100, 200)).unwrap();
        assert_eq!(place.files().len(), 1);
        assert_eq!(store.reader().oldest(), first_seq);
    }
}

#[test]
fn the_number_of_events_is_exact_whatever_the_files_hold() {
    let place = Place::new(Bounds { events: Some(1000), ..Bounds::default() });
    let (mut store, _) = place.open();
    let reader = store.reader();
    while store.next_seq() < 20_000 {
        let events = 1 + u32::try_from(store.next_seq() % 90).unwrap();
        store.append(&piece(store.next_seq(), events, 100)).unwrap();
        let newest = reader.newest();
        assert_eq!(reader.oldest(), (newest + 1).saturating_sub(1000).max(1));
    }
    let (shown, _) = read_all(&reader, 1, 10_000);
    assert_eq!(shown, seqs(reader.newest() - 999, reader.newest()));
    assert_eq!(reader.seq_at(EventTime::default()).unwrap(), reader.oldest());
    assert!(bytes_on_disk(&place) < 400_000, "1000 events of 130 bytes, 64 KiB files, and no more");
    drop(store);
    let (store, _) = place.open();
    assert_eq!(store.reader().oldest(), shown[0]);
}

#[test]
fn age_counts_from_reception_block_by_block() {
    let place = Place::new(Bounds { age: Some(Duration::from_secs(1000)), ..Bounds::default() });
    let (mut store, _) = place.open();
    fill(&mut store, 5000, 10, 40);
    let reader = store.reader();
    for now in (5000..6100).step_by(13) {
        store.retain(time(now)).unwrap();
        // A block is as old as its last event here.
        let oldest = (now - 1000).next_multiple_of(10) - 9;
        assert_eq!(reader.oldest(), oldest.min(5001), "at {now}");
        let span = time(now).seconds - 1000;
        let oldest_file = place.files().first().cloned();
        if let Some(name) = oldest_file {
            let first: i64 = name.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            assert!(time(1).seconds + first > span - 1000 / 16 - 11, "{name:?} at {now}");
        }
    }
    assert!(place.files().is_empty(), "all is too old");
    assert_eq!((reader.oldest(), reader.newest()), (5001, 5000));
    let gap = Gap { from: 1, to: 5000, why: WhyGone::Expired };
    assert_eq!(read_all(&reader, 1, 1), (vec![], vec![gap]));
    drop(store);
    // The numbering survives that no event does.
    let (mut store, recovery) = place.open();
    assert_eq!((recovery.next_seq, recovery.new_epoch), (5001, None));
    store.append(&piece(5001, 1, 0)).unwrap();
    assert_eq!(read_all(&store.reader(), 5001, 1).0, [5001]);
    drop(store);
    assert!(place.open().1.is_sound());
}

#[test]
fn a_clock_that_was_wrong_neither_keeps_events_for_ever_nor_deletes_them() {
    let place = Place::new(Bounds { age: Some(Duration::from_secs(100)), ..Bounds::default() });
    let (mut store, _) = place.open();
    let mut from_the_future = piece(1, 5, 10);
    from_the_future.batch.received = time(1_000_000);
    store.append(&from_the_future).unwrap();
    let mut from_the_past = piece(6, 5, 10);
    from_the_past.batch.received = EventTime::from_seconds(3);
    store.append(&from_the_past).unwrap();
    store.append(&piece(11, 5, 10)).unwrap();
    for _ in 0..2 {
        store.retain(time(20)).unwrap();
        assert_eq!(store.reader().oldest(), 1);
        store.retain(time(119)).unwrap();
        assert_eq!(store.reader().oldest(), 1);
    }
    store.retain(time(121)).unwrap();
    assert_eq!(store.reader().oldest(), 16);
}

#[test]
fn retention_tells_what_it_has_deleted_and_what_it_cannot() {
    let place = Place::new(Bounds { age: Some(Duration::from_secs(160)), ..Bounds::default() });
    let (mut store, _) = place.open();
    fill(&mut store, 100, 10, 0);
    let files = place.files().len() as u64;
    let bytes = bytes_on_disk(&place);
    assert!(files > 4);
    assert_eq!(store.retain(time(100)).unwrap(), Retained::default());
    place.disk.faults.remove.store(true, Ordering::SeqCst);
    assert!(store.retain(time(1000)).is_err());
    assert_eq!(store.reader().oldest(), 101, "what is too old is not shown all the same");
    place.disk.faults.remove.store(false, Ordering::SeqCst);
    let retained = store.retain(time(1000)).unwrap();
    assert_eq!(retained, Retained { segments: files, bytes, events: 100 });
    store.append(&piece(101, 1, 0)).unwrap();
}

#[test]
fn bounds_hold_for_what_a_former_process_has_left() {
    let mut place = Place::new(Bounds::default());
    let (mut store, _) = place.open();
    fill(&mut store, 2000, 10, 2000);
    drop(store);
    place.bounds = Bounds { bytes: Some(1_000_000), ..Bounds::default() };
    let (mut store, recovery) = place.open();
    assert!(recovery.is_sound());
    store.retain(EventTime::default()).unwrap();
    store.append(&piece(2001, 10, 100)).unwrap();
    fill(&mut store, 3000, 10, 2000);
    assert!(bytes_on_disk(&place) <= 1_000_000);
}
