//! A history "on disk" in memory, with everything that goes wrong with one.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard};
use std::task::Poll;

use fluentcast_event::EventTime;

use crate::history::{Epoch, Journal, JournalRead, NotStored, Piece, Position, Resolved, Storing};

#[derive(Debug)]
pub(crate) struct FakeJournal(Mutex<State>);

#[derive(Debug)]
pub(crate) struct State {
    epoch: Epoch,
    /// Ended with this event.
    former: Option<(Epoch, u64)>,
    pieces: VecDeque<Piece>,
    newest: u64,
    /// What was to be stored and is not here.
    pub(crate) lost: Vec<(u64, u64)>,
    pub(crate) refuses_appends: bool,
    pub(crate) refuses_reads: bool,
    /// Appends take their time once what they add can be read.
    pub(crate) hesitates: bool,
}

impl FakeJournal {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            epoch: Epoch(0xa),
            former: None,
            pieces: VecDeque::new(),
            newest: 0,
            lost: Vec::new(),
            refuses_appends: false,
            refuses_reads: false,
            hesitates: false,
        }))
    }

    /// As after a crash: what is here was numbered in an epoch that ended with the newest event.
    pub(crate) fn broken_off(self) -> Self {
        let mut state = self.state();
        state.former = Some((state.epoch, state.newest));
        state.epoch = Epoch(0xb);
        drop(state);
        self
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Lets the oldest pieces go.
    pub(crate) fn expire(&self, pieces_left: usize) {
        let mut state = self.state();
        while state.pieces.len() > pieces_left {
            state.pieces.pop_front();
        }
    }

    /// Damages the piece that holds this event.
    pub(crate) fn damage(&self, seq: u64) {
        let mut state = self.state();
        let holds = |piece: &Piece| (piece.first_seq..=piece.last_seq()).contains(&seq);
        // The oldest would be taken for expired.
        if let Some(index) = state.pieces.iter().position(holds).filter(|index| *index > 0)
            && let Some(piece) = state.pieces.remove(index)
        {
            state.lost.push((piece.first_seq, piece.last_seq()));
        }
    }

    pub(crate) fn pieces(&self) -> usize {
        self.state().pieces.len()
    }
}

impl State {
    fn oldest(&self) -> u64 {
        self.pieces.front().map_or(self.newest + 1, |front| front.first_seq)
    }
}

impl Journal for FakeJournal {
    fn epoch(&self) -> Epoch {
        self.state().epoch
    }

    fn newest_seq(&self) -> u64 {
        self.state().newest
    }

    fn oldest_seq(&self) -> u64 {
        self.state().oldest()
    }

    fn append(&self, piece: Piece) -> Storing<'_> {
        let mut piece = Some(piece);
        Box::pin(std::future::poll_fn(move |context| {
            let mut state = self.state();
            let Some(piece) = piece.take() else { return Poll::Ready(Ok(())) };
            if state.refuses_appends {
                state.lost.push((piece.first_seq, piece.last_seq()));
                return Poll::Ready(Err(NotStored("no space".to_owned())));
            }
            assert!(piece.first_seq > state.newest && piece.batch.events().all(|event| event.is_ok()));
            assert_eq!(piece.batch.events().count() as u64, piece.events);
            state.newest = piece.last_seq();
            state.pieces.push_back(piece);
            if state.hesitates {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(Ok(()))
        }))
    }

    fn durable(&self, seq: u64) -> Storing<'_> {
        assert!(seq <= self.state().newest);
        Box::pin(std::future::ready(Ok(())))
    }

    fn read(&self, seq: u64, bytes: usize) -> io::Result<JournalRead> {
        let state = self.state();
        if state.refuses_reads {
            return Err(io::Error::other("a bad block"));
        }
        let mut read = JournalRead::default();
        let mut length = 0;
        for piece in state.pieces.iter().skip_while(|piece| piece.last_seq() < seq) {
            if read.pieces.is_empty() && piece.first_seq > seq {
                read.lost_through = Some(piece.first_seq - 1);
            }
            if length >= bytes {
                break;
            }
            length += piece.batch.entries.len();
            read.pieces.push(piece.clone());
        }
        Ok(read)
    }

    fn seq_at(&self, time: EventTime) -> io::Result<Option<u64>> {
        let state = self.state();
        if state.refuses_reads {
            return Err(io::Error::other("a bad block"));
        }
        let mut numbered =
            state.pieces.iter().flat_map(|piece| (piece.first_seq..).zip(piece.batch.events().flatten()));
        Ok(numbered.find_map(|(seq, event)| (event.time >= time).then_some(seq)))
    }

    fn resolve(&self, Position { epoch, seq }: Position) -> Resolved {
        let state = self.state();
        match state.former {
            _ if epoch == state.epoch => Resolved::At(seq),
            Some((former, last)) if former == epoch && seq <= last => Resolved::At(seq),
            Some((former, last)) if former == epoch => Resolved::Beyond(last),
            _ => Resolved::Unknown,
        }
    }
}
