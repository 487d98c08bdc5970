//! Clients that take a tenth of what is sent: whatever they do not get they are told of, to the event.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::forward::{entries, pack_json, packed_forward};
use crate::support::numbered::{FORMS, Form, Item, Numbered};
use crate::support::server::Server;
use crate::support::{SOURCES, websocket_match};

const EVENTS: u64 = 40_000;
const EVENTS_PER_CHUNK: u64 = 100;
const RECORD_BYTES: usize = 1_000;

/// A reader may take one event of so many that were sent.
const SLOWNESS: u64 = 10;

/// What the server may hold more than at the start. Per policy and form one log of `client_lag_limit`
/// (256 KiB) that all its clients share; the rest is for requests on their way and what an allocator
/// keeps.
const MEMORY_BYTES_MAX: u64 = 48 * 1024 * 1024;

/// How it went for one client.
#[derive(Debug, Default)]
struct Account {
    received: u64,
    left_out: u64,
    in_gaps: u64,
    gaps: u64,
}

impl Account {
    fn sum(&self) -> u64 {
        self.received + self.left_out + self.in_gaps
    }
}

/// Reads at its pace until everything sent is accounted for.
fn read(mut stream: Numbered, sent: &AtomicU64, slowness: u64) -> Account {
    let (mut account, mut last) = (Account::default(), 0);
    while account.sum() < EVENTS {
        while account.received * slowness > sent.load(Ordering::SeqCst) {
            // Not for a state to come, but to be slow.
            thread::sleep(Duration::from_millis(1));
        }
        match stream.next() {
            Item::Event { seq, n } => {
                assert!(seq > last && n + 1 == seq, "{n} as {seq} after {last}");
                last = seq;
                account.received += 1;
            }
            Item::LeftOut(events) => account.left_out += events,
            Item::Gap { from, to, events } => {
                assert!(from > last && to >= from, "a gap from {from} to {to} after {last}");
                last = to;
                account.gaps += 1;
                account.in_gaps += events.unwrap_or(to - from + 1);
            }
            Item::Other(other) => panic!("{other}"),
        }
    }
    assert_eq!(account.sum(), EVENTS, "{account:?}");
    account
}

/// Sends all events, as fast as the server takes them; returns the most memory it was seen with.
fn send(server: &Server, sent: &AtomicU64) -> u64 {
    let padding = "x".repeat(RECORD_BYTES);
    let mut sender = server.sender();
    let mut resident = 0;
    for first in (0..EVENTS).step_by(usize::try_from(EVENTS_PER_CHUNK).expect("small")) {
        let record = |n: u64| (1_700_000_000, pack_json(&format!(r#"{{"n":{n},"x":"{padding}"}}"#)));
        let chunk = first.to_string();
        let numbers = first..first + EVENTS_PER_CHUNK;
        sender.chunk(&packed_forward("t", &entries(numbers.map(record)), &chunk), &chunk);
        sent.store(first + EVENTS_PER_CHUNK, Ordering::SeqCst);
        resident = resident.max(server.resident_bytes());
    }
    // Now nobody has to be slow any more.
    sent.store(u64::MAX, Ordering::SeqCst);
    resident
}

#[test]
fn what_slow_clients_receive_and_what_they_are_told_to_miss_is_what_was_sent() {
    let parameters = "client_lag_limit 256k";
    let server = Server::start(&format!("{SOURCES}{}", websocket_match("**", parameters)));
    let open =
        |form: Form, query: &str, slow: bool| Numbered::open(server.websocket(0), form, query, None, slow);
    let sent = AtomicU64::new(0);
    let ways =
        [("skip", "", true), ("sample", "$slow_client=sample", true), ("max_rate", "$max_rate=500", false)];
    thread::scope(|scope| {
        let mut readers = Vec::new();
        for form in FORMS {
            for (way, query, slow) in ways {
                let stream = open(form, query, slow);
                let slowness = if slow { SLOWNESS } else { 0 };
                let sent = &sent;
                readers.push((form, way, scope.spawn(move || read(stream, sent, slowness))));
            }
        }
        let before = server.resident_bytes();
        let most = send(&server, &sent);
        assert!(most <= before + MEMORY_BYTES_MAX, "{} MB more", (most - before) / 1_000_000);
        for (form, way, reader) in readers {
            let account = reader.join().expect("a reader");
            let Account { received, left_out, gaps, .. } = account;
            let as_it_should = match way {
                "skip" => gaps > 0 && left_out == 0,
                "sample" => gaps > 0 && left_out > 0,
                _ => gaps == 0 && left_out > 0,
            };
            assert!(received > 0 && as_it_should, "{form:?} {way}: {account:?}");
        }
    });
    assert!(server.metric("fluentcast_websocket_events_skipped_total") > 0);
    assert_eq!(server.metric("fluentcast_websocket_clients_lagging_total"), 0);
}
