//! Appending and reading, meanwhile and afterwards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fluentcast_event::{Batch, EventTime, Tag};

use super::support::{Place, piece, read_all, seqs, time};
use crate::{Bounds, Gap, Part, Piece, WhyGone};

#[test]
fn what_is_appended_can_be_read_from_any_number() {
    let place = Place::new(Bounds::default());
    let (mut store, recovery) = place.open();
    assert!(recovery.is_sound());
    assert_eq!(recovery.next_seq, 1);
    let reader = store.reader();
    assert_eq!((reader.oldest(), reader.newest()), (1, 0));
    assert_eq!(reader.read(1, 1000).unwrap().next_seq, 1);
    let mut next = 1;
    for events in [1, 7, 100, 1, 33] {
        store.append(&piece(next, events, 50)).unwrap();
        next += u64::from(events);
    }
    let newest = next - 1;
    assert_eq!((reader.oldest(), reader.newest(), store.next_seq()), (1, newest, next));
    for bytes_max in [0, 1000, 10_000, usize::MAX] {
        for from in 1..=newest {
            assert_eq!(read_all(&reader, from, bytes_max), (seqs(from, newest), vec![]), "from {from}");
        }
    }
    assert_eq!(reader.read(0, 1).unwrap().next_seq, 2);
    assert!(reader.read(u64::MAX, 1).unwrap().parts.is_empty());
}

#[test]
fn a_read_is_bounded_but_gives_at_least_a_block() {
    let place = Place::new(Bounds::default());
    let (mut store, _) = place.open();
    for n in 0..50 {
        store.append(&piece(n * 10 + 1, 10, 100)).unwrap();
    }
    let block = piece(1, 10, 100).batch.entries.len() + 100;
    let events = |bytes_max| -> u32 {
        let read = store.reader().read(101, bytes_max).unwrap();
        read.parts.iter().map(|part| if let Part::Piece(piece) = part { piece.events } else { 0 }).sum()
    };
    assert_eq!(events(0), 10);
    assert_eq!(events(block), 10);
    assert_eq!(events(5 * block), 50);
    assert_eq!(events(usize::MAX), 400);
}

#[test]
fn entries_come_out_as_they_went_in() {
    let place = Place::new(Bounds::default());
    let (mut store, _) = place.open();
    // Time 0 stands for the time of reception; an entry that is no event has no number.
    let entries = bytes::Bytes::from_static(&[0x92, 0, 0x80, 0xc0, 0x92, 7, 0x80, 0x92, 0xc0, 0x80]);
    let received = EventTime { seconds: 77, nanos: 3 };
    let batch = Batch { tag: Tag::from("é.日本"), entries: entries.clone(), received };
    store.append(&Piece { first_seq: 1, events: 3, newest_time: received, batch }).unwrap();
    let read = store.reader().read(1, 1).unwrap();
    let Part::Piece(whole) = &read.parts[0] else { panic!("{read:?}") };
    assert_eq!((&whole.batch.entries, whole.batch.tag.as_str()), (&entries, "é.日本"));
    assert_eq!((whole.batch.received, whole.newest_time), (received, received));
    for (from, expected) in [(2, &entries[3..]), (3, &entries[7..])] {
        let read = store.reader().read(from, 1).unwrap();
        let Part::Piece(rest) = &read.parts[0] else { panic!("{read:?}") };
        assert_eq!((rest.first_seq, u64::from(rest.events)), (from, 4 - from));
        assert_eq!(rest.batch.events().flatten().count(), rest.events as usize);
        assert_eq!(rest.batch.entries, expected);
    }
    assert_eq!(store.reader().seq_at(received).unwrap(), 1);
    assert_eq!(store.reader().seq_at(EventTime { seconds: 77, nanos: 4 }).unwrap(), 4);
}

