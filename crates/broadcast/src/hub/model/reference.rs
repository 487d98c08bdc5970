//! What should be: every event that was published, and per client what of it is still to come.

use std::collections::VecDeque;
use std::sync::Arc;

use fluentcast_event::limits::{JOURNAL_TAIL_BYTES, PUBLISH_SLICE_BYTES_MAX};

use super::*;
use crate::log::Skipped;
use crate::testing::told::Told;

pub(super) const TAGS: [&str; 4] = ["a.x", "a.y", "b", "c.d.e"];
pub(super) const TAG_CHOICES: [&[&str]; 4] = [&[], &["a.**"], &["a.*", "!a.y", "c.**"], &["b"]];
pub(super) const FILTERS: [&[(&str, &str)]; 4] =
    [&[], &[("odd", "true")], &[("k", "1")], &[("k", "2"), ("odd", "false")]];

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Want {
    pub(super) tags: usize,
    pub(super) filter: usize,
    pub(super) is_sampled: bool,
}

/// How a stream was opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub(super) start: Start,
    pub(super) follows: bool,
    pub(super) hello: Hello,
}

/// All there is to know.
pub(super) struct Known {
    bounds: Bounds,
    buffered: u64,
    pub(super) journal: Option<Arc<FakeJournal>>,
    /// The tag of each event.
    tags: Vec<usize>,
    /// The last event of each piece and its bytes.
    pieces: Vec<(u64, u64)>,
    oldest: u64,
}

impl Known {
    pub(super) fn new(bounds: Bounds, buffered: u64, journal: Option<Arc<FakeJournal>>) -> Self {
        Self { bounds, buffered, journal, tags: Vec::new(), pieces: Vec::new(), oldest: 1 }
    }

    pub(super) fn events(&self) -> u64 {
        self.tags.len() as u64
    }

    /// A batch of events was given to the hub, which takes it piece by piece.
    pub(super) fn published(&mut self, tag: usize, batch: &Batch) {
        let mut events = batch.events();
        let (mut begin, mut pending) = (0, false);
        while let Some(event) = events.next() {
            event.unwrap();
            self.tags.push(tag);
            pending = true;
            if events.position() - begin >= PUBLISH_SLICE_BYTES_MAX {
                self.pieces.push((self.events(), (events.position() - begin) as u64));
                (begin, pending) = (events.position(), false);
            }
        }
        if pending {
            self.pieces.push((self.events(), (events.position() - begin) as u64));
        }
    }

    /// The oldest event that can be had.
    pub(super) fn oldest(&self, newest: u64) -> u64 {
        let by_count = self.bounds.events.map_or(1, |events| (newest + 1).saturating_sub(events).max(1));
        let tail = if self.journal.is_some() { JOURNAL_TAIL_BYTES } else { u64::MAX };
        let mut room = self.bounds.bytes.unwrap_or(u64::MAX).min(tail);
        let mut by_bytes = newest + 1;
        for (index, (last, bytes)) in self.pieces.iter().enumerate().rev() {
            if *last > newest {
                continue;
            }
            if *bytes > room {
                break;
            }
            room -= bytes;
            by_bytes = index.checked_sub(1).map_or(1, |before| self.pieces[before].0 + 1);
        }
        let in_memory = by_count.max(by_bytes);
        self.journal.as_ref().map_or(in_memory, |journal| journal.oldest_seq().min(in_memory))
    }

    pub(super) fn note_oldest(&mut self, hello: &Hello) {
        self.oldest = hello.oldest;
    }

    fn passes(&self, want: Want, n: u64) -> bool {
        let tag = TAGS[self.tags[usize::try_from(n - 1).unwrap()]];
        let takes = match want.tags {
            0 => true,
            1 => tag.starts_with("a."),
            2 => tag == "a.x" || tag == "c.d.e",
            _ => tag == "b",
        };
        takes
            && match want.filter {
                0 => true,
                1 => n % 2 == 1,
                2 => n % 3 == 1,
                _ => n % 3 == 2 && n.is_multiple_of(2),
            }
    }

