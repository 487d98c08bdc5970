//! Lines that wait to be written, within a bound.
//!
//! What is in here is not in a file yet. Its size never passes `total_limit_size`: a batch is taken as a
//! whole or refused as a whole, so that a sender who tries again repeats nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use fluentcast_event::limits::{FILE_FLUSH_BYTES, FILE_WAITING_BYTES};

use super::compose::Composed;
use super::name::FileName;

/// A stretch of lines for one file.
#[derive(Debug, Default)]
pub(super) struct Piece {
    pub(super) text: Vec<u8>,
    pub(super) events: u64,
    /// Bytes it counts for in the buffer's size.
    pub(super) cost: u64,
}

/// The lines waiting for one file, oldest first.
#[derive(Debug, Default)]
pub(super) struct Lines(VecDeque<Piece>);

impl Lines {
    /// Appends, growing the last piece as long as it stays within `piece_bytes_max`.
    pub(super) fn push(&mut self, text: &[u8], events: u64, cost: u64, piece_bytes_max: usize) {
        match self.0.back_mut() {
            Some(last) if last.text.len().saturating_add(text.len()) <= piece_bytes_max => {
                last.text.extend_from_slice(text);
                last.events += events;
                last.cost += cost;
            }
            _ => self.0.push_back(Piece { text: text.to_vec(), events, cost }),
        }
    }

    /// Appends all of `other`.
    pub(super) fn append(&mut self, other: Self, piece_bytes_max: usize) {
        if self.0.is_empty() {
            self.0 = other.0;
            return;
        }
        for piece in other.0 {
            self.push(&piece.text, piece.events, piece.cost, piece_bytes_max);
        }
    }

    /// Takes the oldest piece.
    pub(super) fn pop(&mut self) -> Option<Piece> {
        self.0.pop_front()
    }

    /// True when nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Lines by file.
pub(super) type LinesByFile = HashMap<Arc<FileName>, Lines>;

/// Why a batch was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It would pass the limit.
    Full {
        /// Bytes that wait already.
        waiting: u64,
    },
    /// Nobody will write any more.
    Closed,
}

/// All lines of one output that are not in a file yet.
#[derive(Debug)]
pub(super) struct Buffer {
    /// What the writer has not taken yet.
    files: LinesByFile,
    /// Bytes of `files`.
    fresh: usize,
    /// Bytes and events of everything that waits, what the writer has taken included.
    waiting: u64,
    waiting_events: u64,
    limit: u64,
    piece_bytes_max: usize,
    closed: bool,
}

impl Buffer {
    /// An empty buffer for `limit` bytes.
    pub(super) fn new(limit: u64, piece_bytes_max: usize) -> Self {
        let files = LinesByFile::new();
        Self { files, fresh: 0, waiting: 0, waiting_events: 0, limit, piece_bytes_max, closed: false }
    }

    /// Takes the lines of a batch, all or none. True: so much has come together that it should be
    /// written now.
    pub(super) fn add(&mut self, lines: &Composed) -> Result<bool, Refusal> {
        if self.closed {
            return Err(Refusal::Closed);
        }
        let costs: Vec<u64> = lines.runs.iter().map(|run| self.cost(&run.file, run.text.len())).collect();
        let cost: u64 = costs.iter().sum();
        if self.waiting.saturating_add(cost) > self.limit {
            return Err(Refusal::Full { waiting: self.waiting });
        }
        for (run, cost) in lines.runs.iter().zip(costs) {
            let file = self.files.entry(Arc::clone(&run.file)).or_default();
            file.push(&lines.text[run.text.clone()], run.events, cost, self.piece_bytes_max);
        }
        self.waiting += cost;
        self.waiting_events += lines.events();
        let before = self.fresh;
        self.fresh += lines.text.len();
        Ok(before < FILE_FLUSH_BYTES && self.fresh >= FILE_FLUSH_BYTES)
    }

    /// What lines for `file` add; a file that has none waiting yet costs something by itself.
    fn cost(&self, file: &FileName, bytes: usize) -> u64 {
        let own = if self.files.contains_key(file) { 0 } else { file.len() + FILE_WAITING_BYTES };
        u64::try_from(bytes + own).unwrap_or(u64::MAX)
    }

    /// Hands everything fresh to the writer. It still counts until [`Self::release`].
    pub(super) fn take(&mut self) -> LinesByFile {
        self.fresh = 0;
        std::mem::take(&mut self.files)
    }

    /// What the writer had taken is in its file.
    pub(super) fn release(&mut self, events: u64, cost: u64) {
        self.waiting = self.waiting.saturating_sub(cost);
        self.waiting_events = self.waiting_events.saturating_sub(events);
    }

    /// Takes nothing any more.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Events that are not in a file yet.
    pub(super) fn waiting_events(&self) -> u64 {
        self.waiting_events
    }
}
