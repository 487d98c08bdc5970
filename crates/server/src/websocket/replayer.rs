//! Threads that run the steps of replays: they read disks and encode, so that workers only write.
//!
//! A client has at most one step in the queue, so the queue is bounded by the clients. The replay itself
//! travels: to a thread, and back to its client's worker with what came of it. Few are on their way back at a
//! time: the threads wait for the workers to write, or a crowd of clients would hold all their replays at once.

use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use fluentcast_broadcast::replay::Replay;
use fluentcast_event::limits::{REPLAY_NICENESS, REPLAY_THREADS, REPLAYS_HANDED_MAX};

use super::worker::{ClientId, Command, Inbox};

/// One step to make.
struct Job {
    client: ClientId,
    replay: Box<Replay>,
}

/// The way to the threads. They end when the last of these is gone.
#[derive(Clone)]
pub(super) struct Replayer {
    jobs: Sender<Job>,
}

/// Steps made that their workers have not taken yet.
#[derive(Default)]
struct Handed {
    steps: Mutex<usize>,
    taken: Condvar,
}

/// Counts one of them until it is dropped.
pub(super) struct OnItsWay(Arc<Handed>);

impl Handed {
    fn steps(&self) -> MutexGuard<'_, usize> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place.
    fn place(self: &Arc<Self>) -> OnItsWay {
        let is_full = |steps: &mut usize| *steps >= REPLAYS_HANDED_MAX;
        *self.taken.wait_while(self.steps(), is_full).unwrap_or_else(PoisonError::into_inner) += 1;
        OnItsWay(Arc::clone(self))
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        *self.0.steps() -= 1;
        self.0.taken.notify_one();
    }
}

impl Replayer {
    /// Starts the threads, which answer into these inboxes.
    pub(super) fn start(inboxes: &Arc<[Inbox]>) -> io::Result<Self> {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let handed = Arc::<Handed>::default();
        for index in 0..REPLAY_THREADS {
            let (queue, inboxes, handed) = (Arc::clone(&queue), Arc::clone(inboxes), Arc::clone(&handed));
            let builder = thread::Builder::new().name(format!("replay-{index}"));
            builder.spawn(move || run(&queue, &inboxes, &handed))?;
        }
        Ok(Self { jobs })
    }

    /// Makes the next step of a client's replay; a [`Command::Replayed`] brings it back.
    pub(super) fn step(&self, client: ClientId, replay: Box<Replay>) {
        // The threads live as long as this end of the queue.
        let _ = self.jobs.send(Job { client, replay });
    }
}

fn run(queue: &Mutex<Receiver<Job>>, inboxes: &[Inbox], handed: &Arc<Handed>) {
    // Of this thread alone, on Linux. Whoever watches live comes first.
    if let Err(error) = rustix::process::nice(REPLAY_NICENESS) {
        tracing::debug!(%error, "replays run with the same priority as the live streams");
    }
    loop {
        // A statement of its own: the lock is let go before the step.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { client, mut replay }) = next else { return };
        let worker = replay.worker();
        let on_its_way = handed.place();
        let step = std::panic::catch_unwind(AssertUnwindSafe(|| replay.step()));
        let command = match step {
            Ok(()) => Command::Replayed(client, replay, on_its_way),
            Err(_) => {
                tracing::error!("a replay panicked; its client is closed");
                Command::Fail(client)
            }
        };
        inboxes[worker.0].push(command);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_more_steps_are_on_their_way_than_the_workers_are_to_hold() {
        let handed = Arc::<Handed>::default();
        let mut places: Vec<_> = (0..REPLAYS_HANDED_MAX).map(|_| handed.place()).collect();
        let (placed, told) = channel();
        let one_more = Arc::clone(&handed);
        let waiting = thread::spawn(move || placed.send(one_more.place()));
        // Whoever does not wait tells so at once.
        assert!(told.recv_timeout(Duration::from_millis(100)).is_err());
        places.pop();
        let place = told.recv().expect("a place, as there is one");
        waiting.join().expect("no panic").expect("somebody hears");
        drop((places, place));
        assert_eq!(*handed.steps(), 0);
    }
}
