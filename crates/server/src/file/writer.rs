//! Puts waiting lines into files: each exactly once and in order, whatever the disk says in between.
//!
//! Everything here blocks; nothing here may run on a thread of the runtime. A file that cannot be
//! written keeps its lines and is tried again later; the other files go on.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use fluentcast_config::settings;
use fluentcast_event::EventTime;
use fluentcast_event::limits::{COMPLAINT_INTERVAL, FILE_OPEN_MAX, FILE_RETRY_WAIT_MAX, FILE_RETRY_WAIT_MIN};

use super::buffer::{Buffer, Lines, Piece};
use super::disk::{Disk, DiskFile};
use super::name::FileName;
use super::slice::{SliceStart, Slicer};
use crate::metrics::Metrics;
use crate::ratelimit::Gate;

/// Both clocks, so that a test can choose them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// For pauses.
    pub(super) instant: Instant,
    /// For slices.
    pub(super) time: EventTime,
}

impl Now {
    /// What the clocks say.
    pub(super) fn read() -> Self {
        Self { instant: Instant::now(), time: EventTime::now() }
    }
}

/// Which files a flush tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// Those that are not waiting after a failure.
    Due,
    /// All.
    All,
}

/// Writes the files of one output.
pub(super) struct Writer {
    append: bool,
    gzip: bool,
    chunk_bytes_max: u64,
    piece_bytes_max: usize,
    timekey_wait: Duration,
    slicer: Option<Slicer>,
    symlink: Option<Symlink>,
    disk: Box<dyn Disk>,
    /// Every file that is open or has lines waiting.
    files: HashMap<Arc<FileName>, Stream>,
    /// The open files, the one written longest ago first.
    open: BTreeMap<u64, Arc<FileName>>,
    /// Counts up with each use of a file.
    uses: u64,
    complaint: Gate,
    metrics: Arc<Metrics>,
}

/// The lines on their way into one file name, and the file.
#[derive(Default)]
struct Stream {
    lines: Lines,
    block: Option<Block>,
    file: Option<OpenFile>,
    failures: u32,
    retry_at: Option<Instant>,
}

/// Lines being written, compressed if they are to be.
struct Block {
    bytes: Vec<u8>,
    /// How much of `bytes` is in the file.
    written: usize,
    /// Size of the lines themselves.
    line_bytes: u64,
    events: u64,
    cost: u64,
}

struct OpenFile {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    /// Size of the lines in it that came from here, before compression.
    line_bytes: u64,
    opened_at: i64,
    last_use: u64,
}

/// `symlink_path`.
struct Symlink {
    path: PathBuf,
    /// The newest slice met.
    newest: Option<SliceStart>,
    /// Where it should point, when it does not yet.
    target: Option<PathBuf>,
}

impl Writer {
    /// A writer that has nothing open yet.
    pub(super) fn new(
        settings: &settings::FileOutput,
        slicer: Option<Slicer>,
        piece_bytes_max: usize,
        disk: Box<dyn Disk>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let symlink = settings.symlink_path.clone();
        Self {
            append: settings.append,
            gzip: settings.gzip,
            chunk_bytes_max: settings.chunk_limit_size.0,
            piece_bytes_max,
            timekey_wait: settings.timekey_wait,
            slicer,
            symlink: symlink.map(|path| Symlink { path, newest: None, target: None }),
            disk,
            files: HashMap::new(),
            open: BTreeMap::new(),
            uses: 0,
            complaint: Gate::new(COMPLAINT_INTERVAL),
            metrics,
        }
    }

