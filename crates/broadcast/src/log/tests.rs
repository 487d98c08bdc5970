use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::encode::Format;

fn frames() -> Log {
    Log::new(Envelope::None, None, 0)
}

fn messages() -> Log {
    Log::new(Envelope::Message(Format::Json), None, 0)
}

fn put(log: &mut Log, seq: u64, payload_bytes: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    frame::write(&mut frame, frame::Opcode::Binary, &vec![u8::try_from(seq % 256).unwrap(); payload_bytes]);
    log.append_bytes(seq, 1, &frame);
    frame
}

fn gathered(cursor: &Cursor, slices_max: usize, bytes_max: usize) -> Vec<Vec<u8>> {
    let mut slices = vec![IoSlice::new(&[]); slices_max];
    let used = cursor.gather(&mut slices, bytes_max);
    slices[..used].iter().map(|slice| slice.to_vec()).collect()
}

fn read_all(cursor: &mut Cursor, slices_max: usize, bytes_max: usize) -> Vec<u8> {
    let mut read = Vec::new();
    while !cursor.at_end() {
        let bytes = gathered(cursor, slices_max, bytes_max).concat();
        assert!(!bytes.is_empty(), "what is not at its end has something to read");
        cursor.advance(bytes.len());
        read.extend(bytes);
    }
    read
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_came_between_two_readings_is_one_slice() {
    let mut log = frames();
    let cursor = log.cursor();
    let frames = [put(&mut log, 1, 10), put(&mut log, 2, 20)].concat();
    assert!(cursor.at_end(), "nothing is readable before it is sealed");
    assert_eq!(log.seal(), frames.len() as u64);
    assert_eq!(gathered(&cursor, 8, usize::MAX), [frames]);
}

#[test]
fn what_came_between_two_readings_is_one_message() {
    let mut log = messages();
    let mut cursor = log.cursor();
    log.append_bytes(1, 1, b"[1]");
    log.append_bytes(2, 1, b"[2]");
    log.seal();
    log.append_bytes(3, 1, b"[3]");
    log.append_notice(b"notice", None);
    log.append_bytes(4, 1, b"[4]");
    log.seal();
    let read = text(&read_all(&mut cursor, 8, usize::MAX));
    let expected = [
        "\u{81}\u{14}{\"events\":[[1],[2]]}",
        "\u{81}\u{10}{\"events\":[[3]]}",
        "notice",
        "\u{81}\u{10}{\"events\":[[4]]}",
    ];
    assert_eq!(read.replace('\u{fffd}', "\u{81}"), expected.concat());
}

#[test]
fn a_failed_append_leaves_no_trace() {
    for (mut log, expected) in [(frames(), "xy"), (messages(), "\u{fffd}\u{10}{\"events\":[x,y]}")] {
        let mut cursor = log.cursor();
        for event in [b"!", b"x", b"!", b"y", b"!"] {
            let appended = log.append(1, |out| {
                out.extend_from_slice(event);
                if event == b"!" { Err("no") } else { Ok(()) }
            });
            assert_eq!(appended.is_err(), event == b"!");
        }
        log.seal();
        assert_eq!(text(&read_all(&mut cursor, 8, usize::MAX)), expected);
    }
}

#[test]
fn a_log_whose_first_append_failed_has_nothing_to_read() {
    let mut log = messages();
    let cursor = log.cursor();
    assert_eq!(log.append(1, |_| Err::<Infallible, _>("no")), Err("no"));
    assert_eq!((log.seal(), log.end(), cursor.at_end()), (0, 0, true));
}

#[test]
fn a_segment_is_freed_when_its_last_cursor_leaves_it() {
    let mut log = frames();
    let mut cursor = log.cursor();
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
    let mut log = frames();
    let cursor = log.cursor();
    put(&mut log, 1, SEGMENT_BYTES_MAX);
    assert!(!cursor.at_end());
}

#[test]
fn a_long_chain_is_freed_without_deep_recursion() {
    let mut log = frames();
    let cursor = log.cursor();
    for seq in 0..300_000 {
        put(&mut log, seq, 1);
        log.seal();
    }
    drop(cursor);
}

#[test]
fn the_rest_of_a_frame_ends_at_its_boundary() {
    let mut log = frames();
    let mut cursor = log.cursor();
    let first = put(&mut log, 1, 200);
    let second = put(&mut log, 2, 5);
    log.seal();
    assert!(cursor.rest_of_frame().is_empty());
    assert_eq!(cursor.frame_ahead(), first.len());
    cursor.advance(3);
    assert_eq!(cursor.rest_of_frame(), &first[3..]);
    cursor.advance(first.len() - 3);
    assert!(cursor.rest_of_frame().is_empty());
    cursor.advance(1);
    assert_eq!(cursor.rest_of_frame(), &second[1..]);
}

#[test]
fn the_rest_of_a_message_is_that_of_its_segment() {
    let mut log = messages();
    let mut cursor = log.cursor();
    assert_eq!((cursor.frame_ahead(), cursor.sent()), (0, (0, 0)));
    (1..=3).for_each(|seq| log.append_bytes(seq, 1, b"[1]"));
    log.seal();
    log.append_bytes(7, 1, b"[7]");
    log.seal();
    let first = b"??{\"events\":[[1],[1],[1]]}".len();
    assert!(cursor.rest_of_frame().is_empty());
    assert_eq!((cursor.frame_ahead(), cursor.sent()), (first, (0, 0)));
    cursor.advance(1);
    assert_eq!((cursor.rest_of_frame().len(), cursor.frame_ahead()), (first - 1, first - 1));
    assert_eq!(cursor.sent(), (3, 3), "once the rest is");
    cursor.advance(first);
    assert_eq!(cursor.sent(), (7, 4));
}

#[test]
fn what_was_skipped_is_known_by_number_and_count() {
    let mut log = Log::new(Envelope::Message(Format::Json), None, 100);
    let mut cursor = log.cursor();
    assert_eq!(log.skip(&mut cursor), Skipped { from: 101, to: 100, events: 0, bytes: 0 });
    log.append_bytes(103, 1, b"[3]");
    log.leave_out(104);
    log.append_bytes(105, 1, b"[5]");
    log.seal();
    log.append_bytes(110, 1, b"[10]");
    let skipped = log.skip(&mut cursor);
    assert_eq!((skipped.from, skipped.to, skipped.events), (101, 110, 4));
    assert_eq!(skipped.bytes, log.end());
    log.append_bytes(111, 1, b"[11]");
    log.seal();
    cursor.advance(1);
    let rest = cursor.rest_of_frame().len();
    cursor.advance(rest);
    log.leave_out(112);
    let skipped = log.skip(&mut cursor);
    assert_eq!((skipped.from, skipped.to, skipped.events), (112, 112, 1), "111 was sent");
}

#[test]
fn a_notice_accounts_for_what_it_tells_of() {
    let mut log = Log::new(Envelope::Message(Format::Json), None, 4);
    let mut cursor = log.cursor();
    log.append_notice(b"gone: 5 to 9", Some(9));
    assert_eq!(cursor.sent(), (4, 0));
    cursor.advance(1);
    assert_eq!(cursor.sent(), (9, 0));
    log.append_notice(b"?", None);
    cursor.advance(11);
    assert_eq!((cursor.sent(), cursor.at_end()), ((9, 0), false));
}

#[test]
fn who_comes_later_is_not_told_what_was_left_out_before() {
    let mut log = messages();
    let mut early = log.cursor();
    log.leave_out(1);
    log.leave_out(2);
    assert_eq!((log.untold(), early.at_end()), (2, true));
    let mut late = log.cursor();
    log.leave_out(3);
    log.append_bytes(4, 1, b"[4]");
    log.seal();
    assert!(text(&read_all(&mut early, 8, usize::MAX)).contains(r#"{"events":[],"left_out":2}"#));
    assert!(text(&read_all(&mut late, 8, usize::MAX)).ends_with(r#"{"events":[[4]],"left_out":1}"#));
}

#[test]
fn frames_have_no_place_for_what_was_left_out_and_no_empty_segment() {
    let mut log = frames();
    let cursor = log.cursor();
    log.leave_out(1);
    log.seal_and_tell();
    assert!(cursor.at_end() && log.untold() == 0);
}

#[test]
fn the_rest_up_to_an_event_ends_with_its_segment() {
    let mut log = frames();
    let mut cursor = log.cursor();
    let first = [put(&mut log, 1, 10), put(&mut log, 2, 10)].concat();
    log.seal();
    let second = put(&mut log, 5, 10);
    log.seal();
    put(&mut log, 9, 10);
    log.seal();
    let both = [first.clone(), second].concat();
    assert_eq!(cursor.rest_through(8, 100).as_ref(), Some(&both));
    assert_eq!(cursor.rest_through(5, both.len()), Some(both.clone()));
    assert_eq!(cursor.rest_through(5, both.len() - 1), None);
    assert_eq!(cursor.rest_through(4, 100), Some(first.clone()));
    cursor.advance(first.len());
    assert_eq!(cursor.rest_through(2, 100), Some(Vec::new()), "though it stands before what is beyond");
}

proptest! {
    /// Whatever the sizes, the sealing and the writes: a cursor reads exactly what is appended after it.
    #[test]
    fn cursors_read_every_byte_once(
        before in prop::collection::vec((0usize..300, any::<bool>()), 0..20),
        after in prop::collection::vec((0usize..300, any::<bool>()), 0..20),
        slices_max in 1usize..5,
        bytes_max in 1usize..700,
    ) {
        let mut log = frames();
        let mut early = log.cursor();
        let mut all = Vec::new();
        let mut seq = 0;
        let mut put_all = |log: &mut Log, events: Vec<(usize, bool)>| {
            for (bytes, seal) in events {
                seq += 1;
                all.extend(put(log, seq, bytes));
                if seal {
                    log.seal();
                }
            }
            all.clone()
        };
        let past = put_all(&mut log, before);
        let mut late = log.cursor();
        let all = put_all(&mut log, after);
        log.seal();
        prop_assert_eq!(read_all(&mut late, slices_max, bytes_max), &all[past.len()..]);
        prop_assert_eq!(read_all(&mut early, slices_max, bytes_max), all);
        prop_assert_eq!(late.position(), log.end());
    }
}
