use std::sync::Weak;

use fluentcast_event::limits::{BACKLOG_BYTES_MAX, PUBLISH_SLICE_BYTES_MAX};
use fluentcast_event::{Batch, EventTime, Tag};

use super::*;
use crate::encode::{Format, Protocol};
use crate::session::{Greeting, Session};
use crate::testing::told::Told;
use crate::testing::{Rig, at_most, batch, key, now, of_tags, options, poll, resumable, that_pass};

const CLASSIC: (Protocol, Format) = (Protocol::Classic, Format::Json);

mod backlog;

/// A place on a view, for as long as the test has it.
fn place(hub: &Arc<Hub>, key: &ViewKey, worker: usize) -> (Subscription, Cursor) {
    match hub.subscribe(key, Worker(worker), Start::Now, true, None).1 {
        Stream::Live(subscription, cursor) => (subscription, cursor),
        Stream::Replay(_) => panic!("nothing to replay"),
    }
}

#[test]
fn events_are_numbered_and_kept_though_nobody_looks() {
    let mut rig = Rig::buffering(3);
    assert_eq!(rig.publish(5).events, 5);
    let Hello { seq, oldest, .. } = rig.hub.hello();
    assert_eq!((seq, oldest), (5, 3));
    assert_eq!(rig.client(&key(CLASSIC), Start::Default).numbers(), [3, 4, 5]);
}

#[test]
fn bad_entries_cost_themselves_and_are_counted_and_not_kept() {
    let mut rig = Rig::buffering(10);
    let mut client = rig.client(&key(CLASSIC), Start::Now);
    let (first, second) = (batch("t", 1..=1, 0).entries, batch("t", 2..=2, 0).entries);
    let entries = [&first[..], b"\x92\x01\xa1x\x05", &second, b"\xc1", &[7; 10_000]].concat();
    let published = now(rig.hub.publish(&Batch { entries: entries.into(), ..batch("t", 1..=1, 0) }));
    assert_eq!((published.events, published.invalid), (2, 3));
    rig.wakes.sweep();
    assert_eq!(client.numbers(), [1, 2]);
    rig.next = 3;
    rig.publish(1);
    assert_eq!(rig.client(&resumable(), Start::Last(10)).numbers(), [1, 2, 3]);
    let (pieces, all) = rig.hub.state().tail.since(1, usize::MAX);
    // The third is joined to them.
    let third = batch("t", 3..=3, 0).entries;
    assert_eq!((pieces[0].batch.entries.len(), all), (first.len() + second.len() + third.len(), true));
}

#[test]
fn clients_that_ask_for_the_same_share_a_view_that_ends_with_the_last() {
    let rig = Rig::new(Options { workers: 2, ..options(5) });
    let hub = &rig.hub;
    let (first, _) = place(hub, &that_pass(resumable(), &[("a", "1"), ("b", "2")]), 0);
    let (second, _) = place(hub, &that_pass(resumable(), &[("b", "2"), ("a", "1")]), 1);
    let (other, _) = place(hub, &of_tags(resumable(), &["x.*", "!x.y"]), 1);
    let (same, _) = place(hub, &of_tags(resumable(), &["!x.y", "x.*"]), 1);
    let (slow, _) = place(hub, &at_most(of_tags(resumable(), &["x.*", "!x.y"]), 5), 1);
    assert!(Arc::ptr_eq(first.view(), second.view()) && Arc::ptr_eq(other.view(), same.view()));
    assert!(!Arc::ptr_eq(same.view(), slow.view()));
    assert_eq!(hub.views(), 3);
    drop((first, other, slow));
    assert_eq!(hub.views(), 2);
    drop((second, same));
    assert_eq!(hub.views(), 0);
    assert!(hub.state().views.shapes.is_empty());
}

