use super::*;
use EntryError::{Broken, NotAnEvent};
use proptest::prelude::*;

const RECEIVED: EventTime = EventTime { seconds: 77, nanos: 7 };
const RECORD: &[u8] = b"\x81\xa1n\x01";

fn batch(entries: &[&[u8]]) -> Batch {
    Batch { tag: "a.b".into(), entries: entries.concat().into(), received: RECEIVED }
}

/// The times of an entry with this time, or why there is none.
fn time(time: &[u8]) -> Result<EventTime, EntryError> {
    let batch = batch(&[b"\x92", time, RECORD]);
    let mut events = batch.events();
    let event = events.next().unwrap();
    assert_eq!(events.next(), None);
    event.map(|event| {
        assert_eq!(event.record, RECORD);
        event.time
    })
}

#[test]
fn every_form_of_time_is_accepted() {
    let at = |seconds, nanos| Ok(EventTime { seconds, nanos });
    for (bytes, expected) in [
        (&b"\xce\x59\x68\x2f\x00"[..], at(1_500_000_000, 0)),
        (b"\xcf\x00\x00\x00\x00\x59\x68\x2f\x00", at(1_500_000_000, 0)),
        (b"\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", at(i64::MAX, 0)),
        (b"\xd2\x59\x68\x2f\x00", at(1_500_000_000, 0)),
        (b"\x05", at(5, 0)),
        (b"\xfb", at(-5, 0)),
        // The time of reception.
        (b"\x00", Ok(RECEIVED)),
        (b"\xd3\x00\x00\x00\x00\x00\x00\x00\x00", Ok(RECEIVED)),
        (b"\xc0", Ok(RECEIVED)),
        (b"\xca\x00\x00\x00\x00", Ok(RECEIVED)),
        (b"\xcb\x80\x00\x00\x00\x00\x00\x00\x00", Ok(RECEIVED)),
        (b"\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x05", Ok(RECEIVED)),
        // Floats.
        (b"\xca\x3f\xc0\x00\x00", at(1, 500_000_000)),
        (b"\xcb\x41\xd6\x5a\x0b\xc0\x20\x00\x00", at(1_500_000_000, 500_000_000)),
        // EventTime.
        (b"\xd7\x00\x59\x68\x2f\x01\x00\x00\x00\x05", at(1_500_000_001, 5)),
        (b"\xc7\x08\x00\x59\x68\x2f\x01\x00\x00\x00\x05", at(1_500_000_001, 5)),
        (b"\xd7\x00\xff\xff\xff\xff\x00\x00\x00\x00", at(4_294_967_295, 0)),
        (b"\xd7\x00\x00\x00\x00\x01\x77\x35\x94\x01", at(3, 1)),
        // The timestamp of MessagePack.
        (b"\xd6\xff\x59\x68\x2f\x00", at(1_500_000_000, 0)),
        (b"\xd6\xff\x00\x00\x00\x00", at(0, 0)),
        (b"\xd7\xff\x00\x00\x00\x14\x59\x68\x2f\x00", at(1_500_000_000, 5)),
        (b"\xd7\xff\x00\x00\x00\x03\xff\xff\xff\xff", at(0x3_ffff_ffff, 0)),
        (b"\xc7\x0c\xff\x00\x00\x00\x05\xff\xff\xff\xff\xff\xff\xff\xfe", at(-2, 5)),
        // Fluent Bit's [time, metadata].
        (b"\x92\xd7\x00\x59\x68\x2f\x00\x00\x00\x00\x07\x80", at(1_500_000_000, 7)),
        (b"\x92\xce\x59\x68\x2f\x00\x81\xa1m\x91\x01", at(1_500_000_000, 0)),
        (b"\x91\x00", Ok(RECEIVED)),
        (b"\x93\x05\x80\x80", at(5, 0)),
    ] {
        assert_eq!(time(bytes), expected, "{bytes:02x?}");
    }
}

#[test]
fn what_is_no_time_costs_its_entry() {
    for bytes in [
        &b"\xa21a"[..],
        b"\xa0",
        b"\xc3",
        b"\x80",
        b"\x90",
        b"\x92\x91\x05\x80",
        b"\x92\x80\x05",
        b"\xcf\x80\x00\x00\x00\x00\x00\x00\x00",
        b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",
        b"\xcb\x7f\xe0\x00\x00\x00\x00\x00\x00",
        b"\xd6\x00\x59\x68\x2f\x00",
        b"\xd8\x00\x59\x68\x2f\x00\x00\x00\x00\x00\x59\x68\x2f\x00\x00\x00\x00\x00",
        b"\xd5\xff\x59\x68",
        b"\xc7\x0c\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xd7\x05\x59\x68\x2f\x01\x00\x00\x00\x05",
    ] {
        assert!(matches!(time(bytes), Err(NotAnEvent(_))), "{bytes:02x?}");
    }
}

#[test]
fn a_bad_entry_costs_only_itself() {
    let batch = batch(&[
        b"\x92\x01\x81\xa1n\x01",
        b"\x92\x02\xa1x",
        b"\x91\x81\xa1s\x03",
        b"\x05",
        b"\x92\x04\xc0",
        b"\x92\x04\xc4\x01\x80",
        b"\x90",
        b"\x80",
        b"\x94\x05\x81\xa1n\x05\x91\x80\xa1x",
    ]);
    let events: Vec<_> = batch.events().collect();
    assert_eq!(events.len(), 9);
    assert_eq!(events[0], Ok(Event { time: EventTime::from_seconds(1), record: b"\x81\xa1n\x01" }));
    assert_eq!(events[8], Ok(Event { time: EventTime::from_seconds(5), record: b"\x81\xa1n\x05" }));
    assert!(events[1..8].iter().all(|event| matches!(event, Err(NotAnEvent(_)))), "{events:?}");
}

