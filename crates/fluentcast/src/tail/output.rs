//! Where `tail` writes: a thread that may block, fed through a short queue, so that a reader who takes
//! nothing holds up the stream and never Ctrl-C.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::thread;

use fluentcast_event::limits::{STDOUT_WOULD_BLOCK_WAIT, TAIL_PAGES_WAITING_MAX};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::{mpsc, oneshot};

/// Something to write.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Events, to standard output.
    Events(Vec<u8>),
    /// A sentence, to standard error, in its place between events.
    Told(String),
}

/// The writer: where pages go in, and how it ended.
pub(super) struct Output {
    pub(super) pages: mpsc::Sender<Page>,
    pub(super) ended: oneshot::Receiver<io::Result<()>>,
}

impl Output {
    /// Starts the thread. It ends when nobody can send pages any more, or cannot write events.
    pub(super) fn start(
        mut events: impl Write + Send + 'static,
        mut told: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        let (pages, mut queue) = mpsc::channel(TAIL_PAGES_WAITING_MAX);
        let (end, ended) = oneshot::channel();
        thread::Builder::new().name("output".to_owned()).spawn(move || {
            let mut written = Ok(());
            while written.is_ok()
                && let Some(page) = queue.blocking_recv()
            {
                match page {
                    Page::Events(bytes) => written = write_all(&mut events, &bytes),
                    // Nobody is left to tell that nobody can be told.
                    Page::Told(text) => _ = told.write_all(format!("fluentcast tail: {text}\n").as_bytes()),
                }
            }
            // Nothing more is taken once the end is known. Whoever waits for it may have left.
            drop(queue);
            let _ = end.send(written);
        })?;
        Ok(Self { pages, ended })
    }
}

/// Writes everything and flushes, also to a pipe that somebody has made nonblocking.
fn write_all(out: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    loop {
        let done = if bytes.is_empty() { out.flush().map(|()| 0) } else { out.write(bytes) };
        match done {
            Ok(_) if bytes.is_empty() => return Ok(()),
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(STDOUT_WOULD_BLOCK_WAIT),
            Err(error) => return Err(error),
        }
    }
}

/// Tells when nobody reads the pipe (or sees the terminal) any more, also while there is nothing to write.
pub(super) fn reader_left(out: impl AsFd + Send + 'static) -> io::Result<oneshot::Receiver<()>> {
    let (left, told) = oneshot::channel();
    thread::Builder::new().name("reader".to_owned()).spawn(move || {
        // Asked for nothing, it waits for an error or the end alone; a file has neither.
        let mut watched = [PollFd::new(&out, PollFlags::empty())];
        loop {
            match poll(&mut watched, None) {
                Err(Errno::INTR) => {}
                Ok(_) if watched[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) => {
                    let _ = left.send(());
                    return;
                }
                // What cannot be watched is noticed when it is written to.
                _ => return,
            }
        }
    })?;
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a byte at a time, and now and then none.
    struct Awkward(Vec<u8>, usize);

    impl Write for Awkward {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            match self.1 % 3 {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                1 => Err(io::ErrorKind::Interrupted.into()),
                _ => {
                    self.0.push(bytes[0]);
                    Ok(1)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn everything_is_written_however_awkward_the_reader() {
        let mut out = Awkward(Vec::new(), 0);
        write_all(&mut out, b"events").expect("written");
        assert_eq!(out.0, b"events");
    }

    #[tokio::test]
    async fn a_reader_that_leaves_is_noticed_without_a_write() {
        let (reader, writer) = io::pipe().expect("a pipe");
        let mut left = reader_left(writer).expect("a thread");
        assert!(left.try_recv().is_err());
        drop(reader);
        left.await.expect("told");
    }

    #[tokio::test]
    async fn a_failure_to_write_ends_it() {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let Output { pages, ended } = Output::start(writer, io::sink()).expect("a thread");
        pages.send(Page::Told("x".to_owned())).await.expect("standard error is another matter");
        pages.send(Page::Events(b"x".to_vec())).await.expect("queued");
        let error = ended.await.expect("an end").expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(pages.send(Page::Events(Vec::new())).await.is_err());
    }
}