    /// Writes everything that waits, as far as the disk takes it. `Some`: when to try again.
    pub(super) fn flush(&mut self, buffer: &Mutex<Buffer>, effort: Effort, now: Now) -> Option<Instant> {
        let taken = lock(buffer).take();
        for (name, lines) in taken {
            self.files.entry(name).or_default().lines.append(lines, self.piece_bytes_max);
        }
        let due: Vec<_> = self
            .files
            .iter()
            .filter(|(_, stream)| stream.has_work() && (effort == Effort::All || stream.is_due(now.instant)))
            .map(|(name, _)| Arc::clone(name))
            .collect();
        for name in due {
            let Some(mut stream) = self.files.remove(&name) else { continue };
            match self.write_lines(&name, &mut stream, buffer, now) {
                Ok(()) => (stream.failures, stream.retry_at) = (0, None),
                Err(error) => self.put_off(&name, &mut stream, &error, now.instant),
            }
            self.files.insert(name, stream);
        }
        self.update_symlink();
        self.close_past_slices(now);
        self.files.retain(|_, stream| stream.file.is_some() || stream.has_work());
        self.files.values().filter_map(|stream| stream.retry_at).min()
    }

    /// Brings the open files onto the medium and closes them.
    pub(super) fn finish(&mut self) {
        let open: Vec<_> = self.open.values().cloned().collect();
        for name in open {
            let Some(file) = self.close(&name) else { continue };
            if let Err(error) = file.file.sync() {
                self.metrics.file_write_errors.inc();
                tracing::error!(path = %file.path.display(), %error, "cannot bring the file onto the disk");
            }
        }
    }

    fn write_lines(
        &mut self,
        name: &Arc<FileName>,
        stream: &mut Stream,
        buffer: &Mutex<Buffer>,
        now: Now,
    ) -> io::Result<()> {
        loop {
            let mut block = match stream.block.take() {
                Some(block) => block,
                None => match stream.lines.pop() {
                    Some(piece) => Block::new(piece, self.gzip)?,
                    None => return Ok(()),
                },
            };
            let written = self.write_block(name, stream, &mut block, now);
            if let Err(error) = written {
                stream.block = Some(block);
                return Err(error);
            }
            self.metrics.file_events.inc_by(block.events);
            lock(buffer).release(block.events, block.cost);
        }
    }

