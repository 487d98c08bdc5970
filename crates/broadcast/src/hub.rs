//! The hub of one websocket output: numbers its events, keeps the last of them, and feeds its views.
//!
//! Never pushes back on ingest for a client's sake: a client that does not read falls behind alone. It
//! does push back for the workers' sake ([`Hub::publish`] waits): when the processor cannot keep up,
//! waiting costs a sender time, and going on would cost every client its connection.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fluentcast_event::EventTime;
use fluentcast_event::limits::{
    BACKLOG_SUM_BYTES_MAX, JOURNAL_TAIL_BYTES, RECENT_REPLAYS_MAX, REPLAY_HELD_BYTES_MAX, SPREAD_BYTES_MAX,
};

use crate::history::{Bounds, Epoch, Gap, GapReason, Journal, NotStored, Position, Resolved, Tail};
use crate::log::{Chain, Cursor};
use crate::replay::{Asked, Replay};
use crate::view::{View, ViewKey, Waiting, Wake, Worker};

mod cut;
mod publish;
mod spread;
mod views;

pub use spread::Counts;
use views::Views;

/// What became of a batch.
#[derive(Clone, Debug)]
pub struct Published {
    /// Events numbered.
    pub events: u64,
    /// Entries that are no event.
    pub invalid: u64,
    /// What else happened to them.
    pub counts: Counts,
    /// How often it waited for the workers.
    pub waits: u64,
    /// Whether they are where the configuration says they must be. Whoever watches has got them either
    /// way.
    pub stored: Result<(), NotStored>,
}

/// What a hub is made of.
#[derive(Debug)]
pub struct Options {
    /// Events a new client gets first, if it does not say otherwise.
    pub buffered_messages: u64,
    /// What is kept in memory; with a journal, which has the same bounds, little of it.
    pub bounds: Bounds,
    /// The history on disk.
    pub journal: Option<Arc<dyn Journal>>,
    /// Least time between two writes to a client; zero: none.
    pub flush_interval: Duration,
    /// How many workers there are.
    pub workers: usize,
}

/// The hub.
pub struct Hub {
    buffered_messages: u64,
    journal: Option<Arc<dyn Journal>>,
    /// Held from the numbering of a piece until it is sent: the journal has it in between.
    turn: tokio::sync::Mutex<()>,
    flush_interval: Duration,
    workers: usize,
    /// Of the events in memory, how much is held for one replay.
    held_bytes_max: usize,
    /// How much one piece of a batch may add to all logs together.
    spread_bytes_max: usize,
    wake: Arc<dyn Wake>,
    epoch: Epoch,
    state: Mutex<State>,
    waiting: Arc<Waiting>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct State {
    /// Number of the newest event; the first is 1.
    newest_seq: u64,
    /// The newest events as they came.
    tail: Tail,
    views: Views,
    /// Replays that are not over, or still read.
    replays: usize,
    /// The newest short ones, as long as there are any.
    recent: VecDeque<(Asked, Chain)>,
}

/// Where a client's stream begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the last `buffered_messages` events.
    #[default]
    Default,
    /// With the last so many events, or as many as there are.
    Last(u64),
    /// After the last event it has.
    After(Position),
    /// With the first event of this time or later.
    Time(EventTime),
    /// With what comes next.
    Now,
}

/// What a client is told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The numbering.
    pub epoch: Epoch,
    /// Number of the newest event.
    pub seq: u64,
    /// Number of the oldest event that can be replayed; one after the newest when there is none.
    pub oldest: u64,
}

impl Hello {
    /// What may be missing of a stream that begins with the first event of some time, and that is this
    /// one: nothing, unless that is the oldest there is.
    pub(crate) fn gap_before(&self, seq: u64) -> Option<Gap> {
        let Self { oldest, .. } = *self;
        (seq <= oldest && oldest > 1).then_some(Gap {
            epoch: None,
            from: 1,
            to: Some(oldest - 1),
            reason: GapReason::Expired,
        })
    }
}

/// A client's way into a stream.
#[derive(Debug)]
pub enum Stream {
    /// From now on.
    Live(Subscription, Cursor),
    /// First what was.
    Replay(Box<Replay>),
}

impl Stream {
    /// The last event that it leaves to what was before; `None` when that is not known yet.
    pub(crate) fn begins_after(&self, hello: &Hello) -> Option<u64> {
        match self {
            Self::Live(..) => Some(hello.seq),
            Self::Replay(replay) => replay.begins_after(),
        }
    }
}

