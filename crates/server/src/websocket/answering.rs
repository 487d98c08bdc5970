//! A connection that answers are written to: whoever takes none of them in time is cut off.
//!
//! A client that streams has its worker, and limits of its own; this is for pages, metrics and refusals, which a
//! client may ask for by the thousand and never read. The time is that of an answer as a whole, so that reading one
//! byte now and then gains nothing.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use fluentcast_event::limits::ANSWER_WRITE_TIMEOUT;
use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// The connection with its clock.
pub(super) struct Answering<S> {
    stream: S,
    /// Runs from when there is no room until everything is written.
    alarm: Option<Pin<Box<Sleep>>>,
    /// Counts it when it is cut off.
    cut_off: Option<Counter>,
}

impl<S> Answering<S> {
    pub(super) fn new(stream: S, cut_off: Counter) -> Self {
        Self { stream, alarm: None, cut_off: Some(cut_off) }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: Unpin> Answering<S> {
    /// Does something that may find no room, unless there has been too little for too long.
    fn poll_in_time<T>(
        &mut self,
        context: &mut Context<'_>,
        act: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let outcome = act(Pin::new(&mut self.stream), context);
        if outcome.is_ready() {
            return outcome;
        }
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(ANSWER_WRITE_TIMEOUT)));
        if alarm.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        if let Some(counter) = self.cut_off.take() {
            counter.inc();
        }
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "an answer was not taken in time")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Answering<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Answering<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_in_time(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_in_time(context, |stream, context| stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Hyper flushes once it has written everything.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = this.poll_in_time(context, AsyncWrite::poll_flush);
        if outcome.is_ready() {
            this.alarm = None;
        }
        outcome
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_in_time(context, AsyncWrite::poll_shutdown)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_has_its_time_as_a_whole_however_little_of_it_is_read_now_and_then() {
        let (ours, mut theirs) = duplex(10);
        let counter = Counter::default();
        let mut answering = Answering::new(ours, counter.clone());
        let begun = Instant::now();
        let dripping = async {
            let mut byte = [0];
            while theirs.read_exact(&mut byte).await.is_ok() {
                sleep(ANSWER_WRITE_TIMEOUT / 10).await;
            }
        };
        let write = async {
            let error = answering.write_all(&[0; 100]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert!(answering.write_all(&[0; 100]).await.is_err());
            drop(answering);
        };
        tokio::join!(write, dripping);
        assert_eq!(counter.get(), 1);
        assert!(begun.elapsed() < ANSWER_WRITE_TIMEOUT * 3);
    }

    #[tokio::test(start_paused = true)]
    async fn each_answer_has_time_of_its_own_and_silence_costs_none() {
        let (ours, mut theirs) = duplex(10);
        let counter = Counter::default();
        let mut answering = Answering::new(ours, counter.clone());
        for _ in 0..5 {
            let write = async {
                answering.write_all(&[7; 25]).await.unwrap();
                answering.flush().await.unwrap();
            };
            let read = async {
                sleep(ANSWER_WRITE_TIMEOUT / 2).await;
                let mut all = [0; 25];
                theirs.read_exact(&mut all).await.unwrap();
                assert_eq!(all, [7; 25]);
            };
            tokio::join!(write, read);
            sleep(ANSWER_WRITE_TIMEOUT * 2).await;
        }
        assert_eq!(counter.get(), 0);
    }
}