    /// Those of these events that pass.
    fn passing(&self, want: Want, from: u64, to: u64) -> impl Iterator<Item = u64> {
        (from..=to).filter(move |n| self.passes(want, *n))
    }

    fn is_lost(&self, n: u64) -> bool {
        let Some(journal) = &self.journal else { return false };
        journal.state().lost.iter().any(|(from, to)| (*from..=*to).contains(&n))
    }

    /// The event to begin with.
    fn first(&self, Opening { start, hello, .. }: Opening) -> u64 {
        let last = |count: u64| (hello.seq + 1).saturating_sub(count).max(hello.oldest);
        match start {
            Start::Default => last(self.buffered),
            Start::Last(count) => last(count),
            Start::Now => hello.seq + 1,
            Start::After(position) if position.epoch == hello.epoch => position.seq.min(hello.seq) + 1,
            Start::After(_) => 1,
            Start::Time(time) => {
                (hello.oldest..=hello.seq).find(|n| time_of(*n) >= time).unwrap_or(hello.seq + 1)
            }
        }
    }
}

/// What one client has been told, and is to be told.
pub(super) struct Reader {
    protocol: Protocol,
    /// The stream it reads, and those that follow when it is told so.
    streams: VecDeque<Stream>,
    /// Passed over, by which the rest may be missing.
    skipped: Vec<(u64, u64)>,
    /// Up to this an event may have expired before it was held for the client.
    expired_through: u64,
    /// The journal could not be read meanwhile.
    may_lose: bool,
    greeted: bool,
    /// It is to have been sent all up to here when the connection ends.
    drained: Option<u64>,
}

struct Stream {
    want: Want,
    opening: Opening,
    /// All before is accounted for.
    next: u64,
    /// It has begun.
    begun: bool,
    /// Ends with this event.
    through: Option<u64>,
    /// Events that were neither sent nor told of yet, less those left out ahead of that.
    unaccounted: i64,
    /// All up to where the next stream begins is to be accounted for.
    goes_on: bool,
}

impl Stream {
    fn new(known: &Known, want: Want, opening: Opening) -> Self {
        let through = through(opening);
        let next = known.first(opening);
        Self { want, opening, next, begun: false, through, unaccounted: 0, goes_on: false }
    }

    /// Its begin is found out by a step of its replay, and may be another by then.
    fn is_looked_up(&self, known: &Known) -> bool {
        !self.begun && self.opening.is_open_ended(known)
    }

    fn is_too_early(&self, n: u64) -> bool {
        matches!(self.opening.start, Start::Time(time) if time_of(n) < time)
    }
}

impl Reader {
    pub(super) fn new(known: &Known, protocol: Protocol, want: Want, opening: Opening) -> Self {
        let greeted = matches!(protocol, Protocol::Classic | Protocol::Lines);
        let expired_through = opening.hello.oldest - 1;
        let streams = [Stream::new(known, want, opening)].into();
        let (skipped, may_lose) = (Vec::new(), reads_fail(known));
        Self { protocol, streams, skipped, expired_through, may_lose, greeted, drained: through(opening) }
    }

    /// It asks for another stream.
    pub(super) fn moves(&mut self, known: &Known, want: Want, opening: Opening) {
        if let Some(last) = self.streams.back_mut() {
            last.goes_on = known.first(opening) > opening.hello.seq && !opening.is_open_ended(known);
        }
        self.expired_through = self.expired_through.max(opening.hello.oldest - 1);
        self.may_lose |= reads_fail(known);
        self.streams.push_back(Stream::new(known, want, opening));
    }

    /// It is moved, and is not to notice.
    pub(super) fn stays(&mut self, hello: &Hello) {
        self.expired_through = self.expired_through.max(hello.oldest - 1);
        if self.protocol == Protocol::Classic {
            // Nor is it told what it was still to be replayed.
            self.skipped.push((self.streams[0].next, hello.seq));
        }
    }

