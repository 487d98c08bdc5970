//! A client on its way from some event of the past to the live stream.
//!
//! It reads the history in steps, encodes what passes into a log of its own, which the client reads like
//! any other, and ends on the client's view without a gap and without an event twice. A step may read a
//! disk and is made on a thread that may block; it never touches a socket.
//!
//! Between two steps nothing is held but the segment that the client is being sent. Only when the rest is
//! in memory does the client take its place on the view, together with that rest.

use std::collections::VecDeque;
use std::sync::Arc;

use fluentcast_event::EventTime;
use fluentcast_event::limits::{REPLAY_READ_BYTES, REPLAY_SCAN_BYTES_MAX, SEGMENT_BYTES_MAX};

use crate::deflate::SharedDeflater;
use crate::encode::Encoder;
use crate::envelope::Envelope;
use crate::history::{Gap, GapReason, JournalRead, Piece};
use crate::hub::{Hub, Subscription};
use crate::log::{Cursor, Log};
use crate::notice;
use crate::view::{ViewKey, Worker};

/// The state of a replay.
#[derive(Debug)]
pub struct Replay {
    pub(crate) hub: Arc<Hub>,
    pub(crate) key: ViewKey,
    pub(crate) worker: Worker,
    /// The next event to read.
    pub(crate) next_seq: u64,
    /// Begin with the first event of this time, not yet looked up.
    pub(crate) time: Option<EventTime>,
    /// End with this event instead of going live.
    pub(crate) through: Option<u64>,
    /// To be told first.
    pub(crate) gap: Option<Gap>,
    /// Read and not yet encoded.
    pub(crate) pieces: VecDeque<Piece>,
    /// The oldest event in memory when the pieces came from there.
    pub(crate) expired_before: u64,
    /// Number of the newest live event when the hub was asked last.
    pub(crate) live_seq: u64,
    /// The rest is in `pieces`.
    pub(crate) in_memory: bool,
    /// The client's place on its view.
    pub(crate) joined: Option<(Subscription, Cursor)>,
    deflater: SharedDeflater,
    log: Log,
}

/// How a step ended.
#[derive(Debug)]
pub enum Step {
    /// There may be more to read in the log, and there is more to come.
    More,
    /// What is in the log is the end of the past; the stream goes on here.
    Live(Subscription, Cursor),
    /// What is in the log is all.
    End,
}

impl Replay {
    pub(crate) fn new(hub: Arc<Hub>, key: &ViewKey, worker: Worker, next_seq: u64) -> Self {
        // Its own: what is replayed must not make the live stream wait.
        let deflater = SharedDeflater::default();
        let of_log = key.shape.compress.then(|| Arc::clone(&deflater));
        let log = Log::new(Envelope::of(&key.shape), of_log, next_seq.saturating_sub(1));
        Self {
            hub,
            key: key.clone(),
            worker,
            next_seq,
            time: None,
            through: None,
            gap: None,
            pieces: VecDeque::new(),
            expired_before: 0,
            live_seq: 0,
            in_memory: false,
            joined: None,
            deflater,
            log,
        }
    }

    /// Where the client begins to read. Taken before the first step.
    pub fn cursor(&mut self) -> Cursor {
        self.log.cursor()
    }

    /// The worker of its client.
    #[must_use]
    pub fn worker(&self) -> Worker {
        self.worker
    }

    /// Brings a little more into the log. Blocks while a disk is read. Not to be called again after
    /// [`Step::Live`] or [`Step::End`].
    pub fn step(&mut self) -> Step {
        if let Some(gap) = self.gap.take() {
            self.tell(&gap);
        }
        if let Some(time) = self.time.take() {
            self.next_seq = self.seq_at(time);
        }
        let begin = self.log.end();
        let mut scanned = 0;
        while self.log.end() - begin < SEGMENT_BYTES_MAX as u64 && scanned < REPLAY_SCAN_BYTES_MAX {
            if self.in_memory && self.next_seq < self.expired_before {
                self.lose_through(self.expired_before - 1, GapReason::Expired);
            }
            let Some(piece) = self.pieces.pop_front() else {
                if self.is_over() {
                    self.log.seal();
                    return self.joined.take().map_or(Step::End, |(place, cursor)| Step::Live(place, cursor));
                }
                self.refill();
                continue;
            };
            scanned += piece.batch.entries.len();
            self.encode(&piece);
        }
        self.log.seal();
        Step::More
    }

    fn is_over(&self) -> bool {
        self.in_memory || self.through.is_some_and(|through| self.next_seq > through)
    }

    /// The number to begin with; events of that time may be yet to come.
    fn seq_at(&self, time: EventTime) -> u64 {
        let hello = self.hub.hello();
        let in_journal = self.hub.journal().and_then(|journal| journal.seq_at(time).ok().flatten());
        in_journal.or_else(|| self.hub.seq_at(time)).unwrap_or(hello.seq + 1).max(hello.oldest)
    }

    /// Gets more pieces, from memory if the rest is there.
    fn refill(&mut self) {
        let hub = Arc::clone(&self.hub);
        hub.catch_up(self);
        if self.in_memory {
            return;
        }
        let Some(journal) = hub.journal() else { return };
        // What is stored and not yet sent comes live.
        let live_seq = self.live_seq;
        match journal.read(self.next_seq, REPLAY_READ_BYTES) {
            Ok(JournalRead { lost_through, pieces }) => {
                if let Some(lost) = lost_through {
                    let expired = lost < journal.oldest_seq();
                    let reason = if expired { GapReason::Expired } else { GapReason::Lost };
                    self.lose_through(lost.min(live_seq), reason);
                }
                self.pieces.extend(pieces.into_iter().filter(|piece| piece.first_seq <= live_seq));
                if self.pieces.is_empty() && lost_through.is_none() {
                    self.lose_through(live_seq, GapReason::Lost);
                }
            }
            Err(_) => self.lose_through(live_seq, GapReason::Lost),
        }
    }

    /// Tells that the next events up to this one are gone.
    fn lose_through(&mut self, to: u64, reason: GapReason) {
        if to >= self.next_seq {
            self.tell(&Gap { epoch: None, from: self.next_seq, to: Some(to), reason });
            self.next_seq = to + 1;
        }
    }

    fn tell(&mut self, gap: &Gap) {
        if let Some(message) = notice::gap(&self.key.shape, self.hub.epoch(), gap, None) {
            self.log.append_notice(&message);
        }
    }

    fn encode(&mut self, piece: &Piece) {
        if piece.first_seq > self.next_seq {
            self.lose_through(piece.first_seq - 1, GapReason::Lost);
        }
        let ViewKey { shape, tags, filter, .. } = &self.key;
        let last_seq = self.through.map_or(piece.last_seq(), |through| through.min(piece.last_seq()));
        if tags.takes(piece.batch.tag.as_str()) {
            let mut encoder = Encoder::new(shape, &piece.batch.tag, self.hub.epoch()).deflating(&self.deflater);
            for (seq, event) in (piece.first_seq..=last_seq).zip(piece.batch.events().flatten()) {
                if seq >= self.next_seq && filter.passes(&piece.batch.tag, &event) {
                    // A record that cannot be encoded was counted when it was published.
                    let _ = self.log.append(seq, |out| encoder.write(out, seq, &event));
                }
            }
        }
        self.next_seq = self.next_seq.max(last_seq + 1);
    }
}