impl Hub {
    /// A hub without events, or with those of its journal.
    #[must_use]
    pub fn new(options: Options, wake: Arc<dyn Wake>) -> Self {
        let Options { buffered_messages, bounds, journal, flush_interval, workers } = options;
        let (epoch, newest_seq, bounds) = match &journal {
            None => (Epoch::random(), 0, bounds),
            Some(journal) => {
                let bytes = bounds.bytes.unwrap_or(JOURNAL_TAIL_BYTES).min(JOURNAL_TAIL_BYTES);
                let bounds = Bounds { bytes: Some(bytes), ..bounds };
                (journal.epoch(), journal.newest_seq(), bounds)
            }
        };
        let state = State {
            newest_seq,
            tail: Tail::new(bounds),
            views: Views::new(epoch),
            replays: 0,
            recent: VecDeque::new(),
        };
        Self {
            buffered_messages,
            journal,
            turn: tokio::sync::Mutex::default(),
            flush_interval,
            workers,
            held_bytes_max: REPLAY_HELD_BYTES_MAX,
            spread_bytes_max: SPREAD_BYTES_MAX,
            wake,
            epoch,
            state: Mutex::new(state),
            waiting: Arc::new(Waiting::above(BACKLOG_SUM_BYTES_MAX)),
        }
    }

    /// Holds less for a replay, so that a small history is not held whole.
    #[cfg(test)]
    pub(crate) fn hold_at_most(&mut self, bytes: usize) {
        self.held_bytes_max = bytes;
        let mut state = self.state();
        if bytes < usize::MAX || state.tail.bounds().bytes.is_some() {
            state.tail.join_nothing();
        }
    }

    /// Lets publishers wait when there is little to be swept.
    #[cfg(test)]
    pub(crate) fn wait_above(&mut self, backlog_max: u64, spread_bytes_max: usize) {
        self.waiting = Arc::new(Waiting::above(backlog_max));
        self.spread_bytes_max = spread_bytes_max;
    }

