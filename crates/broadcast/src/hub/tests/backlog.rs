//! What all views together may be behind.

use super::*;

const VIEWS: usize = 40;
const SUM: u64 = 20_000;
const SPREAD: usize = 8_000;
/// What an event of these tests takes in a log, at most.
const EVENT: u64 = 100;

fn rig(flush_interval: Duration) -> Rig {
    Rig::new(Options { flush_interval, ..options(0) }).waiting_above(SUM, SPREAD)
}

/// Places on different views that all events belong to, half of them found by a filter.
fn places(rig: &Rig) -> Vec<(Subscription, Cursor)> {
    let key = |n: usize| match n % 2 {
        0 => of_tags(key(CLASSIC), &["t", &format!("other.{n}")]),
        _ => that_pass(
            of_tags(key(CLASSIC), &["t"]),
            &[("odd", "true"), ("odd", "false"), ("odd", &n.to_string())],
        ),
    };
    let places: Vec<_> = (0..VIEWS).map(|n| place(&rig.hub, &key(n), 0)).collect();
    assert_eq!(rig.hub.views(), VIEWS);
    places
}

fn sum(places: &[(Subscription, Cursor)]) -> u64 {
    places.iter().map(|(place, _)| place.view().backlog()).sum()
}

#[test]
fn publishers_wait_for_the_sum_of_all_views() {
    let rig = rig(Duration::ZERO);
    let places = places(&rig);
    let large = batch("t", 1..=2_000, 0);
    let mut publish = std::pin::pin!(rig.hub.publish(&large));
    let (mut waits, mut news) = (0, Vec::new());
    while poll(publish.as_mut()).is_none() {
        waits += 1;
        assert_eq!(rig.hub.backlog(), sum(&places));
        assert!(rig.hub.backlog() > SUM, "nothing else is waited for");
        assert!(rig.hub.backlog() <= SUM + SPREAD as u64 + VIEWS as u64 * EVENT);
        // The views are swept one by one; nothing more comes before there is room.
        news.extend(rig.wakes.take());
        while rig.hub.backlog() > SUM {
            let (worker, view) = news.pop().expect("what is waited for was woken for");
            let end = view.start_sweep(worker);
            view.finish_sweep(worker, end);
        }
    }
    assert!(waits > 100, "{waits}");
}

#[test]
fn what_many_publishers_send_does_not_add_up() {
    let rig = rig(Duration::ZERO);
    let places = places(&rig);
    let large = batch("t", 1..=2_000, 0);
    let mut publishers: Vec<_> = (0..50).map(|_| Box::pin(rig.hub.publish(&large))).collect();
    publishers.iter_mut().for_each(|publisher| assert!(poll(publisher.as_mut()).is_none()));
    assert!(sum(&places) <= SUM + SPREAD as u64 + VIEWS as u64 * EVENT, "{}", sum(&places));
    drop(publishers);
    // Whoever leaves is no backlog.
    let mut publish = std::pin::pin!(rig.hub.publish(&large));
    assert!(poll(publish.as_mut()).is_none());
    drop(places);
    assert_eq!(rig.hub.backlog(), 0);
    assert_eq!(poll(publish.as_mut()).map(|published| published.events), Some(2_000));
}

/// A view may wait for its `flush_interval`, alone far from its own bound, and others wait for it.
#[test]
fn workers_that_take_their_time_are_woken_for_every_view() {
    let rig = rig(Duration::from_secs(10));
    let places = places(&rig);
    now(rig.hub.publish(&batch("t", 1..=1, 0)));
    // Woken for all, and it takes its time.
    assert_eq!(rig.wakes.take().len(), VIEWS);
    assert!(places.iter().all(|(place, _)| !place.view().is_waited_for()));
    // It is another view that fills up, and not by itself.
    let _other = place(&rig.hub, &of_tags(key(CLASSIC), &["u"]), 0);
    let _idle = place(&rig.hub, &of_tags(key(CLASSIC), &["v"]), 0);
    let large = batch("u", 2..=2_000, 0);
    let mut publish = std::pin::pin!(rig.hub.publish(&large));
    assert!(poll(publish.as_mut()).is_none());
    assert!(places.iter().all(|(place, _)| place.view().is_waited_for()));
    // The first piece woke for the one; the wait for it and for those of before.
    assert_eq!(rig.wakes.0.lock().unwrap().len(), 1 + (1 + VIEWS));
    let mut waits = 0;
    while poll(publish.as_mut()).is_none() {
        waits += 1;
        rig.wakes.sweep();
    }
    assert!(waits > 2, "{waits}");
    assert_eq!(sum(&places), 0);
}

/// A piece goes to the journal as a whole, and to the views in parts; nothing is sent twice or lost.
#[test]
fn a_piece_of_a_journal_is_sent_in_parts() {
    let journal = Arc::new(crate::testing::journal::FakeJournal::new());
    let rig = Rig::with_journal(journal, 0).waiting_above(SUM, SPREAD);
    let mut clients: Vec<_> = (0..VIEWS)
        .map(|n| rig.client(&of_tags(resumable(), &["t", &format!("other.{n}")]), Start::Now))
        .collect();
    let large = batch("t", 1..=2_000, 0);
    let mut publish = std::pin::pin!(rig.hub.publish(&large));
    let mut waits = 0;
    while poll(publish.as_mut()).is_none() {
        waits += 1;
        assert!(rig.hub.backlog() <= SUM + SPREAD as u64 + VIEWS as u64 * EVENT);
        rig.wakes.sweep();
    }
    assert!(waits > 100, "{waits}");
    rig.wakes.sweep();
    let expected: Vec<u64> = (1..=2_000).collect();
    clients.iter_mut().for_each(|client| assert_eq!(client.numbers(), expected));
    assert_eq!(rig.client(&resumable(), Start::Last(5_000)).numbers(), expected);
}
