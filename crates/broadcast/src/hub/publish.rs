//! From a batch to the logs: piece by piece, so that others get their turn.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use fluentcast_event::limits::PUBLISH_SLICE_BYTES_MAX;
use fluentcast_event::{Batch, EntryError, EventTime};

use super::cut::{Runs, cut};
use super::spread::{Counts, Spread};
use super::{Hub, Published};
use crate::history::Piece;
use crate::view::{View, Worker};

impl Hub {
    /// Sends every event of the batch to the views it belongs to and into the history. Returns when
    /// the workers have little left to do (see the module's first lines) and the history has it.
    ///
    /// With a journal, not to be given up halfway: what was stored and not yet sent would be missing
    /// from the stream.
    pub async fn publish(&self, batch: &Batch) -> Published {
        let mut published =
            Published { events: 0, invalid: 0, counts: Counts::default(), waits: 0, stored: Ok(()) };
        let mut rest = batch.entries.clone();
        let mut behind = Vec::new();
        let mut newest_seq = 0;
        while !rest.is_empty() {
            // Others may have come first: what many publishers have yet to send must not add up.
            self.wait_for_workers(&mut behind, &mut published).await;
            let used = match &self.journal {
                None => self.send(batch, &rest, &mut published, &mut behind).0,
                Some(journal) => {
                    let (entries, events, used) = cut(batch, &rest, &mut published);
                    let turn = self.turn.lock().await;
                    let piece = Piece {
                        first_seq: self.state().newest_seq + 1,
                        events,
                        batch: Batch { entries: entries.clone(), ..batch.clone() },
                    };
                    if events > 0 {
                        let stored = journal.append(piece).await;
                        published.stored = std::mem::replace(&mut published.stored, Ok(())).and(stored);
                    }
                    let mut unsent = entries;
                    while !unsent.is_empty() {
                        self.wait_for_workers(&mut behind, &mut published).await;
                        let sent;
                        (sent, newest_seq) = self.send(batch, &unsent, &mut published, &mut behind);
                        unsent = unsent.slice(sent..);
                    }
                    drop(turn);
                    used
                }
            };
            rest = rest.slice(used..);
        }
        self.wait_for_workers(&mut behind, &mut published).await;
        if let Some(journal) = &self.journal
            && published.stored.is_ok()
            && newest_seq > 0
        {
            published.stored = journal.durable(newest_seq).await;
        }
        published
    }

    /// Sends up to [`PUBLISH_SLICE_BYTES_MAX`] of `entries`, less where many views want them, adds the views
    /// whose workers are behind, and returns the bytes used and the number of the last event.
    fn send(
        &self,
        batch: &Batch,
        entries: &Bytes,
        published: &mut Published,
        behind: &mut Vec<Arc<View>>,
    ) -> (usize, u64) {
        let mut guard = self.state();
        let state = &mut *guard;
        let piece = Batch { entries: entries.clone(), ..batch.clone() };
        let first_seq = state.newest_seq + 1;
        let mut spread = Spread::new(&mut state.views, batch, Instant::now());
        let mut events = piece.events();
        let (mut seq, mut start) = (first_seq, 0);
        let (mut good, mut latest) = (Runs::default(), EventTime { seconds: i64::MIN, nanos: 0 });
        let used = loop {
            match events.next() {
                None => break entries.len(),
                Some(Ok(event)) => {
                    spread.event(seq, &event);
                    good.add(start..events.position());
                    latest = latest.max(event.time);
                    seq += 1;
                }
                Some(Err(EntryError::NotAnEvent(_))) => published.invalid += 1,
                Some(Err(EntryError::Broken(_))) => {
                    published.invalid += 1;
                    break entries.len();
                }
            }
            start = events.position();
            if start >= PUBLISH_SLICE_BYTES_MAX || spread.bytes() >= self.spread_bytes_max {
                break start;
            }
        };
        let (touched, counts) = spread.finish();
        published.counts += counts;
        let numbered = seq - first_seq;
        published.events += numbered;
        state.newest_seq = seq - 1;
        if state.tail.keeps() && numbered > 0 {
            // What the journal was given is nobody else's already.
            let own = if self.journal.is_some() { entries.clone() } else { good.copied(entries) };
            let own = Batch { entries: own, ..piece };
            state.tail.push(Piece { first_seq, events: numbered, batch: own }, latest, EventTime::now());
        }
        drop(guard);
        touched.iter().for_each(|view| view.count_backlog());
        behind.extend(touched.iter().filter(|view| view.is_behind()).cloned());
        self.wake_workers(&touched, View::to_wake);
        (used, seq - 1)
    }

    fn wake_workers(&self, views: &[Arc<View>], wakes: impl Fn(&View, Worker) -> bool) {
        for worker in (0..self.workers).map(Worker) {
            let news: Vec<_> = views.iter().filter(|view| wakes(view, worker)).cloned().collect();
            if !news.is_empty() {
                self.wake.wake(worker, news);
            }
        }
    }

    /// Waits until no worker is too far behind with one of these views, nor all of them with all views.
    async fn wait_for_workers(&self, behind: &mut Vec<Arc<View>>, published: &mut Published) {
        if behind.is_empty() && !self.waiting.is_full() {
            return;
        }
        published.waits += 1;
        self.hurry();
        self.waiting
            .until(|| {
                behind.retain(|view| view.is_behind());
                behind.is_empty() && !self.waiting.is_full()
            })
            .await;
    }

    /// Workers take their time with a view that has a `flush_interval`, and were not told that all views
    /// together have too much: those are woken for that are still to be swept.
    fn hurry(&self) {
        if self.flush_interval.is_zero() || !self.waiting.is_full() {
            return;
        }
        let unswept: Vec<_> = self.state().views.iter().filter(|view| view.backlog() > 0).cloned().collect();
        self.wake_workers(&unswept, View::has_clients);
    }
}
