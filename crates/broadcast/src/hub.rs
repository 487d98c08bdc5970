//! The hub of one websocket output: numbers its events, keeps the last of them, and feeds its views.
//!
//! Never pushes back on ingest for a client's sake: a client that does not read falls behind alone. It
//! does push back for the workers' sake ([`Hub::publish`] waits): when the processor cannot keep up,
//! waiting costs a sender time, and going on would cost every client its connection.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use fluentcast_event::json::Mended;
use fluentcast_event::limits::{BACKLOG_BYTES_MAX, PUBLISH_SLICE_BYTES_MAX};
use fluentcast_event::{Batch, EntryError, Event};

use crate::encode::{Encoder, Shape};
use crate::filter::FilterIndex;
use crate::log::{Cursor, Log};
use crate::view::{View, ViewKey, Waiting, Wake, Worker};

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Events numbered. Nothing is numbered while nobody looks: no client and no history.
    pub events: u64,
    /// Entries that are no event.
    pub invalid: u64,
    /// What the JSON encoder had to mend.
    pub mended: Mended,
}

/// The hub.
pub struct Hub {
    /// Events kept for new clients.
    history_events: u64,
    workers: usize,
    wake: Arc<dyn Wake>,
    state: Mutex<State>,
    waiting: Arc<Waiting>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("history_events", &self.history_events).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    /// Number of the newest event; the first is 1.
    newest_seq: u64,
    /// The newest events as they came, for the first client of a view to be.
    history: VecDeque<Past>,
    views: HashMap<ViewKey, Arc<View>>,
    shapes: HashMap<Shape, ViewsOfShape>,
}

/// A piece of the history.
#[derive(Debug)]
struct Past {
    first_seq: u64,
    events: u64,
    batch: Batch,
}

/// Views that share an encoding.
#[derive(Debug, Default)]
struct ViewsOfShape {
    unfiltered: Option<Arc<View>>,
    filtered: FilterIndex<SharedView>,
}

/// A view compared by identity.
#[derive(Clone, Debug)]
struct SharedView(Arc<View>);

