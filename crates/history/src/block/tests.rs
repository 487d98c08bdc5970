use proptest::prelude::*;

use super::*;

prop_compose! {
    fn heads()(
        first_seq in 1..u64::MAX - u64::from(u32::MAX),
        events in 1u32..,
        tag_len: u16,
        entries_len: u32,
        received: (i64, u32),
        newest_time: (i64, u32),
        body_sum: u32,
    ) -> Head {
        let time = |(seconds, nanos)| EventTime { seconds, nanos };
        let (received, newest_time) = (time(received), time(newest_time));
        Head { first_seq, events, tag_len, entries_len, received, newest_time, body_sum }
    }
}

proptest! {
    #[test]
    fn a_head_is_read_as_it_was_written(head in heads(), salt: u32, rest: Vec<u8>) {
        let mut bytes = head.encode(salt).to_vec();
        bytes.extend(rest);
        prop_assert_eq!(Head::parse(&bytes, salt), Some(head));
        prop_assert_eq!(Head::parse(&bytes, salt ^ 1), None);
        prop_assert_eq!(Head::parse(&bytes[..HEAD_BYTES - 1], salt), None);
    }

    #[test]
    fn no_bit_of_a_head_can_change_unseen(head in heads(), salt: u32, bit in 0..HEAD_BYTES * 8) {
        let mut bytes = head.encode(salt);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(Head::parse(&bytes, salt), None);
    }

    #[test]
    fn any_bytes_are_parsed_without_a_panic(mut bytes: Vec<u8>, salt: u32, sealed: bool) {
        if sealed && bytes.len() >= HEAD_BYTES {
            bytes[..4].copy_from_slice(&MAGIC);
            let head_sum = sum(salt, &[&bytes[8..HEAD_BYTES]]);
            bytes[4..8].copy_from_slice(&head_sum.to_le_bytes());
        }
        if let Some(head) = Head::parse(&bytes, salt) {
            prop_assert!(head.last_seq() < u64::MAX && head.last_seq() >= head.first_seq);
        }
    }
}

#[test]
fn a_body_is_sound_only_as_a_whole() {
    let salt = 7;
    let head = Head {
        first_seq: 1,
        events: 1,
        tag_len: 3,
        entries_len: 5,
        received: EventTime::default(),
        newest_time: EventTime::default(),
        body_sum: sum(salt, &[b"tag", b"entry"]),
    };
    assert!(head.body_is_sound(b"tagentry", salt));
    assert!(!head.body_is_sound(b"tagentrz", salt));
    assert!(!head.body_is_sound(b"tagentr", salt));
    assert!(!head.body_is_sound(b"tagentry", 8));
    assert_eq!(head.block_len(), HEAD_BYTES as u64 + 8);
}

#[test]
fn numbers_that_do_not_fit_are_no_head() {
    let head = Head {
        first_seq: u64::MAX - 1,
        events: 1,
        tag_len: 0,
        entries_len: 0,
        received: EventTime::default(),
        newest_time: EventTime::default(),
        body_sum: 0,
    };
    assert_eq!(Head::parse(&head.encode(0), 0), Some(head));
    for wrong in [
        Head { events: 0, ..head },
        Head { first_seq: 0, ..head },
        Head { events: 2, ..head },
        Head { first_seq: u64::MAX, ..head },
    ] {
        assert_eq!(Head::parse(&wrong.encode(0), 0), None, "{wrong:?}");
    }
}
