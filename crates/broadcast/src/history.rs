//! What was sent, as it came: the numbers of events, and where the older ones can be read again.
//!
//! A hub keeps the newest events in memory, in a [`Tail`]. An output may have a [`Journal`] besides, which
//! reaches further back and outlives the process. This module knows no files.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use fluentcast_event::limits::JOINED_PIECE_BYTES_MAX;
use fluentcast_event::{Batch, EventTime};

/// Names one unbroken numbering of events. When numbers cannot be continued (a restart without a history
/// on disk), a new epoch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// An epoch that was never used before, as far as chance goes.
    #[must_use]
    pub fn random() -> Self {
        Self(RandomState::new().hash_one(EventTime::now()))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Epoch {
    type Err = std::num::ParseIntError;

    /// Sixteen hexadecimal digits, as [`Epoch`] is displayed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A sign is no digit, and an empty text fails either way.
        let digits = if text.len() == 16 && !text.starts_with('+') { text } else { "" };
        u64::from_str_radix(digits, 16).map(Self)
    }
}

/// A place in a stream: the last event somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// In which numbering.
    pub epoch: Epoch,
    /// The event's number; 0 is before the first.
    pub seq: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}

impl FromStr for Position {
    type Err = ();

    /// `epoch:seq`, as [`Position`] is displayed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, seq) = text.split_once(':').ok_or(())?;
        let digits = seq.bytes().all(|byte| byte.is_ascii_digit());
        let seq = seq.parse().ok().filter(|_| digits).ok_or(())?;
        Ok(Self { epoch: epoch.parse().map_err(|_| ())?, seq })
    }
}

/// Consecutive events of one batch.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Number of the first.
    pub first_seq: u64,
    /// How many; at least one.
    pub events: u64,
    /// The events: every entry is one.
    pub batch: Batch,
}

impl Piece {
    /// Number of the last.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.first_seq + self.events - 1
    }
}

/// Bounds of a history. All that are given hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Newest events kept.
    pub events: Option<u64>,
    /// Bytes of entries kept.
    pub bytes: Option<u64>,
    /// Time since an event was received.
    pub age: Option<Duration>,
}

impl Bounds {
    /// The bounds of nothing.
    pub const NOTHING: Self = Self { events: Some(0), bytes: None, age: None };

    fn keep_nothing(&self) -> bool {
        self.events == Some(0) || self.bytes == Some(0)
    }
}

/// The newest events, in memory.
#[derive(Debug)]
pub(crate) struct Tail {
    bounds: Bounds,
    pieces: VecDeque<Kept>,
    bytes: u64,
    /// Bytes up to which pieces are joined.
    joined_bytes_max: u64,
}

/// A piece, and the latest time of its events.
#[derive(Debug)]
struct Kept {
    piece: Piece,
    latest: EventTime,
}

impl Kept {
    /// Whether a piece may become part of this one. Many small ones would weigh more than their events, in
    /// each client's replay.
    fn takes(&self, next: &Piece, bytes_max: u64, by_age: bool) -> bool {
        let (ours, theirs) = (&self.piece.batch, &next.batch);
        let bytes = (ours.entries.len() + theirs.entries.len()) as u64;
        ours.tag == theirs.tag
            && self.piece.last_seq() + 1 == next.first_seq
            && bytes <= bytes_max
            && (!by_age || ours.received.seconds == theirs.received.seconds)
    }

    fn join(&mut self, next: &Piece, latest: EventTime) {
        let batch = &mut self.piece.batch;
        batch.entries = [&batch.entries[..], &next.batch.entries[..]].concat().into();
        batch.received = next.batch.received;
        self.piece.events += next.events;
        self.latest = self.latest.max(latest);
    }
}

impl Tail {
    pub(crate) fn new(bounds: Bounds) -> Self {
        // What is let go at once must be little of what the bounds allow.
        let joined_bytes_max = bounds.bytes.map_or(u64::MAX, |bytes| bytes / 16).min(JOINED_PIECE_BYTES_MAX);
        Self { bounds, pieces: VecDeque::new(), bytes: 0, joined_bytes_max }
    }

    #[cfg(test)]
    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Keeps pieces as they come, so that few events are many pieces.
    #[cfg(test)]
    pub(crate) fn join_nothing(&mut self) {
        self.joined_bytes_max = 0;
    }

