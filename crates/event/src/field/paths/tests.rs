use proptest::prelude::*;

use super::super::lookup;
use super::*;
use crate::msgpack::{Reader, Value, write_map_head, write_nil, write_str, write_uint};

/// A record's value: a number that tells values apart, nil or a map. Keys may repeat.
#[derive(Clone, Debug)]
enum Node {
    Number(u64),
    Nil,
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug)]
enum Key {
    Text(String),
    Bin(String),
    Number,
}

impl Node {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => write_uint(out, *number),
            Self::Nil => write_nil(out),
            Self::Map(entries) => {
                write_map_head(out, u32::try_from(entries.len()).unwrap());
                for (key, value) in entries {
                    match key {
                        Key::Text(key) => write_str(out, key),
                        Key::Bin(key) => {
                            out.extend([0xc4, u8::try_from(key.len()).unwrap()]);
                            out.extend(key.as_bytes());
                        }
                        Key::Number => write_uint(out, 7),
                    }
                    value.write(out);
                }
            }
        }
    }
}

/// Few parts, so that keys, paths and their beginnings meet: `a`, `b.a`, `.`, `a..b`.
fn path() -> impl Strategy<Value = String> {
    "(a|b|)(\\.(a|b|)){0,3}"
}

/// Paths to insert, or to remove.
fn steps(path: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<(String, bool)>> {
    prop::collection::vec((path, prop::bool::weighted(0.7)), 1..30)
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![8 => path().prop_map(Key::Text), 1 => path().prop_map(Key::Bin), 1 => Just(Key::Number)]
}

fn map(value: impl Strategy<Value = Node>) -> impl Strategy<Value = Node> {
    prop::collection::vec((key(), value), 0..6).prop_map(Node::Map)
}

fn record() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![4 => any::<u64>().prop_map(Node::Number), 1 => Just(Node::Nil)];
    map(leaf.prop_recursive(3, 40, 6, map)).prop_map(|record| {
        let mut bytes = Vec::new();
        record.write(&mut bytes);
        bytes
    })
}

fn values<'a>(set: &PathSet, record: &'a [u8]) -> Vec<(PathId, Value<'a>)> {
    let mut found = Found::new();
    set.find(record, &mut found);
    found.into_iter().map(|(id, value)| (id, Reader::new(value).read().unwrap())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Together they give what they give one by one, whatever was inserted and removed before, and of a
    /// broken record as well.
    #[test]
    fn a_set_finds_what_lookup_finds(
        steps in prop_oneof![steps(path()), steps("a|b|")],
        record in record(),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let record = cut.map_or(&record[..], |cut| &record[..cut.index(record.len())]);
        let mut set = PathSet::default();
        let mut inserted: Vec<&String> = Vec::new();
        for (path, insert) in &steps {
            if *insert {
                set.insert(path);
                inserted.push(path);
            } else {
                set.remove(path);
                if let Some(at) = inserted.iter().position(|known| *known == path) {
                    inserted.swap_remove(at);
                }
            }
        }
        prop_assert_eq!(set.is_empty(), inserted.is_empty());
        let id = |path: &str| set.get(path);
        for (path, _) in &steps {
            prop_assert_eq!(id(path).is_some(), inserted.contains(&path), "{:?}", path);
        }
        inserted.sort();
        inserted.dedup();
        let mut expected: Vec<_> = inserted
            .iter()
            .filter_map(|path| Some((id(path).unwrap(), lookup(record, path)?)))
            .collect();
        expected.sort_by_key(|(id, _)| *id);
        prop_assert_eq!(values(&set, record), expected);
    }
}

#[test]
fn removed_paths_leave_nothing_behind() {
    let mut set = PathSet::default();
    let long = ".".repeat(1000);
    for path in ["a.b.c", "a.b", "a.b", &long, ""] {
        set.insert(path);
    }
    for path in ["a", "a.b.c.d", "x", "..", "a.b", "a.b.c", &long, ""] {
        set.remove(path);
        assert!(!set.is_empty(), "{path}");
    }
    assert_eq!(set.nodes.len(), 3);
    set.remove("a.b");
    assert!(set.is_empty());
    assert_eq!((set.nodes.len(), set.nodes[ROOT].children, set.sketches), (1, 0, 0));
}

#[test]
fn many_fields_and_many_paths_meet() {
    let mut set = PathSet::default();
    let mut record = Vec::new();
    write_map_head(&mut record, 1000);
    for number in 0..1000_u32 {
        set.insert(&format!("wanted{number}"));
        set.insert(&format!("absent{number}"));
        write_str(&mut record, &format!("wanted{number}"));
        write_uint(&mut record, number.into());
    }
    let found = values(&set, &record);
    assert_eq!(found.len(), 1000);
    assert!(found.iter().all(|(id, value)| *value == lookup(&record, &path_of(&set, *id)).unwrap()));
}

fn path_of(set: &PathSet, PathId(id): PathId) -> String {
    let edge = set.edges.iter().find(|edge| edge.child == id).expect("a path of one part");
    String::from_utf8(edge.part.to_vec()).unwrap()
}
