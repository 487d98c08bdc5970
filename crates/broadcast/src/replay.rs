//! A client on its way from some event of the past to the live stream.
//!
//! It reads the history in steps, encodes what passes into a log of its own, which the client reads like
//! any other, and ends on the client's view without a gap and without an event twice. A step may read a
//! disk and is made on a thread that may block; it never touches a socket.
//!
//! Of the events in memory, some are held for the client, a bounded part ([`REPLAY_HELD_BYTES_MAX`]):
//! they cannot expire before it gets there. With the last of them the client takes its place on its view,
//! so that what comes while it is being replayed the past is made once for all, and counts as lag.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use fluentcast_event::EventTime;
#[cfg(doc)]
use fluentcast_event::limits::REPLAY_HELD_BYTES_MAX;
use fluentcast_event::limits::{
    REPLAY_READ_BYTES, REPLAY_SCAN_BYTES_MAX, REPLAY_YIELD_BYTES, SEGMENT_BYTES_MAX,
};

use crate::deflate::{self, SharedDeflater};
use crate::encode::Encoder;
use crate::envelope::Envelope;
use crate::filter::Verdict;
use crate::history::{Gap, GapReason, Journal, JournalRead, Piece};
use crate::hub::{Hub, Subscription};
use crate::log::{Cursor, Log};
use crate::notice;
use crate::view::{ViewKey, Worker};

/// The state of a replay.
#[derive(Debug)]
pub struct Replay {
    hub: Arc<Hub>,
    pub(crate) key: ViewKey,
    pub(crate) worker: Worker,
    /// The first event that was asked for, and the next one to read.
    first_seq: u64,
    next_seq: u64,
    /// Begin with the first event of this time, not yet looked up.
    pub(crate) time: Option<EventTime>,
    /// End with this event instead of going live.
    pub(crate) through: Option<u64>,
    /// Read and not yet encoded.
    pub(crate) pieces: VecDeque<Piece>,
    /// They are all there was when they were read; what came later is on the view.
    pub(crate) holds_rest: bool,
    /// Number of the newest live event when the hub was asked last, and of the oldest in memory.
    pub(crate) live_seq: u64,
    pub(crate) memory_seq: u64,
    deflater: Option<SharedDeflater>,
    /// The client's place on its view.
    pub(crate) place: Option<(Subscription, Cursor)>,
    is_over: bool,
    /// Events not decided by the filter, which took too many steps.
    given_up: u64,
    /// Its client holds the other end.
    wanted: Option<Weak<()>>,
    log: Log,
    /// The client's, until it takes it.
    start: Option<Cursor>,
}

/// What makes short replays equal: a view, and the first and the last event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    key: ViewKey,
    from: u64,
    to: u64,
}

impl Replay {
    pub(crate) fn new(hub: Arc<Hub>, key: &ViewKey, worker: Worker, next_seq: u64) -> Self {
        // Its own: what is replayed must not make the live stream wait.
        let deflater = key.shape.compress.map(deflate::own);
        let mut log = Log::new(Envelope::of(&key.shape), deflater.clone(), next_seq.saturating_sub(1));
        let start = log.cursor();
        Self {
            hub,
            key: key.clone(),
            worker,
            first_seq: next_seq,
            next_seq,
            time: None,
            through: None,
            pieces: VecDeque::new(),
            holds_rest: false,
            live_seq: 0,
            memory_seq: 0,
            deflater,
            place: None,
            is_over: false,
            given_up: 0,
            wanted: None,
            log,
            start: Some(start),
        }
    }

    /// Where the client begins to read. Asked once: what it has read is held by nobody.
    pub(crate) fn cursor(&mut self) -> Cursor {
        self.start.take().unwrap_or_else(|| self.log.cursor())
    }

    /// The last event that was not asked for; `None` when that is not known yet.
    pub(crate) fn begins_after(&self) -> Option<u64> {
        self.time.is_none().then(|| self.first_seq.saturating_sub(1))
    }

