//! What is sent, the same for every way: a chain of blocks that never change, and cursors into it.
//!
//! Readers take no lock, so that a way with several threads is not charged for one. The chain owns its
//! links forwards only: a block is freed when the last cursor has left it.

use std::io::IoSlice;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::{Buf, Bytes};
use tokio::sync::watch;

/// Blocks in one write, at most.
const SLICES_MAX: usize = 64;

#[derive(Default)]
struct Link {
    bytes: Bytes,
    next: OnceLock<Arc<Link>>,
}

impl Drop for Link {
    /// In a loop: by recursion a long chain would overflow the stack.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut link) = next.and_then(Arc::into_inner) {
            next = link.next.take();
        }
    }
}

/// The writing end.
pub(crate) struct Chain {
    tail: Mutex<Arc<Link>>,
    news: watch::Sender<()>,
}

impl Chain {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { tail: Mutex::default(), news: watch::Sender::default() })
    }

    /// Appends a block and wakes who waits.
    pub(crate) fn append(&self, bytes: Bytes) {
        let fresh = Arc::new(Link { bytes, next: OnceLock::new() });
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        // Only the tail is extended, and only here.
        let _ = tail.next.set(Arc::clone(&fresh));
        *tail = fresh;
        drop(tail);
        self.news.send_replace(());
    }

    /// A cursor at the end.
    pub(crate) fn cursor(&self) -> Cursor {
        let link = Arc::clone(&self.tail.lock().unwrap_or_else(PoisonError::into_inner));
        Cursor { offset: link.bytes.len(), link }
    }

    /// Tells of every block from now on.
    pub(crate) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }
}

/// A client's place.
pub(crate) struct Cursor {
    link: Arc<Link>,
    offset: usize,
}

impl Cursor {
    fn links(&self) -> impl Iterator<Item = &Link> {
        std::iter::successors(Some(&*self.link), |link| link.next.get().map(|next| &**next))
    }

    /// All that is new, for one write.
    pub(crate) fn slices(&self) -> Vec<IoSlice<'_>> {
        let mut slices = Vec::with_capacity(4);
        let here = &self.link.bytes[self.offset..];
        slices.extend((!here.is_empty()).then(|| IoSlice::new(here)));
        slices.extend(self.links().skip(1).take(SLICES_MAX).map(|link| IoSlice::new(&link.bytes)));
        slices
    }

    /// The same as blocks that may outlive the cursor.
    pub(crate) fn blocks(&self) -> Vec<Bytes> {
        let mut blocks = Vec::with_capacity(4);
        let mut here = self.link.bytes.clone();
        here.advance(self.offset);
        blocks.extend((!here.is_empty()).then_some(here));
        blocks.extend(self.links().skip(1).take(SLICES_MAX).map(|link| link.bytes.clone()));
        blocks
    }

    /// Moves on by bytes that were sent.
    pub(crate) fn advance(&mut self, mut bytes: usize) {
        loop {
            let rest = self.link.bytes.len() - self.offset;
            if bytes < rest {
                self.offset += bytes;
                return;
            }
            bytes -= rest;
            self.offset += rest;
            let Some(next) = self.link.next.get().cloned() else { return };
            (self.link, self.offset) = (next, 0);
        }
    }
}