    /// Bytes in the logs that some worker has yet to offer to its clients, of all views together.
    #[must_use]
    pub fn backlog(&self) -> u64 {
        self.waiting.backlog()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbering, and which part of it can be replayed.
    #[must_use]
    pub fn hello(&self) -> Hello {
        let mut state = self.state();
        self.hello_of(&mut state)
    }

    fn hello_of(&self, state: &mut State) -> Hello {
        let seq = state.newest_seq;
        let in_memory = state.tail.oldest_seq(seq, EventTime::now());
        let oldest = match &self.journal {
            // What the journal could not store is in memory for a while.
            Some(journal) => journal.oldest_seq().min(in_memory),
            None => in_memory,
        };
        Hello { epoch: self.epoch, seq, oldest }
    }

    /// Puts a client on the view it asked for. It gets everything from `start` on that passes, each
    /// event exactly once; without `follow`, only what there is now. The view it leaves, if it was on
    /// one, is sealed at the same moment: what is readable there is what came before.
    pub fn subscribe(
        self: &Arc<Self>,
        key: &ViewKey,
        worker: Worker,
        start: Start,
        follow: bool,
        leaves: Option<&View>,
    ) -> (Hello, Stream) {
        let mut state = self.state();
        if let Some(view) = leaves {
            view.tell();
        }
        let hello = self.hello_of(&mut state);
        let oldest_of = |count: u64| (hello.seq + 1).saturating_sub(count).max(hello.oldest);
        let mut gap = None;
        let mut time = None;
        let next_seq = match start {
            Start::Default => oldest_of(self.buffered_messages),
            Start::Last(count) => oldest_of(count),
            Start::Now => hello.seq + 1,
            Start::Time(from) if self.journal.is_some() => {
                time = Some(from);
                hello.oldest
            }
            Start::Time(from) => {
                let seq = state.tail.seq_at(from, hello.oldest).unwrap_or(hello.seq + 1);
                gap = hello.gap_before(seq);
                seq
            }
            Start::After(position) => {
                let (after, broken_off) = self.resolve(position);
                gap = broken_off;
                // Nobody has an event that is yet to come.
                after.min(hello.seq) + 1
            }
        };
        if next_seq > hello.seq && follow && gap.is_none() && time.is_none() {
            let (subscription, cursor) = self.join(&mut state, key, worker);
            return (hello, Stream::Live(subscription, cursor));
        }
        let mut replay = Replay::new(Arc::clone(self), key, worker, next_seq);
        state.replays += 1;
        replay.time = time;
        replay.through = (!follow).then_some(hello.seq);
        if let Some(gap) = gap {
            replay.tell(&gap);
        }
        if time.is_none() {
            // What is in memory now is held for the client at once: it cannot expire under way.
            self.hold_of(&mut state, &mut replay);
        }
        (hello, Stream::Replay(Box::new(replay)))
    }

    /// The last event of this epoch that the owner of a position has, and what it misses of another.
    fn resolve(&self, position: Position) -> (u64, Option<Gap>) {
        if position.epoch == self.epoch {
            return (position.seq, None);
        }
        let resolved = self.journal.as_ref().map_or(Resolved::Unknown, |journal| journal.resolve(position));
        let (after, last) = match resolved {
            Resolved::At(seq) => return (seq, None),
            Resolved::Beyond(seq) => (seq, seq),
            Resolved::Unknown => (0, position.seq),
        };
        let (epoch, from) = (Some(position.epoch), last.saturating_add(1));
        (after, Some(Gap { epoch, from, to: None, reason: GapReason::Epoch }))
    }

    /// Gives the replay what it is to read next, if that is in memory; with the last of it also its
    /// client's place.
    pub(crate) fn hold(self: &Arc<Self>, replay: &mut Replay) {
        self.hold_of(&mut self.state(), replay);
    }

    fn hold_of(self: &Arc<Self>, state: &mut State, replay: &mut Replay) {
        let newest_seq = state.newest_seq;
        let memory_seq = state.tail.oldest_seq(newest_seq, EventTime::now());
        (replay.live_seq, replay.memory_seq) = (newest_seq, memory_seq);
        if self.journal.is_some() && replay.next_seq() < memory_seq {
            return;
        }
        replay.lose_through(memory_seq - 1, GapReason::Expired);
        (replay.pieces, replay.holds_rest) = state.tail.since(replay.next_seq(), self.held_bytes_max);
        if replay.holds_rest && replay.through.is_none() {
            replay.place = Some(self.join(state, &replay.key, replay.worker));
        }
    }

    /// What was made for another client that asked for the same.
    pub(crate) fn recent_replay(&self, asked: &Asked) -> Option<Chain> {
        let state = self.state();
        state.recent.iter().find(|(made, _)| made == asked).map(|(_, chain)| chain.clone())
    }

    /// Keeps what was made, for those behind in the queue who ask for the same.
    pub(crate) fn note_replay(&self, asked: Asked, chain: Chain) {
        let mut state = self.state();
        if state.recent.len() == RECENT_REPLAYS_MAX {
            state.recent.pop_front();
        }
        state.recent.push_back((asked, chain));
    }

    /// A replay is gone; with the last one, what was kept for others.
    pub(crate) fn replay_is_gone(&self) {
        let mut state = self.state();
        state.replays -= 1;
        if state.replays == 0 {
            state.recent = VecDeque::new();
        }
    }

    /// Makes the view if it is not there and puts the client at its end.
    fn join(self: &Arc<Self>, state: &mut State, key: &ViewKey, worker: Worker) -> (Subscription, Cursor) {
        let newest_seq = state.newest_seq;
        let deflater = state.views.deflaters.of(key.shape.compress);
        let view = state.views.open(key, || {
            let waiting = Arc::clone(&self.waiting);
            View::new(key.clone(), newest_seq, self.workers, self.flush_interval, waiting, deflater)
        });
        // First, as it ends what others have yet to read: that is no backlog of this worker.
        let cursor = view.feed().log.cursor();
        view.join(worker);
        (Subscription { hub: Arc::clone(self), view, worker, begins_after: newest_seq }, cursor)
    }

    /// Numbers of the oldest event in memory, and of the first one there of this time or later; `None` when
    /// there is none.
    pub(crate) fn seq_at(&self, time: EventTime) -> (u64, Option<u64>) {
        let mut state = self.state();
        let newest_seq = state.newest_seq;
        let oldest_seq = state.tail.oldest_seq(newest_seq, EventTime::now());
        (oldest_seq, state.tail.seq_at(time, oldest_seq))
    }

    /// Whether there is a history on disk.
    #[must_use]
    pub fn has_journal(&self) -> bool {
        self.journal.is_some()
    }

    pub(crate) fn journal(&self) -> Option<&Arc<dyn Journal>> {
        self.journal.as_ref()
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn unsubscribe(&self, view: &Arc<View>, worker: Worker) {
        let mut state = self.state();
        if view.leave(worker) == 0 {
            state.views.close(view);
        }
        drop(state);
        // The worker that left may be the one a publisher waits for.
        view.count_backlog();
    }

    /// Views open now.
    #[must_use]
    pub fn views(&self) -> usize {
        self.state().views.len()
    }
}

/// A client's place on a view. Dropping it takes the client off, and the view away when it was the
/// last.
#[derive(Debug)]
pub struct Subscription {
    hub: Arc<Hub>,
    view: Arc<View>,
    worker: Worker,
    begins_after: u64,
}

impl Subscription {
    /// The view.
    #[must_use]
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// The numbering.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.hub.epoch
    }

    /// The last event before it.
    pub(crate) fn begins_after(&self) -> u64 {
        self.begins_after
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.unsubscribe(&self.view, self.worker);
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod threads;
