//! `slow_client sample`: a client that is too slow is sent fewer events, and more when it keeps up.

use std::num::NonZeroU32;

use fluentcast_broadcast::history::Position;
use fluentcast_broadcast::hub::Start;
use fluentcast_event::limits::SAMPLE_RAISE_AFTER;
use serde_json::Value;

use super::super::client::Turn;
use super::fixture::{Fixture, SECOND, publish};
use super::*;

const LIMITS: ClientLimits = ClientLimits {
    lag_bytes_max: 64 * 1024,
    slow_client: SlowClient::Sample,
    ping_interval: Duration::ZERO,
    ping_timeout: DEADLINE,
};

fn key(query: &[(&str, &str)], max_rate: Option<u32>) -> ViewKey {
    let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())));
    let shape = Shape { protocol: Protocol::Resumable, add_tag: true, add_time: true, ..CLASSIC };
    let max_rate = max_rate.and_then(NonZeroU32::new);
    ViewKey { filter: Filter::from_pairs(pairs), max_rate, ..everything(shape) }
}

impl Fixture {
    fn live(key: ViewKey) -> Self {
        Self::on(Self::hub(0), key, Start::Now, LIMITS)
    }

    fn rate(&self) -> Option<u32> {
        self.view().key().max_rate.map(NonZeroU32::get)
    }

    /// Publishes until the client lags once more; returns what was sent by then.
    fn lag(&mut self, mut sent: u64, now: Instant) -> u64 {
        let skipped = self.metrics.websocket_events_skipped.get();
        while self.metrics.websocket_events_skipped.get() == skipped {
            self.publish(&batch(sent..sent + 50, 1000), now);
            sent += 50;
        }
        sent
    }

    /// Everything that the peer was told, read while it is written.
    fn told(mut self) -> Vec<Value> {
        let mut socket =
            WebSocket::from_raw_socket(self.peer.try_clone().expect("a peer"), Role::Client, None);
        let reader = std::thread::spawn(move || {
            let mut told = Vec::new();
            while let Ok(message) = client::message(&mut socket) {
                told.push(serde_json::from_str(message.to_text().expect("text")).expect("JSON"));
            }
            told
        });
        let view = self.view();
        view.tell();
        self.flush();
        drop(self.client);
        reader.join().expect("the reader")
    }
}

/// Checks that numbers rise, and returns how many events were received, left out and skipped.
fn account(told: &[Value]) -> (u64, u64, u64) {
    let (mut received, mut left_out, mut skipped, mut last) = (0, 0, 0, 0);
    for message in told {
        for event in message["events"].as_array().into_iter().flatten() {
            let seq = event[0].as_u64().expect("a number");
            assert!(seq > last, "{seq} after {last}");
            last = seq;
            received += 1;
        }
        left_out += message["left_out"].as_u64().unwrap_or(0);
        if let Value::Object(gap) = &message["gap"] {
            assert!(
                gap["from"].as_u64() > Some(last) && gap["to"].as_u64() >= gap["from"].as_u64(),
                "{gap:?}"
            );
            last = gap["to"].as_u64().expect("a number");
            skipped += gap["events"].as_u64().expect("how many");
        }
    }
    (received, left_out, skipped)
}

#[test]
fn who_lags_is_thinned_and_raised_until_it_is_sent_all_again() {
    let mut fixture = Fixture::live(key(&[], None));
    let sent = fixture.lag(0, fixture.at(2));
    // Half of what it could not take within these two seconds.
    let skipped = fixture.metrics.websocket_events_skipped.get();
    let first = fixture.rate().expect("a rate");
    assert_eq!(u64::from(first), (skipped / 4).max(1));
    assert_eq!(fixture.client.deadline(), Some(fixture.at(2) + SAMPLE_RAISE_AFTER));
    // What it has not read yet shows that it does not keep up.
    let sent = fixture.lag(sent, fixture.at(3));
    assert_eq!(fixture.rate(), Some((first / 2).max(1)));
    let (mut at, mut rate) = (fixture.at(3), (first / 2).max(1));
    let mut peer = fixture.peer.try_clone().expect("a peer");
    let reader = std::thread::spawn(move || std::io::copy(&mut peer, &mut std::io::sink()));
    fixture.flush();
    while let Some(now) = fixture.rate() {
        assert_eq!(now, rate);
        at += SAMPLE_RAISE_AFTER;
        assert_eq!(fixture.client.on_deadline(at - SECOND, &fixture.metrics), Turn::Rest);
        assert_eq!(fixture.client.on_deadline(at, &fixture.metrics), Turn::More);
        rate *= 2;
    }
    assert!(rate >= 1_000_000);
    assert_eq!(fixture.client.deadline(), None);
    assert_eq!(fixture.hub.views(), 1);
    drop(fixture);
    assert!(sent > 0 && reader.join().expect("the reader").is_ok());
}

#[test]
fn a_rate_that_was_asked_for_is_never_exceeded() {
    let mut fixture = Fixture::live(key(&[], Some(3)));
    // Its log holds what was left out, not so many events; so it lags for its size.
    let mut sent = 0;
    while fixture.metrics.websocket_events_skipped.get() == 0 {
        fixture.publish(&batch(sent..sent + 1, 2_000_000), fixture.start);
        sent += 1;
    }
    assert!(fixture.rate().expect("a rate") <= 3);
}

#[test]
fn everything_is_received_left_out_or_in_a_gap() {
    for query in [&[][..], &[("odd", "true")]] {
        let mut fixture = Fixture::live(key(query, None));
        let now = fixture.start;
        let mut sent = fixture.lag(0, now);
        for _ in 0..10 {
            fixture.publish(&batch(sent..sent + 100, 10), now);
            sent += 100;
        }
        sent = fixture.lag(sent, now);
        let due = if query.is_empty() { sent } else { sent / 2 };
        let (received, left_out, skipped) = account(&fixture.told());
        assert!(received > 0 && skipped > 0);
        assert_eq!(received + left_out + skipped, due, "{received} + {left_out} + {skipped}");
    }
}

#[test]
fn one_that_has_not_read_what_it_was_sent_is_not_raised() {
    let mut fixture = Fixture::live(key(&[], None));
    fixture.lag(0, fixture.start);
    let rate = fixture.rate();
    // The thinned stream takes a large event, which waits behind what fills the socket.
    while fixture.view().end() < 40_000 {
        fixture.publish(&batch(0..1, 20_000), fixture.start);
        std::thread::sleep(PAUSE);
    }
    fixture.client.on_deadline(fixture.start + SAMPLE_RAISE_AFTER, &fixture.metrics);
    assert_eq!(fixture.rate(), rate);
    assert_eq!(fixture.client.deadline(), Some(fixture.start + 2 * SAMPLE_RAISE_AFTER));
}

/// It asked for the past, and gets it, however slowly it reads.
#[test]
fn one_that_is_sent_the_past_is_thinned_only_after_it() {
    let hub = Fixture::hub(1_000);
    publish(&hub, &batch(0..1_000, 1000), || panic!("nobody is there to be waited for"));
    let after = Position { epoch: hub.hello().epoch, seq: 100 };
    let mut fixture = Fixture::on(hub, key(&[], None), Start::After(after), LIMITS);
    let sent = fixture.lag(1_000, fixture.start);
    assert_eq!(fixture.rate(), None);
    let told = fixture.told();
    assert_eq!(told[0]["hello"]["seq"], 1_000);
    let (received, left_out, skipped) = account(&told);
    assert_eq!((received + skipped, left_out), (sent - 100, 0));
    assert!(received >= 900, "{received}");
}