#[test]
fn broken_messagepack_ends_the_iteration() {
    for (broken, error) in [
        (&b"\x92\x02\x81\xa1n"[..], ReadError::Incomplete),
        (b"\x92\x02", ReadError::Incomplete),
        (b"\xdd\xff\xff\xff\xff\x01\x80", ReadError::Incomplete),
        (b"\x92\x02\xc1\x92\x03\x80", ReadError::Reserved),
        (b"\xc1\x92\x03\x80", ReadError::Reserved),
        (&[0x91; 200], ReadError::TooDeep),
    ] {
        let batch = batch(&[b"\x92\x01\x80", broken]);
        let events: Vec<_> = batch.events().collect();
        assert_eq!(
            events,
            [Ok(Event { time: EventTime::from_seconds(1), record: b"\x80" }), Err(Broken(error))],
            "{broken:02x?}"
        );
    }
}

#[test]
fn the_builder_keeps_every_time() {
    let times = [
        EventTime { seconds: 1_500_000_000, nanos: 5 },
        EventTime { seconds: 1, nanos: 0 },
        EventTime { seconds: 0, nanos: 0 },
        EventTime { seconds: 0, nanos: 5 },
        EventTime { seconds: -1, nanos: 999_999_999 },
        EventTime { seconds: u32::MAX.into(), nanos: 999_999_999 },
        EventTime { seconds: 1 << 32, nanos: 1 },
        EventTime { seconds: i64::MAX, nanos: 0 },
        EventTime { seconds: i64::MIN, nanos: 1 },
    ];
    let mut builder = BatchBuilder::new("a".into(), RECEIVED);
    assert!(builder.is_empty());
    for time in times {
        builder.push(time, RECORD);
    }
    assert!(!builder.is_empty());
    let batch = builder.finish();
    assert!(batch.entries.starts_with(b"\x92\xd7\x00\x59\x68\x2f\x00\x00\x00\x00\x05\x81\xa1n\x01"));
    let events: Vec<_> = batch.events().map(Result::unwrap).collect();
    assert_eq!(events, times.map(|time| Event { time, record: RECORD }));
}

/// An entry taken apart the careful way: first whether it is sound, then what is in it.
fn carefully<'a>(reader: &mut Reader<'a>) -> Result<Event<'a>, EntryError> {
    let mut entry = Reader::new(reader.skip()?);
    let len = match entry.read()? {
        Value::Array(len @ 2..) => len,
        Value::Array(_) => return Err(NotAnEvent("fewer than two elements")),
        _ => return Err(NotAnEvent("not an array")),
    };
    let (time, mut entry) = read_time(entry)?;
    let record = entry.skip()?;
    (2..len).try_for_each(|_| entry.skip().map(|_| ()))?;
    match Reader::new(record).read()? {
        Value::Map(_) => Ok(Event { time: time.unwrap_or(RECEIVED), record }),
        _ => Err(NotAnEvent("the record is not a map")),
    }
}

/// Pieces of entries, that often make whole ones.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => Just(b"\x92\xd7\x00\x59\x68\x2f\x01\x00\x00\x00\x05\x81\xa1n\x01".to_vec()),
        1 => Just(b"\x92\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x05\x80".to_vec()),
        1 => Just(b"\x92\xd7\x00\x00\x00\x00\x01\xff\xff\xff\xff\x80".to_vec()),
        1 => Just(b"\x92\xce\x59\x68\x2f\x00\x81\xa1n\x01".to_vec()),
        1 => Just(b"\x92\x92\xd7\x00\x59\x68\x2f\x00\x00\x00\x00\x07\x80".to_vec()),
        1 => Just(b"\x93\xd7\x00\x59\x68\x2f\x01\x00\x00\x00\x05\x81\xa1n\x01\xa1x".to_vec()),
        1 => Just(b"\x92".to_vec()),
        1 => Just(b"\xd7\x00\x59\x68\x2f\x01\x00\x00\x00\x05".to_vec()),
        1 => prop::collection::vec(0x80..0x94_u8, 1..3),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
        1 => (any::<bool>(), 120..130_usize).prop_map(|(map, deep)| {
            let deeper: &[u8] = if map { b"\x81\xa0" } else { b"\x91" };
            [b"\x92\x05\x81\xa0", &deeper.repeat(deep)[..], b"\x00"].concat()
        }),
    ];
    prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn entries_are_taken_apart_as_carefully_as_in_two_steps(bytes in pieces(), cut in 0..16_usize) {
        let batch = batch(&[&bytes[..bytes.len().saturating_sub(cut)]]);
        let mut events = batch.events();
        let mut reader = Reader::new(&batch.entries);
        while !reader.is_empty() {
            let expected = carefully(&mut reader);
            let broken = matches!(expected, Err(Broken(_)));
            prop_assert_eq!(events.next(), Some(expected));
            if broken {
                break;
            }
            prop_assert_eq!(events.position(), reader.position());
        }
        prop_assert_eq!(events.next(), None);
    }
}
