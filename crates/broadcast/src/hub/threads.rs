//! Publishers and workers as threads: that nobody sleeps through what is to be read, or waits for ever.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::*;
use crate::session::{Greeting, Session};
use crate::testing::told::{Told, Understands};
use crate::testing::{SHAPES, batch, key, options, that_pass, written};

const WORKERS: usize = 2;
const BATCHES: u64 = 600;
/// Longer than anything takes that is not stuck, whatever else the machine does.
const STUCK: Duration = Duration::from_secs(60);

struct Inboxes(Vec<Sender<Vec<Arc<View>>>>);

impl Wake for Inboxes {
    fn wake(&self, worker: Worker, views: Vec<Arc<View>>) {
        // A worker that has ended needs nothing.
        let _ = self.0[worker.0].send(views);
    }
}

struct Unpark(Thread);

impl std::task::Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => {
                let since = Instant::now();
                thread::park_timeout(STUCK);
                assert!(since.elapsed() < STUCK, "nobody wakes this publisher");
            }
        }
    }
}

struct Client {
    session: Session,
    ear: Understands,
    /// The number that comes next, and the distance of those that pass.
    next: u64,
    every: u64,
}

impl Client {
    fn read(&mut self, hub: &Arc<Hub>, worker: Worker, key: &ViewKey) {
        self.read_on();
        // Now and then it is moved.
        if self.next.is_multiple_of(7) && self.session.is_live() && key.shape.protocol.has_notices() {
            let leaves = Arc::clone(self.session.subscription().unwrap().view());
            let opening = hub.subscribe(key, worker, Start::Now, true, Some(&leaves));
            self.session.begin(opening, Greeting::None);
            self.read_on();
        }
    }

    fn read_on(&mut self) {
        loop {
            for told in self.ear.hear(&written(&mut self.session, usize::MAX)) {
                match told {
                    Told::Event(n) => {
                        assert_eq!(n, self.next);
                        self.next += self.every;
                    }
                    // When it was moved with much to read.
                    Told::Gap { from, to: Some(to), .. } => {
                        assert!((self.next - self.every..self.next).contains(&(from - 1)), "{from} to {to}");
                        self.next += to.saturating_sub(self.next - self.every) / self.every * self.every;
                    }
                    _ => {}
                }
            }
            let Some(mut replay) = self.session.next_step() else { return };
            replay.step();
            self.session.replayed(replay);
        }
    }
}

/// What a worker has all of, as far as it has come.
type Progress = (Worker, u64);

/// Ends when nobody asks for its progress any more.
fn work(hub: &Arc<Hub>, worker: Worker, inbox: &Receiver<Vec<Arc<View>>>, progress: &Sender<Progress>) {
    let mut clients = Vec::new();
    for (index, form) in SHAPES.into_iter().enumerate() {
        let all = key(form);
        let (key, every) = if index % 2 == 0 { (all, 1) } else { (that_pass(all, &[("k", "1")]), 3) };
        let opening = hub.subscribe(&key, worker, Start::Last(u64::MAX), true, None);
        let mut session = Session::new(key.shape.clone(), 1000);
        session.begin(opening, Greeting::Hello);
        let client = Client { session, ear: Understands::new(&key.shape), next: 1, every };
        clients.push((client, key));
    }
    clients.iter_mut().for_each(|(client, key)| client.read(hub, worker, key));
    loop {
        let next = clients.iter().map(|(client, _)| client.next).min().unwrap_or(0);
        if progress.send((worker, next - 1)).is_err() {
            return;
        }
        let Ok(views) = inbox.recv() else { return };
        for view in views {
            let end = view.start_sweep(worker);
            for (client, key) in &mut clients {
                if client.session.subscription().is_some_and(|place| place.view().id() == view.id()) {
                    client.read(hub, worker, key);
                }
            }
            view.finish_sweep(worker, end);
        }
    }
}

#[test]
fn nobody_sleeps_through_anything() {
    all_get_there(u64::MAX);
}

/// They wait for each other all the time.
#[test]
fn nobody_waits_for_ever_for_the_sum_of_all_views() {
    all_get_there(2_000);
}

fn all_get_there(backlog_max: u64) {
    let (senders, inboxes): (Vec<_>, Vec<_>) = (0..WORKERS).map(|_| channel()).unzip();
    let options = Options { bounds: Bounds::default(), workers: WORKERS, ..options(0) };
    let mut hub = Hub::new(options, Arc::new(Inboxes(senders.clone())));
    hub.wait_above(backlog_max, usize::MAX);
    let hub = Arc::new(hub);
    thread::scope(|scope| {
        let (progress, reports) = channel();
        for (index, inbox) in inboxes.into_iter().enumerate() {
            let (hub, progress) = (&hub, progress.clone());
            scope.spawn(move || work(hub, Worker(index), &inbox, &progress));
        }
        drop(progress);
        let (mut newest, mut has) = (0, [0; WORKERS]);
        for number in 0..BATCHES {
            let events = 1 + number * 37 % 100;
            block_on(hub.publish(&batch("t", newest + 1..=newest + events, 0)));
            newest += events;
            // Every now and then all must get there by themselves, with nothing to come.
            while number % 2 == 0 && has.iter().any(|has| *has < newest) {
                let report: Result<Progress, _> = reports.recv_timeout(STUCK);
                let (worker, through) = report.unwrap_or_else(|_| panic!("{has:?} of {newest}, and no more"));
                has[worker.0] = through;
            }
        }
        drop(reports);
        senders.iter().for_each(|inbox| drop(inbox.send(Vec::new())));
    });
    assert_eq!((hub.views(), hub.backlog()), (0, 0));
}