#[test]
fn nothing_outlives_the_last_client() {
    let mut rig = Rig::buffering(2);
    rig.publish(5);
    let mut live = rig.client(&resumable(), Start::Now);
    let waits = rig.client(&resumable(), Start::Last(2));
    let mut runs = rig.client(&that_pass(resumable(), &[("k", "1")]), Start::Last(2));
    let under_way = runs.session.next_step();
    rig.publish(3);
    rig.wakes.sweep();
    live.read(30);
    let views: Vec<Weak<View>> = [&live, &waits, &runs]
        .map(|client| Arc::downgrade(client.session.subscription().unwrap().view()))
        .into();
    assert_eq!(rig.hub.views(), 2);
    drop((live, waits, runs));
    assert_eq!(rig.hub.views(), 0);
    assert!(views.iter().all(|view| view.upgrade().is_none()));
    drop(under_way);
    assert_eq!(Arc::strong_count(&rig.hub), 1);
}

#[test]
fn a_publisher_waits_for_the_workers_and_for_nobody_else() {
    let rig = Rig::new(Options { workers: 2, ..options(0) });
    let (here, _cursor) = place(&rig.hub, &key(CLASSIC), 0);
    let (gone, _cursor) = place(&rig.hub, &key(CLASSIC), 1);
    let large = batch("t", 0..=99_999, 0);
    let mut publish = std::pin::pin!(rig.hub.publish(&large));
    let mut waits = 0;
    while poll(publish.as_mut()).is_none() {
        waits += 1;
        assert!(here.view().backlog() > BACKLOG_BYTES_MAX);
        assert!(here.view().backlog() < BACKLOG_BYTES_MAX + 4 * PUBLISH_SLICE_BYTES_MAX as u64);
        rig.wakes.sweep();
    }
    assert!(waits > 2, "{waits}");
    // A worker whose last client left is not waited for.
    let mut publish = std::pin::pin!(rig.hub.publish(&large));
    assert!(poll(publish.as_mut()).is_none());
    drop((here, gone));
    assert!(poll(publish.as_mut()).is_some());
}

/// Between its subscription and its arrival at the worker a client counts and is not there yet. The
/// worker's sweep then finds nobody, and must be a sweep all the same.
#[test]
fn a_sweep_without_clients_releases_the_publisher() {
    let rig = Rig::buffering(0);
    let (on_its_way, _cursor) = place(&rig.hub, &key(CLASSIC), 0);
    let large = batch("t", 0..=99_999, 0);
    let mut publish = std::pin::pin!(rig.hub.publish(&large));
    while poll(publish.as_mut()).is_none() {
        assert_eq!(rig.wakes.0.lock().unwrap().len(), 1, "a waiting publisher has woken the worker");
        rig.wakes.sweep();
    }
    drop(on_its_way);
}

/// A view without clients on a worker is no backlog of that worker, however long nobody was there.
#[test]
fn the_first_client_of_a_worker_owes_nothing() {
    let mut rig = Rig::new(Options { workers: 2, ..options(0) });
    let (stays, _cursor) = place(&rig.hub, &key(CLASSIC), 0);
    while stays.view().end() <= BACKLOG_BYTES_MAX {
        rig.publish(5_000);
        rig.wakes.sweep();
    }
    let (_late, _cursor) = place(&rig.hub, &key(CLASSIC), 1);
    assert_eq!(stays.view().backlog(), 0);
}

#[test]
fn a_view_is_announced_once_until_it_is_swept() {
    let mut rig = Rig::new(Options { workers: 3, ..options(0) });
    let (_first, _) = place(&rig.hub, &key(CLASSIC), 0);
    let (_second, _) = place(&rig.hub, &key(CLASSIC), 2);
    rig.publish(1);
    rig.publish(1);
    let woken: Vec<_> = rig.wakes.0.lock().unwrap().iter().map(|(worker, _)| worker.0).collect();
    assert_eq!(woken, [0, 2]);
    rig.wakes.sweep();
    rig.publish(1);
    assert_eq!(rig.wakes.take().len(), 2);
}

