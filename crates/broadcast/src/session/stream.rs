//! Where a client stands: in the log of its view, or in that of the replay that leads it there.

use std::sync::Arc;

use fluentcast_event::limits::ANSWERS_BYTES_MAX;

use crate::encode::Shape;
use crate::history::{Epoch, Gap, GapReason};
use crate::hub::{self, Hello, Subscription};
use crate::log::{Cursor, Skipped};
use crate::notice;
use crate::replay::Replay;

/// A client's place in a stream.
#[derive(Debug)]
pub(super) struct Stream {
    /// In the view's log, or in that of the replay.
    pub(super) cursor: Cursor,
    pub(super) phase: Phase,
    /// Skipped where the live stream goes on, and not told yet.
    gap: Option<Box<Skipped>>,
}

/// What is rare is boxed: a sweep over thousands of clients looks at each one's stream.
#[derive(Debug)]
pub(super) enum Phase {
    /// The cursor reads the view's log.
    Live(Subscription),
    /// The cursor reads the log of a replay.
    Past(Box<Past>),
}

/// A replay, and what comes after it.
#[derive(Debug)]
pub(super) struct Past {
    /// Held as long as the replay is wanted, which knows it by that.
    wanted: Arc<()>,
    /// Between two steps.
    replay: Option<Box<Replay>>,
    /// It has made its last step.
    is_over: bool,
    /// Where the live stream begins, as soon as that is known; never, when it is to end with the past.
    place: Option<(Subscription, Cursor)>,
}

impl Stream {
    pub(super) fn new(stream: hub::Stream) -> Self {
        let (cursor, phase) = match stream {
            hub::Stream::Live(subscription, cursor) => (cursor, Phase::Live(subscription)),
            hub::Stream::Replay(mut replay) => {
                let cursor = replay.cursor();
                let (wanted, place) = (replay.want(), replay.take_place());
                let past = Past { wanted, replay: Some(replay), is_over: false, place };
                (cursor, Phase::Past(Box::new(past)))
            }
        };
        Self { cursor, phase, gap: None }
    }

    /// Whether the client reads the log of a replay.
    pub(super) fn is_in_the_past(&self) -> bool {
        matches!(self.phase, Phase::Past(_))
    }

    /// Whether the replay should make its next step: the client reads the last that it has made.
    pub(super) fn wants_step(&self) -> bool {
        self.cursor.in_last_segment()
            && matches!(&self.phase, Phase::Past(past) if past.replay.is_some() && !past.is_over)
    }

    /// The replay, if it should make its next step.
    pub(super) fn next_step(&mut self) -> Option<Box<Replay>> {
        let due = self.wants_step();
        match &mut self.phase {
            Phase::Past(past) if due => past.replay.take(),
            _ => None,
        }
    }

    /// A replay has made a step; whether it is that of this stream.
    pub(super) fn replayed(&mut self, mut replay: Box<Replay>) -> bool {
        let Phase::Past(past) = &mut self.phase else { return false };
        if !replay.is_wanted_by(&past.wanted) {
            return false;
        }
        if let Some(place) = replay.take_place() {
            past.place = Some(place);
        }
        past.is_over = replay.is_over();
        past.replay = Some(replay).filter(|_| !past.is_over);
        true
    }

    /// Goes over from the replay to the view once all of the former is read. Returns whether the stream is
    /// at its end instead.
    pub(super) fn move_on(&mut self) -> bool {
        let Phase::Past(past) = &mut self.phase else { return false };
        if !past.is_over || !self.cursor.at_end() {
            return false;
        }
        let Some((subscription, cursor)) = past.place.take() else { return true };
        self.cursor = cursor;
        self.phase = Phase::Live(subscription);
        false
    }

    /// The client's place on its view.
    pub(super) fn subscription(&self) -> Option<&Subscription> {
        self.place().map(|(subscription, _)| subscription)
    }

    fn place(&self) -> Option<(&Subscription, &Cursor)> {
        match &self.phase {
            Phase::Live(subscription) => Some((subscription, &self.cursor)),
            Phase::Past(past) => past.place.as_ref().map(|(subscription, cursor)| (subscription, cursor)),
        }
    }

