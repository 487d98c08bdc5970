//! Pings, and who counts as alive.

use std::sync::atomic::AtomicU32;

use fluentcast_broadcast::close::CloseReason;
use fluentcast_broadcast::filter::Filter;
use fluentcast_broadcast::session::Session;
use fluentcast_broadcast::view::{View, ViewKey, Wake, Worker};

use super::super::client::{self, Turn};
use super::super::worker::{ConnectedGuard, NewClient};
use super::*;

/// Nobody is woken: the test is the worker.
struct Asleep;

impl Wake for Asleep {
    fn wake(&self, _: Worker, _: &Arc<View>) {}
}

const SECOND: Duration = Duration::from_secs(1);

/// A client as its worker has it, at a time of the test's choice.
struct Fixture {
    peer: TcpStream,
    client: client::Client,
    start: Instant,
    hub: Arc<Hub>,
    metrics: Metrics,
}

impl Fixture {
    /// Pinged every 30 seconds, with 10 to answer.
    fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let peer = stream_to(listener.local_addr().expect("an address"));
        let (stream, address) = listener.accept().expect("a connection");
        stream.set_nonblocking(true).expect("nonblocking");
        let hub = Arc::new(Hub::new(0, 1, Arc::new(Asleep)));
        let shape = Shape { format: Format::Json, add_tag: false, add_time: false };
        let (subscription, cursor) = hub.subscribe(&ViewKey { shape, filter: Filter::default() }, Worker(0));
        let counted =
            ConnectedGuard::admit(&Arc::default(), &Arc::new(AtomicU32::new(0)), 1).expect("a place");
        let new = NewClient {
            stream,
            peer: address,
            session: Session::subscribed(subscription, cursor, 1000),
            read_already: Vec::new(),
            limits: ClientLimits {
                lag_bytes_max: u64::MAX,
                ping_interval: 30 * SECOND,
                ping_timeout: 10 * SECOND,
            },
            counted,
        };
        let start = Instant::now();
        let client = client::Client::new(new, start);
        Self { peer, client, start, hub, metrics: Metrics::default() }
    }

    fn at(&self, seconds: u32) -> Instant {
        self.start + seconds * SECOND
    }

    fn deadline_passes(&mut self, seconds: u32) -> Turn {
        assert_eq!(self.client.deadline(), Some(self.at(seconds)));
        let at = self.at(seconds);
        self.client.on_deadline(at, &self.metrics)
    }

    /// Appends events and writes until the socket is full.
    fn fill(&mut self) {
        let batch = batch(0..100, 1000);
        let view = Arc::clone(self.client.session.subscription().expect("a stream").view());
        while !self.client.blocked {
            let mut publish = std::pin::pin!(self.hub.publish(&batch));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(publish.as_mut().poll(&mut context).is_ready());
            view.finish_sweep(Worker(0), view.start_sweep(Worker(0)));
            self.client.write(&mut 0);
        }
    }
}

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
