use std::sync::Arc;

use super::*;
use crate::encode::{Format, Protocol};
use crate::history::{Bounds, Epoch, Position};
use crate::hub::{self, Options, Start};
use crate::testing::journal::FakeJournal;
use crate::testing::told::{Told, gap, numbers};
use crate::testing::{
    Client, Rig, SHAPES, batch, key, of_tags, options, poll, resumable, that_pass, time_of,
};

fn after(epoch: Epoch, seq: u64) -> Start {
    Start::After(Position { epoch, seq })
}

/// Numbers from `first` to `last`, as a client is told them.
fn events(first: u64, last: u64) -> Vec<Told> {
    (first..=last).map(Told::Event).collect()
}

/// A hub with this journal, in which events up to `newest` are, ten by ten, and none of them in memory.
fn only_on_disk(journal: &Arc<FakeJournal>, newest: u64) -> Rig {
    let mut rig = Rig::with_journal(Arc::clone(journal) as Arc<dyn Journal>, 5);
    (0..newest / 10).for_each(|_| assert_eq!(rig.publish(10).stored.ok(), Some(())));
    Rig::with_journal(Arc::clone(journal) as Arc<dyn Journal>, 5)
}

#[test]
fn every_start_begins_where_it_says() {
    let mut rig = Rig::buffering(10);
    (0..5).for_each(|_| drop(rig.publish(5)));
    let epoch = rig.hub.hello().epoch;
    for (start, first) in [
        (Start::Default, 16),
        (Start::Last(0), 26),
        (Start::Last(3), 23),
        (Start::Last(u64::MAX), 16),
        (Start::Now, 26),
        (after(epoch, 25), 26),
        (after(epoch, 24), 25),
        (after(epoch, 15), 16),
        (after(epoch, 30), 26),
        (after(epoch, u64::MAX), 26),
        (Start::Time(time_of(20)), 20),
        // 24 has the time of 25 and comes first.
        (Start::Time(time_of(24)), 24),
        // 18 has the time of 19.
        (Start::Time(EventTime { nanos: 1, ..time_of(19) }), 18),
        (Start::Time(EventTime::from_seconds(i64::MAX)), 26),
    ] {
        for form in SHAPES {
            for follow in [true, false] {
                let told = rig.client_that(&key(form), start, follow).read_all();
                let read = numbers(&told);
                assert_eq!(read, (first..26).collect::<Vec<_>>(), "{start:?} {form:?}");
                let greeted = usize::from(form.0.has_notices() && form.0 != Protocol::Lines);
                let ends: &[Told] = match (follow, form.0.is_websocket()) {
                    (true, _) => &[],
                    (false, true) => &[Told::Close(Some(1000))],
                    (false, false) => &[Told::End],
                };
                assert_eq!(told[greeted + read.len()..], *ends, "{start:?} {form:?}");
            }
        }
    }
}

#[test]
fn what_is_not_kept_any_more_is_told_before_the_first_event() {
    let mut rig = Rig::buffering(10);
    rig.publish(25);
    let epoch = rig.hub.hello().epoch;
    let told = |start| rig.client(&resumable(), start).read_all();
    let expected = [vec![gap(13, 15, None, "expired")], events(16, 25)].concat();
    assert_eq!(told(after(epoch, 12))[1..], expected);
    let expected = [vec![gap(1, 15, None, "expired")], events(16, 25)].concat();
    assert_eq!(told(after(epoch, 0))[1..], expected);
    // How far back is unknown; that the history begins there is not.
    assert_eq!(told(Start::Time(time_of(3)))[1..], expected);
    let other = Epoch(epoch.0 ^ 1);
    let gone = Told::Gap {
        epoch: Some(other.to_string()),
        from: 8,
        to: None,
        events: None,
        reason: "epoch".to_owned(),
    };
    assert_eq!(told(after(other, 7))[1], gone);
    assert_eq!(told(after(other, 7))[2..], expected);
    assert_eq!(numbers(&told(after(other, u64::MAX))).len(), 10);
}