    /// Passes over everything live up to the newest event.
    pub(super) fn skip(&mut self) -> Skipped {
        let (subscription, cursor) = match &mut self.phase {
            Phase::Live(subscription) => (subscription, &mut self.cursor),
            Phase::Past(past) => match &mut past.place {
                Some((subscription, cursor)) => (subscription, cursor),
                None => return Skipped::default(),
            },
        };
        let mut skipped = subscription.view().skip(cursor);
        // The view may have been there before, with its last event long ago.
        skipped.from = skipped.from.max(subscription.begins_after() + 1);
        if skipped.to >= skipped.from {
            let gap = self.gap.get_or_insert_with(|| Box::new(Skipped { events: 0, bytes: 0, ..skipped }));
            gap.to = skipped.to;
            gap.events += skipped.events;
        }
        skipped
    }

    /// Takes the notice of what was skipped, if this is the place for it.
    pub(super) fn take_gap(&mut self, shape: &Shape) -> Option<Vec<u8>> {
        let Phase::Live(subscription) = &self.phase else { return None };
        let gap = self.gap.take()?;
        told(shape, subscription.epoch(), gap.from, gap.to, Some(gap.events))
    }

    /// A gap comes before what the cursor has.
    pub(super) fn gap_is_next(&self) -> bool {
        self.gap.is_some() && matches!(self.phase, Phase::Live(_))
    }

    /// Whether the past is behind it.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live(_))
    }

    /// Whether the client has been sent all there is.
    pub(super) fn is_read(&self) -> bool {
        let is_at_last = match &self.phase {
            Phase::Live(_) => self.gap.is_none(),
            Phase::Past(past) => past.is_over && past.place.is_none(),
        };
        is_at_last && self.cursor.at_end()
    }

    /// Bytes of the view's log from the client's place on.
    pub(super) fn unread(&self) -> u64 {
        self.place()
            .map_or(0, |(subscription, cursor)| subscription.view().end().saturating_sub(cursor.position()))
    }

    /// Whether the client is more than `limit` bytes behind, in a view's log that ends at `log_end`.
    pub(super) fn lags(&self, log_end: u64, limit: u64) -> bool {
        let Some((_, cursor)) = self.place() else { return false };
        let lag = log_end.saturating_sub(cursor.position());
        lag > limit && lag.saturating_sub(cursor.frame_ahead() as u64) > limit
    }

    /// What is still to be said of this stream when the client leaves it for `next`, at a place where
    /// something may go between. Where that begins with what comes, or is the `same` to the client, this is
    /// everything up to there, or a gap when it is more than `bytes_max`. Otherwise the client has said
    /// which events it has, and gets what it asked for.
    pub(super) fn farewell(
        &self,
        shape: &Shape,
        hello: &Hello,
        (next, same): (&hub::Stream, bool),
        bytes_max: usize,
    ) -> Option<Vec<u8>> {
        let before = next.begins_after(hello).filter(|before| same || *before >= hello.seq);
        let before = before?;
        let mut unread = self.cursor.sent().0 + 1;
        if let Phase::Live(subscription) = &self.phase {
            let gap = self
                .gap
                .as_ref()
                .and_then(|gap| told(shape, hello.epoch, gap.from, gap.to, Some(gap.events)));
            if self.gap.as_ref().is_some_and(|gap| gap.to == before) {
                return gap;
            }
            if before == hello.seq
                && let Some(rest) = self.cursor.rest_through(before, bytes_max)
            {
                return Some([gap.unwrap_or_default(), rest].concat());
            }
            unread = unread.max(subscription.begins_after() + 1);
        }
        let from = self.gap.as_ref().map_or(unread, |gap| gap.from.min(unread));
        told(shape, hello.epoch, from, before, None)
    }
}

/// How much of a stream is still sent when the client leaves it, in bytes: less than the answers that may
/// wait, so that one question makes no flood.
pub(super) const FAREWELL_BYTES_MAX: usize = ANSWERS_BYTES_MAX / 2;

fn told(shape: &Shape, epoch: Epoch, from: u64, to: u64, events: Option<u64>) -> Option<Vec<u8>> {
    let gap = Gap { epoch: None, from, to: Some(to), reason: GapReason::Slow };
    if from <= to { notice::gap(shape, epoch, &gap, events) } else { None }
}
