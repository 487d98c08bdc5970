//! A socket that gives up on a silent peer, and that lets a refused one read its refusal.
//!
//! It must never cut a peer that waits for us: time runs only while we wait for bytes of the peer, or
//! for the peer to take ours.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use fluentcast_event::limits::{HTTP_LINGER_BYTES_MAX, HTTP_LINGER_TIMEOUT};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// The socket with its clock.
pub(super) struct Guard<S> {
    socket: S,
    /// How long it may be silent.
    patience: Duration,
    /// When the last byte went either way, or the wait for the peer to take ours began.
    last: Instant,
    /// The peer has not taken what was to be written.
    blocked: bool,
    /// Wakes the task; checked against `last`, so that a byte need not touch the timer.
    alarm: Pin<Box<Sleep>>,
    /// The last request was answered before it was read to its end.
    unread: Arc<AtomicBool>,
    /// Bytes thrown away while closing; `None`: not closing.
    thrown_away: Option<usize>,
}

impl<S> Guard<S> {
    /// Guards a socket; `unread` says, when it is closed, whether the peer may still be writing.
    pub(super) fn new(socket: S, patience: Duration, unread: Arc<AtomicBool>) -> Self {
        let last = Instant::now();
        let alarm = Box::pin(sleep_until(last + patience));
        Self { socket, patience, last, blocked: false, alarm, unread, thrown_away: None }
    }

    /// An error once the peer was silent for too long; else sees to being woken then.
    fn poll_patience<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        while self.alarm.as_mut().poll(context).is_ready() {
            let end = self.last + self.patience;
            if end <= Instant::now() {
                return Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the peer was silent too long",
                )));
            }
            self.alarm.as_mut().reset(end);
        }
        Poll::Pending
    }

    /// What writing came to; an error once the peer has taken nothing for too long. What is encrypted may find no
    /// room in a flush or at the end, too.
    fn poll_taken<T>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.moved();
            return outcome;
        }
        if !self.blocked {
            self.moved();
            self.blocked = true;
        }
        self.poll_patience(context)
    }

    fn moved(&mut self) {
        self.last = Instant::now();
        self.blocked = false;
    }
}

impl<S: AsyncRead + Unpin> Guard<S> {
    /// Reads on and throws away, until the peer closes or has had its time. Closing with unread bytes
    /// resets the connection, and a reset overtakes the answer.
    fn poll_throw_away(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.thrown_away.is_none() {
            self.thrown_away = Some(0);
            self.alarm.as_mut().reset(Instant::now() + HTTP_LINGER_TIMEOUT);
        }
        let mut space = [0; 8192];
        loop {
            if self.alarm.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let mut buffer = ReadBuf::new(&mut space);
            let read = ready!(Pin::new(&mut self.socket).poll_read(context, &mut buffer));
            let total = self.thrown_away.unwrap_or_default() + buffer.filled().len();
            self.thrown_away = Some(total);
            if read.is_err() || buffer.filled().is_empty() || total > HTTP_LINGER_BYTES_MAX {
                return Poll::Ready(());
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.socket).poll_read(context, buffer) {
            Poll::Ready(outcome) => {
                self.moved();
                Poll::Ready(outcome)
            }
            Poll::Pending => self.poll_patience(context),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.poll_taken(context, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.socket).poll_flush(context) {
            // With nothing to flush nothing has moved.
            Poll::Ready(outcome) if !self.blocked => Poll::Ready(outcome),
            outcome => self.poll_taken(context, outcome),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.thrown_away.is_none() {
            let outcome = Pin::new(&mut self.socket).poll_shutdown(context);
            ready!(self.poll_taken(context, outcome))?;
        }
        if self.unread.load(Ordering::Relaxed) {
            ready!(self.poll_throw_away(context));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