#[test]
fn a_hub_that_keeps_nothing_says_so() {
    let mut rig = Rig::buffering(0);
    rig.publish(5);
    let told = |start| rig.client(&resumable(), start).read_all();
    assert_eq!(told(Start::Time(time_of(1)))[1..], [gap(1, 5, None, "expired")]);
    assert_eq!(told(rig.after(3))[1..], [gap(4, 5, None, "expired")]);
    assert_eq!(told(Start::Last(3)).len(), 1);
    let told = rig.client_that(&resumable(), rig.after(3), false).read_all();
    assert_eq!(told[1..], [gap(4, 5, None, "expired"), Told::Close(Some(1000))]);
}

#[test]
fn only_what_passes_is_replayed() {
    let mut rig = Rig::buffering(100);
    for round in 0..10 {
        rig.publish_as(if round % 2 == 0 { "a.x" } else { "b" }, 3);
    }
    let odd_of_a = that_pass(of_tags(resumable(), &["a.*"]), &[("odd", "true")]);
    let expected: Vec<u64> = (1..=30).filter(|n| (n - 1) / 3 % 2 == 0 && n % 2 == 1).collect();
    assert_eq!(rig.client(&odd_of_a, Start::Last(30)).numbers(), expected);
}

/// Publishes between any two steps and reads little at a time.
fn joins_live(mut rig: Rig, start: Start, first: u64) {
    let mut client = rig.client(&resumable(), start);
    let mut told = Vec::new();
    for round in 0..500 {
        rig.publish(1 + round % 3);
        if round % 5 == 0 {
            rig.wakes.sweep();
        }
        if round % 7 != 0 {
            client.step();
        }
        told.extend(client.read(usize::try_from(100 + round % 50).unwrap()));
    }
    rig.wakes.sweep();
    told.extend(client.read_all());
    assert_eq!(told[1..], events(first, rig.next - 1));
    assert!(matches!(&client.session.subscription(), Some(place) if place.view().backlog() == 0));
}

#[test]
fn a_replay_joins_the_live_stream_without_gap_or_duplicate() {
    let mut rig = Rig::buffering(20);
    rig.publish(50);
    joins_live(rig, Start::Default, 31);
    let mut rig = Rig::holding(Options { bounds: Bounds::default(), ..options(20) }, 500);
    rig.publish(50);
    joins_live(rig, Start::Last(50), 1);
    let journal = Arc::new(FakeJournal::new());
    joins_live(only_on_disk(&journal, 50), Start::Last(40), 11);
    let journal = Arc::new(FakeJournal::new());
    let rig = only_on_disk(&journal, 50);
    joins_live(rig, Start::Time(time_of(21)), 20);
}

#[test]
fn of_a_large_history_a_bounded_part_is_held() {
    let bounds = Bounds { events: Some(1000), ..Bounds::default() };
    let mut rig = Rig::holding(Options { bounds, ..options(0) }, 1000);
    (0..100).for_each(|_| drop(rig.publish(10)));
    let mut slow = rig.client(&resumable(), Start::Last(1000));
    let mut quick = rig.client(&resumable(), Start::Last(1000));
    assert!(slow.session.subscription().is_none(), "far from the live stream");
    assert_eq!(numbers(&quick.read_all()).len(), 1000);
    (0..200).for_each(|_| drop(rig.publish(10)));
    // What was held at the start is there, then comes what is not.
    let told = slow.read_all();
    let held = numbers(&told).iter().take_while(|n| **n <= 1000).count() as u64;
    assert!((10..200).contains(&held), "{held}");
    assert_eq!(
        told[1..],
        [events(1, held), vec![gap(held + 1, 2000, None, "expired")], events(2001, 3000)].concat()
    );
}

#[test]
fn a_replay_ends_with_what_there_was_even_if_that_is_gone() {
    let mut rig = Rig::holding(options(100), 300);
    (0..10).for_each(|_| drop(rig.publish(10)));
    let mut client = rig.client_that(&resumable(), Start::Last(100), false);
    (0..10).for_each(|_| drop(rig.publish(10)));
    rig.publish(40);
    let told = client.read_all();
    let held = numbers(&told).len() as u64;
    let expected = [events(1, held), vec![gap(held + 1, 100, None, "expired"), Told::Close(Some(1000))]];
    assert_eq!(told[1..], expected.concat());
    assert!((10..100).contains(&held));
    assert_eq!(rig.hub.views(), 0, "it takes no place");
}