#[test]
fn numbers_may_jump_forwards_but_never_back() {
    let place = Place::new(Bounds::default());
    let (mut store, _) = place.open();
    store.append(&piece(5, 2, 0)).unwrap();
    store.append(&piece(20, 3, 0)).unwrap();
    for wrong in [piece(22, 1, 0), piece(1, 1, 0), Piece { events: 0, ..piece(30, 1, 0) }] {
        assert!(store.append(&wrong).is_err());
    }
    let expired = Gap { from: 1, to: 4, why: WhyGone::Expired };
    let gaps = vec![expired, Gap { from: 7, to: 19, why: WhyGone::Lost }];
    assert_eq!(read_all(&store.reader(), 1, 1000), (vec![5, 6, 20, 21, 22], gaps));
    drop(store);
    let (_store, recovery) = place.open();
    assert_eq!((recovery.numbers_missing, recovery.holes.len()), (13, 1));
}

#[test]
fn a_time_finds_the_first_event_that_is_not_older() {
    let place = Place::new(Bounds::default());
    let (mut store, _) = place.open();
    let mut next = 1;
    for events in [1u32, 400, 3, 1000, 50] {
        store.append(&piece(next, events, 300)).unwrap();
        next += u64::from(events);
    }
    let reader = store.reader();
    for seq in (1..next).step_by(7) {
        assert_eq!(reader.seq_at(time(seq)).unwrap(), seq);
        let later = EventTime { nanos: 6, ..time(seq) };
        assert_eq!(reader.seq_at(later).unwrap(), seq + 1);
    }
    assert_eq!(reader.seq_at(EventTime::default()).unwrap(), 1);
    assert_eq!(reader.seq_at(EventTime::from_seconds(i64::MAX)).unwrap(), next);
}

#[test]
fn events_out_of_order_do_not_hide_one_another() {
    let place = Place::new(Bounds::default());
    let (mut store, _) = place.open();
    // Numbers 1-5 have times 101-105, the next five 1-5, and so on: the later segments are older.
    let mut late = piece(1, 5, 0);
    late.batch = piece(101, 5, 0).batch;
    late.newest_time = time(105);
    store.append(&late).unwrap();
    let mut early = piece(6, 5, 0);
    early.batch = piece(1, 5, 0).batch;
    early.newest_time = time(5);
    store.append(&early).unwrap();
    let mut latest = piece(11, 5, 0);
    latest.batch = piece(201, 5, 0).batch;
    latest.newest_time = time(205);
    store.append(&latest).unwrap();
    for (wanted, seq) in [(1, 1), (101, 1), (104, 4), (106, 11), (205, 15), (206, 16)] {
        assert_eq!(store.reader().seq_at(time(wanted)).unwrap(), seq, "time {wanted}");
    }
}

#[test]
fn readers_see_whole_pieces_while_they_are_written_sealed_and_deleted() {
    let bounds = Bounds { bytes: Some(1_500_000), ..Bounds::default() };
    let place = Place::new(bounds);
    let (mut store, _) = place.open();
    let reader = store.reader();
    let done = AtomicBool::new(false);
    let last = 40_000;
    thread::scope(|scope| {
        let readers: Vec<_> = [1usize, 30_000, 1_000_000]
            .into_iter()
            .map(|bytes_max| {
                let (reader, done) = (reader.clone(), &done);
                scope.spawn(move || {
                    let (mut next, mut told) = (1, 0);
                    loop {
                        let finished = done.load(Ordering::SeqCst);
                        let (seqs, gaps) = read_all(&reader, next, bytes_max);
                        assert!(gaps.iter().all(|gap| gap.why == WhyGone::Expired), "{gaps:?}");
                        told += seqs.len() as u64 + gaps.iter().map(|gap| gap.to - gap.from + 1).sum::<u64>();
                        next = told + 1;
                        if finished {
                            return told;
                        }
                    }
                })
            })
            .collect();
        let syncer = store.syncer();
        let finished = &done;
        scope.spawn(move || {
            while !finished.load(Ordering::SeqCst) {
                syncer.sync().unwrap();
            }
        });
        let mut next = 1;
        while next <= last {
            let events = 1 + u32::try_from(next % 60).unwrap();
            store.append(&piece(next, events, 100)).unwrap();
            next += u64::from(events);
        }
        done.store(true, Ordering::SeqCst);
        for reader in readers {
            assert_eq!(reader.join().unwrap(), next - 1);
        }
    });
    assert!(reader.oldest() > 1, "the test is to see segments deleted");
}
