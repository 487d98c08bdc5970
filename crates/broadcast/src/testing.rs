//! What the tests of this crate share: a hub whose workers the test plays, events with their number in
//! them, and a client that understands everything it may be told.

use std::future::Future;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use fluentcast_event::{Batch, BatchBuilder, EventTime, Tag, from_json};

use crate::encode::{Format, Protocol, Shape};
use crate::filter::Filter;
use crate::history::{Bounds, Journal, Position};
use crate::hub::{Hub, Options, Published, Start};
use crate::session::{Greeting, Session};
use crate::tags::TagChoice;
use crate::view::{View, ViewKey, Wake, Worker};

pub(crate) mod journal;
pub(crate) mod told;

use told::{Told, Understands};

/// Remembers whom to wake; the test plays the workers.
#[derive(Default)]
pub(crate) struct Wakes(pub(crate) Mutex<Vec<(Worker, Arc<View>)>>);

impl Wake for Wakes {
    fn wake(&self, worker: Worker, views: Vec<Arc<View>>) {
        self.0.lock().unwrap().extend(views.into_iter().map(|view| (worker, view)));
    }
}

impl Wakes {
    pub(crate) fn take(&self) -> Vec<(Worker, Arc<View>)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// What every worker does that has no client with something to write to.
    pub(crate) fn sweep(&self) {
        for (worker, view) in self.take() {
            let end = view.start_sweep(worker);
            view.finish_sweep(worker, end);
        }
    }
}

/// A hub, its workers, and the number of the next event.
pub(crate) struct Rig {
    pub(crate) hub: Arc<Hub>,
    pub(crate) wakes: Arc<Wakes>,
    pub(crate) next: u64,
}

pub(crate) fn options(buffered_messages: u64) -> Options {
    Options {
        buffered_messages,
        bounds: Bounds { events: Some(buffered_messages), ..Bounds::default() },
        journal: None,
        flush_interval: Duration::ZERO,
        workers: 1,
    }
}

impl Rig {
    pub(crate) fn new(options: Options) -> Self {
        Self::holding(options, usize::MAX)
    }

    /// A hub that holds so many bytes for a replay.
    pub(crate) fn holding(options: Options, bytes: usize) -> Self {
        let wakes = Arc::new(Wakes::default());
        let next = options.journal.as_ref().map_or(0, |journal| journal.newest_seq()) + 1;
        let mut hub = Hub::new(options, Arc::clone(&wakes) as Arc<dyn Wake>);
        hub.hold_at_most(bytes);
        Self { hub: Arc::new(hub), wakes, next }
    }

    /// Publishers wait when all views together have more to be swept; a piece adds at most about so many.
    pub(crate) fn waiting_above(mut self, backlog: u64, spread: usize) -> Self {
        Arc::get_mut(&mut self.hub).expect("nobody else has it yet").wait_above(backlog, spread);
        self
    }

    pub(crate) fn buffering(events: u64) -> Self {
        Self::new(options(events))
    }

    pub(crate) fn with_journal(journal: Arc<dyn Journal>, buffered_messages: u64) -> Self {
        let bounds = Bounds::default();
        Self::new(Options { journal: Some(journal), bounds, ..options(buffered_messages) })
    }

    /// Publishes so many events in one batch, without waiting.
    pub(crate) fn publish(&mut self, events: u64) -> Published {
        self.publish_as("t", events)
    }

    pub(crate) fn publish_as(&mut self, tag: &str, events: u64) -> Published {
        let batch = batch(tag, self.next..=self.next + events - 1, 0);
        self.next += events;
        now(self.hub.publish(&batch))
    }

    pub(crate) fn after(&self, seq: u64) -> Start {
        Start::After(Position { epoch: self.hub.hello().epoch, seq })
    }

    pub(crate) fn client(&self, key: &ViewKey, start: Start) -> Client {
        self.client_that(key, start, true)
    }

    pub(crate) fn client_that(&self, key: &ViewKey, start: Start, follows: bool) -> Client {
        let mut session = Session::new(key.shape.clone(), 1000);
        session.begin(self.hub.subscribe(key, Worker(0), start, follows, None), Greeting::Hello);
        Client { session, ear: Understands::new(&key.shape) }
    }
}

