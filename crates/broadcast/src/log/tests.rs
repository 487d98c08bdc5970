use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

fn put(log: &mut Log, seq: u64, payload_bytes: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    frame::write(&mut frame, frame::Opcode::Binary, &vec![u8::try_from(seq % 256).unwrap(); payload_bytes]);
    log.append_frame(seq, &frame);
    frame
}

fn read_all(cursor: &mut Cursor, slices_max: usize, bytes_max: usize) -> Vec<u8> {
    let mut read = Vec::new();
    while !cursor.at_end() {
        let mut slices = Vec::new();
        cursor.gather(&mut slices, slices_max, bytes_max);
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        cursor.advance(bytes.len());
        read.extend(bytes);
    }
    read
}

#[test]
fn what_came_between_two_readings_is_one_slice() {
    let mut log = Log::new(0);
    let cursor = log.cursor_live();
    let frames = [put(&mut log, 1, 10), put(&mut log, 2, 20)].concat();
    assert!(cursor.at_end(), "nothing is readable before it is sealed");
    assert_eq!(log.seal(), frames.len() as u64);
    let mut slices = Vec::new();
    cursor.gather(&mut slices, 8, usize::MAX);
    assert_eq!(slices.iter().map(|slice| slice.to_vec()).collect::<Vec<_>>(), [frames]);
}

#[test]
fn a_failed_append_leaves_no_trace() {
    let mut log = Log::new(5);
    let mut cursor = log.cursor_live();
    let frame = put(&mut log, 1, 3);
    let failed = log.append(2, |out| {
        out.push(1);
        Err::<Infallible, _>(())
    });
    assert_eq!(failed, Err(()));
    log.seal();
    assert_eq!(read_all(&mut cursor, 8, usize::MAX), frame);
}

#[test]
fn a_segment_is_freed_when_its_last_cursor_leaves_it() {
    let mut log = Log::new(0);
    let mut cursor = log.cursor_live();
    let frame = put(&mut log, 1, 100);
    log.seal();
    let first = Arc::downgrade(&log.tail);
    put(&mut log, 2, 100);
    log.seal();
    assert!(first.upgrade().is_some());
    cursor.advance(frame.len());
    assert!(first.upgrade().is_none(), "read to its end, the segment is not held");
}

#[test]
fn a_full_segment_is_sealed_unasked() {
    let mut log = Log::new(0);
    let cursor = log.cursor_live();
    put(&mut log, 1, SEGMENT_BYTES_MAX);
    assert!(!cursor.at_end());
}

#[test]
fn a_long_chain_is_freed_without_deep_recursion() {
    let mut log = Log::new(0);
    let cursor = log.cursor_live();
    for seq in 0..300_000 {
        put(&mut log, seq, 1);
        log.seal();
    }
    drop(cursor);
}

#[test]
fn history_is_trimmed_to_the_segments_that_hold_it() {
    let mut log = Log::new(3);
    for seq in 1..=10 {
        put(&mut log, seq, 1);
        log.seal();
        log.finish_piece(seq);
    }
    assert_eq!(log.history.len(), 3);
    let mut cursor = log.cursor_replay(10);
    assert_eq!(read_all(&mut cursor, 8, usize::MAX), [0x82, 1, 8, 0x82, 1, 9, 0x82, 1, 10]);
}

#[test]
fn the_rest_of_a_frame_ends_at_its_boundary() {
    let mut log = Log::new(0);
    let mut cursor = log.cursor_live();
    let first = put(&mut log, 1, 200);
    let second = put(&mut log, 2, 5);
    log.seal();
    assert!(cursor.rest_of_frame().is_empty());
    cursor.advance(3);
    assert_eq!(cursor.rest_of_frame(), &first[3..]);
    cursor.advance(first.len() - 3);
    assert!(cursor.rest_of_frame().is_empty());
    cursor.advance(1);
    assert_eq!(cursor.rest_of_frame(), &second[1..]);
}

proptest! {
    /// Whatever the sizes, the sealing and the writes: a live cursor reads exactly what is appended
    /// after it, a replaying one exactly the last events and then the same.
    #[test]
    fn cursors_read_every_byte_once(
        before in prop::collection::vec((0usize..300, any::<bool>()), 0..20),
        after in prop::collection::vec((0usize..300, any::<bool>()), 0..20),
        history in 0u64..6,
        slices_max in 1usize..5,
        bytes_max in 1usize..700,
    ) {
        let mut log = Log::new(history);
        let mut frames = Vec::new();
        let mut seq = 0;
        let mut put_all = |log: &mut Log, events: Vec<(usize, bool)>| {
            for (bytes, seal) in events {
                seq += 1;
                frames.push(put(log, seq, bytes));
                if seal {
                    log.seal();
                }
                log.finish_piece(seq);
            }
            (seq, frames.clone())
        };
        let (newest, past) = put_all(&mut log, before);
        let mut live = log.cursor_live();
        let mut replay = if history > 0 { log.cursor_replay(newest) } else { log.cursor_live() };
        let (_, all) = put_all(&mut log, after);
        log.seal();
        let first_kept = past.len().saturating_sub(usize::try_from(history).unwrap());
        prop_assert_eq!(read_all(&mut live, slices_max, bytes_max), all[past.len()..].concat());
        prop_assert_eq!(read_all(&mut replay, slices_max, bytes_max), all[first_kept..].concat());
        prop_assert_eq!(live.position(), log.end());
    }
}