    fn write_block(
        &mut self,
        name: &Arc<FileName>,
        stream: &mut Stream,
        block: &mut Block,
        now: Now,
    ) -> io::Result<()> {
        // A block that is partly in a file stays with that file.
        if block.written == 0 && stream.file.as_ref().is_some_and(|file| self.is_over(file, block)) {
            self.forget_open(stream.file.take());
        }
        let file = match &mut stream.file {
            Some(file) => file,
            none => none.insert(self.open(name, now)?),
        };
        self.open.remove(&file.last_use);
        self.uses += 1;
        file.last_use = self.uses;
        self.open.insert(file.last_use, Arc::clone(name));

        while block.written < block.bytes.len() {
            match file.file.write(&block.bytes[block.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => block.written += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        file.line_bytes += block.line_bytes;
        Ok(())
    }

    /// True when the next block must not go into this file: it was moved away, or is long enough.
    fn is_over(&self, file: &OpenFile, next: &Block) -> bool {
        let full = !self.append
            && file.line_bytes > 0
            && file.line_bytes.saturating_add(next.line_bytes) > self.chunk_bytes_max;
        full || !file.file.is_at(&file.path)
    }

    fn open(&mut self, name: &Arc<FileName>, now: Now) -> io::Result<OpenFile> {
        self.make_room()?;
        let (path, file) = if self.append {
            let path = name.path(None);
            let file = self.disk.append(&path)?;
            (path, file)
        } else {
            self.create_next(name)?
        };
        if let Some(symlink) = &mut self.symlink
            && symlink.newest <= name.slice
        {
            symlink.newest = name.slice;
            symlink.target = Some(path.clone());
        }
        Ok(OpenFile { path, file, line_bytes: 0, opened_at: now.time.seconds, last_use: 0 })
    }

    /// Makes the file with the first free index.
    fn create_next(&self, name: &FileName) -> io::Result<(PathBuf, Box<dyn DiskFile>)> {
        for index in 0..=u32::MAX {
            let path = name.path(Some(index));
            match self.disk.create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => return result.map(|file| (path, file)),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Closes the file written longest ago when as many are open as may be.
    fn make_room(&mut self) -> io::Result<()> {
        if self.open.len() < FILE_OPEN_MAX {
            return Ok(());
        }
        // One with half a block in it must stay; one that is missing here is being written right now.
        let is_idle =
            |name: &&Arc<FileName>| self.files.get(*name).is_some_and(|stream| stream.block.is_none());
        match self.open.values().find(is_idle).cloned() {
            Some(name) => {
                self.close(&name);
                Ok(())
            }
            None => Err(io::Error::other("too many files are open with unfinished writes")),
        }
    }

    fn close(&mut self, name: &Arc<FileName>) -> Option<OpenFile> {
        let file = self.files.get_mut(name)?.file.take()?;
        self.open.remove(&file.last_use);
        Some(file)
    }

    fn forget_open(&mut self, file: Option<OpenFile>) {
        if let Some(file) = file {
            self.open.remove(&file.last_use);
        }
    }

    /// Closes files whose slice is over for `timekey_wait`. A file that was begun after that, for late
    /// events, stays open as long, so that a backlog does not become a file per flush.
    fn close_past_slices(&mut self, now: Now) {
        let Some(slicer) = &mut self.slicer else { return };
        let wait = i64::try_from(self.timekey_wait.as_secs()).unwrap_or(i64::MAX);
        let late = EventTime::from_seconds(now.time.seconds.saturating_sub(wait));
        let current = slicer.slice(late).start;
        let is_past = |name: &&Arc<FileName>| {
            let stream = self.files.get(*name);
            name.slice.is_some_and(|slice| slice < current)
                && stream.is_some_and(|stream| !stream.has_work() && stream.opened_before(late.seconds))
        };
        let past: Vec<_> = self.open.values().filter(is_past).cloned().collect();
        for name in past {
            self.close(&name);
        }
    }

    fn update_symlink(&mut self) {
        let Some(symlink) = &mut self.symlink else { return };
        let Some(target) = &symlink.target else { return };
        match self.disk.link(target, &symlink.path) {
            Ok(()) => symlink.target = None,
            Err(error) => {
                self.metrics.file_write_errors.inc();
                if let Some(suppressed) = self.complaint.pass() {
                    let path = symlink.path.display();
                    tracing::error!(%path, %error, suppressed, "cannot update symlink_path; trying again");
                }
            }
        }
    }

    /// Keeps the lines for another try later.
    fn put_off(&mut self, name: &FileName, stream: &mut Stream, error: &io::Error, now: Instant) {
        self.metrics.file_write_errors.inc();
        let wait = FILE_RETRY_WAIT_MIN
            .saturating_mul(2_u32.saturating_pow(stream.failures))
            .min(FILE_RETRY_WAIT_MAX);
        stream.failures = stream.failures.saturating_add(1);
        stream.retry_at = Some(now + wait);
        if self.append && stream.block.as_ref().is_some_and(|block| block.written == 0) {
            // The file system may have been mounted anew: begin with a fresh file next time.
            self.forget_open(stream.file.take());
        }
        if let Some(suppressed) = self.complaint.pass() {
            let path = stream.file.as_ref().map_or_else(|| name.path(None), |file| file.path.clone());
            tracing::error!(
                path = %path.display(), %error, retry_in = ?wait, suppressed,
                "cannot write; the lines wait in memory within total_limit_size"
            );
        }
    }
}

impl Stream {
    fn has_work(&self) -> bool {
        self.block.is_some() || !self.lines.is_empty()
    }

    fn is_due(&self, now: Instant) -> bool {
        self.retry_at.is_none_or(|retry_at| retry_at <= now)
    }

    fn opened_before(&self, seconds: i64) -> bool {
        self.file.as_ref().is_some_and(|file| file.opened_at <= seconds)
    }
}

impl Block {
    /// A block of lines; with `gzip` one complete member, so that the file can be read at any time.
    fn new(piece: Piece, gzip: bool) -> io::Result<Self> {
        let Piece { text, events, cost } = piece;
        let line_bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let bytes = if gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&text)?;
            encoder.finish()?
        } else {
            text
        };
        Ok(Self { bytes, written: 0, line_bytes, events, cost })
    }
}

/// A panic elsewhere must not stop the writing.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
