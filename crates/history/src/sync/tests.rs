//! What happens between the steps of a sync, played by hand.

use std::sync::atomic::Ordering::SeqCst;

use super::*;
use crate::tests::support::{Place, piece};
use crate::{Bounds, Store};

fn store() -> (Place, Store) {
    let place = Place::new(Bounds { bytes: Some(1_000_000), ..Bounds::default() });
    let store = place.open().0;
    (place, store)
}

/// Appends until the open file has been sealed.
fn append_past_seal(place: &Place, store: &mut Store) {
    let files = place.files().len();
    while place.files().len() == files {
        store.append(&piece(store.next_seq(), 1, 10_000)).unwrap();
    }
}

#[test]
fn what_comes_into_a_file_while_it_is_synced_is_synced_next_time() {
    let (place, mut store) = store();
    let syncer = store.syncer();
    store.append(&piece(1, 1, 0)).unwrap();
    let work = syncer.work(1).unwrap_or_else(|done| panic!("{done:?}"));
    append_past_seal(&place, &mut store);
    assert_eq!(syncer.note(&work, true), Synced { after: 0, up_to: 1 });
    let before = place.disk.faults.syncs.load(SeqCst);
    let newest = store.reader().newest();
    assert_eq!(syncer.sync().unwrap(), Synced { after: 0, up_to: newest });
    assert_eq!(
        place.disk.faults.syncs.load(SeqCst) - before,
        3,
        "the sealed file, the new one, the directory"
    );
}

#[test]
fn what_comes_into_a_file_while_its_sync_fails_is_doubtful_too() {
    for sealed in [false, true] {
        let (place, mut store) = store();
        let syncer = store.syncer();
        store.append(&piece(1, 1, 0)).unwrap();
        let work = syncer.work(1).unwrap_or_else(|done| panic!("{done:?}"));
        store.append(&piece(2, 1, 0)).unwrap();
        if sealed {
            append_past_seal(&place, &mut store);
        }
        let newest = store.reader().newest();
        let synced = syncer.note(&work, false);
        assert!((1..=newest).all(|seq| !synced.covers(seq)), "{synced:?}");
        // What the writer had under way when the sync failed goes into the failed file all the same.
        let files = place.files().len();
        let late = if sealed {
            newest
        } else {
            syncer.shared.index().newest += 1;
            newest + 1
        };
        let synced = syncer.sync().unwrap();
        assert!((1..=late).all(|seq| !synced.covers(seq)), "{synced:?}");
        store.append(&piece(late + 1, 1, 0)).unwrap();
        assert_eq!(place.files().len() - files, usize::from(!sealed), "a new file, unless there is one");
        assert_eq!(syncer.sync().unwrap(), Synced { after: late, up_to: late + 1 });
    }
}

#[test]
fn files_that_nobody_syncs_are_not_held_open_for_ever() {
    let (place, mut store) = store();
    let syncer = store.syncer();
    for _ in 0..=fluentcast_event::limits::HISTORY_SEGMENTS_UNSYNCED_MAX {
        let mut index = syncer.shared.index();
        index.newest += 1;
        let file = std::fs::File::open(place.dir.path().join("state")).unwrap();
        index.unsynced.open = Some((index.newest, file.into()));
        index.seal();
    }
    let synced = syncer.sync().unwrap();
    assert!(!synced.covers(1) && synced.covers(2), "nothing is promised of what was let go: {synced:?}");
    store.append(&piece(1000, 1, 0)).unwrap();
    assert!(syncer.sync().unwrap().covers(1000));
}
