//! When numbering goes on, when it must not, and what a client's old position is worth.

use std::fs;

use super::support::{Place, piece, read_all, seqs};
use crate::block::sum;
use crate::{Bounds, Epoch, NewEpoch, OpenError, Recovery, Resolved, Store};

fn opened(place: &Place) -> (Store, Recovery) {
    let (store, recovery) = place.open();
    assert_eq!((recovery.epoch, recovery.next_seq), (store.epoch(), store.next_seq()));
    (store, recovery)
}

#[test]
fn a_kill_loses_nothing_and_the_epoch_goes_on() {
    let place = Place::new(Bounds::default());
    let (mut store, recovery) = opened(&place);
    assert_eq!(recovery.new_epoch, Some(NewEpoch::First));
    let epoch = store.epoch();
    for round in 0..5 {
        store.append(&piece(round * 10 + 1, 10, 20)).unwrap();
        drop(store);
        let recovery;
        (store, recovery) = opened(&place);
        assert!(recovery.is_sound());
        assert_eq!((recovery.epoch, recovery.new_epoch), (epoch, None));
        assert_eq!(recovery.next_seq, round * 10 + 11);
    }
    assert_eq!(read_all(&store.reader(), 1, 100), (seqs(1, 50), vec![]));
    assert_eq!(place.files().len(), 1, "a restart makes no new file");
}

#[test]
fn an_orderly_end_survives_the_system_going_down() {
    let mut place = Place::new(Bounds::default());
    let (mut store, _) = opened(&place);
    store.append(&piece(1, 10, 20)).unwrap();
    let epoch = store.epoch();
    store.close().unwrap();
    place.boot += 1;
    let (store, recovery) = opened(&place);
    assert!(recovery.is_sound());
    assert_eq!((recovery.new_epoch, recovery.next_seq), (None, 11));
    assert_eq!(store.epoch(), epoch);
}

#[test]
fn a_power_failure_begins_an_epoch_and_the_old_one_is_resumed_as_far_as_it_is_known() {
    let mut place = Place::new(Bounds::default());
    let mut epochs = vec![];
    for round in 0..20 {
        let (mut store, recovery) = opened(&place);
        let why = if round == 0 { NewEpoch::First } else { NewEpoch::PowerLoss };
        assert_eq!(recovery.new_epoch, Some(why));
        assert_eq!(recovery.next_seq, round * 10 + 1);
        epochs.push(store.epoch());
        store.append(&piece(round * 10 + 1, 10, 20)).unwrap();
        place.boot += 1;
    }
    let (store, _) = opened(&place);
    for (round, &epoch) in (0..).zip(&epochs) {
        let last = round * 10 + 10;
        if round < 4 {
            assert_eq!(store.resolve(epoch, last), Resolved::Unknown, "only 16 are remembered");
        } else {
            assert_eq!(store.resolve(epoch, last), Resolved::At(last));
            assert_eq!(store.resolve(epoch, 3), Resolved::At(3));
            assert_eq!(store.resolve(epoch, last + 1), Resolved::Beyond { known_up_to: last });
        }
    }
    let reader = store.reader();
    assert_eq!(reader.resolve(store.epoch(), 200), Resolved::At(200));
    assert_eq!(reader.resolve(reader.epoch(), 201), Resolved::Beyond { known_up_to: 200 });
    assert_eq!(reader.resolve(Epoch(1), 5), Resolved::Unknown);
    assert_eq!(read_all(&reader, 1, 1000), (seqs(1, 200), vec![]));
    assert_eq!(place.files().len(), 20, "a file is of one epoch");
}

#[test]
fn without_its_state_a_history_is_still_read_under_a_new_epoch() {
    for damaged in [false, true] {
        let place = Place::new(Bounds::default());
        let (mut store, _) = opened(&place);
        store.append(&piece(1, 10, 20)).unwrap();
        let epoch = store.epoch();
        store.close().unwrap();
        let state = place.dir.path().join("state");
        if damaged {
            fs::write(&state, vec![0xff; 8192]).unwrap();
        } else {
            fs::remove_file(&state).unwrap();
        }
        let (mut store, recovery) = opened(&place);
        assert_eq!(recovery.new_epoch, Some(NewEpoch::StateLost));
        assert!(!recovery.is_sound() && recovery.damaged_places == 0);
        // The segments know which epoch they are of.
        assert_eq!(store.resolve(epoch, 10), Resolved::At(10));
        assert_eq!(store.resolve(epoch, 11), Resolved::Beyond { known_up_to: 10 });
        store.append(&piece(11, 1, 0)).unwrap();
        assert_eq!(read_all(&store.reader(), 1, 100), (seqs(1, 11), vec![]));
    }
}

#[test]
fn what_went_missing_while_the_history_was_closed_ends_the_epoch() {
    let place = Place::new(Bounds::default());
    let (mut store, _) = opened(&place);
    store.append(&piece(1, 10, 20)).unwrap();
    store.append(&piece(11, 10, 20)).unwrap();
    store.close().unwrap();
    let path = place.newest_file();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let (store, recovery) = opened(&place);
    assert_eq!(recovery.new_epoch, Some(NewEpoch::TailLost));
    assert_eq!(recovery.next_seq, 21, "11 to 20 were given out");
    assert_eq!(store.reader().newest(), 10);
}

#[test]
fn two_stores_never_share_a_directory() {
    let place = Place::new(Bounds::default());
    let (store, _) = opened(&place);
    let again = Store::open(place.dir.path(), Bounds::default());
    assert!(matches!(again, Err(OpenError::InUse { .. })));
    let message = again.unwrap_err().to_string();
    assert!(message.contains("in use") && message.contains(&place.dir.path().display().to_string()));
    // Readers do not hold the lock.
    let reader = store.reader();
    drop(store);
    let _store = opened(&place);
    assert_eq!(reader.newest(), 0);
}

#[test]
fn what_is_no_directory_or_not_ours_is_refused_with_advice() {
    let place = Place::new(Bounds::default());
    let file = place.dir.path().join("file");
    fs::write(&file, b"").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = Store::open(&path, Bounds::default()).unwrap_err();
        assert!(matches!(error, OpenError::NotADirectory { .. }), "{error:?}");
        assert!(error.to_string().contains("choose another `path`"));
    }
}

#[test]
fn a_later_format_is_left_untouched() {
    let place = Place::new(Bounds::default());
    let (mut store, _) = opened(&place);
    store.append(&piece(1, 10, 20)).unwrap();
    drop(store);
    let path = place.newest_file();
    let mut bytes = fs::read(&path).unwrap();
    bytes[8..12].copy_from_slice(&2u32.to_le_bytes());
    let start_sum = sum(2, &[&bytes[16..32]]);
    bytes[12..16].copy_from_slice(&start_sum.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = Store::open(place.dir.path(), Bounds::default()).unwrap_err();
    assert!(matches!(error, OpenError::UnknownVersion { found: 2, known: 1, .. }), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