#[test]
fn a_long_replay_is_made_in_steps_that_wait_for_the_client() {
    let bounds = Bounds::default();
    let mut rig = Rig::new(Options { bounds, ..options(0) });
    for _ in 0..10 {
        let large = batch("t", rig.next..=rig.next, SEGMENT_BYTES_MAX);
        rig.next += 1;
        crate::testing::now(rig.hub.publish(&large));
    }
    let mut client = rig.client(&resumable(), Start::Last(10));
    client.read(usize::MAX);
    assert!(client.step() && !client.step(), "nobody reads the first");
    let mut told = client.read(10);
    assert!(client.step() && !client.step(), "the next one is made while the first is read");
    told.extend(client.read(SEGMENT_BYTES_MAX + 1000));
    assert!(client.step() && !client.step());
    told.extend(client.read_all());
    assert_eq!(told, events(1, 10));
}

#[test]
fn a_filter_that_nothing_passes_gets_to_the_end() {
    let rig = Rig::new(Options { bounds: Bounds::default(), ..options(0) });
    for _ in 0..8 {
        crate::testing::now(rig.hub.publish(&batch("t", 1..=1, REPLAY_SCAN_BYTES_MAX)));
    }
    let mut client = rig.client(&that_pass(resumable(), &[("n", "none")]), Start::Last(10));
    client.read(usize::MAX);
    let mut steps = 0;
    while client.step() {
        steps += 1;
    }
    assert_eq!((client.numbers().len(), steps), (0, 9), "others have their turn in between");
    assert!(client.session.subscription().is_some());
}

#[test]
fn a_journal_is_read_until_the_rest_is_in_memory() {
    let journal = Arc::new(FakeJournal::new());
    let mut rig = only_on_disk(&journal, 100);
    let hello = rig.hub.hello();
    assert_eq!((hello.seq, hello.oldest), (100, 1));
    rig.publish(5);
    for (start, first) in [
        (Start::Default, 101),
        (Start::Last(30), 76),
        (rig.after(0), 1),
        (rig.after(57), 58),
        (Start::Time(time_of(63)), 62),
        (Start::Time(EventTime::from_seconds(i64::MAX)), 106),
    ] {
        let told = rig.client(&resumable(), start).read_all();
        assert_eq!(told[1..], events(first, 105), "{start:?}");
        let told = rig.client_that(&resumable(), start, false).read_all();
        assert_eq!(told[1..], [events(first, 105), vec![Told::Close(Some(1000))]].concat(), "{start:?}");
    }
}

#[test]
fn what_a_journal_has_lost_is_told_exactly() {
    let journal = Arc::new(FakeJournal::new());
    let mut rig = only_on_disk(&journal, 100);
    journal.damage(35);
    journal.damage(45);
    journal.damage(75);
    journal.expire(5);
    rig.publish(5);
    let told = rig.client(&resumable(), rig.after(4)).read_all();
    let expected = [
        vec![gap(5, 20, None, "expired")],
        events(21, 30),
        vec![gap(31, 50, None, "lost")],
        events(51, 70),
        vec![gap(71, 80, None, "lost")],
        events(81, 105),
    ];
    assert_eq!(told[1..], expected.concat());
    let told = rig.client(&resumable(), Start::Time(time_of(2))).read_all();
    assert_eq!(told[1..2], [gap(1, 20, None, "expired")]);
    assert_eq!(numbers(&told).first(), Some(&21));
    let told = rig.client_that(&resumable(), rig.after(33), false).read_all();
    assert_eq!(told[1], gap(34, 50, None, "lost"));
}

#[test]
fn what_has_expired_altogether_is_not_lost() {
    let journal = Arc::new(FakeJournal::new());
    let mut rig = only_on_disk(&journal, 100);
    journal.expire(0);
    rig.publish(5);
    journal.expire(0);
    let told = rig.client(&resumable(), rig.after(4)).read_all();
    assert_eq!(told[1..], [vec![gap(5, 100, None, "expired")], events(101, 105)].concat());
}

