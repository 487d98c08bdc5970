use fluentcast_event::EventTime;

use super::*;
use crate::block::sum;

const SALT: u32 = 5;

fn block(first_seq: u64, body: &[u8]) -> Vec<u8> {
    let head = Head {
        first_seq,
        events: 1,
        tag_len: 0,
        entries_len: u32::try_from(body.len()).unwrap(),
        received: EventTime::default(),
        newest_time: EventTime::default(),
        body_sum: sum(SALT, &[body]),
    };
    [&head.encode(SALT)[..], body].concat()
}

/// The numbers of the blocks that are found, each with where the damage before it begins; and where damage
/// at the end does.
fn walk(bytes: &[u8], window_bytes: usize) -> (Vec<(u64, Option<u64>)>, Option<u64>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let file = File::open(file.path()).unwrap();
    let mut walk = Walk::new(&file, SALT, 0, bytes.len() as u64, window_bytes);
    let mut found = Vec::new();
    while let Some(block) = walk.next().unwrap() {
        found.push((block.head.first_seq, block.damaged_at));
    }
    (found, walk.damaged_at())
}

#[test]
fn blocks_of_all_sizes_are_found_whatever_is_read_at_once() {
    let bodies: Vec<_> = [0, 1, 30, 5000, 0, 70_000, 3].map(|len| vec![b'F'; len]).into();
    let bytes: Vec<u8> = (1..).zip(&bodies).flat_map(|(seq, body)| block(seq, body)).collect();
    for window_bytes in [1, 56, 100, 4096, 1_000_000] {
        let all = (1..=7).map(|seq| (seq, None)).collect();
        assert_eq!(walk(&bytes, window_bytes), (all, None));
    }
}

#[test]
fn the_next_block_is_found_behind_damage_of_any_length() {
    // What is searched at once ends before, within and after the next magic.
    for len in (1..70).chain(SEARCH_BYTES - 5..SEARCH_BYTES + 5).chain([3 * SEARCH_BYTES]) {
        // Full of what looks like a beginning.
        let damage: Vec<u8> = MAGIC.into_iter().cycle().take(len).collect();
        let bytes = [block(1, b"a"), vec![0; len], block(2, b"b"), damage.clone()].concat();
        let (first, second) = (57, (57 + len + 57) as u64);
        assert_eq!(walk(&bytes, 4096), (vec![(1, None), (2, Some(first))], Some(second)), "{len}");
        let bytes = [damage, block(2, b"b")].concat();
        assert_eq!(walk(&bytes, 4096), (vec![(2, Some(0))], None), "{len}");
    }
}

#[test]
fn a_block_that_is_not_whole_is_damage() {
    let bytes = [block(1, b"a"), block(2, b"long body")].concat();
    for cut in 58..bytes.len() {
        assert_eq!(walk(&bytes[..cut], 4096), (vec![(1, None)], Some(57)), "{cut}");
    }
}

#[test]
fn a_file_that_is_shorter_than_it_was_ends_the_walk() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), block(1, b"a")).unwrap();
    let file = File::open(file.path()).unwrap();
    let mut walk = Walk::new(&file, SALT, 0, 1_000_000, 4096);
    assert_eq!(walk.next().unwrap().unwrap().head.first_seq, 1);
    assert_eq!(walk.next().unwrap(), None);
    assert_eq!(walk.damaged_at(), Some(57));
}
