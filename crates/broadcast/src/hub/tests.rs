//! The hub against a naive reference: a list of events, and per client what it should have seen.

use std::future::Future;
use std::task::{Context, Poll, Waker};

use fluentcast_event::{BatchBuilder, EventTime, Tag};
use proptest::prelude::*;

use super::*;
use crate::encode::Format;
use crate::filter::Filter;

/// Remembers whom to wake; the test plays the workers.
#[derive(Default)]
struct Wakes(Mutex<Vec<(Worker, Arc<View>)>>);

impl Wake for Wakes {
    fn wake(&self, worker: Worker, view: &Arc<View>) {
        self.0.lock().unwrap().push((worker, Arc::clone(view)));
    }
}

impl Wakes {
    fn sweep(&self) {
        for (worker, view) in self.0.lock().unwrap().drain(..) {
            let end = view.start_sweep(worker);
            view.finish_sweep(worker, end);
        }
    }
}

const SHAPE: Shape = Shape { format: Format::Json, add_tag: true, add_time: true };

fn key(filter: &[(&str, &str)]) -> ViewKey {
    let pairs = filter.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())));
    ViewKey { shape: SHAPE, filter: Filter::from_pairs(pairs) }
}

fn record(n: u64) -> Vec<u8> {
    let mut record = Vec::new();
    let json = format!(r#"{{"n":{n},"odd":{}}}"#, n % 2 == 1);
    fluentcast_event::from_json::append(&mut record, json.as_bytes()).unwrap();
    record
}

fn batch(numbers: std::ops::Range<u64>) -> Batch {
    let mut builder = BatchBuilder::new(Tag::from("t"), EventTime::default());
    for n in numbers {
        builder.push(EventTime::from_seconds(1), &record(n));
    }
    builder.finish()
}

/// Runs a publish that is expected not to wait.
fn publish_now(hub: &Hub, batch: &Batch) -> Published {
    let mut publish = std::pin::pin!(hub.publish(batch));
    match publish.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(published) => published,
        Poll::Pending => panic!("the hub waits for workers"),
    }
}

/// Reads the numbers `n` of all events from the cursor to the end.
fn numbers(cursor: &mut Cursor) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        let mut slices = Vec::new();
        cursor.gather(&mut slices, usize::MAX, usize::MAX);
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        if bytes.is_empty() {
            return numbers;
        }
        cursor.advance(bytes.len());
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (frame, after) = rest.split_at(crate::frame::length(rest));
            let json: serde_json::Value = serde_json::from_slice(&frame[2..]).unwrap();
            numbers.push(json[2]["n"].as_u64().unwrap());
            rest = after;
        }
    }
}

#[test]
fn nobody_looks_so_nothing_is_parsed_or_kept() {
    let hub = Arc::new(Hub::new(0, 1, Arc::new(Wakes::default())));
    let junk = Batch { entries: Bytes::from_static(b"\xc1\xc1"), ..batch(0..0) };
    assert_eq!(publish_now(&hub, &junk), Published::default());
    assert_eq!(publish_now(&hub, &batch(1..10)), Published::default());
    let (_subscription, mut cursor) = hub.subscribe(&key(&[]), Worker(0));
    assert_eq!(numbers(&mut cursor), [0u64; 0]);
}

#[test]
fn bad_entries_cost_themselves_and_are_counted() {
    let wakes = Arc::new(Wakes::default());
    let hub = Arc::new(Hub::new(0, 1, Arc::clone(&wakes) as Arc<dyn Wake>));
    let (_subscription, mut cursor) = hub.subscribe(&key(&[]), Worker(0));
    let entries = [&batch(1..2).entries[..], b"\x92\x01\xa1x\x05", &batch(2..3).entries, b"\xc1"].concat();
    let published = publish_now(&hub, &Batch { entries: entries.into(), ..batch(0..0) });
    assert_eq!((published.events, published.invalid), (2, 3));
    wakes.sweep();
    assert_eq!(numbers(&mut cursor), [1, 2]);
}

#[test]
fn clients_that_ask_for_the_same_share_a_view_that_ends_with_the_last() {
    let hub = Arc::new(Hub::new(5, 2, Arc::new(Wakes::default())));
    let (first, _) = hub.subscribe(&key(&[("a", "1"), ("b", "2")]), Worker(0));
    let (second, _) = hub.subscribe(&key(&[("b", "2"), ("a", "1")]), Worker(1));
    let (other, _) = hub.subscribe(&key(&[]), Worker(1));
    assert!(Arc::ptr_eq(first.view(), second.view()));
    assert_eq!(hub.views(), 2);
    drop((first, other));
    assert_eq!(hub.views(), 1);
    drop(second);
    assert_eq!(hub.views(), 0);
    assert!(hub.state().shapes.is_empty());
}

#[test]
fn a_publisher_waits_for_the_workers_and_for_nobody_else() {
    let wakes = Arc::new(Wakes::default());
    let hub = Arc::new(Hub::new(0, 2, Arc::clone(&wakes) as Arc<dyn Wake>));
    let (here, _cursor) = hub.subscribe(&key(&[]), Worker(0));
    let (gone, _cursor) = hub.subscribe(&key(&[]), Worker(1));
    let large = batch(0..200_000);
    let mut publish = std::pin::pin!(hub.publish(&large));
    let mut context = Context::from_waker(Waker::noop());
    let mut waits = 0;
    while publish.as_mut().poll(&mut context).is_pending() {
        waits += 1;
        assert!(here.view().backlog() > BACKLOG_BYTES_MAX);
        assert!(here.view().backlog() < BACKLOG_BYTES_MAX + 4 * PUBLISH_SLICE_BYTES_MAX as u64);
        wakes.sweep();
    }
    assert!(waits > 2, "{waits}");
    // A worker whose last client left is not waited for.
    let mut publish = std::pin::pin!(hub.publish(&large));
    assert!(publish.as_mut().poll(&mut context).is_pending());
    drop((here, gone));
    assert!(publish.as_mut().poll(&mut context).is_ready());
}

