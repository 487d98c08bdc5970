use fluentcast_event::msgpack;

use super::*;

const NOW: EventTime = EventTime::from_seconds(1);
const MIB: usize = 1024 * 1024;

fn limits(message_bytes_max: u64) -> Limits {
    Limits { message_bytes_max, entries_max: 1_000_000, decompressed_bytes_max: 1024 }
}

/// `["t", bin]` with so many bytes of bin.
fn packed(bytes: usize) -> Vec<u8> {
    let mut out = vec![0x92, 0xa1, b't', 0xc6];
    out.extend_from_slice(&u32::try_from(bytes).unwrap().to_be_bytes());
    out.resize(out.len() + bytes, 0xc0);
    out
}

fn message(item: Result<Option<Item>, DecodeError>) -> crate::Message {
    match item {
        Ok(Some(Item::Message(message))) => message,
        other => panic!("no message: {other:?}"),
    }
}

#[test]
fn entries_are_slices_of_what_was_read() {
    let bytes = packed(300);
    let mut decoder = Decoder::new(limits(4096));
    decoder.feed(&bytes);
    let buffer = decoder.buffer.as_ptr().addr();
    let message = message(decoder.next(NOW));
    assert_eq!(message.batch.entries.len(), 300);
    assert_eq!(message.batch.entries.as_ptr().addr(), buffer + 8);
    assert_eq!(message.bytes, bytes.len() as u64);
}

#[test]
fn the_entry_of_a_message_is_too() {
    let mut decoder = Decoder::new(limits(4096));
    decoder.feed(b"\x93\xa3tag\x05\x80");
    let buffer = decoder.buffer.as_ptr().addr();
    let message = message(decoder.next(NOW));
    assert_eq!(message.batch.tag.as_str(), "tag");
    assert_eq!(&message.batch.entries[..], b"\x92\x05\x80");
    assert_eq!(message.batch.entries.as_ptr().addr(), buffer + 4);
}

#[test]
fn equal_tags_in_a_row_share_their_memory() {
    let mut decoder = Decoder::new(limits(4096));
    decoder.feed(b"\x93\xa3tag\x05\x80\x93\xa3tag\x05\x80\x93\xa3TAG\x05\x80");
    let tags = [(); 3].map(|()| message(decoder.next(NOW)).batch.tag);
    assert_eq!(tags[0].as_str().as_ptr(), tags[1].as_str().as_ptr());
    assert_eq!(tags[2].as_str(), "TAG");
}

#[test]
fn a_message_at_the_limit_is_read_and_one_byte_more_is_passed_over() {
    for size in [1, 7, 5000] {
        let mut decoder = Decoder::new(limits(108));
        let mut items = Vec::new();
        for piece in [packed(100), packed(101), packed(100)].concat().chunks(size) {
            decoder.feed(piece);
            while let Some(item) = decoder.next(NOW).unwrap() {
                items.push(item);
            }
        }
        assert!(
            matches!(
                items[..],
                [Item::Message(_), Item::Oversize { bytes: 109 }, Item::Message(ref last)] if last.bytes == 108
            ),
            "{items:?}"
        );
        assert!(decoder.is_idle());
    }
}

#[test]
fn a_json_message_too_large_is_passed_over() {
    let mut decoder = Decoder::new(limits(30));
    let large = format!("[\"t\",1,{{\"k\":\"{}\"}}]", "x".repeat(1000));
    let mut items = Vec::new();
    for piece in [large.as_bytes(), b"\n[\"t\",1,{}]"].concat().chunks(10) {
        decoder.feed(piece);
        assert!(decoder.buffer.len() <= 40, "{} bytes kept", decoder.buffer.len());
        while let Some(item) = decoder.next(NOW).unwrap() {
            items.push(item);
        }
    }
    assert!(matches!(items[..], [Item::Oversize { bytes: 1016 }, Item::Message(_)]), "{items:?}");
}

#[test]
fn what_is_passed_over_is_not_kept() {
    let limit = 1000;
    // The bin says at once that it is too large; the array of nil only by growing.
    let mut array = vec![0xdd, 0, 0x10, 0, 0];
    array.resize(array.len() + MIB, 0xc0);
    for stream in [packed(MIB), array] {
        let mut decoder = Decoder::new(limits(limit));
        for piece in stream.chunks(100) {
            decoder.feed(piece);
            assert!(decoder.buffer.len() <= 1100, "{} bytes kept", decoder.buffer.len());
            if let Some(item) = decoder.next(NOW).unwrap() {
                assert!(matches!(item, Item::Oversize { bytes } if bytes == stream.len() as u64));
            }
        }
        assert!(decoder.is_idle());
    }
}