impl PartialEq for SharedView {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Hub {
    /// A hub that keeps the last `history_events` events, for so many workers.
    #[must_use]
    pub fn new(history_events: u64, workers: usize, wake: Arc<dyn Wake>) -> Self {
        Self { history_events, workers, wake, state: Mutex::default(), waiting: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends every event of the batch to the views it belongs to and into the history. Returns when
    /// the workers have little left to do; see the module's first lines.
    pub async fn publish(&self, batch: &Batch) -> Published {
        let mut published = Published::default();
        let mut rest = batch.entries.clone();
        let mut behind = Vec::new();
        while !rest.is_empty() {
            let used = self.publish_slice(batch, &rest, &mut published, &mut behind);
            rest = rest.slice(used..);
            self.wait_for_workers(&mut behind).await;
        }
        published
    }

    /// Publishes up to [`PUBLISH_SLICE_BYTES_MAX`] of `entries`, returns the bytes used and adds the views
    /// whose workers are behind.
    fn publish_slice(
        &self,
        batch: &Batch,
        entries: &Bytes,
        published: &mut Published,
        behind: &mut Vec<Arc<View>>,
    ) -> usize {
        let mut state = self.state();
        if self.history_events == 0 && state.views.is_empty() {
            return entries.len();
        }
        let piece = Batch { entries: entries.clone(), ..batch.clone() };
        let first_seq = state.newest_seq + 1;
        let mut spread = Spread::new(&state.shapes, batch);
        let mut events = piece.events();
        let mut seq = first_seq;
        let used = loop {
            match events.next() {
                None => break entries.len(),
                Some(Ok(event)) => {
                    spread.event(seq, &event);
                    seq += 1;
                }
                Some(Err(EntryError::NotAnEvent(_))) => published.invalid += 1,
                Some(Err(EntryError::Broken(_))) => {
                    published.invalid += 1;
                    break entries.len();
                }
            }
            if events.position() >= PUBLISH_SLICE_BYTES_MAX {
                break events.position();
            }
        };
        let newest_seq = seq - 1;
        let (touched, mended) = spread.finish(newest_seq);
        published.mended += mended;
        let numbered = seq - first_seq;
        published.events += numbered;
        state.newest_seq = newest_seq;
        if self.history_events > 0 && numbered > 0 {
            // A copy, so that the history holds its own bytes and not a sender's whole read buffer.
            let own = Batch { entries: Bytes::copy_from_slice(&entries[..used]), ..piece };
            state.remember(Past { first_seq, events: numbered, batch: own }, self.history_events);
        }
        drop(state);
        for view in touched {
            view.wake(&*self.wake);
            if view.backlog() > BACKLOG_BYTES_MAX {
                behind.push(view);
            }
        }
        used
    }

    async fn wait_for_workers(&self, behind: &mut Vec<Arc<View>>) {
        if behind.is_empty() {
            return;
        }
        self.waiting
            .until(|| {
                behind.retain(|view| view.backlog() > BACKLOG_BYTES_MAX);
                behind.is_empty()
            })
            .await;
    }

    /// Puts a client on the view it asked for. Its cursor first reads those of the last
    /// `history_events` events that pass its filter, then everything after them, each exactly once.
    pub fn subscribe(self: &Arc<Self>, key: &ViewKey, worker: Worker) -> (Subscription, Cursor) {
        let mut state = self.state();
        let newest_seq = state.newest_seq;
        let view = match state.views.get(key) {
            Some(view) => Arc::clone(view),
            None => state.open_view(
                key,
                View::new(key.clone(), self.history_events, self.workers, Arc::clone(&self.waiting)),
                self.history_events,
            ),
        };
        view.join(worker);
        let (cursor, replay_end) = {
            let mut log = view.log();
            let cursor =
                if self.history_events > 0 { log.cursor_replay(newest_seq) } else { log.cursor_live() };
            (cursor, log.end())
        };
        (Subscription { hub: Arc::clone(self), view, worker, replay_end }, cursor)
    }

    fn unsubscribe(&self, view: &Arc<View>, worker: Worker) {
        let mut state = self.state();
        if view.leave(worker) == 0 {
            state.close_view(view);
        }
        drop(state);
        // The worker that left may be the one a publisher waits for.
        self.waiting.release();
    }

    /// Views open now.
    #[must_use]
    pub fn views(&self) -> usize {
        self.state().views.len()
    }
}

impl State {
    fn remember(&mut self, past: Past, history_events: u64) {
        self.history.push_back(past);
        let oldest_seq = (self.newest_seq + 1).saturating_sub(history_events);
        while self.history.front().is_some_and(|past| past.first_seq + past.events <= oldest_seq) {
            self.history.pop_front();
        }
    }

    /// Makes the view and fills its log with the history that passes its filter.
    fn open_view(&mut self, key: &ViewKey, view: View, history_events: u64) -> Arc<View> {
        let view = Arc::new(view);
        let oldest_seq = (self.newest_seq + 1).saturating_sub(history_events);
        let mut log = view.log();
        for past in &self.history {
            let encoder = Encoder::new(key.shape, &past.batch.tag);
            let events = past.batch.events().flatten();
            for (seq, event) in (past.first_seq..).zip(events) {
                if seq >= oldest_seq && key.filter.passes(event.record) {
                    // A record that cannot be encoded was counted when it was published.
                    let _ = log.append(seq, |out| encoder.write_frame(out, &event));
                }
            }
        }
        drop(log);
        self.views.insert(key.clone(), Arc::clone(&view));
        let of_shape = self.shapes.entry(key.shape).or_default();
        if key.filter.passes_all() {
            of_shape.unfiltered = Some(Arc::clone(&view));
        } else {
            of_shape.filtered.insert(&key.filter, &SharedView(Arc::clone(&view)));
        }
        view
    }

    fn close_view(&mut self, view: &Arc<View>) {
        let key = view.key();
        self.views.remove(key);
        if let Some(of_shape) = self.shapes.get_mut(&key.shape) {
            if key.filter.passes_all() {
                of_shape.unfiltered = None;
            } else {
                of_shape.filtered.remove(&key.filter, &SharedView(Arc::clone(view)));
            }
            if of_shape.unfiltered.is_none() && of_shape.filtered.is_empty() {
                self.shapes.remove(&key.shape);
            }
        }
    }
}

/// Takes the events of one piece of a batch to the views.
struct Spread<'a> {
    shapes: Vec<SpreadShape<'a>>,
    /// The views that got something.
    touched: Vec<Arc<View>>,
    mended: Mended,
}

struct SpreadShape<'a> {
    encoder: Encoder,
    /// The view of everything, its log held for the whole piece.
    unfiltered: Option<(&'a Arc<View>, MutexGuard<'a, Log>)>,
    filtered: &'a FilterIndex<SharedView>,
    /// One frame, made aside because several logs may want it.
    scratch: Vec<u8>,
}

impl<'a> Spread<'a> {
    fn new(shapes: &'a HashMap<Shape, ViewsOfShape>, batch: &Batch) -> Self {
        let shapes = shapes.iter().map(|(shape, views)| SpreadShape {
            encoder: Encoder::new(*shape, &batch.tag),
            unfiltered: views.unfiltered.as_ref().map(|view| (view, view.log())),
            filtered: &views.filtered,
            scratch: Vec::new(),
        });
        Self { shapes: shapes.collect(), touched: Vec::new(), mended: Mended::default() }
    }