/// What is lost right before the first event of the time may have been of that time.
#[test]
fn a_start_by_time_is_told_of_what_is_lost_there() {
    let journal = Arc::new(FakeJournal::new());
    let mut rig = only_on_disk(&journal, 100);
    journal.damage(35);
    journal.damage(45);
    rig.publish(5);
    for n in [33, 36, 47] {
        let told = rig.client(&resumable(), Start::Time(time_of(n))).read_all();
        assert_eq!(told[1..], [vec![gap(31, 50, None, "lost")], events(51, 105)].concat(), "{n}");
    }
    let told = rig.client(&resumable(), Start::Time(time_of(55))).read_all();
    assert_eq!(told[1..], events(54, 105));
}

#[test]
fn what_could_not_be_stored_comes_from_memory_while_it_is_there() {
    let journal = Arc::new(FakeJournal::new());
    let mut rig = only_on_disk(&journal, 20);
    journal.state().refuses_appends = true;
    assert!(rig.publish(10).stored.is_err());
    assert!(rig.publish(10).stored.is_err());
    journal.state().refuses_appends = false;
    rig.publish(10);
    let told = rig.client(&resumable(), rig.after(0)).read_all();
    assert_eq!(told[1..], events(1, 50), "they are all in memory yet");
    assert_eq!(rig.client(&resumable(), Start::Time(time_of(33))).numbers().first(), Some(&32));
    // The next process has it from the disk alone.
    let rig = Rig::with_journal(Arc::clone(&journal) as Arc<dyn Journal>, 5);
    let told = rig.client(&resumable(), rig.after(0)).read_all();
    assert_eq!(told[1..], [events(1, 20), vec![gap(21, 40, None, "lost")], events(41, 50)].concat());
}

#[test]
fn a_journal_that_has_nothing_more_loses_only_up_to_what_is_in_memory() {
    let journal = Arc::new(FakeJournal::new());
    let mut rig = only_on_disk(&journal, 20);
    journal.state().refuses_appends = true;
    // Too large to stay in memory.
    let large = batch("t", rig.next..=rig.next, 2 * 1024 * 1024);
    rig.next += 1;
    assert!(crate::testing::now(rig.hub.publish(&large)).stored.is_err());
    rig.publish(3);
    let told = rig.client(&resumable(), rig.after(10)).read_all();
    assert_eq!(told[1..], [events(11, 20), vec![gap(21, 21, None, "lost")], events(22, 24)].concat());
}

#[test]
fn a_journal_that_cannot_be_read_is_a_gap() {
    let journal = Arc::new(FakeJournal::new());
    let mut rig = only_on_disk(&journal, 20);
    rig.publish(5);
    journal.state().refuses_reads = true;
    for start in [rig.after(3), Start::Last(22), Start::Time(time_of(5))] {
        let told = rig.client(&resumable(), start).read_all();
        let first = if let Start::Time(_) = start { 1 } else { 4 };
        assert_eq!(told[1..], [vec![gap(first, 20, None, "lost")], events(21, 25)].concat(), "{start:?}");
    }
}

/// Between the journal and the live stream a piece is in both or in none.
#[test]
fn what_is_stored_and_not_yet_sent_comes_once() {
    let journal = Arc::new(FakeJournal::new());
    let mut rig = only_on_disk(&journal, 50);
    let (mut early, mut late) =
        (rig.client(&resumable(), rig.after(0)), rig.client(&resumable(), rig.after(0)));
    journal.state().hesitates = true;
    let stored = batch("t", 51..=60, 0);
    rig.next = 61;
    let hub = Arc::clone(&rig.hub);
    let mut publish = std::pin::pin!(hub.publish(&stored));
    assert!(poll(publish.as_mut()).is_none());
    assert_eq!(journal.pieces(), 6);
    let mut told = early.read_all();
    assert_eq!(told[1..], events(1, 50));
    let at_once = rig.client(&resumable(), Start::Time(time_of(55))).read_all();
    assert_eq!(numbers(&at_once), [0; 0]);
    late.step();
    assert!(poll(publish.as_mut()).is_some());
    rig.wakes.sweep();
    told.extend(early.read_all());
    assert_eq!(told[1..], events(1, 60));
    assert_eq!(late.read_all()[1..], events(1, 60));
}

