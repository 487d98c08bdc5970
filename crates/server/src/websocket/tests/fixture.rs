//! A client as its worker has it, at times of the test's choice: the test is the worker.

use std::sync::atomic::AtomicU32;
use std::time::SystemTime;

use fluentcast_broadcast::hub::Start;
use fluentcast_broadcast::session::{Greeting, Session};
use fluentcast_broadcast::view::{View, Wake, Worker};

use super::super::client::{self, Turn};
use super::super::resubscribe::Resubscriber;
use super::super::worker::{ConnectedGuard, NewClient};
use super::*;

/// Nobody is woken.
struct Asleep;

impl Wake for Asleep {
    fn wake(&self, _: Worker, _: Vec<Arc<View>>) {}
}

pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) struct Fixture {
    pub(super) peer: TcpStream,
    pub(super) client: client::Client,
    pub(super) start: Instant,
    pub(super) hub: Arc<Hub>,
    pub(super) metrics: Metrics,
}

impl Fixture {
    /// A classic client, pinged every 30 seconds, with 10 to answer.
    pub(super) fn new() -> Self {
        let limits = ClientLimits {
            lag_bytes_max: u64::MAX,
            slow_client: SlowClient::Disconnect,
            ping_interval: 30 * SECOND,
            ping_timeout: 10 * SECOND,
        };
        let hub = Arc::new(Hub::new(without_history(1), Arc::new(Asleep)));
        Self::on(hub, everything(CLASSIC), Start::Default, limits)
    }

    /// A hub that keeps so many events.
    pub(super) fn hub(kept: u64) -> Arc<Hub> {
        let bounds = Bounds { events: Some(kept), ..Bounds::default() };
        Arc::new(Hub::new(Options { bounds, ..without_history(1) }, Arc::new(Asleep)))
    }

    pub(super) fn on(hub: Arc<Hub>, key: ViewKey, from: Start, limits: ClientLimits) -> Self {
        Self::until(hub, key, from, limits, None)
    }

    /// Likewise, with a token that expires.
    pub(super) fn until(
        hub: Arc<Hub>,
        key: ViewKey,
        from: Start,
        limits: ClientLimits,
        expires: Option<SystemTime>,
    ) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let peer = stream_to(listener.local_addr().expect("an address"));
        let (stream, address) = listener.accept().expect("a connection");
        stream.set_nonblocking(true).expect("nonblocking");
        let start = Instant::now();
        let mut session = Session::new(key.shape.clone(), 1000);
        session.begin(hub.subscribe(&key, Worker(0), from, true, None), Greeting::Hello);
        let resubscriber =
            Resubscriber::new(Arc::clone(&hub), Worker(0), key, Vec::new(), Arc::default(), start);
        let counted =
            ConnectedGuard::admit(&Arc::default(), &Arc::new(AtomicU32::new(0)), 1, None).expect("a place");
        let new = NewClient {
            stream,
            tls: None,
            peer: address,
            session,
            resubscriber: Some(Box::new(resubscriber)),
            read_already: Vec::new(),
            limits,
            expires,
            counted,
        };
        Self { peer, client: client::Client::new(new, start), start, hub, metrics: Metrics::default() }
    }

    pub(super) fn at(&self, seconds: u32) -> Instant {
        self.start + seconds * SECOND
    }

    pub(super) fn deadline_passes(&mut self, seconds: u32) -> Turn {
        assert_eq!(self.client.deadline(), Some(self.at(seconds)));
        let at = self.at(seconds);
        self.client.on_deadline(at, &self.metrics)
    }

    /// Publishes, and offers it to the client; `now` is when it lags, if it does.
    pub(super) fn publish(&mut self, batch: &Batch, now: Instant) {
        let before = self.view();
        publish(&self.hub, batch, || before.finish_sweep(Worker(0), before.start_sweep(Worker(0))));
        let end = before.start_sweep(Worker(0));
        if !self.client.blocked {
            self.client.write(&mut 0);
        }
        if self.client.lags(end) {
            self.client.on_lag(now, &self.metrics);
        }
        before.finish_sweep(Worker(0), end);
    }

    /// The view that the client is on.
    pub(super) fn view(&self) -> Arc<View> {
        Arc::clone(self.client.session.subscription().expect("a stream").view())
    }

    /// Appends events and writes until the socket is full.
    pub(super) fn fill(&mut self) {
        while !self.client.blocked {
            self.publish(&batch(0..100, 1000), self.start);
        }
    }

    /// Replays, and writes until the peer has taken everything.
    pub(super) fn flush(&mut self) {
        until("the peer has taken everything", || {
            let mut turn = self.client.write(&mut 0);
            while let Some(mut replay) = self.client.session.next_step() {
                replay.step();
                self.client.session.replayed(replay);
                turn = self.client.write(&mut 0);
            }
            !self.client.blocked && turn != Turn::More
        });
    }
}

/// Publishes; whoever has clients there sweeps when the hub waits for that.
pub(super) fn publish(hub: &Hub, batch: &Batch, mut sweep: impl FnMut()) {
    let mut publish = std::pin::pin!(hub.publish(batch));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    while publish.as_mut().poll(&mut context).is_pending() {
        sweep();
    }
}
