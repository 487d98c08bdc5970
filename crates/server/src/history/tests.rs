//! The history on media that fail, or do not answer.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use fluentcast_event::{Batch, BatchBuilder, Tag};
use fluentcast_history::Synced;
use tempfile::TempDir;

use super::*;

/// What a medium was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Append(u64),
    Passed(u64),
    Probe,
    Sync,
    Close,
}

/// Says what it is asked to do, and does what the test says.
struct Fake {
    calls: Sender<Call>,
    /// How the next appends end; nothing more: well.
    answers: Receiver<io::Result<()>>,
    /// What a probe finds.
    room: Arc<Mutex<bool>>,
}

impl Fake {
    fn call(&self, call: Call) {
        // The test may be over.
        let _ = self.calls.send(call);
    }
}

impl Medium for Fake {
    fn append(&mut self, piece: &disk::Piece) -> io::Result<()> {
        self.call(Call::Append(piece.last_seq()));
        // Hangs until the test says what comes of it.
        self.answers.recv().unwrap_or_else(|_| Err(full()))
    }

    fn passed(&mut self, seq: u64) {
        self.call(Call::Passed(seq));
    }

    fn retain(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn probe(&mut self) -> io::Result<()> {
        self.call(Call::Probe);
        if *self.room.lock().expect("sound") { Ok(()) } else { Err(full()) }
    }

    fn close(self) -> io::Result<()> {
        self.call(Call::Close);
        Ok(())
    }
}

fn full() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

/// A history on a fake medium.
struct Bench {
    history: DiskHistory,
    metrics: Arc<Metrics>,
    calls: Receiver<Call>,
    appends: Sender<io::Result<()>>,
    syncs: Sender<io::Result<Synced>>,
    room: Arc<Mutex<bool>>,
    _folder: TempDir,
}

impl Bench {
    fn new(sync: Sync) -> Self {
        let folder = TempDir::new().expect("a folder");
        let (store, recovery) = Store::open(folder.path(), Bounds::default()).expect("opened");
        let (calls_in, calls) = channel();
        let (appends, answers) = channel();
        let (syncs, synced) = channel();
        let (metrics, room) = (Arc::new(Metrics::default()), Arc::new(Mutex::new(false)));
        let medium = Fake { calls: calls_in.clone(), answers, room: Arc::clone(&room) };
        let syncer = move || {
            let _ = calls_in.send(Call::Sync);
            synced.recv().unwrap_or_else(|_| Err(full()))
        };
        let history = DiskHistory::start(
            sync,
            folder.path(),
            &recovery,
            store.reader(),
            medium,
            syncer,
            Arc::clone(&metrics),
        );
        Self { history: history.expect("threads"), metrics, calls, appends, syncs, room, _folder: folder }
    }

    /// Appends one event; the medium answers like this.
    async fn append(&self, seq: u64, answer: io::Result<()>) -> Result<(), NotStored> {
        self.appends.send(answer).expect("the medium listens");
        self.history.append(piece(seq)).await
    }

    /// The next call that is none of housekeeping.
    fn next_call(&self) -> Call {
        self.calls.iter().find(|call| *call != Call::Probe).expect("a call")
    }

    fn counts(&self) -> [u64; 3] {
        let Metrics { history_events, history_events_not_stored, history_sync_errors, .. } = &*self.metrics;
        [history_events.get(), history_events_not_stored.get(), history_sync_errors.get()]
    }