    /// An event that cannot be encoded is impossible here: the batch has just iterated over it.
    fn event(&mut self, seq: u64, event: &Event<'_>) {
        for shape in &mut self.shapes {
            if shape.filtered.is_empty() {
                if let Some((_, log)) = &mut shape.unfiltered
                    && let Ok(mended) = log.append(seq, |out| shape.encoder.write_frame(out, event))
                {
                    self.mended += mended;
                }
                continue;
            }
            let Self { touched, mended, .. } = self;
            let SpreadShape { encoder, scratch, .. } = shape;
            scratch.clear();
            let mut copy_into = |log: &mut Log| {
                if scratch.is_empty()
                    && let Ok(more) = encoder.write_frame(scratch, event)
                {
                    *mended += more;
                }
                log.append_frame(seq, scratch);
            };
            if let Some((_, log)) = &mut shape.unfiltered {
                copy_into(log);
            }
            shape.filtered.matching(event.record, |SharedView(view)| {
                let mut log = view.log();
                copy_into(&mut log);
                if !log.set_touched() {
                    touched.push(Arc::clone(view));
                }
            });
        }
    }

    /// Ends the piece: lets go of the logs and returns the views that have news.
    fn finish(mut self, newest_seq: u64) -> (Vec<Arc<View>>, Mended) {
        for view in &self.touched {
            view.log().finish_piece(newest_seq);
        }
        for shape in self.shapes {
            if let Some((view, mut log)) = shape.unfiltered {
                log.finish_piece(newest_seq);
                self.touched.push(Arc::clone(view));
            }
        }
        (self.touched, self.mended)
    }
}

/// A client's place on a view. Dropping it takes the client off, and the view away when it was the
/// last.
#[derive(Debug)]
pub struct Subscription {
    hub: Arc<Hub>,
    view: Arc<View>,
    worker: Worker,
    replay_end: u64,
}

impl Subscription {
    /// The view.
    #[must_use]
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Position at which the history ends and live events begin.
    #[must_use]
    pub fn replay_end(&self) -> u64 {
        self.replay_end
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.unsubscribe(&self.view, self.worker);
    }
}

#[cfg(test)]
mod tests;