    /// What the client holds as long as it wants the replay.
    pub(crate) fn want(&mut self) -> Arc<()> {
        let wanted = Arc::new(());
        self.wanted = Some(Arc::downgrade(&wanted));
        wanted
    }

    pub(crate) fn is_wanted_by(&self, wanted: &Arc<()>) -> bool {
        self.wanted.as_ref().is_some_and(|known| std::ptr::eq(known.as_ptr(), Arc::as_ptr(wanted)))
    }

    /// The next event to read.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The client's place on its view, if it has taken one since this was asked last.
    pub(crate) fn take_place(&mut self) -> Option<(Subscription, Cursor)> {
        self.place.take()
    }

    /// Whether what is in the log is all.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The worker of its client.
    #[must_use]
    pub fn worker(&self) -> Worker {
        self.worker
    }

    /// Events that the filter gave up since this was asked last.
    pub fn take_given_up(&mut self) -> u64 {
        std::mem::take(&mut self.given_up)
    }

    /// Brings a little more into the log. Blocks while a disk is read.
    pub fn step(&mut self) {
        if self.wanted.as_ref().is_some_and(|wanted| wanted.strong_count() == 0) {
            return;
        }
        if let Some(time) = self.time.take() {
            self.look_up(time);
        }
        if self.is_short() {
            return self.make_all();
        }
        let begin = self.log.end();
        let mut scanned = 0;
        while self.log.end() - begin < SEGMENT_BYTES_MAX as u64 && scanned < REPLAY_SCAN_BYTES_MAX {
            if self.through.is_some_and(|through| self.next_seq > through) {
                self.pieces.clear();
                self.holds_rest = true;
            }
            match self.pieces.pop_front() {
                Some(piece) => {
                    scanned += piece.batch.entries.len();
                    self.encode(&piece);
                }
                None if self.holds_rest => {
                    self.is_over = true;
                    break;
                }
                None => self.refill(),
            }
        }
        self.log.seal();
    }

    /// Whether it is not begun, and so little, all of it in memory, that one step makes it.
    fn is_short(&self) -> bool {
        let bytes = self.pieces.iter().map(|piece| piece.batch.entries.len());
        self.holds_rest && self.log.is_untouched() && bytes.sum::<usize>() <= SEGMENT_BYTES_MAX
    }

    /// Makes all of a short replay, or takes what was made for another client that asked for the same: when
    /// many come at once, they cost little more than one.
    fn make_all(&mut self) {
        let asked = Asked { key: self.key.clone(), from: self.next_seq, to: self.end_seq() };
        self.is_over = true;
        if let Some(chain) = self.hub.recent_replay(&asked) {
            self.pieces.clear();
            self.next_seq = asked.to + 1;
            return self.log.adopt(&chain);
        }
        let front = self.log.front();
        for piece in std::mem::take(&mut self.pieces) {
            if piece.first_seq <= asked.to {
                self.encode(&piece);
            }
        }
        self.log.seal();
        self.hub.note_replay(asked, self.log.chain(&front));
    }

    /// Finds the number to begin with; events of that time may be yet to come.
    fn look_up(&mut self, time: EventTime) {
        let hello = self.hub.hello();
        let Some(journal) = self.hub.journal() else { return };
        let (memory_seq, in_memory) = self.hub.seq_at(time);
        self.next_seq = match journal.seq_at(time) {
            Ok(seq) => {
                // What is stored and not yet sent comes live.
                let seq = seq.into_iter().chain(in_memory).min().unwrap_or(u64::MAX).min(hello.seq + 1);
                if seq <= memory_seq { lost_before(&**journal, seq, hello.oldest) } else { seq }
            }
            // Begin with what there is: reading it says what is wrong.
            Err(_) => hello.oldest,
        };
        self.next_seq = self.next_seq.max(hello.oldest);
        if let Some(gap) = hello.gap_before(self.next_seq) {
            self.tell(&gap);
        }
    }

    /// Gets more pieces: from memory if they are there, else from the journal.
    fn refill(&mut self) {
        let hub = Arc::clone(&self.hub);
        hub.hold(self);
        if let Some(journal) = hub.journal()
            && self.pieces.is_empty()
            && !self.holds_rest
        {
            self.read(&**journal);
        }
    }

