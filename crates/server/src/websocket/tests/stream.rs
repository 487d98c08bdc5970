//! What clients are sent.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use fluentcast_broadcast::hub::Start;
use fluentcast_broadcast::view::Worker;

use super::*;

#[test]
fn each_client_gets_what_passes_its_filter() {
    let server = Server::one(Output::default());
    let mut clients: Vec<_> =
        ["/", "/?odd=true", "/?odd=false&", "/?n=3&n=8&n=9", "/?n=3&odd=false", "/?token=x&n=4"]
            .map(|path| server.connect(path))
            .into();
    server.publish_numbers(0..10);
    // An end that passes every filter would be none; each filter gets a last event of its own.
    let due: [&[u64]; 6] =
        [&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], &[1, 3, 5, 7, 9], &[0, 2, 4, 6, 8], &[3, 8, 9], &[], &[4]];
    for (client, due) in clients.iter_mut().zip(due) {
        client.expect(due.iter().copied());
    }
    server.publish_numbers(3..5);
    let next = [Some(3), Some(3), Some(4), Some(3), None, Some(4)];
    for (client, next) in clients.iter_mut().zip(next) {
        client.expect(next);
    }
}

#[test]
fn a_new_client_first_gets_those_of_the_last_events_that_pass() {
    let server = Server::one(Output { history: 5, ..Output::default() });
    server.publish_numbers(0..20);
    let (mut all, mut odd) = (server.connect("/"), server.connect("/?odd=true"));
    server.publish_numbers(20..22);
    all.expect(15..22);
    odd.expect([15, 17, 19, 21]);
}

/// Whenever a client joins: the history, then everything after it, without gap or duplicate.
#[test]
fn history_and_live_reach_clients_that_join_under_load_exactly_once() {
    const HISTORY: u64 = 40;
    const CLIENTS: usize = 120;
    const THREADS: usize = 4;
    let server = Server::one(Output { history: HISTORY, ..Output::default() });
    let (published, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    server.publish_numbers(0..HISTORY);
    published.store(HISTORY, Ordering::SeqCst);
    thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let mut next = HISTORY;
            while !stop.load(Ordering::SeqCst) {
                let end = next + 1 + next % 7;
                server.publish(0, &batch(next..end, if next.is_multiple_of(5) { 3000 } else { 0 }));
                published.store(end, Ordering::SeqCst);
                next = end;
            }
            next
        });
        let joiners: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    for round in 0..CLIENTS / THREADS {
                        let step = if round % 3 == 0 { 2 } else { 1 };
                        let before = published.load(Ordering::SeqCst);
                        let mut client = server.connect(if step == 2 { "/?odd=true" } else { "/" });
                        let first = client.receive().expect("an event");
                        // What was published by now bounds what was when it joined.
                        let after = published.load(Ordering::SeqCst) + 8;
                        assert!(first >= before - HISTORY, "{first} is older than the history: {before}");
                        assert!(first <= after - HISTORY, "{first} is not its oldest: {after}");
                        let due = (1..60).map(|index| first + index * step);
                        client.expect(due);
                    }
                })
            })
            .collect();
        joiners.into_iter().for_each(|joiner| joiner.join().expect("a joiner"));
        stop.store(true, Ordering::SeqCst);
        publisher.join().expect("the publisher");
    });
    server.wait_until_empty();
}

/// From its subscription on a client counts for its worker, which does not have it yet.
#[test]
fn a_client_on_its_way_to_its_worker_holds_up_no_publisher() {
    let server = Server::one(Output::default());
    let _opening = server.hubs[0].subscribe(&everything(CLASSIC), Worker(0), Start::Now, true, None);
    server.publish(0, &batch(0..100_000, 100));
}

/// Publishers wait for workers, and workers for nobody: batches far above the backlog limit get through
/// while clients join and leave.
#[test]
fn large_batches_get_through_while_clients_come_and_go() {
    let server = Server::one(Output::default());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    drop(server.connect("/"));
                    drop(server.connect("/?odd=true"));
                }
            });
        }
        let publishers: Vec<_> = (0..2)
            .map(|_| {
                let large = batch(0..10_000, 100);
                let server = &server;
                scope.spawn(move || (0..12).for_each(|_| server.publish(0, &large)))
            })
            .collect();
        let ended: Vec<_> = publishers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        ended.into_iter().for_each(|ended| ended.expect("a publisher"));
    });
    server.wait_until_empty();
}
