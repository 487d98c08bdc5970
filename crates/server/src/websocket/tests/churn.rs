//! Hundreds of clients that come and go in every way while events flow. Those that stay must notice
//! nothing, and at the end nothing may be left of anybody.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::*;

const SURVIVORS: usize = 16;
const THREADS: u64 = 6;
const VISITS: u64 = 100;

#[test]
fn those_that_stay_get_every_event_once_whoever_comes_and_goes() {
    let server = Server::one(Output { history: 20, ..Output::default() });
    let (published, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut survivors: Vec<_> = (0..SURVIVORS).map(|_| server.connect("/")).collect();
    thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            let mut random = Random(7);
            let mut next = 0;
            while !done.load(Ordering::SeqCst) {
                let end = next + 1 + random.below(20);
                let padding = usize::try_from(random.below(4) * 400).expect("small");
                server.publish(0, &batch(next..end, padding));
                published.store(end, Ordering::SeqCst);
                next = end;
            }
            server.publish_numbers(next..next + 1);
            next + 1
        });
        let readers: Vec<_> = survivors
            .iter_mut()
            .map(|client| {
                scope.spawn(|| {
                    let mut next = 0;
                    // Once all visits are over, whatever was published by then is the end.
                    while !done.load(Ordering::SeqCst) || next < published.load(Ordering::SeqCst) {
                        client.expect([next]);
                        next += 1;
                    }
                    next
                })
            })
            .collect();
        let visitors: Vec<_> = (1..=THREADS)
            .map(|seed| {
                let server = &server;
                scope.spawn(move || {
                    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                    (0..VISITS).for_each(|_| visit(server, &mut random));
                })
            })
            .collect();
        let visits: Vec<_> = visitors.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        visits.into_iter().for_each(|visit| visit.expect("a visitor"));
        let end = publisher.join().expect("the publisher");
        for reader in readers {
            let next = reader.join().expect("a survivor");
            assert!(next <= end);
        }
    });
    let end = published.load(Ordering::SeqCst);
    drop(survivors);
    server.wait_until_empty();
    assert!(end > 0);
}

/// One client, from its handshake to one of the ways to go.
fn visit(server: &Server, random: &mut Random) {
    let path = match random.below(4) {
        0 => "/?odd=true".to_owned(),
        1 => format!("/?n={}&odd=false", random.below(1000)),
        2 => format!("/?nothing{}", random.below(3)),
        _ => "/".to_owned(),
    };
    let mut client = server.connect(&path);
    if path == "/" || path.starts_with("/?odd") {
        let step = if path == "/" { 1 } else { 2 };
        let first = client.receive().expect("an event");
        client.expect((1..random.below(60)).map(|index| first + index * step));
    }
    match random.below(6) {
        0 => client.reset(),
        1 => drop(client),
        2 => {
            client.socket.close(None).expect("said");
            let (_, end) = client.read_to_end();
            assert!(matches!(end, End::Cut | End::Close(_)), "{end:?}");
        }
        3 => {
            client.send_raw(b"\xff\xff");
            assert_eq!(client.read_to_end().1, End::Close(1002));
        }
        4 => {
            client.socket.send(Message::Ping("x".into())).expect("sent");
            client.reset();
        }
        _ => {
            client.socket.get_ref().shutdown(std::net::Shutdown::Write).expect("shut down");
            let (_, end) = client.read_to_end();
            assert_eq!(end, End::Cut);
        }
    }
}
