//! The thread that writes a history. It has at most one piece in hand; while the disk does not answer it is
//! given nothing more, and what passes meanwhile is one number.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use fluentcast_event::EventTime;
use fluentcast_event::limits::{HISTORY_RETAIN_INTERVAL, HISTORY_WRITE_TIMEOUT, PUBLISH_SLICE_BYTES_MAX};
use fluentcast_history::{Piece, Store};
use tokio::sync::oneshot;

use super::trouble::{Step, Trouble};

/// What is written to: a store, or what a test has instead.
pub(super) trait Medium: Send + 'static {
    fn append(&mut self, piece: &Piece) -> io::Result<()>;
    /// Numbers up to this one were given out, and their events are not stored.
    fn passed(&mut self, seq: u64);
    /// Deletes what is beyond the bounds.
    fn retain(&mut self) -> io::Result<()>;
    /// Whether there is room again.
    fn probe(&mut self) -> io::Result<()>;
    fn close(self) -> io::Result<()>;
}

/// A store in its directory.
pub(super) struct OnDisk {
    store: Store,
    probe: PathBuf,
}

impl OnDisk {
    pub(super) fn new(store: Store, directory: &Path) -> Self {
        Self { store, probe: directory.join("probe") }
    }
}

impl Medium for OnDisk {
    fn append(&mut self, piece: &Piece) -> io::Result<()> {
        self.store.append(piece)
    }

    fn passed(&mut self, seq: u64) {
        self.store.passed(seq);
    }

    fn retain(&mut self) -> io::Result<()> {
        self.store.retain(EventTime::now()).map(|_| ())
    }

    /// Writes a file as large as a piece and deletes it.
    fn probe(&mut self) -> io::Result<()> {
        let mut file = File::create(&self.probe)?;
        let written = file.write_all(&vec![0; PUBLISH_SLICE_BYTES_MAX]).and_then(|()| file.sync_data());
        written.and(fs::remove_file(&self.probe))
    }

    fn close(self) -> io::Result<()> {
        self.store.close()
    }
}

/// What the thread is to do.
enum Job {
    Append(Piece, oneshot::Sender<io::Result<()>>),
    /// Look at what has passed.
    Look,
    /// The orderly end; answers when it is done.
    Close(Sender<io::Result<()>>),
}

/// The way to the thread, which ends with this.
#[derive(Debug)]
pub(super) struct Writing {
    jobs: Mutex<Sender<Job>>,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    /// The thread has a piece in hand.
    busy: AtomicBool,
    /// The last number given out and not given to the thread.
    passed: AtomicU64,
    trouble: Arc<Trouble>,
}

impl Writing {
    /// Starts the thread.
    pub(super) fn start(medium: impl Medium, trouble: Arc<Trouble>) -> io::Result<Self> {
        let (jobs, queue) = channel();
        let state = Arc::new(State { busy: AtomicBool::new(false), passed: AtomicU64::new(0), trouble });
        let thread = Thread { medium, state: Arc::clone(&state), newest: 0 };
        std::thread::Builder::new().name("history".to_owned()).spawn(move || thread.run(&queue))?;
        Ok(Self { jobs: Mutex::new(jobs), state })
    }

    /// Writes a piece. One at a time: the caller waits for the answer before it comes with the next.
    pub(super) async fn append(&self, piece: Piece) -> Result<(), String> {
        if self.state.busy.load(Ordering::SeqCst) {
            self.state.passed.fetch_max(piece.last_seq(), Ordering::SeqCst);
            if !self.state.busy.load(Ordering::SeqCst) {
                // It may have looked just before.
                self.send(Job::Look);
            }
            return Err("the disk does not answer".to_owned());
        }
        let (done, wait) = oneshot::channel();
        // Taken back by the thread when the write has come back, however late.
        self.state.busy.store(true, Ordering::SeqCst);
        self.send(Job::Append(piece, done));
        let attempt = match tokio::time::timeout(HISTORY_WRITE_TIMEOUT, wait).await {
            Ok(Ok(written)) => written.map_err(|error| error.to_string()),
            Ok(Err(_)) => Err("the writing has ended".to_owned()),
            Err(_) => Err(format!("the disk has not answered for {} s", HISTORY_WRITE_TIMEOUT.as_secs())),
        };
        self.state.trouble.note(
            Step::Write,
            match &attempt {
                Ok(()) => Ok(()),
                Err(reason) => Err(reason.as_str()),
            },
        );
        attempt
    }

    /// Begins the orderly end; what is received is how it went.
    pub(super) fn close(&self) -> Receiver<io::Result<()>> {
        let (done, wait) = channel();
        self.send(Job::Close(done));
        wait
    }

    fn send(&self, job: Job) {
        // Fails only when the thread has ended, which is after the close.
        let _ = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).send(job);
    }
}

struct Thread<M> {
    medium: M,
    state: Arc<State>,
    /// The last number that was appended.
    newest: u64,
}

impl<M: Medium> Thread<M> {
    fn run(mut self, queue: &Receiver<Job>) {
        let mut housekeeping = Instant::now() + HISTORY_RETAIN_INTERVAL;
        loop {
            match queue.recv_timeout(housekeeping.saturating_duration_since(Instant::now())) {
                Ok(Job::Append(piece, done)) => {
                    let appended = self.medium.append(&piece);
                    self.newest = piece.last_seq();
                    self.note_passed();
                    self.state.busy.store(false, Ordering::SeqCst);
                    // Nobody waits any more when it took too long.
                    let _ = done.send(appended);
                }
                Ok(Job::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Job::Close(done)) => {
                    self.note_passed();
                    let _ = done.send(self.medium.close());
                    return;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.note_passed();
            if housekeeping <= Instant::now() {
                self.keep_house();
                housekeeping = Instant::now() + HISTORY_RETAIN_INTERVAL;
            }
        }
    }

    /// What was given out before the newest piece is a hole in front of that, and needs no note.
    fn note_passed(&mut self) {
        let passed = self.state.passed.swap(0, Ordering::SeqCst);
        if passed > self.newest {
            self.medium.passed(passed);
        }
    }

    fn keep_house(&mut self) {
        let trouble = &self.state.trouble;
        if let Err(error) = self.medium.retain() {
            tracing::warn!(path = trouble.path(), %error, "old files of a history could not be deleted");
        }
        // Who is not ready may be sent nothing by which it would find out that it is again.
        if trouble.reason().is_some() && self.medium.probe().is_ok() {
            trouble.note(Step::Write, Ok(()));
            trouble.note(Step::Sync, Ok(()));
        }
    }
}