#[test]
fn a_former_epoch_is_resumed_as_far_as_it_is_known() {
    let journal = Arc::new(FakeJournal::new());
    let former = only_on_disk(&journal, 30).hub.hello().epoch;
    drop(Arc::clone(&journal));
    let journal = Arc::new(Arc::into_inner(journal).unwrap().broken_off());
    let mut rig = Rig::with_journal(Arc::clone(&journal) as Arc<dyn Journal>, 5);
    rig.publish(5);
    let told = |start| rig.client(&resumable(), start).read_all();
    assert_eq!(told(after(former, 27))[1..], events(28, 35), "all of it is known");
    assert_eq!(told(after(former, 30))[1..], events(31, 35));
    let unknown = |epoch: Epoch, from| Told::Gap {
        epoch: Some(epoch.to_string()),
        from,
        to: None,
        events: None,
        reason: "epoch".to_owned(),
    };
    let expected = [vec![unknown(former, 31)], events(31, 35)].concat();
    assert_eq!(told(after(former, 33))[1..], expected, "whatever it saw beyond was never stored");
    let stranger = Epoch(0xdead);
    assert_eq!(told(after(stranger, 3))[1..], [vec![unknown(stranger, 4)], events(1, 35)].concat());
}

#[test]
fn gaps_are_told_in_every_form_and_an_event_stream_resumes_behind_them() {
    for form in SHAPES {
        let mut rig = Rig::buffering(2);
        rig.publish(9);
        let mut client: Client = rig.client(&key(form), rig.after(4));
        let mut expected = Vec::new();
        if matches!(form.0, Protocol::Resumable | Protocol::EventStream) {
            expected.push(Told::Hello { seq: 9, oldest: 8 });
        }
        if form.0.has_notices() {
            expected.push(gap(5, 7, None, "expired"));
        }
        assert_eq!(client.read(usize::MAX), expected, "{form:?}");
        let id = client.ear.last_id.as_ref().map(|id| id.rsplit_once(':').unwrap().1.to_owned());
        assert_eq!(id, (form.0 == Protocol::EventStream).then(|| "7".to_owned()));
        assert_eq!(client.read_all(), events(8, 9), "{form:?}");
    }
    let lines = key((Protocol::Lines, Format::Json));
    assert!(Rig::buffering(0).client(&lines, Start::Now).read_all().is_empty());
}

#[test]
fn clients_that_come_for_the_same_at_the_same_time_share_what_is_made() {
    let mut rig = Rig::buffering(100);
    rig.publish(50);
    for form in SHAPES {
        let made = |start| {
            let (_, stream) = rig.hub.subscribe(&key(form), Worker(0), start, true, None);
            let hub::Stream::Replay(mut replay) = stream else { panic!("there is a history") };
            let cursor = replay.cursor();
            replay.step();
            assert!(replay.is_over(), "{form:?}");
            (replay, cursor)
        };
        let bytes = |(_, cursor): &(Box<Replay>, Cursor)| {
            let mut slices = [std::io::IoSlice::new(&[]); 64];
            let used = cursor.gather(&mut slices, usize::MAX);
            slices[..used].iter().map(|slice| slice.as_ptr_range()).collect::<Vec<_>>()
        };
        let (one, other, shorter) = (made(Start::Default), made(Start::Default), made(Start::Last(20)));
        assert!(!bytes(&one).is_empty());
        assert_eq!(bytes(&one), bytes(&other), "{form:?}");
        assert_ne!(bytes(&one), bytes(&shorter), "{form:?}");
    }
    // What comes next ends that; all get what they would have got.
    let mut early = [Start::Default; 3].map(|start| rig.client(&resumable(), start));
    rig.publish(5);
    let mut late = rig.client(&resumable(), Start::Default);
    early.iter_mut().for_each(|client| assert_eq!(numbers(&client.read_all()), (1..=55).collect::<Vec<_>>()));
    assert_eq!(numbers(&late.read_all()), (1..=55).collect::<Vec<_>>());
}
