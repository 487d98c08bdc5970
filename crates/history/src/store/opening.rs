//! Opening a history: takes the lock, finds out what is there, mends it, and notes that it is in use.
//!
//! Touches no segment before the lock is held and all formats are known.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use fluentcast_event::limits::HISTORY_FORMER_EPOCHS_MAX;

use super::Store;
use crate::OpenError;
use crate::disk::Disk;
use crate::epoch::{self, Epoch, Former};
use crate::index::{Index, Shared};
use crate::policy::Bounds;
use crate::recovery::{NewEpoch, Recovery, new_epoch};
use crate::scan::{Scan, scan};
use crate::segment;
use crate::state::{BootId, State, StateFile, Stored};

/// What a store has of the system it runs on.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) boot: BootId,
    pub(crate) disk: Disk,
}

impl Store {
    pub(crate) fn open_on(dir: &Path, bounds: Bounds, host: Host) -> Result<(Self, Recovery), OpenError> {
        let Host { boot, disk } = host;
        fs::create_dir_all(dir).map_err(|error| OpenError::new("make the directory", dir, error))?;
        let lock = lock(dir)?;
        let state_path = dir.join("state");
        let state_error = |error| OpenError::new("open", &state_path, error);
        let (mut state_file, stored) = StateFile::open(&state_path, disk.clone()).map_err(state_error)?;
        let fresh = matches!(stored, Stored::Missing);
        let former = match stored {
            Stored::Sound(state) => Some(state),
            Stored::Missing | Stored::Damaged => None,
            Stored::UnknownVersion(found) => {
                let known = segment::VERSION;
                return Err(OpenError::UnknownVersion { path: state_path, found, known });
            }
        };
        let scan = scan(dir, former.as_ref().map(|state| state.salt))?;
        let new_epoch = new_epoch(&scan, former.as_ref(), boot, fresh);
        let state = next_state(&scan, former, boot, new_epoch);
        // Durable before the first number is given out: it says that the history is in use. Written before
        // anything is mended: a file that is to be deleted must not be one that the state counts on.
        let noted = state_file.write(&state).and_then(|()| state_file.sync());
        noted.map_err(|error| OpenError::new("write", &state_path, error))?;
        mend(dir, &disk, &scan)?;
        disk.sync_dir(dir).map_err(|error| OpenError::new("sync", dir, error))?;
        let open = reopen(dir, &scan, &state)?;

        let mut index = Index::new(bounds, scan.segments.clone(), scan.newest(), state.given);
        index.unsynced.open = open;
        let shared = Shared {
            dir: dir.to_owned(),
            disk,
            epoch: state.epoch,
            former: state.former.clone(),
            index: index.into(),
            syncing: ().into(),
        };
        let recovery = Recovery::new(scan, state.given + 1, state.epoch, new_epoch);
        let shared = Arc::new(shared);
        let store = Self { shared, state_file, state, state_unwritten: false, cut_open: false, _lock: lock };
        Ok((store, recovery))
    }
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("history.lock");
    let open = File::options().write(true).create(true).truncate(false).open(&path);
    let file = open.map_err(|error| OpenError::new("open", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(OpenError::new("lock", &path, error)),
    }
}

/// The state to go on with.
fn next_state(scan: &Scan, before: Option<State>, boot: BootId, new_epoch: Option<NewEpoch>) -> State {
    let newest = scan.newest();
    let newest_file = scan.segments.back().map_or(0, |segment| segment.first_seq);
    // A file of which no block is left had a number, too. Were it given again, the file that begins with it or
    // follows would not be the last one.
    let given = before.as_ref().map_or(newest, |state| state.given.max(newest)).max(newest_file);
    let salt = before.as_ref().map(|state| state.salt).or(scan.start.map(|start| start.salt));
    let last_epoch = before.as_ref().map(|state| state.epoch).or(scan.start.map(|start| start.epoch));
    let mut former = before.map_or_else(Vec::new, |state| state.former);
    let epoch = match last_epoch {
        Some(epoch) if new_epoch.is_none() => epoch,
        last_epoch => {
            former.extend(last_epoch.map(|epoch| Former { epoch, last_seq: newest }));
            former.drain(..former.len().saturating_sub(HISTORY_FORMER_EPOCHS_MAX));
            Epoch::random()
        }
    };
    #[expect(clippy::cast_possible_truncation, reason = "any 32 of the random bits")]
    let salt = salt.unwrap_or_else(|| epoch::random() as u32);
    let stored = if scan.segments.iter().any(|segment| segment.events > 0) { newest } else { 0 };
    State { epoch, given, stored, newest_file, boot, salt, clean: false, behind: false, former }
}

/// Cuts off the tail.
fn mend(dir: &Path, disk: &Disk, scan: &Scan) -> Result<(), OpenError> {
    if let Some(first_seq) = scan.empty_file {
        let path = segment::path(dir, first_seq);
        return disk.remove(&path).map_err(|error| OpenError::new("delete", &path, error));
    }
    let Some(tail) = &scan.tail else { return Ok(()) };
    let (path, at) = (&tail.damage.file, tail.damage.at);
    let cut = File::options().write(true).open(path).and_then(|file| {
        disk.truncate(&file, at)?;
        // Should it come back, its numbers could be those of events that come now.
        disk.sync(&file)
    });
    cut.map_err(|error| OpenError::new("cut off", path, error))
}

/// The newest segment's file, if it is to be appended to.
fn reopen(dir: &Path, scan: &Scan, state: &State) -> Result<Option<(u64, Arc<File>)>, OpenError> {
    let of_epoch = scan.start.is_some_and(|start| start.epoch == state.epoch);
    let Some(segment) = scan.segments.back().filter(|_| scan.appendable && of_epoch) else { return Ok(None) };
    let path = segment::path(dir, segment.first_seq);
    let file =
        File::options().append(true).open(&path).map_err(|error| OpenError::new("open", &path, error))?;
    Ok(Some((segment.first_seq, Arc::new(file))))
}
