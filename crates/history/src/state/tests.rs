use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;

use tempfile::TempDir;

use super::*;

fn state(given: u64) -> State {
    State {
        epoch: Epoch(0x0123_4567_89ab_cdef),
        given,
        stored: given / 2,
        newest_file: given / 4,
        boot: BootId([3; 16]),
        salt: 99,
        clean: given.is_multiple_of(2),
        behind: given.is_multiple_of(3),
        former: (0..given.min(16)).map(|n| Former { epoch: Epoch(n), last_seq: n + given }).collect(),
    }
}

fn open(dir: &TempDir) -> (StateFile, Stored) {
    StateFile::open(&dir.path().join("state"), Disk::default()).unwrap()
}

fn stored(dir: &TempDir) -> Option<State> {
    match open(dir).1 {
        Stored::Sound(state) => Some(state),
        Stored::Missing | Stored::Damaged => None,
        Stored::UnknownVersion(version) => panic!("version {version}"),
    }
}

#[test]
fn the_last_state_written_is_the_one_read() {
    let dir = TempDir::new().unwrap();
    assert!(matches!(open(&dir).1, Stored::Missing));
    for given in 0..40 {
        // Every second one by a new process.
        let (mut file, _) = open(&dir);
        file.write(&state(given)).unwrap();
        assert_eq!(stored(&dir), Some(state(given)));
        file.write(&state(given + 100)).unwrap();
        assert_eq!(stored(&dir), Some(state(given + 100)));
    }
}

#[test]
fn the_file_never_grows_after_it_was_made() {
    let dir = TempDir::new().unwrap();
    let (mut file, _) = open(&dir);
    let len = file.file.metadata().unwrap().len();
    for given in 0..5 {
        file.write(&state(given)).unwrap();
    }
    assert_eq!(file.file.metadata().unwrap().len(), len);
    assert_eq!(len, 2 * SLOT_DISTANCE as u64);
}

#[test]
fn a_torn_write_leaves_the_state_before_it() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("state");
    let (mut file, _) = open(&dir);
    for given in 0..3 {
        file.write(&state(given)).unwrap();
    }
    let before = fs::read(&path).unwrap();
    file.write(&state(3)).unwrap();
    let after = fs::read(&path).unwrap();
    let interesting = (0..SLOT_BYTES).chain(SLOT_DISTANCE..SLOT_DISTANCE + SLOT_BYTES).chain([after.len()]);
    for cut in interesting {
        let torn = [&after[..cut], &before[cut..]].concat();
        fs::write(&path, &torn).unwrap();
        let expected = if torn == after { state(3) } else { state(2) };
        assert_eq!(stored(&dir), Some(expected), "cut at {cut}");
    }
}

#[test]
fn after_a_failed_write_the_good_slot_is_still_spared() {
    let dir = TempDir::new().unwrap();
    let disk = Disk::default();
    let (mut file, _) = StateFile::open(&dir.path().join("state"), disk.clone()).unwrap();
    file.write(&state(31)).unwrap();
    disk.faults.overwrite.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert!(file.write(&state(32)).is_err());
        assert_eq!(stored(&dir), Some(state(31)));
    }
    disk.faults.overwrite.store(false, Ordering::SeqCst);
    file.write(&state(33)).unwrap();
    assert_eq!(stored(&dir), Some(state(33)));
}

#[test]
fn what_is_damaged_is_not_believed() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("state");
    let (mut file, _) = open(&dir);
    file.write(&state(5)).unwrap();
    let sound = fs::read(&path).unwrap();
    let at = SLOT_DISTANCE;
    for byte in 0..SLOT_BYTES {
        let mut wrong = sound.clone();
        wrong[at + byte] ^= 0x10;
        fs::write(&path, &wrong).unwrap();
        assert_eq!(stored(&dir), None, "byte {byte}");
    }
    fs::write(&path, b"short").unwrap();
    assert!(matches!(open(&dir).1, Stored::Damaged));
}

#[test]
fn a_later_version_is_told_apart_from_damage() {
    let dir = TempDir::new().unwrap();
    let (file, _) = open(&dir);
    let mut slot = state(1).encode(1);
    slot[8..12].copy_from_slice(&7u32.to_le_bytes());
    let slot_sum = sum(7, &[&slot[16..]]);
    slot[12..16].copy_from_slice(&slot_sum.to_le_bytes());
    file.file.write_all_at(&slot, 0).unwrap();
    assert!(matches!(open(&dir).1, Stored::UnknownVersion(7)));
}

#[test]
fn a_system_that_does_not_say_which_run_it_is_in_is_never_the_same() {
    assert!(BootId([1; 16]).is_same_run(BootId([1; 16])));
    assert!(!BootId([1; 16]).is_same_run(BootId([2; 16])));
    assert!(!BootId::default().is_same_run(BootId::default()));
}