    /// Whether events are kept at all.
    pub(crate) fn keeps(&self) -> bool {
        !self.bounds.keep_nothing()
    }

    /// Adds the newest piece, whose latest event is of that time, and lets go of what is beyond the bounds.
    pub(crate) fn push(&mut self, piece: Piece, latest: EventTime, now: EventTime) {
        self.bytes += piece.batch.entries.len() as u64;
        let newest_seq = piece.last_seq();
        match self.pieces.back_mut() {
            Some(last) if last.takes(&piece, self.joined_bytes_max, self.bounds.age.is_some()) => {
                last.join(&piece, latest)
            }
            _ => self.pieces.push_back(Kept { piece, latest }),
        }
        self.trim(newest_seq, now);
    }

    /// Lets go of what is beyond the bounds, whole pieces only.
    fn trim(&mut self, newest_seq: u64, now: EventTime) {
        let oldest_seq = self.bounds.events.map_or(0, |events| (newest_seq + 1).saturating_sub(events));
        let expired = self.bounds.age.map(|age| before(now, age));
        while let Some(Kept { piece: front, .. }) = self.pieces.front()
            && (front.last_seq() < oldest_seq
                || self.bounds.bytes.is_some_and(|bytes| self.bytes > bytes)
                || expired.is_some_and(|expired| front.batch.received < expired))
        {
            self.bytes -= front.batch.entries.len() as u64;
            self.pieces.pop_front();
        }
    }

    /// Number of the oldest event that is kept; one after the newest when none is.
    pub(crate) fn oldest_seq(&mut self, newest_seq: u64, now: EventTime) -> u64 {
        self.trim(newest_seq, now);
        let by_count = self.bounds.events.map_or(0, |events| (newest_seq + 1).saturating_sub(events));
        self.pieces.front().map_or(newest_seq + 1, |front| front.piece.first_seq.max(by_count))
    }

    /// The pieces that hold events from this number on, about so many bytes of them; and whether these are
    /// all.
    pub(crate) fn since(&self, seq: u64, bytes_max: usize) -> (VecDeque<Piece>, bool) {
        let first = self.pieces.partition_point(|kept| kept.piece.last_seq() < seq);
        let mut bytes = 0;
        let within = |kept: &&Kept| {
            bytes < bytes_max && {
                bytes += kept.piece.batch.entries.len();
                true
            }
        };
        let pieces: VecDeque<_> =
            self.pieces.range(first..).take_while(within).map(|kept| kept.piece.clone()).collect();
        let all = first + pieces.len() == self.pieces.len();
        (pieces, all)
    }

    /// Number of the first event from `oldest_seq` on whose time is `time` or later; `None` when there is
    /// none. Looks into a piece only if it has one.
    pub(crate) fn seq_at(&self, time: EventTime, oldest_seq: u64) -> Option<u64> {
        self.pieces.iter().filter(|kept| kept.latest >= time).find_map(|Kept { piece, .. }| {
            let mut numbered = (piece.first_seq..).zip(piece.batch.events().flatten());
            numbered.find_map(|(seq, event)| (seq >= oldest_seq && event.time >= time).then_some(seq))
        })
    }
}

/// The time so long before another.
pub(crate) fn before(time: EventTime, age: Duration) -> EventTime {
    let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    let nanos = nanos - i128::try_from(age.as_nanos()).unwrap_or(i128::MAX / 2);
    let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or(i64::MIN);
    EventTime { seconds, nanos: u32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0) }
}

/// Events that somebody asked for and does not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gap {
    /// In which numbering, if not the present one.
    pub epoch: Option<Epoch>,
    /// The first of them.
    pub from: u64,
    /// The last of them; `None` when nobody knows.
    pub to: Option<u64>,
    /// Why.
    pub reason: GapReason,
}

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// The client was too far behind; the events may still be in the history.
    Slow,
    /// The history does not reach back so far.
    Expired,
    /// The history has lost them (a damaged or deleted file, a disk that was full).
    Lost,
    /// The numbering was broken off: what came after in the former epoch is not known.
    Epoch,
}

impl GapReason {
    /// The word that clients see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Expired => "expired",
            Self::Lost => "lost",
            Self::Epoch => "epoch",
        }
    }
}

