//! How a connection ends when the client or its slowness ends it.

use std::thread;

use fluentcast_broadcast::hub::{Start, Stream};
use fluentcast_broadcast::view::{Wake, Worker};

use super::*;

fn with_lag_limit(lag_bytes_max: u64) -> Output {
    let output = Output::default();
    Output { limits: ClientLimits { lag_bytes_max, ..output.limits }, ..output }
}

#[test]
fn who_does_not_read_is_closed_with_1013_and_neighbours_notice_nothing() {
    let server = Server::one(with_lag_limit(256 * 1024));
    let (mut slow, mut neighbour) = (server.connect_narrow(), server.connect("/"));
    let mut next = 0;
    while server.metrics.websocket_clients_lagging.get() == 0 {
        server.publish(0, &batch(next..next + 50, 1000));
        neighbour.expect(next..next + 50);
        next += 50;
    }
    assert!(server.metrics.websocket_dropped_bytes.get() > 256 * 1024);
    server.publish_numbers(next..next + 1);
    neighbour.expect([next]);
    // It gets whole events, in order, up to where it was given up.
    let (numbers, end) = slow.read_to_end();
    assert_eq!(end, End::Close(1013));
    assert!((numbers.len() as u64) < next);
    assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{numbers:?}");
    assert_eq!(server.metrics.websocket_clients_lagging.get(), 1);
    drop((slow, neighbour));
    server.wait_until_empty();
    assert_eq!(server.metrics.websocket_clients_left.get(), 1, "the slow one is counted once");
}

#[test]
fn what_breaks_the_protocol_is_told_and_read_to_its_end() {
    let server = Server::one(Output::default());
    let too_big = [&[0x82, 0xff, 0, 0, 0, 0, 0, 2, 0, 0][..], &[0; 4]].concat();
    let cases = [
        (&b"\x81\x02hi"[..], 1002u16),
        (b"\xc1\x80\0\0\0\0", 1002),
        (b"\x83\x80\0\0\0\0", 1002),
        (b"\x09\x80\0\0\0\0", 1002),
        (&masked(0x80, b"x"), 1002),
        (&masked(0x88, b"\x03"), 1002),
        (&masked(0x88, b"\x03\xee"), 1002),
        (&masked(0x81, b"a\xff"), 1007),
        (&masked(0x81, b"\xe2\x82"), 1007),
        (&masked(0x88, b"\x03\xe8\xff"), 1007),
        (&too_big, 1009),
    ];
    for (violating, (bytes, code)) in (1..).zip(cases) {
        // A reset for what is still unread would take the close frame from the client.
        let bytes = [bytes, &[0; 300_000]].concat();
        let mut client = server.connect("/");
        client.send_raw(&bytes);
        client.socket.get_ref().shutdown(std::net::Shutdown::Write).expect("shut down");
        let said = client.raw_to_end();
        assert_eq!((said[0], &said[2..4]), (0x88, &code.to_be_bytes()[..]), "{:x?}", &bytes[..20]);
        assert_eq!(usize::from(said[1]), said.len() - 2, "nothing after the close frame");
        until("it is counted", || server.metrics.websocket_clients_violating.get() == violating);
    }
    server.wait_until_empty();
}

/// The close frame waits for room in the socket; what comes meanwhile must count for nothing.
#[test]
fn a_client_that_breaks_the_protocol_and_does_not_read_can_go_on_sending() {
    let server = Server::one(Output::default());
    let (mut client, mut neighbour) = (server.connect_narrow(), server.connect("/"));
    // More than any system buffers.
    for start in 0..150 {
        server.publish(0, &batch(start * 100..(start + 1) * 100, 1000));
        neighbour.expect(start * 100..(start + 1) * 100);
    }
    client.send_raw(&masked(0x01, b"\xe2"));
    client.send_raw(&masked(0x00, b"(((((((((").repeat(10_000));
    let (numbers, end) = client.read_to_end();
    assert_eq!(end, End::Close(1007));
    assert!(numbers.len() < 15_000);
    server.publish_numbers(0..1);
    neighbour.expect([0]);
}

#[test]
fn a_close_is_answered_with_its_code_even_to_one_that_has_shut_its_side() {
    let server = Server::one(Output::default());
    for shut in [false, true] {
        for (sent, answer) in [
            (masked(0x88, b"\x03\xe8bye"), &b"\x88\x02\x03\xe8"[..]),
            (masked(0x88, b"\x0f\xa0"), b"\x88\x02\x0f\xa0"),
            (masked(0x88, b""), b"\x88\x00"),
        ] {
            let mut client = server.connect("/");
            client.send_raw(&sent);
            if shut {
                client.socket.get_ref().shutdown(std::net::Shutdown::Write).expect("shut down");
            }
            assert_eq!(client.raw_to_end(), answer, "shut: {shut}");
        }
    }
    server.wait_until_empty();
    assert_eq!(server.metrics.websocket_clients_left.get(), 6);
}

#[test]
fn pings_are_answered_between_events_and_what_clients_say_is_ignored() {
    let server = Server::one(Output::default());
    let mut client = server.connect("/");
    let long = vec![b'x'; 60_000];
    for n in 0..20 {
        client.socket.send(Message::Ping("hello".into())).expect("sent");
        client.socket.send(Message::Text("{\"subscribe\":1}".into())).expect("sent");
        client.socket.send(Message::Binary(long.clone().into())).expect("sent");
        server.publish(0, &batch(n..n + 1, 100_000));
    }
    let (mut numbers, mut pongs) = (0, 0);
    while numbers < 20 || pongs < 20 {
        match client.socket.read().expect("a message") {
            Message::Text(_) => numbers += 1,
            Message::Pong(payload) => {
                assert_eq!(&payload[..], b"hello");
                pongs += 1;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_panic_costs_the_clients_of_one_worker_and_nothing_else() {
    let server = Server::one(Output::default());
    let mut clients: Vec<_> = (0..6).map(|_| server.connect("/")).collect();
    server.publish_numbers(0..1);
    clients.iter_mut().for_each(|client| client.expect([0]));
    // A view of fewer workers than there are: a bug that only a test can have.
    let strange = Arc::new(Hub::new(without_history(1), Arc::new(server.pool.clone())));
    let (_, stream) = strange.subscribe(&everything(CLASSIC), Worker(0), Start::Now, true, None);
    let Stream::Live(subscription, _) = stream else { panic!("there is no past") };
    server.pool.wake(Worker(1), vec![Arc::clone(subscription.view())]);
    let (cut, mut kept): (Vec<_>, Vec<_>) =
        clients.into_iter().enumerate().partition(|(index, _)| index % 2 == 1);
    for (_, mut client) in cut {
        assert_eq!(client.receive(), Err(End::Cut));
    }
    until("those cut are no longer counted", || server.clients() == 3);
    let mut again: Vec<_> = (0..4).map(|_| server.connect("/")).collect();
    let large = batch(1..20_000, 50);
    thread::scope(|scope| {
        let readers: Vec<_> = kept
            .iter_mut()
            .map(|(_, client)| client)
            .chain(&mut again)
            .map(|client| scope.spawn(|| client.expect(1..20_000)))
            .collect();
        server.publish(0, &large);
        readers.into_iter().for_each(|reader| reader.join().expect("a reader"));
    });
    drop((kept, again));
    server.wait_until_empty();
}