    pub(super) fn is_skipped(&mut self, skipped: Skipped) {
        self.skipped.push((skipped.from, skipped.to));
    }

    /// It is to be sent everything up to here before the end, or nothing more.
    pub(super) fn ends(&mut self, with: Option<u64>) {
        self.drained = with;
    }

    pub(super) fn may_lose(&mut self) {
        self.may_lose = true;
    }

    /// As long as it has no place in the live stream, what expires may expire for it.
    pub(super) fn may_miss_more(&mut self, known: &Known, has_no_place: bool) {
        if has_no_place {
            self.expired_through = self.expired_through.max(known.oldest - 1);
        }
    }

    pub(super) fn is_told(&mut self, known: &Known, told: &Told) {
        match told {
            Told::Event(n) => self.event(known, *n),
            Told::LeftOut(events) => {
                let stream = &mut self.streams[0];
                assert!(stream.want.is_sampled);
                stream.unaccounted -= i64::try_from(*events).unwrap();
            }
            Told::Gap { epoch: Some(_), reason, .. } => {
                let Start::After(position) = self.streams[0].opening.start else { panic!("{told:?}") };
                let is_strange = position.epoch != self.streams[0].opening.hello.epoch;
                assert!(is_strange && reason == "epoch" && !self.streams[0].begun, "{told:?}");
            }
            Told::Gap { from, to, events, reason, .. } => {
                self.gap(known, (*from, to.unwrap()), *events, reason)
            }
            Told::Hello { seq, oldest } => {
                let hello = self.streams[0].opening.hello;
                assert!(!self.greeted && (hello.seq, hello.oldest) == (*seq, *oldest));
                self.greeted = true;
            }
            Told::Subscribed { seq, oldest } => {
                let left = self.streams.pop_front().unwrap();
                let hello = self.streams.front().expect("it has asked").opening.hello;
                assert_eq!((hello.seq, hello.oldest), (*seq, *oldest));
                if left.goes_on {
                    self.is_complete(known, &left, hello.seq);
                }
            }
            Told::Close(Some(1000)) => {
                let through = self.streams[0].through.expect("it is to end");
                self.is_complete(known, &self.streams[0], through);
            }
            Told::Close(Some(1001)) | Told::End => {
                let stream = &self.streams[0];
                // What was left out after the drain began may have been told as well.
                if let Some(drained) = self.drained.filter(|_| !stream.want.is_sampled) {
                    self.is_complete(known, stream, drained);
                }
            }
            Told::Close(_) | Told::Ping | Told::Pong(_) | Told::Error(_) => {}
        }
    }

    fn event(&mut self, known: &Known, n: u64) {
        assert!(self.greeted);
        let stream = &self.streams[0];
        assert!(known.passes(stream.want, n), "{n} is none of {:?}", stream.want);
        // Where the journal looks a time up later, it may begin earlier: with what is yet to be sent, or
        // with all there is when it cannot be read.
        let looked_up = stream.is_looked_up(known);
        assert!(n >= stream.next || looked_up, "{n} again, or out of order: {} is next", stream.next);
        assert!(stream.through.is_none_or(|through| n <= through), "{n} is beyond the end");
        self.account_before(known, n);
        let stream = &mut self.streams[0];
        (stream.next, stream.begun) = (n + 1, true);
    }

    /// What of the stream up to this event is missing and not excused.
    fn missing(&self, known: &Known, stream: &Stream, through: u64) -> Vec<u64> {
        known
            .passing(stream.want, stream.next, through)
            .filter(|n| !self.is_excused(known, stream, *n))
            .collect()
    }