/// Where a position stands in a journal's numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// This is the last event that its owner has.
    At(u64),
    /// The position is of an epoch that was broken off after this event; its owner may have seen others.
    Beyond(u64),
    /// An epoch that was never here.
    Unknown,
}

/// What a journal reads at once.
#[derive(Debug, Default)]
pub struct JournalRead {
    /// What is missing before `pieces`: from the number asked for up to this one.
    pub lost_through: Option<u64>,
    /// Consecutive pieces; the first may begin before the number asked for. Empty at the end.
    pub pieces: Vec<Piece>,
}

/// Why events are not where the configuration says they must be.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotStored(pub String);

/// What [`Journal`]'s waiting methods return.
pub type Storing<'a> = Pin<Box<dyn Future<Output = Result<(), NotStored>> + Send + 'a>>;

/// A history that outlives the process. Reads block and are made on threads that may.
pub trait Journal: Send + Sync + fmt::Debug {
    /// The numbering now.
    fn epoch(&self) -> Epoch;

    /// Number of the newest event; 0 when there was none.
    fn newest_seq(&self) -> u64;

    /// Number of the oldest event that is kept; one after the newest when none is.
    fn oldest_seq(&self) -> u64;

    /// Adds the newest piece. Done once it survives the end of the process. Numbers may jump forwards
    /// after a failure.
    fn append(&self, piece: Piece) -> Storing<'_>;

    /// Waits until everything up to this event is as durable as the configuration promises before an
    /// ack.
    fn durable(&self, seq: u64) -> Storing<'_>;

    /// What follows from this event on, about so many bytes; at least one piece unless at the end.
    ///
    /// # Errors
    /// When the medium cannot be read.
    fn read(&self, seq: u64, bytes: usize) -> std::io::Result<JournalRead>;

    /// Number of the first event whose time is `time` or later; `None` when there is none.
    ///
    /// # Errors
    /// When the medium cannot be read.
    fn seq_at(&self, time: EventTime) -> std::io::Result<Option<u64>>;

    /// Where a position of any epoch stands in the present numbering.
    fn resolve(&self, position: Position) -> Resolved;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_are_written_and_nothing_else_is() {
        let position = Position { epoch: Epoch(0xab), seq: 17 };
        assert_eq!(position.to_string(), "00000000000000ab:17");
        assert_eq!("00000000000000ab:17".parse(), Ok(position));
        for wrong in ["", ":", "ab:1", "00000000000000ab", "00000000000000ab:", "00000000000000ab:+1"] {
            assert_eq!(wrong.parse::<Position>(), Err(()), "{wrong}");
        }
        assert!("+0000000000000ab:1".parse::<Position>().is_err());
    }

    #[test]
    fn a_tail_keeps_what_all_bounds_allow() {
        let piece = |first_seq, events: u64, seconds| {
            let entries = vec![0; usize::try_from(events * 10).unwrap()].into();
            let received = EventTime::from_seconds(seconds);
            Piece { first_seq, events, batch: Batch { tag: "t".into(), entries, received } }
        };
        let kept = |bounds| {
            let mut tail = Tail::new(bounds);
            for n in 0..10_u64 {
                let seconds = i64::try_from(n).unwrap();
                let now = EventTime::from_seconds(seconds);
                tail.push(piece(1 + n * 5, 5, seconds), now, now);
            }
            let held = tail.since(1, usize::MAX).0;
            assert!(held.iter().zip(held.iter().skip(1)).all(|(a, b)| a.last_seq() + 1 == b.first_seq));
            (tail.oldest_seq(50, EventTime::from_seconds(9)), tail.pieces.len())
        };
        let all = Bounds::default();
        // Joined: one piece for all, as they are small.
        assert_eq!(kept(all), (1, 1));
        assert_eq!(kept(Bounds { events: Some(7), ..all }), (44, 1));
        assert_eq!(kept(Bounds { bytes: Some(120), ..all }), (41, 2));
        assert_eq!(kept(Bounds { age: Some(Duration::from_secs(3)), ..all }), (31, 4));
        assert_eq!(kept(Bounds { events: Some(7), bytes: Some(60), age: None }), (46, 1));
        // Two of 50 bytes make a sixteenth of what is kept.
        assert_eq!(kept(Bounds { bytes: Some(1600), ..all }), (1, 5));
        assert_eq!(kept(Bounds { bytes: Some(40), ..all }), (51, 0));
    }
}
