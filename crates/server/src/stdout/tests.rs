use fluentcast_event::{BatchBuilder, EventTime, Tag, msgpack};

use super::*;

/// A standard output that takes what it is allowed to and fails when it is told to.
struct Pipe {
    written: Arc<Mutex<Vec<u8>>>,
    /// One answer per write; when no more come, everything is taken.
    answers: mpsc::Receiver<io::Result<usize>>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.answers.recv().unwrap_or(Ok(bytes.len()))?.min(bytes.len());
        self.written.lock().expect("unpoisoned").extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Rig {
    stdout: Arc<Stdout>,
    metrics: Arc<Metrics>,
    written: Arc<Mutex<Vec<u8>>>,
    answers: mpsc::Sender<io::Result<usize>>,
}

fn rig() -> Rig {
    let (answers, receiver) = mpsc::channel();
    let written = Arc::new(Mutex::new(Vec::new()));
    let metrics = Arc::new(Metrics::default());
    let pipe = Pipe { written: Arc::clone(&written), answers: receiver };
    let stdout = Stdout::to(pipe, &LineFormat::Json, Arc::clone(&metrics)).expect("a thread");
    Rig { stdout: Arc::new(stdout), metrics, written, answers }
}

impl Rig {
    fn written(&self) -> String {
        String::from_utf8(self.written.lock().expect("unpoisoned").clone()).expect("UTF-8")
    }

    /// Ends the script: from now on everything is taken.
    fn open_up(&mut self) {
        self.answers = mpsc::channel().0;
    }
}

/// A batch of events `{"n":first}`, `{"n":first+1}`, ...
fn batch(first: u64, events: u64) -> Batch {
    let mut batch = BatchBuilder::new(Tag::from("t"), EventTime::from_seconds(1));
    for n in first..first + events {
        let mut record = Vec::new();
        msgpack::write_map_head(&mut record, 1);
        msgpack::write_str(&mut record, "n");
        msgpack::write_uint(&mut record, n);
        batch.push(EventTime::from_seconds(1), &record);
    }
    batch.finish()
}

fn lines(range: std::ops::Range<u64>) -> String {
    range.map(|n| format!("{{\"n\":{n}}}\n")).collect()
}

#[tokio::test]
async fn every_event_is_a_line_in_order_whatever_the_write_takes() {
    let mut rig = rig();
    for bytes in [1, 3, 100, 2] {
        rig.answers.send(Ok(bytes)).expect("the thread runs");
    }
    rig.answers.send(Err(io::ErrorKind::Interrupted.into())).expect("the thread runs");
    rig.answers.send(Err(io::ErrorKind::WouldBlock.into())).expect("the thread runs");
    rig.open_up();
    for n in 0..50 {
        rig.stdout.deliver(&batch(n * 2, 2)).await;
    }
    rig.stdout.drain().await;
    assert_eq!(rig.written(), lines(0..100));
    assert_eq!(rig.metrics.stdout_events.get(), 100);
    assert_eq!(rig.metrics.stdout_events_dropped.get(), 0);
}

#[tokio::test]
async fn a_reader_that_has_gone_costs_its_lines_and_nothing_else() {
    let mut rig = rig();
    rig.answers.send(Err(io::ErrorKind::BrokenPipe.into())).expect("the thread runs");
    rig.stdout.deliver(&batch(0, 3)).await;
    // Within a line: the next line must not be glued to it.
    rig.answers.send(Ok(4)).expect("the thread runs");
    rig.answers.send(Err(io::ErrorKind::StorageFull.into())).expect("the thread runs");
    rig.stdout.deliver(&batch(3, 1)).await;
    rig.open_up();
    rig.stdout.deliver(&batch(4, 2)).await;
    rig.stdout.drain().await;
    assert_eq!(rig.written(), format!("{{\"n\"\n{}", lines(4..6)));
    assert_eq!(rig.metrics.stdout_events.get(), 2);
    assert_eq!(rig.metrics.stdout_events_dropped.get(), 4);
}

#[tokio::test]
async fn a_full_queue_makes_the_sender_wait_and_loses_nothing() {
    let mut rig = rig();
    let events = 1000;
    let bytes = lines(0..events).len();
    let batches = u64::try_from(STDOUT_QUEUE_BYTES_MAX / bytes).expect("small") + 5;
    let (stdout, delivering) = (Arc::clone(&rig.stdout), Arc::new(Semaphore::new(0)));
    let delivered = Arc::clone(&delivering);
    let sender = tokio::spawn(async move {
        for _ in 0..batches {
            stdout.deliver(&batch(0, events)).await;
            delivered.add_permits(1);
        }
    });
    // Nothing is read: as many batches go in as there is room for, and not one more.
    let room = u32::try_from(STDOUT_QUEUE_BYTES_MAX / bytes).expect("small");
    delivering.acquire_many(room).await.expect("open").forget();
    tokio::task::yield_now().await;
    assert_eq!(delivering.available_permits(), 0);
    assert!(!sender.is_finished());
    rig.open_up();
    sender.await.expect("no panic");
    rig.stdout.drain().await;
    assert_eq!(rig.written().len(), bytes * usize::try_from(batches).expect("small"));
}

#[tokio::test]
async fn a_batch_longer_than_the_queue_passes() {
    let mut rig = rig();
    rig.open_up();
    let events = 200_000;
    assert!(lines(0..events).len() > STDOUT_QUEUE_BYTES_MAX);
    rig.stdout.deliver(&batch(0, events)).await;
    rig.stdout.drain().await;
    assert_eq!(rig.written(), lines(0..events));
}

#[tokio::test]
async fn entries_that_are_no_events_are_counted() {
    let mut rig = rig();
    rig.open_up();
    let entries = bytes::Bytes::from_static(&[0x01, 0x92, 0x01, 0x80, 0xc1]);
    let batch = Batch { tag: Tag::from("t"), entries, received: EventTime::from_seconds(1) };
    rig.stdout.deliver(&batch).await;
    rig.stdout.drain().await;
    assert_eq!(rig.written(), "{}\n");
    assert_eq!(rig.metrics.entries_invalid.get(), 2);
}