    /// Nothing before this event may be missing.
    fn account_before(&mut self, known: &Known, n: u64) {
        let stream = &self.streams[0];
        let missing = self.missing(known, stream, n - 1);
        if stream.want.is_sampled {
            self.streams[0].unaccounted += i64::try_from(missing.len()).unwrap();
        } else {
            let Stream { want, opening, .. } = stream;
            assert!(missing.is_empty(), "{missing:?} before {n}: {want:?} {opening:?} {:?}", self.skipped);
        }
    }

    /// Whether it may be missing though nothing is told of it.
    fn is_excused(&self, known: &Known, stream: &Stream, n: u64) -> bool {
        let is_gone = n <= self.expired_through || self.may_lose;
        let looked_up = stream.is_looked_up(known) && (is_gone || stream.is_too_early(n));
        let is_skipped = || self.skipped.iter().any(|(from, to)| (*from..=*to).contains(&n));
        looked_up || (self.protocol == Protocol::Classic && (is_gone || known.is_lost(n) || is_skipped()))
    }

    fn gap(&mut self, known: &Known, (from, to): (u64, u64), events: Option<u64>, reason: &str) {
        assert!(self.greeted && self.protocol.has_notices());
        let stream = &self.streams[0];
        assert!(from <= to && to <= known.events(), "{from} to {to}");
        if matches!(stream.opening.start, Start::Time(_))
            && !stream.begun
            && from == 1
            && to <= self.expired_through
            && reason == "expired"
        {
            return;
        }
        let looked_up = stream.is_looked_up(known);
        assert!(
            from >= stream.next || looked_up,
            "{from} to {to}, {reason}: {} is next, {:?} {:?}",
            stream.next,
            stream.want,
            stream.opening
        );
        match reason {
            "slow" => {
                let moves = self.streams.len() > 1;
                assert!(moves || !self.skipped.is_empty(), "nobody was slow");
            }
            "expired" => assert!(
                to <= self.expired_through,
                "{from} to {to} is there: {} {:?} {:?} next {} known {} journal {:?}",
                self.expired_through,
                stream.want,
                stream.opening,
                stream.next,
                known.oldest,
                known.journal.as_ref().map(|j| (j.oldest_seq(), j.newest_seq()))
            ),
            "lost" => assert!(self.may_lose || (from..=to).all(|n| known.is_lost(n)), "{from} to {to}"),
            _ => panic!("{reason}"),
        }
        let passing = known.passing(stream.want, from, to).count() as u64;
        assert!(events.is_none_or(|events| events == passing), "{events:?} of {passing} in {from} to {to}");
        self.account_before(known, from);
        let stream = &mut self.streams[0];
        (stream.next, stream.begun) = (to + 1, true);
    }

    fn is_complete(&self, known: &Known, stream: &Stream, through: u64) {
        let missing = self.missing(known, stream, through);
        let Stream { want, opening, unaccounted, .. } = stream;
        if want.is_sampled {
            let unaccounted = unaccounted + i64::try_from(missing.len()).unwrap();
            assert_eq!(unaccounted, 0, "up to {through}: {want:?} {opening:?}");
        } else {
            assert!(missing.is_empty(), "{missing:?} at the end: {want:?} {opening:?} {:?}", self.skipped);
        }
    }

    pub(super) fn has_all_through(&self, known: &Known, newest: u64) {
        assert!(self.greeted && self.streams.len() == 1);
        let stream = &self.streams[0];
        assert!(stream.through.is_none(), "it should have ended");
        self.is_complete(known, stream, newest);
    }
}

impl Opening {
    /// Where it begins is found out later.
    fn is_open_ended(&self, known: &Known) -> bool {
        matches!(self.start, Start::Time(_)) && known.journal.is_some()
    }
}

/// The event it ends with.
fn through(opening: Opening) -> Option<u64> {
    (!opening.follows).then_some(opening.hello.seq)
}

fn reads_fail(known: &Known) -> bool {
    known.journal.as_ref().is_some_and(|journal| journal.state().refuses_reads)
}
