//! The output on a real directory, with clocks and disks of the test's choosing.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use fluentcast_config::settings::{ByteSize, LineFormat, Zone};
use fluentcast_event::{BatchBuilder, EventTime, Tag, msgpack};
use tempfile::TempDir;

use super::disk::DiskFile;
use super::*;

mod exactly_once;
mod naming;
mod slices;
mod tasks;
mod trouble;

/// 2017-07-14 02:40:00 UTC.
const TIME: i64 = 1_500_000_000;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Daily slices, lines that are nothing but the message.
fn settings(path: impl AsRef<Path>) -> settings::FileOutput {
    settings::FileOutput {
        path: path.as_ref().to_str().expect("UTF-8").to_owned(),
        append: false,
        path_suffix: ".log".to_owned(),
        gzip: false,
        symlink_path: None,
        format: LineFormat::SingleValue { message_key: "m".to_owned(), add_newline: true },
        by_tag: false,
        timekey: Some(Duration::from_secs(86_400)),
        timekey_wait: Duration::from_secs(600),
        zone: Zone::Utc,
        flush_interval: Duration::from_secs(3600),
        chunk_limit_size: ByteSize(1024 * 1024),
        total_limit_size: ByteSize(64 * 1024 * 1024),
        file_permission: 0o644,
        dir_permission: 0o755,
    }
}

/// A batch of events `{"m":message}`.
fn batch(tag: &str, events: &[(i64, &str)]) -> Batch {
    let mut batch = BatchBuilder::new(Tag::from(tag), EventTime::from_seconds(TIME));
    for (seconds, message) in events {
        let mut record = Vec::new();
        msgpack::write_map_head(&mut record, 1);
        msgpack::write_str(&mut record, "m");
        msgpack::write_str(&mut record, message);
        batch.push(EventTime::from_seconds(*seconds), &record);
    }
    batch.finish()
}

/// An output whose flushes the test calls itself.
struct Rig {
    output: Arc<FileOutput>,
    metrics: Arc<Metrics>,
    started: Instant,
}

impl Rig {
    fn open(settings: &settings::FileOutput) -> Self {
        let metrics = Arc::new(Metrics::default());
        let output = FileOutput::open(settings, Arc::clone(&metrics)).expect("a directory to write in");
        Self { output: Arc::new(output), metrics, started: Instant::now() }
    }

    fn on(settings: &settings::FileOutput, disk: FaultyDisk) -> Self {
        let metrics = Arc::new(Metrics::default());
        let output =
            FileOutput::open_on(settings, Arc::clone(&metrics), Box::new(disk)).expect("valid settings");
        Self { output: Arc::new(output), metrics, started: Instant::now() }
    }

    fn deliver(&self, tag: &str, events: &[(i64, &str)]) {
        self.output.deliver(&batch(tag, events)).expect("room in the buffer");
    }

    /// Flushes as if it were `seconds`, on both clocks.
    fn flush_at(&self, seconds: i64) -> Option<Instant> {
        let since = Duration::from_secs(u64::try_from(seconds - TIME).expect("not before TIME"));
        let now = Now { instant: self.started + since, time: EventTime::from_seconds(seconds) };
        lock(&self.output.writer).flush(&self.output.buffer, Effort::Due, now)
    }

    fn waiting_events(&self) -> u64 {
        lock(&self.output.buffer).waiting_events()
    }
}

/// Every file below a directory with its content (decompressed), by path.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_symlink() {
                continue;
            } else if path.is_dir() {
                directories.push(path);
            } else {
                let name = path.strip_prefix(directory).expect("below").to_str().expect("UTF-8").to_owned();
                found.insert(name, content(&path));
            }
        }
    }
    found
}

fn content(path: &Path) -> String {
    let mut text = String::new();
    let mut file = fs::File::open(path).expect("a file");
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).expect("sound gzip");
    } else {
        file.read_to_string(&mut text).expect("UTF-8");
    }
    text
}

fn expect_files(directory: &Path, expected: &[(&str, &str)]) {
    let expected = expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    assert_eq!(files(directory), expected);
}

/// What a faulty disk does at the next open or write.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    /// Takes only so many bytes.
    Short(usize),
    Error(io::ErrorKind),
}

/// A real disk with a script of faults; when the script is over it works.
#[derive(Clone)]
struct FaultyDisk {
    real: RealDisk,
    script: Arc<Mutex<VecDeque<Fault>>>,
}

impl FaultyDisk {
    fn new() -> Self {
        let real = RealDisk { file_permission: 0o644, dir_permission: 0o755 };
        Self { real, script: Arc::default() }
    }

    fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.script).extend(faults);
    }

    fn next(&self) -> Fault {
        lock(&self.script).pop_front().unwrap_or(Fault::None)
    }

    fn open(
        &self,
        file: impl FnOnce(&RealDisk) -> io::Result<Box<dyn DiskFile>>,
    ) -> io::Result<Box<dyn DiskFile>> {
        match self.next() {
            Fault::Error(kind) => Err(kind.into()),
            Fault::None | Fault::Short(_) => {
                Ok(Box::new(FaultyFile { real: file(&self.real)?, disk: self.clone() }))
            }
        }
    }
}

impl Disk for FaultyDisk {
    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.open(|real| real.append(path))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.open(|real| real.create(path))
    }

    fn link(&self, target: &Path, link: &Path) -> io::Result<()> {
        self.real.link(target, link)
    }
}

struct FaultyFile {
    real: Box<dyn DiskFile>,
    disk: FaultyDisk,
}

impl Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.disk.next() {
            Fault::Error(kind) => Err(kind.into()),
            Fault::Short(taken) => self.real.write(&bytes[..taken.min(bytes.len())]),
            Fault::None => self.real.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.real.flush()
    }
}

impl DiskFile for FaultyFile {
    fn sync(&self) -> io::Result<()> {
        self.real.sync()
    }

    fn is_at(&self, path: &Path) -> bool {
        self.real.is_at(path)
    }
}
