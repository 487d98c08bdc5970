//! Clients that are cut again and again, and go on where they were: each matching event exactly once and
//! in order.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::support::forward::{Sender, entries, pack_json, packed_forward};
use crate::support::numbered::{FORMS, Form, Item, Numbered};
use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::{SOURCES, poll, websocket_match};

const EVENTS: u64 = 100_000;
const EVENTS_PER_CHUNK: u64 = 100;
const CUTS: usize = 200;

/// How far the sender is ahead of the slowest reader, so that cuts happen while events pass.
const AHEAD_MAX: u64 = 5_000;

/// Set by `FLUENTCAST_RESUME_SEED`.
const SEED: u64 = 0x4e_5e_ed;

/// What a client asks for, and which events that is.
type Wanted = (&'static str, fn(u64) -> bool);

const WANTED: [Wanted; 3] = [("", |_| true), ("odd=true", |n| n % 2 == 1), ("$tag=a.*", |n| tag(n) == "a.x")];

/// Every third chunk has another tag.
fn tag(n: u64) -> &'static str {
    if (n / EVENTS_PER_CHUNK).is_multiple_of(3) { "a.x" } else { "b.x" }
}

/// Sends events with these numbers and waits for the ack.
fn send(sender: &mut Sender, numbers: std::ops::Range<u64>, tag: &str) {
    let record = |n: u64| (1_700_000_000, pack_json(&format!(r#"{{"n":{n},"odd":{}}}"#, n % 2 == 1)));
    let chunk = numbers.start.to_string();
    sender.chunk(&packed_forward(tag, &entries(numbers.map(record)), &chunk), &chunk);
}

#[test]
fn who_is_cut_200_times_gets_every_event_once_and_in_order() {
    let seed = std::env::var("FLUENTCAST_RESUME_SEED").map_or(SEED, |seed| seed.parse().expect("a number"));
    let history = "<history>\n  events 200000\n  size 256m\n  </history>";
    let server = Server::start(&format!("{SOURCES}{}", websocket_match("**", history)));
    let address = server.websocket(0);
    let readers: Vec<_> =
        FORMS.into_iter().flat_map(|form| WANTED.map(|(query, wanted)| (form, query, wanted))).collect();
    // The number after the newest event that a reader has.
    let progress: Vec<AtomicU64> = readers.iter().map(|_| AtomicU64::new(0)).collect();
    thread::scope(|scope| {
        let mut running = Vec::new();
        for (index, ((form, query, wanted), progress)) in readers.iter().zip(&progress).enumerate() {
            // Open before the first event is sent: it begins with that.
            let first = Numbered::open(address, *form, query, None, false);
            let random = Random::new(seed + index as u64);
            let reader = Reader { address, form: *form, query, wanted: *wanted, progress, random };
            running.push(scope.spawn(move || {
                let got = reader.run(first);
                let due: Vec<u64> = (0..EVENTS).filter(|n| wanted(*n)).collect();
                let differs = got.iter().zip(&due).position(|(got, due)| got != due);
                assert!(
                    got == due,
                    "{form:?} {query}, FLUENTCAST_RESUME_SEED={seed}: {} of {} events, the first difference \
                     at {differs:?}",
                    got.len(),
                    due.len()
                );
            }));
        }
        let mut sender = server.sender();
        for first in (0..EVENTS).step_by(usize::try_from(EVENTS_PER_CHUNK).expect("small")) {
            poll("the readers to get on", || {
                let dead = running.iter().any(thread::ScopedJoinHandle::is_finished);
                let slowest = progress.iter().map(|progress| progress.load(Ordering::SeqCst)).min();
                (dead || slowest.is_some_and(|slowest| slowest + AHEAD_MAX >= first)).then_some(())
            });
            send(&mut sender, first..first + EVENTS_PER_CHUNK, tag(first));
        }
        // Passes every filter, and says that this is all.
        send(&mut sender, EVENTS + 1..EVENTS + 2, "a.end");
    });
    assert_eq!(server.metric("fluentcast_websocket_events_skipped_total"), 0);
    poll("every client to be counted out", || {
        (server.metric("fluentcast_websocket_clients") == 0).then_some(())
    });
}

struct Reader<'a> {
    address: std::net::SocketAddr,
    form: Form,
    query: &'a str,
    wanted: fn(u64) -> bool,
    progress: &'a AtomicU64,
    random: Random,
}

impl Reader<'_> {
    /// The numbers of all events up to the end, by way of many connections.
    fn run(mut self, mut stream: Numbered) -> Vec<u64> {
        let matching = (0..EVENTS).filter(|n| (self.wanted)(*n)).count();
        let mut got = Vec::new();
        let mut position = format!("{}:0", stream.epoch());
        for _ in 0..CUTS {
            // Almost all of them by the last cut; by chance none.
            let events = self.random.below(2 * matching * 9 / 10 / CUTS);
            for _ in 0..events {
                self.take(&mut stream, &mut got, &mut position);
            }
            // What it has read and not taken is lost with the connection.
            stream.cut(self.random.below(2) == 0);
            stream = Numbered::open(self.address, self.form, self.query, Some(&position), false);
            assert_eq!(Some(stream.epoch()), position.split(':').next());
        }
        while self.take(&mut stream, &mut got, &mut position) {}
        got
    }

    /// Takes the next event; whether there are more.
    fn take(&self, stream: &mut Numbered, got: &mut Vec<u64>, position: &mut String) -> bool {
        match stream.next() {
            Item::Event { n, .. } if n > EVENTS => return false,
            Item::Event { seq, n } => {
                got.push(n);
                *position = format!("{}:{seq}", stream.epoch());
                self.progress.store(n + 1, Ordering::SeqCst);
            }
            other => panic!("{:?} {}: {other:?}", self.form, self.query),
        }
        true
    }
}