/// What a future comes to that has nothing to wait for.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    poll(future.as_mut()).expect("nothing to wait for")
}

pub(crate) fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

/// The time of event `n`; not quite in their order.
pub(crate) fn time_of(n: u64) -> EventTime {
    EventTime::from_seconds(i64::try_from(1000 + (n ^ 1)).unwrap())
}

/// Events that say their number and something about it, and are that many bytes longer.
pub(crate) fn batch(tag: &str, numbers: RangeInclusive<u64>, padding: usize) -> Batch {
    let mut builder = BatchBuilder::new(Tag::from(tag), EventTime::now());
    let padding = "x".repeat(padding);
    for n in numbers {
        let json = format!(r#"{{"n":{n},"k":{},"odd":{},"p":"{padding}"}}"#, n % 3, n % 2 == 1);
        let mut record = Vec::new();
        from_json::append(&mut record, json.as_bytes()).unwrap();
        builder.push(time_of(n), &record);
    }
    builder.finish()
}

pub(crate) const SHAPES: [(Protocol, Format); 6] = [
    (Protocol::Classic, Format::Json),
    (Protocol::Classic, Format::Msgpack),
    (Protocol::Resumable, Format::Json),
    (Protocol::Resumable, Format::Msgpack),
    (Protocol::EventStream, Format::Json),
    (Protocol::Lines, Format::Json),
];

pub(crate) fn shape((protocol, format): (Protocol, Format)) -> Shape {
    Shape { protocol, format, add_tag: true, add_time: true, fields: None, compress: None }
}

/// Everything, in this form.
pub(crate) fn key(form: (Protocol, Format)) -> ViewKey {
    let (tags, filter) = (TagChoice::default(), Filter::default());
    ViewKey { shape: shape(form), tags, filter, max_rate: None }
}

pub(crate) fn resumable() -> ViewKey {
    key((Protocol::Resumable, Format::Json))
}

pub(crate) fn of_tags(key: ViewKey, tags: &[&str]) -> ViewKey {
    ViewKey { tags: TagChoice::parse(tags.iter().copied()).unwrap(), ..key }
}

pub(crate) fn that_pass(key: ViewKey, conditions: &[(&str, &str)]) -> ViewKey {
    let pairs = conditions.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())));
    ViewKey { filter: Filter::from_pairs(pairs), ..key }
}

pub(crate) fn at_most(key: ViewKey, per_second: u32) -> ViewKey {
    ViewKey { max_rate: NonZeroU32::new(per_second), ..key }
}

/// A client with the connection between: what the session writes is understood at once.
pub(crate) struct Client {
    pub(crate) session: Session,
    pub(crate) ear: Understands,
}

impl Client {
    /// Makes the step of its replay that is due, if one is.
    pub(crate) fn step(&mut self) -> bool {
        let Some(mut replay) = self.session.next_step() else { return false };
        replay.step();
        self.session.replayed(replay);
        true
    }

    /// Reads at most so many bytes.
    pub(crate) fn read(&mut self, bytes_max: usize) -> Vec<Told> {
        self.ear.hear(&written(&mut self.session, bytes_max))
    }

    /// Reads, and runs its replay, until there is nothing more.
    pub(crate) fn read_all(&mut self) -> Vec<Told> {
        let mut told = self.read(usize::MAX);
        while self.step() {
            told.extend(self.read(usize::MAX));
        }
        told
    }

    pub(crate) fn numbers(&mut self) -> Vec<u64> {
        told::numbers(&self.read_all())
    }
}

/// Writes at most so many bytes, as a socket would take them.
pub(crate) fn written(session: &mut Session, bytes_max: usize) -> Vec<u8> {
    let mut written = Vec::new();
    while written.len() < bytes_max {
        let mut slices = [std::io::IoSlice::new(&[]); 4];
        let used = session.gather(&mut slices, bytes_max - written.len());
        let mut bytes = Vec::new();
        slices[..used].iter().for_each(|slice| bytes.extend_from_slice(slice));
        bytes.truncate(bytes_max - written.len());
        if bytes.is_empty() {
            break;
        }
        session.written(bytes.len());
        written.extend(bytes);
    }
    written
}