/// Between its subscription and its arrival at the worker a client counts and is not there yet. The
/// worker's sweep then finds nobody, and must be a sweep all the same.
#[test]
fn a_sweep_without_clients_releases_the_publisher() {
    let wakes = Arc::new(Wakes::default());
    let hub = Arc::new(Hub::new(0, 1, Arc::clone(&wakes) as Arc<dyn Wake>));
    let (on_its_way, _cursor) = hub.subscribe(&key(&[]), Worker(0));
    let large = batch(0..200_000);
    let mut publish = std::pin::pin!(hub.publish(&large));
    let mut context = Context::from_waker(Waker::noop());
    while publish.as_mut().poll(&mut context).is_pending() {
        assert_eq!(wakes.0.lock().unwrap().len(), 1, "a waiting publisher has woken the worker");
        wakes.sweep();
    }
    drop(on_its_way);
}

/// A view without clients on a worker is no backlog of that worker, however long nobody was there.
#[test]
fn the_first_client_of_a_worker_owes_nothing() {
    let wakes = Arc::new(Wakes::default());
    let hub = Arc::new(Hub::new(0, 2, Arc::clone(&wakes) as Arc<dyn Wake>));
    let (stays, _cursor) = hub.subscribe(&key(&[]), Worker(0));
    for _ in 0..20 {
        publish_now(&hub, &batch(0..5_000));
        wakes.sweep();
    }
    assert!(stays.view().end() > BACKLOG_BYTES_MAX);
    let (_late, _cursor) = hub.subscribe(&key(&[]), Worker(1));
    assert_eq!(stays.view().backlog(), 0);
}

#[test]
fn a_view_is_announced_once_until_it_is_swept() {
    let wakes = Arc::new(Wakes::default());
    let hub = Arc::new(Hub::new(0, 3, Arc::clone(&wakes) as Arc<dyn Wake>));
    let (_first, _) = hub.subscribe(&key(&[]), Worker(0));
    let (_second, _) = hub.subscribe(&key(&[]), Worker(2));
    publish_now(&hub, &batch(0..1));
    publish_now(&hub, &batch(1..2));
    let woken: Vec<_> = wakes.0.lock().unwrap().iter().map(|(worker, _)| worker.0).collect();
    assert_eq!(woken, [0, 2]);
    wakes.sweep();
    publish_now(&hub, &batch(2..3));
    assert_eq!(wakes.0.lock().unwrap().len(), 2);
}

#[derive(Clone, Debug)]
enum Step {
    Publish(u64),
    Join(usize, usize),
    Leave(usize),
    Read(usize),
    Sweep,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u64..30).prop_map(Step::Publish),
        2 => (0usize..4, 0usize..2).prop_map(|(filter, worker)| Step::Join(filter, worker)),
        1 => (0usize..8).prop_map(Step::Leave),
        3 => (0usize..8).prop_map(Step::Read),
        2 => Just(Step::Sweep),
    ]
}

/// One client and what it should read next.
struct Client {
    filter: usize,
    due: Vec<u64>,
    cursor: Cursor,
    _subscription: Subscription,
}

const FILTERS: [&[(&str, &str)]; 4] =
    [&[], &[("odd", "true")], &[("odd", "false")], &[("n", "7"), ("odd", "true")]];

fn passes(filter: usize, n: u64) -> bool {
    match filter {
        0 => true,
        1 => n % 2 == 1,
        2 => n.is_multiple_of(2),
        _ => n == 7,
    }
}

proptest! {
    /// Whoever joins and leaves when, with whatever filter: each client reads those of the last N
    /// events that pass, then every later one that passes, each once and in order.
    #[test]
    fn every_client_reads_what_the_reference_says(
        steps in prop::collection::vec(any_step(), 0..80),
        history in 0u64..12,
    ) {
        let wakes = Arc::new(Wakes::default());
        let hub = Arc::new(Hub::new(history, 2, Arc::clone(&wakes) as Arc<dyn Wake>));
        let mut clients: Vec<Client> = Vec::new();
        let mut published: Vec<u64> = Vec::new();
        let mut next = 0;
        for step in steps.into_iter().chain([Step::Sweep]) {
            match step {
                Step::Publish(count) => {
                    publish_now(&hub, &batch(next..next + count));
                    for n in next..next + count {
                        for client in clients.iter_mut().filter(|client| passes(client.filter, n)) {
                            client.due.push(n);
                        }
                        published.push(n);
                    }
                    next += count;
                }
                Step::Join(filter, worker) => {
                    let (subscription, cursor) = hub.subscribe(&key(FILTERS[filter]), Worker(worker));
                    let kept = published.len().saturating_sub(usize::try_from(history).unwrap());
                    let due = published[kept..].iter().copied().filter(|n| passes(filter, *n)).collect();
                    clients.push(Client { filter, due, cursor, _subscription: subscription });
                }
                Step::Leave(index) if index < clients.len() => drop(clients.swap_remove(index)),
                Step::Read(index) if index < clients.len() => {
                    let client = &mut clients[index];
                    let read = numbers(&mut client.cursor);
                    prop_assert!(client.due.starts_with(&read), "{read:?} instead of {:?}", client.due);
                    client.due.drain(..read.len());
                }
                Step::Leave(_) | Step::Read(_) => {}
                Step::Sweep => wakes.sweep(),
            }
        }
        for client in &mut clients {
            prop_assert_eq!(numbers(&mut client.cursor), std::mem::take(&mut client.due));
        }
    }
}