    fn trouble(&self) -> String {
        self.history.trouble().unwrap_or_default()
    }
}

fn piece(first_seq: u64) -> Piece {
    let mut batch = BatchBuilder::new(Tag::from("t"), EventTime::from_seconds(1));
    batch.push(EventTime::from_seconds(1), &[0x80]);
    let batch: Batch = batch.finish();
    Piece { first_seq, events: 1, batch }
}

fn synced(after: u64, up_to: u64) -> io::Result<Synced> {
    Ok(Synced { after, up_to })
}

#[tokio::test]
async fn what_cannot_be_written_is_told_until_it_can() {
    let bench = Bench::new(Sync::Never);
    assert!(bench.append(1, Ok(())).await.is_ok() && bench.history.trouble().is_none());
    let refused = bench.append(2, Err(full())).await.expect_err("a full disk");
    assert!(refused.0.starts_with("history /") && refused.0.contains("no storage space"), "{refused}");
    let trouble = bench.trouble();
    assert!(trouble.contains("cannot be written") && trouble.contains("no storage space"), "{trouble}");
    assert!(bench.append(3, Ok(())).await.is_ok());
    assert_eq!(bench.history.trouble(), None);
    assert_eq!(bench.counts(), [2, 1, 0]);
}

#[tokio::test]
async fn a_disk_that_has_room_again_is_found_without_an_event() {
    let bench = Bench::new(Sync::Never);
    assert!(bench.append(1, Err(full())).await.is_err());
    // The first finds none.
    assert!(bench.calls.iter().any(|call| call == Call::Probe) && bench.history.trouble().is_some());
    *bench.room.lock().expect("sound") = true;
    while bench.history.trouble().is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_write_that_does_not_come_back_holds_up_one_event_only() {
    let bench = Bench::new(Sync::Never);
    // Time does not pass but for who has nothing else to wait for.
    tokio::time::pause();
    let slow = bench.history.append(piece(1)).await.expect_err("nobody answers");
    assert!(slow.0.contains("has not answered for 2 s"), "{slow}");
    let trouble = bench.trouble();
    assert!(trouble.contains("has not answered"), "{trouble}");
    tokio::time::resume();
    for seq in 2..=4 {
        let refused = bench.history.append(piece(seq)).await.expect_err("the disk is stuck");
        assert!(refused.0.ends_with("the disk does not answer"), "{refused}");
    }
    assert_eq!(bench.next_call(), Call::Append(1));
    bench.appends.send(Ok(())).expect("the medium listens");
    assert_eq!(bench.next_call(), Call::Passed(4), "what was given out meanwhile");
    // It may not have been seen to be back.
    let mut seq = 5;
    bench.appends.send(Ok(())).expect("the medium listens");
    while bench.history.append(piece(seq)).await.is_err() {
        seq += 1;
    }
    assert_eq!(bench.history.trouble(), None);
    let later: VecDeque<_> = bench.calls.try_iter().filter(|call| *call != Call::Probe).collect();
    assert_eq!(later.back(), Some(&Call::Append(seq)), "{later:?}");
    assert_eq!(bench.counts(), [1, seq - 1, 0]);
}

#[tokio::test]
async fn an_ack_waits_for_the_medium_and_only_for_that_which_promises_it() {
    let bench = Bench::new(Sync::Always);
    bench.syncs.send(synced(0, 7)).expect("the thread listens");
    assert!(bench.history.durable(7).await.is_ok());
    for (answer, reason) in [
        (synced(0, 7), "a sync has failed for these events"),
        (synced(8, 9), "a sync has failed for these events"),
        (Err(full()), "sync: no storage space"),
    ] {
        bench.syncs.send(answer).expect("the thread listens");
        let refused = bench.history.durable(8).await.expect_err("not durable");
        assert!(refused.0.contains(reason), "{refused}");
    }
    assert_eq!(bench.counts(), [0, 0, 3]);
    assert!(bench.trouble().contains("sync: "), "{}", bench.trouble());
    // That something can be written does not make it durable.
    assert!(bench.append(9, Ok(())).await.is_ok());
    assert!(bench.trouble().contains("sync: "), "{}", bench.trouble());
    bench.syncs.send(synced(8, 9)).expect("the thread listens");
    assert!(bench.history.durable(9).await.is_ok() && bench.history.trouble().is_none());

    let never = Bench::new(Sync::Never);
    assert!(never.history.durable(1).await.is_ok());
}

#[tokio::test]
async fn those_who_wait_at_the_same_time_share_a_sync() {
    let bench = Bench::new(Sync::Always);
    let mut first = bench.history.durable(1);
    assert!(futures_poll(&mut first).await, "nobody has answered yet");
    assert_eq!(bench.next_call(), Call::Sync);
    let mut others: Vec<_> = (2..10).map(|seq| bench.history.durable(seq)).collect();
    for other in &mut others {
        assert!(futures_poll(other).await, "nobody has answered yet");
    }
    bench.syncs.send(synced(0, 1)).expect("the thread listens");
    bench.syncs.send(synced(0, 9)).expect("the thread listens");
    assert!(first.await.is_ok());
    for other in others {
        assert!(other.await.is_ok());
    }
    assert_eq!(bench.calls.try_iter().filter(|call| *call == Call::Sync).count(), 1);
}

/// Begins a future; whether it waits.
async fn futures_poll(future: &mut Storing<'_>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn a_sync_that_does_not_come_back_refuses_acks() {
    let bench = Bench::new(Sync::Always);
    tokio::time::pause();
    let slow = bench.history.durable(1).await.expect_err("nobody answers");
    assert!(slow.0.contains("takes longer than 2 s"), "{slow}");
    assert!(bench.trouble().contains("takes longer"), "{}", bench.trouble());
    tokio::time::resume();
    assert_eq!(bench.next_call(), Call::Sync, "for the first alone");
    bench.syncs.send(synced(0, 1)).expect("the thread listens");
    bench.syncs.send(synced(0, 2)).expect("the thread listens");
    assert!(bench.history.durable(2).await.is_ok());
    assert_eq!((bench.history.trouble(), bench.counts()), (None, [0, 0, 1]));
}

#[tokio::test]
async fn an_interval_syncs_by_itself() {
    let bench = Bench::new(Sync::Interval(Duration::from_millis(1)));
    assert!(bench.history.durable(1).await.is_ok(), "an ack does not wait");
    for _ in 0..3 {
        bench.syncs.send(synced(0, 1)).expect("the thread listens");
        assert_eq!(bench.next_call(), Call::Sync);
    }
    drop(bench.syncs.send(Err(full())));
    while bench.history.trouble().is_none() {
        tokio::task::yield_now().await;
    }
    bench.syncs.send(synced(0, 1)).expect("the thread listens");
}

#[tokio::test]
async fn after_the_close_nothing_is_written() {
    let bench = Bench::new(Sync::Never);
    assert!(bench.append(1, Ok(())).await.is_ok());
    DiskHistory::close([&bench.history]);
    assert_eq!((bench.next_call(), bench.next_call()), (Call::Append(1), Call::Close));
    let late = bench.history.append(piece(2)).await.expect_err("closed");
    assert!(late.0.contains("the writing has ended"), "{late}");
    // A second time it ends, too.
    DiskHistory::close([&bench.history]);
}

#[test]
fn a_closed_history_goes_on_where_it_was() {
    let folder = TempDir::new().expect("a folder");
    let settings = settings::History { events: None, size: None, age: None, path: None, sync: Sync::Always };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let open = || DiskHistory::open(&settings, folder.path(), Arc::default()).expect("opened");
    let history = open();
    let epoch = history.epoch();
    runtime.block_on(async {
        assert!(history.append(piece(1)).await.is_ok() && history.durable(1).await.is_ok());
    });
    let second = DiskHistory::open(&settings, folder.path(), Arc::default());
    assert!(second.is_err(), "two write one history");
    DiskHistory::close([&history]);
    drop(history);
    let history = open();
    assert_eq!((history.epoch(), history.newest_seq(), history.oldest_seq()), (epoch, 1, 1));
    let read = history.read(1, 1000).expect("read");
    assert_eq!((read.lost_through, read.pieces.len()), (None, 1));
    assert_eq!(history.seq_at(EventTime::from_seconds(2)).expect("read"), None);
    assert_eq!(history.seq_at(EventTime::from_seconds(1)).expect("read"), Some(1));
}