#[test]
fn a_declared_length_reserves_nothing() {
    let mut decoder = Decoder::new(limits(u64::MAX));
    decoder.feed(b"\x92\xa1t\xc6\xff\xff\xff\xff12345678");
    assert!(decoder.next(NOW).unwrap().is_none());
    assert!(decoder.buffer.capacity() < 100);
}

#[test]
fn a_megabyte_byte_by_byte() {
    let mut stream = vec![0x92, 0xa1, b't'];
    let mut entries = Vec::new();
    msgpack::write_array_head(&mut entries, 1000);
    for _ in 0..1000 {
        entries.extend_from_slice(b"\x92\x01\x81\xa1k\xda\x04\x80");
        entries.resize(entries.len() + 0x480, b'x');
    }
    stream.extend(entries);
    assert!(stream.len() > MIB);
    let mut decoder = Decoder::new(limits(2 * MIB as u64));
    let mut messages = Vec::new();
    for byte in &stream {
        decoder.feed(&[*byte]);
        if let Some(item) = decoder.next(NOW).unwrap() {
            messages.push(item);
        }
    }
    assert!(matches!(&messages[..], [Item::Message(message)] if message.batch.events().count() == 1000));
}

#[test]
fn an_idle_connection_holds_no_memory() {
    let mut decoder = Decoder::new(limits(MIB as u64));
    decoder.feed(&packed(200_000));
    let message = message(decoder.next(NOW));
    assert!(decoder.next(NOW).unwrap().is_none());
    drop(message);
    assert_eq!(decoder.buffer.capacity(), 0);
}

#[test]
fn a_large_message_is_not_kept_alive_by_the_few_bytes_behind_it() {
    let mut decoder = Decoder::new(limits(MIB as u64));
    decoder.feed(&packed(200_000));
    decoder.feed(b"\x93\xa1t");
    drop(message(decoder.next(NOW)));
    assert!(decoder.next(NOW).unwrap().is_none());
    assert!(decoder.buffer.capacity() < 1000);
    decoder.feed(b"\x05\x80");
    message(decoder.next(NOW));
}

#[test]
fn space_takes_no_more_than_was_asked_for() {
    let mut decoder = Decoder::new(limits(100));
    let mut space = decoder.space(3);
    assert_eq!(space.remaining_mut(), 3);
    space.put_slice(b"\xc0\xc0\x05");
    for _ in 0..2 {
        assert!(matches!(decoder.next(NOW), Ok(Some(Item::Heartbeat))));
    }
    assert!(matches!(decoder.next(NOW), Ok(Some(Item::Invalid { .. }))));
    assert!(decoder.is_idle());
}

#[test]
fn a_tag_too_long_is_no_message() {
    for (len, legal) in [(4096_u16, true), (4097, false)] {
        let mut stream = vec![0x93, 0xda];
        stream.extend_from_slice(&len.to_be_bytes());
        stream.resize(stream.len() + usize::from(len), b'x');
        stream.extend_from_slice(b"\x05\x80");
        let mut decoder = Decoder::new(limits(10_000));
        decoder.feed(&stream);
        match decoder.next(NOW).unwrap() {
            Some(Item::Message(_)) => assert!(legal),
            Some(Item::Invalid { reason: crate::Invalid::TagTooLong, .. }) => assert!(!legal),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_entry_as_deep_as_can_be_read_is_taken_and_no_deeper() {
    use fluentcast_event::limits::NESTING_DEPTH_MAX;
    use fluentcast_event::msgpack::ReadError;

    // The entry is one level, its record another.
    for (levels, legal) in [(NESTING_DEPTH_MAX - 2, true), (NESTING_DEPTH_MAX - 1, false)] {
        let mut stream = b"\x92\xa1t\x91\x92\x05\x81\xa1k".to_vec();
        stream.resize(stream.len() + levels, 0x91);
        stream.push(0xc0);
        let mut decoder = Decoder::new(limits(4096));
        decoder.feed(&stream);
        match decoder.next(NOW) {
            Ok(Some(Item::Message(message))) => {
                assert!(legal && message.batch.events().all(|event| event.is_ok()));
            }
            Err(DecodeError::MessagePack(ReadError::TooDeep)) => assert!(!legal),
            other => panic!("{other:?}"),
        }
    }
}