    /// Reads on in the journal, as far as to what is in memory. Always gets on, whatever it says.
    fn read(&mut self, journal: &dyn Journal) {
        let before = self.next_seq;
        let last_seq = self.memory_seq.saturating_sub(1);
        let lose_through = |replay: &mut Self, seq: u64| {
            let seq = seq.min(last_seq);
            replay.lose_through(seq.min(journal.oldest_seq().saturating_sub(1)), GapReason::Expired);
            replay.lose_through(seq, GapReason::Lost);
        };
        if let Ok(JournalRead { lost_through, pieces }) = journal.read(before, REPLAY_READ_BYTES) {
            if let Some(lost) = lost_through {
                lose_through(self, lost);
            }
            // What is stored and not yet sent comes live, and what could not be stored may be in memory.
            let next_seq = self.next_seq;
            let news = |piece: &Piece| piece.last_seq() >= next_seq && piece.first_seq <= last_seq;
            self.pieces.extend(pieces.into_iter().filter(news));
        }
        if self.pieces.is_empty() && self.next_seq == before {
            lose_through(self, last_seq);
        }
    }

    /// The last event that is of interest.
    fn end_seq(&self) -> u64 {
        self.through.map_or(self.live_seq, |through| through.min(self.live_seq))
    }

    /// Tells that the next events up to this one are gone.
    pub(crate) fn lose_through(&mut self, seq: u64, reason: GapReason) {
        let to = seq.min(self.end_seq());
        if to >= self.next_seq {
            self.tell(&Gap { epoch: None, from: self.next_seq, to: Some(to), reason });
            self.next_seq = to + 1;
        }
    }

    /// Tells of a gap here.
    pub(crate) fn tell(&mut self, gap: &Gap) {
        if let Some(message) = notice::gap(&self.key.shape, self.hub.epoch(), gap, None) {
            self.log.append_notice(&message, gap.to);
        }
    }

    fn encode(&mut self, piece: &Piece) {
        self.lose_through(piece.first_seq.saturating_sub(1), GapReason::Lost);
        let ViewKey { shape, tags, filter, .. } = &self.key;
        let last_seq = piece.last_seq().min(self.end_seq());
        if tags.takes(piece.batch.tag.as_str()) {
            let mut encoder =
                Encoder::new(shape, &piece.batch.tag, self.hub.epoch()).deflating(self.deflater.clone());
            let (mut events, mut yielded_at) = (piece.batch.events(), 0);
            for seq in piece.first_seq..=last_seq {
                if events.position() - yielded_at >= REPLAY_YIELD_BYTES {
                    yielded_at = events.position();
                    std::thread::yield_now();
                }
                let Some(event) = events.by_ref().flatten().next() else { break };
                if seq < self.next_seq {
                    continue;
                }
                match filter.judge(&piece.batch.tag, &event) {
                    // A record that cannot be encoded was counted when it was published.
                    Verdict::Passes => drop(self.log.append(seq, |out| encoder.write(out, seq, &event))),
                    Verdict::Fails => {}
                    Verdict::GivenUp => self.given_up += 1,
                }
            }
        }
        self.next_seq = self.next_seq.max(last_seq + 1);
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.hub.replay_is_gone();
    }
}

/// The first of the events right before this one that the journal has lost; this one, when there is none.
/// Nobody knows their times.
fn lost_before(journal: &dyn Journal, seq: u64, oldest_seq: u64) -> u64 {
    let is_lost = |from| {
        journal.read(from, 1).is_ok_and(|read| match read.lost_through {
            Some(to) => to + 1 >= seq,
            None => read.pieces.is_empty(),
        })
    };
    if seq <= oldest_seq || !is_lost(seq - 1) {
        return seq;
    }
    let (mut from, mut lost) = (oldest_seq, seq - 1);
    while from < lost {
        let middle = from + (lost - from) / 2;
        if is_lost(middle) { lost = middle } else { from = middle + 1 }
    }
    lost
}

#[cfg(test)]
mod tests;
