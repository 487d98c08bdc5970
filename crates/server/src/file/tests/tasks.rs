use std::sync::mpsc;

use fluentcast_event::limits::FILE_FLUSH_BYTES;

use super::*;

/// Looks again and again until `done`; fails the test when it takes absurdly long.
async fn until(mut done: impl FnMut() -> bool) {
    let waiting = async {
        while !done() {
            time::sleep(Duration::from_millis(2)).await;
        }
    };
    time::timeout(Duration::from_secs(60), waiting).await.expect("within a minute");
}

#[tokio::test]
async fn events_are_in_the_file_after_flush_interval() {
    let directory = TempDir::new().expect("a directory");
    let mut settings = settings(directory.path().join("a"));
    (settings.append, settings.flush_interval) = (true, Duration::ZERO);
    let rig = Rig::open(&settings);
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(Arc::clone(&rig.output).run(shutdown.clone()));
    for expected in ["1\n", "1\n2\n"] {
        rig.deliver("t", &[(TIME, &expected[expected.len() - 2..expected.len() - 1])]);
        until(|| files(directory.path()).get("a.20170714.log").is_some_and(|text| text == expected)).await;
    }
    shutdown.cancel();
    task.await.expect("no panic");
}

#[tokio::test]
async fn much_at_once_is_written_before_the_interval_is_over() {
    let directory = TempDir::new().expect("a directory");
    let rig = Rig::open(&settings(directory.path().join("a")));
    let task = tokio::spawn(Arc::clone(&rig.output).run(CancellationToken::new()));
    let line = "x".repeat(FILE_FLUSH_BYTES / 4);
    for _ in 0..4 {
        rig.deliver("t", &[(TIME, &line)]);
    }
    until(|| rig.metrics.file_events.get() == 4).await;
    task.abort();
}

#[tokio::test]
async fn the_stop_writes_what_waits_and_takes_nothing_more() {
    let directory = TempDir::new().expect("a directory");
    let disk = FaultyDisk::new();
    let rig = Rig::on(&settings(directory.path().join("a")), disk.clone());
    rig.deliver("t", &[(TIME, "1"), (TIME, "2")]);
    // The disk recovers while the output stops.
    disk.plan([Fault::None, Fault::Short(1), Fault::Error(io::ErrorKind::StorageFull)]);
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    Arc::clone(&rig.output).run(shutdown).await;
    expect_files(directory.path(), &[("a.20170714_0.log", "1\n2\n")]);
    let stopped = rig.output.deliver(&batch("t", &[(TIME, "3")]));
    assert!(matches!(stopped, Err(FileError::Stopped { .. })));
    assert_eq!(rig.metrics.file_events_dropped.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_by_the_end_is_counted() {
    let directory = TempDir::new().expect("a directory");
    let disk = FaultyDisk::new();
    let rig = Rig::on(&settings(directory.path().join("${tag}")), disk.clone());
    rig.deliver("a", &[(TIME, "1"), (TIME, "2")]);
    rig.deliver("b", &[(TIME, "3")]);
    disk.plan([Fault::Error(io::ErrorKind::StorageFull); 10_000]);
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    Arc::clone(&rig.output).run(shutdown).await;
    assert_eq!(rig.metrics.file_events_dropped.get(), 3);
    assert!(rig.metrics.file_write_errors.get() > 2, "tried again");
}

/// A disk whose files never come back from a write until the test lets go.
struct HungDisk {
    entered: Arc<Notify>,
    released: Arc<Mutex<mpsc::Receiver<()>>>,
}

impl Disk for HungDisk {
    fn append(&self, _: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.entered.notify_one();
        let _ = lock(&self.released).recv();
        Err(io::ErrorKind::StaleNetworkFileHandle.into())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.append(path)
    }

    fn link(&self, _: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_disk_that_hangs_holds_up_neither_delivery_nor_the_stop() {
    let (release, released) = mpsc::channel();
    let entered = Arc::new(Notify::new());
    let disk = HungDisk { entered: Arc::clone(&entered), released: Arc::new(Mutex::new(released)) };
    let (metrics, mut settings) = (Arc::new(Metrics::default()), settings("never/made"));
    settings.flush_interval = Duration::ZERO;
    let output =
        FileOutput::open_on(&settings, Arc::clone(&metrics), Box::new(disk)).expect("valid settings");
    let (output, shutdown) = (Arc::new(output), CancellationToken::new());
    output.deliver(&batch("t", &[(TIME, "1")])).expect("room");
    let task = tokio::spawn(Arc::clone(&output).run(shutdown.clone()));
    entered.notified().await;
    output.deliver(&batch("t", &[(TIME, "2")])).expect("room, and no wait for the disk");

    time::pause();
    shutdown.cancel();
    while !task.is_finished() {
        time::advance(Duration::from_millis(500)).await;
    }
    assert_eq!(metrics.file_events_dropped.get(), 2);
    drop(release);
}