/// A worker that was woken for somebody who then left may never sweep: it has forgotten.
#[test]
fn whoever_comes_to_a_worker_alone_is_woken_for() {
    let mut rig = Rig::new(Options { workers: 2, ..options(0) });
    let (_elsewhere, _) = place(&rig.hub, &key(CLASSIC), 0);
    let (leaves, _) = place(&rig.hub, &key(CLASSIC), 1);
    rig.publish(1);
    drop(leaves);
    rig.wakes.take();
    let (_comes, _) = place(&rig.hub, &key(CLASSIC), 1);
    rig.publish(1);
    assert!(rig.wakes.take().iter().any(|(worker, _)| *worker == Worker(1)));
}

#[test]
fn a_worker_that_takes_its_time_is_woken_again_when_publishers_wait() {
    let interval = Duration::from_millis(100);
    let rig = Rig::new(Options { flush_interval: interval, ..options(0) });
    let (here, _cursor) = place(&rig.hub, &key(CLASSIC), 0);
    assert_eq!(here.view().flush_interval(), interval);
    assert_eq!(now(rig.hub.publish(&batch("t", 1..=1, 0))).events, 1);
    assert_eq!(rig.wakes.take().len(), 1);
    // Not swept: the worker waits for its time.
    now(rig.hub.publish(&batch("t", 2..=2, 0)));
    assert!(rig.wakes.take().is_empty());
    let large = batch("t", 3..=100_000, 0);
    let mut publish = std::pin::pin!(rig.hub.publish(&large));
    let mut waits = 0;
    while poll(publish.as_mut()).is_none() {
        waits += 1;
        assert!(!rig.wakes.0.lock().unwrap().is_empty(), "whoever is waited for is woken");
        rig.wakes.sweep();
    }
    assert!(waits > 2, "{waits}");
}

#[test]
fn each_view_gets_the_tags_it_chose_whoever_comes_and_goes() {
    let mut rig = Rig::buffering(0);
    let choices: [&[&str]; 4] = [&[], &["a.**"], &["a.*", "!a.y"], &["b"]];
    let mut here: Vec<Option<(usize, crate::testing::Client)>> = (0..8).map(|_| None).collect();
    for round in 0..200_usize {
        let slot = round * 7 % 8;
        here[slot] = match here[slot].take() {
            Some(_) => None,
            None => {
                let choice = round % 4;
                Some((choice, rig.client(&of_tags(resumable(), choices[choice]), Start::Now)))
            }
        };
        let tag = ["a.x", "a.y", "b", "c"][round / 3 % 4];
        rig.publish_as(tag, 1);
        rig.wakes.sweep();
        for (choice, client) in here.iter_mut().flatten() {
            let takes = [true, tag.starts_with("a."), tag == "a.x", tag == "b"][*choice];
            let expected = if takes { vec![rig.next - 1] } else { vec![] };
            assert_eq!(client.numbers(), expected, "{tag} for {:?}", choices[*choice]);
        }
    }
}

#[test]
fn more_tags_than_are_remembered_find_their_views() {
    let mut rig = Rig::buffering(0);
    let mut client = rig.client(&of_tags(resumable(), &["t.*5"]), Start::Now);
    for n in 0..fluentcast_event::limits::VIEW_CACHE_TAGS_MAX + 50 {
        rig.publish_as(&format!("t.{n}"), 1);
    }
    rig.wakes.sweep();
    let expected: Vec<u64> = (1..rig.next).filter(|n| (n - 1) % 10 == 5).collect();
    assert_eq!(client.numbers(), expected);
}

