//! Pings, and who counts as alive.

use fluentcast_broadcast::close::CloseReason;
use fluentcast_broadcast::hub::Start;
use fluentcast_event::limits::{CLOSE_TIMEOUT, HTTP_SIGN_OF_LIFE_INTERVAL};

use super::super::client::Turn;
use super::fixture::{Fixture, SECOND};
use super::*;

#[test]
fn a_ping_is_sent_in_time_and_its_answer_is_awaited() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.client.on_deadline(fixture.at(29), &fixture.metrics), Turn::Rest);
    assert_eq!(fixture.deadline_passes(30), Turn::More);
    assert_eq!(fixture.client.write(&mut 0), Turn::Rest);
    let mut ping = [0; 2];
    fixture.peer.read_exact(&mut ping).expect("a ping");
    assert_eq!(ping, [0x89, 0]);
    fixture.client.received(&mut masked(0x8a, b""), fixture.at(39));
    assert_eq!(fixture.deadline_passes(40), Turn::Rest);
    assert_eq!(fixture.deadline_passes(60), Turn::More);
    assert_eq!(fixture.deadline_passes(70), Turn::Over);
    assert_eq!(fixture.client.session.closing(), Some(CloseReason::PongTimeout));
}

#[test]
fn who_takes_bytes_from_a_full_socket_is_alive() {
    let mut fixture = Fixture::new();
    fixture.fill();
    assert_eq!(fixture.deadline_passes(30), Turn::More);
    fixture.client.on_room(fixture.at(35));
    assert_eq!(fixture.deadline_passes(40), Turn::Rest);
    assert_eq!(fixture.deadline_passes(60), Turn::More);
    // Room that was there before says nothing.
    fixture.client.on_room(fixture.at(65));
    assert_eq!(fixture.deadline_passes(70), Turn::Over);
}

#[test]
fn what_a_dead_client_did_not_get_is_counted() {
    let mut fixture = Fixture::new();
    fixture.fill();
    assert_eq!(fixture.deadline_passes(30), Turn::More);
    assert_eq!(fixture.deadline_passes(40), Turn::Over);
    assert!(fixture.metrics.websocket_dropped_bytes.get() > 0);
    assert_eq!(fixture.hub.views(), 0);
}

#[test]
fn closing_ends_though_the_client_does_nothing() {
    let mut fixture = Fixture::new();
    let start = fixture.start;
    assert!(!fixture.client.start_closing(start));
    fixture.client.give_up(CloseReason::Lagging, &fixture.metrics);
    assert!(fixture.client.start_closing(start));
    assert!(!fixture.client.start_closing(fixture.at(1)), "it begins once");
    let end = start + CLOSE_TIMEOUT;
    assert_eq!(fixture.client.deadline(), Some(end));
    assert_eq!(fixture.client.on_deadline(end, &fixture.metrics), Turn::Over);
}

#[test]
fn a_dead_client_is_cut_and_a_silent_one_that_answers_stays() {
    let limits = ClientLimits {
        ping_interval: Duration::from_millis(100),
        ping_timeout: 3 * SECOND,
        ..Output::default().limits
    };
    let server = Server::one(Output { limits, ..Output::default() });
    let (mut dead, mut alive) = (server.connect("/"), server.connect("/"));
    let alive = std::thread::spawn(move || {
        alive.expect([7]);
        alive
    });
    let said = dead.raw_to_end();
    assert_eq!(said, [0x89, 0], "one ping, and when nothing came the end");
    until("it is counted", || server.metrics.websocket_clients_timed_out.get() == 1);
    server.publish_numbers(7..8);
    drop(alive.join().expect("the living client"));
    server.wait_until_empty();
    assert_eq!(server.metrics.websocket_clients_left.get(), 1);
}

/// What lies between cuts an HTTP connection that is silent; nobody is asked for an answer.
#[test]
fn an_http_stream_gives_signs_of_life_and_wants_none() {
    for (protocol, sign) in [(Protocol::EventStream, ":\n\n"), (Protocol::Lines, "\n")] {
        let limits = ClientLimits {
            lag_bytes_max: u64::MAX,
            slow_client: SlowClient::Skip,
            ping_interval: HTTP_SIGN_OF_LIFE_INTERVAL,
            ping_timeout: Duration::MAX,
        };
        let key = everything(Shape { protocol, ..CLASSIC });
        let mut fixture = Fixture::on(Fixture::hub(0), key, Start::Now, limits);
        for round in 1..4 {
            assert_eq!(fixture.deadline_passes(15 * round), Turn::More);
            assert_eq!(fixture.client.write(&mut 0), Turn::Rest);
        }
        let sign = format!("{:08x}\r\n{sign}\r\n", sign.len());
        let mut got = vec![0; 4096];
        let expected = sign.repeat(3);
        let mut read = 0;
        while read < got.len() && !got[..read].ends_with(expected.as_bytes()) {
            read += fixture.peer.read(&mut got[read..]).expect("signs of life");
        }
        let hello = if protocol == Protocol::Lines { 0 } else { 1 };
        assert_eq!(String::from_utf8_lossy(&got[..read]).matches("hello").count(), hello);
    }
}
