//! Draining the workers.

use std::thread;

use super::*;

impl Server {
    /// Drains in a thread of its own.
    fn drain(&mut self, within: Duration) -> thread::JoinHandle<()> {
        let workers = self.workers.take().expect("not drained yet");
        thread::spawn(move || workers.drain(Instant::now() + within))
    }
}

#[test]
fn everybody_gets_everything_and_then_1001() {
    let mut server = Server::one(Output::default());
    let mut clients: Vec<_> = (0..4).map(|_| server.connect_narrow()).collect();
    clients.extend((0..20).map(|_| server.connect("/")));
    // More than a socket takes at once.
    server.publish(0, &batch(0..10_000, 1000));
    server.publish_numbers(10_000..10_001);
    let drained = server.drain(DEADLINE);
    let readers: Vec<_> =
        clients.into_iter().map(|mut client| thread::spawn(move || client.read_to_end())).collect();
    for reader in readers {
        let (numbers, end) = reader.join().expect("a reader");
        assert_eq!(end, End::Close(1001));
        assert!(numbers.into_iter().eq(0..10_001));
    }
    drained.join().expect("drained");
    assert_eq!(server.metrics.websocket_dropped_bytes.get(), 0);
    server.wait_until_empty();
}

#[test]
fn at_the_deadline_whoever_has_not_read_is_cut_and_counted() {
    let mut server = Server::one(Output::default());
    let (stuck, mut reader) = (server.connect_narrow(), server.connect("/"));
    let reader = thread::spawn(move || reader.read_to_end());
    server.publish(0, &batch(0..15_000, 1000));
    server.drain(Duration::from_millis(500)).join().expect("drained");
    let (numbers, end) = reader.join().expect("the reader");
    assert!(numbers.into_iter().eq(0..15_000));
    assert_eq!(end, End::Close(1001));
    assert!(server.metrics.websocket_dropped_bytes.get() > 0);
    server.wait_until_empty();
    drop(stuck);
}

#[test]
fn a_client_that_comes_after_the_drain_holds_up_nobody() {
    let mut server = Server::one(Output::default());
    server.drain(Duration::ZERO).join().expect("drained");
    for _ in 0..4 {
        assert_eq!(server.connect("/").receive(), Err(End::Cut));
    }
    server.wait_until_empty();
    server.publish(0, &batch(0..100_000, 100));
}