#[test]
fn who_is_sent_a_sample_is_told_how_many_were_left_out() {
    let mut rig = Rig::buffering(0);
    let thin = at_most(that_pass(resumable(), &[("odd", "true")]), 1);
    let mut early = rig.client(&thin, Start::Now);
    rig.publish(40);
    rig.wakes.sweep();
    let told = early.read_all();
    assert_eq!(told[1..], [Told::Event(1), Told::LeftOut(19)]);
    rig.publish(10);
    rig.wakes.sweep();
    assert!(early.read_all().is_empty(), "nothing is sent for what is not");
    let view = Arc::clone(early.session.subscription().unwrap().view());
    assert!(view.has_untold());
    let mut late = rig.client(&thin, Start::Now);
    assert!(!view.has_untold(), "it was told by then to those it concerns");
    assert_eq!(early.read_all(), [Told::LeftOut(5)]);
    rig.publish(10);
    view.tell();
    assert_eq!(late.read_all()[1..], [Told::LeftOut(5)]);
    assert_eq!(early.read_all(), [Told::LeftOut(5)]);
}

#[test]
fn an_event_is_made_once_for_all_views_of_a_form() {
    let mut rig = Rig::buffering(0);
    let keys = [resumable(), that_pass(resumable(), &[("k", "1")]), at_most(resumable(), 1_000_000)];
    let mut clients = keys.map(|key| rig.client(&key, Start::Now));
    rig.publish(7);
    rig.wakes.sweep();
    let read = clients.each_mut().map(|client| client.numbers());
    assert_eq!(read, [vec![1, 2, 3, 4, 5, 6, 7], vec![1, 4, 7], vec![1, 2, 3, 4, 5, 6, 7]]);
}

/// What comes between the subscription and the farewell is the new stream's alone.
#[test]
fn a_change_of_stream_loses_nothing_and_repeats_nothing() {
    let mut rig = Rig::buffering(0);
    let mut client = rig.client(&resumable(), Start::Now);
    rig.publish(3);
    let leaves = Arc::clone(client.session.subscription().unwrap().view());
    let odd = that_pass(resumable(), &[("odd", "true")]);
    let opening = rig.hub.subscribe(&odd, Worker(0), Start::Now, true, Some(&leaves));
    rig.publish(3);
    rig.wakes.sweep();
    client.session.begin(opening, Greeting::Subscribed);
    let told = client.read_all();
    let expected = [1, 2, 3]
        .map(Told::Event)
        .into_iter()
        .chain([Told::Subscribed { seq: 3, oldest: 4 }, Told::Event(5)]);
    assert_eq!(told[1..], expected.collect::<Vec<_>>());
    // The same with nothing left to read.
    let leaves = Arc::clone(client.session.subscription().unwrap().view());
    let opening = rig.hub.subscribe(&resumable(), Worker(0), Start::Now, true, Some(&leaves));
    rig.publish(3);
    rig.wakes.sweep();
    client.session.begin(opening, Greeting::None);
    assert_eq!(client.read_all(), [7, 8, 9].map(Told::Event));
    assert_eq!(rig.hub.views(), 1);
}

#[test]
fn a_session_that_is_closing_begins_nothing() {
    let rig = Rig::buffering(0);
    let mut session = Session::new(resumable().shape, 1000);
    session.close(crate::close::CloseReason::GoingAway);
    let opening = rig.hub.subscribe(&resumable(), Worker(0), Start::Now, true, None);
    session.begin(opening, Greeting::Hello);
    assert!(session.subscription().is_none() && rig.hub.views() == 0);
}

#[test]
fn tags_and_times_are_those_of_the_batch() {
    let rig = Rig::buffering(1);
    let mut builder = fluentcast_event::BatchBuilder::new(Tag::from("x.y"), EventTime::default());
    builder.push(EventTime { seconds: 7, nanos: 500_000_000 }, b"\x81\xa1n\x01");
    now(rig.hub.publish(&builder.finish()));
    let mut client = rig.client(&key((Protocol::Lines, Format::Json)), Start::Last(1));
    let mut bytes = Vec::new();
    while client.step() {
        bytes.extend(crate::testing::written(&mut client.session, usize::MAX));
    }
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("{\"seq\":1,\"tag\":\"x.y\",\"time\":7.5,\"record\":{\"n\":1}}\n"), "{text}");
}
