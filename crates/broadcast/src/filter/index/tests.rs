use fluentcast_event::msgpack;
use proptest::prelude::*;

use super::super::tests::{filter, record};
use super::*;

fn found<T: Clone + PartialEq + Ord>(index: &FilterIndex<T>, record: &[u8]) -> Vec<T> {
    let mut found = Vec::new();
    index.matching(record, |target| found.push(target.clone()));
    found.sort();
    found
}

/// An index of these filters, whose targets are their places.
fn index_of(queries: &[&str]) -> FilterIndex<usize> {
    let mut index = FilterIndex::default();
    for (id, query) in queries.iter().enumerate() {
        index.insert(&filter(query), &id);
    }
    index
}

#[test]
fn an_index_that_lost_all_its_filters_is_empty() {
    let queries = ["a=6&a=6.0&b=1", "a=6", "", "a&b.c", "a&a=9007199254740993"];
    let mut index = index_of(&queries);
    for (id, query) in queries.iter().enumerate() {
        assert!(!index.is_empty(), "{query}");
        index.remove(&filter(query), &id);
    }
    assert!(index.is_empty());
    assert!(index.fields.is_empty() && index.nulls.is_empty());
}

#[test]
fn what_is_inserted_twice_is_found_once_and_removed_once() {
    for query in ["a=1", "a=1&a=1.0&a", ""] {
        let mut index = index_of(&[query]);
        index.insert(&filter(query), &0);
        assert_eq!(found(&index, &record(r#"{"a":1}"#)), [0], "?{query}");
        index.remove(&filter(query), &0);
        assert!(index.is_empty() && index.fields.is_empty(), "?{query}");
        index.remove(&filter(query), &0);
    }
}

#[test]
fn a_filter_is_found_by_what_singles_out_most() {
    for (query, name) in [
        ("a=true&b=x", "b"),
        ("a&b=x", "b"),
        ("a&b=true", "b"),
        ("a=x&a=y&b=x", "b"),
        ("a=x&b=x", "a"),
        // Many ask for `level=error`, so that many records will have it.
        ("level=error&z=1&z=2", "z"),
    ] {
        let mut index = index_of(&["level=error", "level=error&level=warn", "level=error&k"]);
        let known = index.fields.get(name).is_some();
        assert!(!known, "{name}");
        index.insert(&filter(query), &9);
        assert!(index.fields.get(name).is_some(), "?{query}");
    }
}

#[test]
fn what_the_key_decided_is_not_asked_again() {
    for (query, asked) in [
        ("a=1", None),
        ("a=1&a=x&a", None),
        ("a=9007199254740991", None),
        // A double is what it is compared as.
        ("a=9007199254740993.0", None),
        ("a=1&b=true", Some("b=true")),
        // The next integer has the same key.
        ("a=9007199254740992", Some("a=9007199254740992")),
        ("a=-9007199254740993&b", Some("a=-9007199254740993&b")),
    ] {
        let index = index_of(&[query]);
        for bucket in &index.buckets {
            assert_eq!(bucket.entries[0].rest.as_deref(), asked.map(filter).as_ref(), "?{query}");
        }
    }
}

/// A filter that stands under 128 keys must not be held 128 times.
#[test]
fn the_rest_is_shared_by_all_keys() {
    let numbers: Vec<_> = (0..10).map(|number| format!("a={number}")).collect();
    let index = index_of(&[&format!("{}&b=true", numbers.join("&"))]);
    let rests: Vec<_> = index.buckets.iter().map(|bucket| bucket.entries[0].rest.as_ref().unwrap()).collect();
    assert_eq!(rests.len(), 20);
    assert!(rests.iter().all(|rest| Arc::ptr_eq(rest, rests[0])));
}

#[test]
fn the_index_agrees_on_floats_that_json_cannot_say() {
    for (float, query, passes) in [
        (f64::INFINITY, "x=inf", true),
        (f64::INFINITY, "x=1e999", true),
        (f64::NEG_INFINITY, "x=-inf", true),
        (f64::NEG_INFINITY, "x=inf", false),
        (f64::NAN, "x=nan", false),
    ] {
        let record = [&b"\x81\xa1x\xcb"[..], &float.to_be_bytes()].concat();
        let in_index = found(&index_of(&[query]), &record).len() == 1;
        assert_eq!((filter(query).passes(&record), in_index), (passes, passes), "{float} ?{query}");
    }
}

/// Names that are each other's beginnings, with and without dots.
fn name() -> impl Strategy<Value = String> {
    "(a|b)?(\\.(a|b)?){0,2}"
}

const NUMBERS: [&str; 17] = [
    "6",
    "6.0",
    "6e0",
    "06",
    "+6",
    "-0",
    "0",
    "1e999",
    "nan",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "9007199254740992.0",
    "-9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "0.10000000149011612",
];

fn condition() -> impl Strategy<Value = (String, Option<String>)> {
    let text = prop::sample::select(&["true", "false", "x", "", "null", "True"][..]);
    let value = prop_oneof![prop::sample::select(&NUMBERS[..]), text].prop_map(str::to_owned);
    (name(), prop::option::weighted(0.8, value))
}

/// The same field now and then, in a filter of few conditions.
fn any_filter() -> impl Strategy<Value = Filter> {
    (prop::collection::vec(condition(), 0..4), prop::option::of(condition())).prop_map(|(mut pairs, more)| {
        if let (Some((name, _)), Some((_, value))) = (pairs.first().cloned(), more) {
            pairs.push((name, value));
        }
        Filter::from_pairs(pairs)
    })
}

/// Values as MessagePack.
fn scalars() -> Vec<Vec<u8>> {
    // true, false, nil, an empty array, an empty map, a bin, an extension
    let mut all: Vec<Vec<u8>> =
        [&b"\xc3"[..], b"\xc2", b"\xc0", b"\x90", b"\x80", b"\xc4\x016", b"\xd4\x05\x06"]
            .map(<[u8]>::to_vec)
            .into();
    let mut add = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        all.push(out);
    };
    for integer in [0, 6, -1, i64::MIN, (1 << 53) - 1, 1 << 53, (1 << 53) + 1, -(1 << 53) - 1] {
        add(&|out| msgpack::write_int(out, integer));
    }
    add(&|out| msgpack::write_uint(out, u64::MAX));
    for float in [0.0, -0.0, 6.0, 9_007_199_254_740_992.0, f64::INFINITY, f64::NAN] {
        add(&|out| msgpack::write_f64(out, float));
    }
    for float in [6.0_f32, 0.1, -0.0] {
        add(&|out| out.extend([&[0xca][..], &float.to_be_bytes()].concat()));
    }
    for text in ["6", "6.0", "true", "x", "", "null", "nan", "9007199254740993"] {
        add(&|out| msgpack::write_str(out, text));
    }
    all
}

fn map(value: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((name(), value), 0..5).prop_map(|entries| {
        let mut out = Vec::new();
        msgpack::write_map_head(&mut out, u32::try_from(entries.len()).unwrap());
        for (name, value) in entries {
            msgpack::write_str(&mut out, &name);
            out.extend(value);
        }
        out
    })
}

fn any_record() -> impl Strategy<Value = Vec<u8>> {
    map(prop::sample::select(scalars()).prop_recursive(2, 20, 5, map))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// After every step the index finds exactly the filters that pass when asked one by one, each once.
    #[test]
    fn the_index_agrees_with_direct_evaluation(
        filters in prop::collection::vec(any_filter(), 1..12),
        steps in prop::collection::vec((any::<prop::sample::Index>(), prop::bool::weighted(0.7)), 1..30),
        records in prop::collection::vec(any_record(), 1..4),
    ) {
        let mut index = FilterIndex::default();
        let mut inside = vec![false; filters.len()];
        for (at, insert) in steps {
            let id = at.index(filters.len());
            inside[id] = insert;
            if insert {
                index.insert(&filters[id], &id);
            } else {
                index.remove(&filters[id], &id);
            }
            prop_assert_eq!(index.is_empty(), inside.iter().all(|inside| !inside));
            for record in &records {
                let direct: Vec<_> = (0..filters.len())
                    .filter(|id| inside[*id] && filters[*id].passes(record))
                    .collect();
                prop_assert_eq!(found(&index, record), direct);
            }
        }
    }

    /// Keys are necessary: a value that equals has one in common. Where they decide, they are enough.
    #[test]
    fn keys_and_equality_agree(filter in any_filter(), bytes in prop::sample::select(scalars())) {
        let value = Reader::new(&bytes).read().unwrap();
        for Equality { any_of, .. } in filter.equalities() {
            let has_key = Key::of(value).is_some_and(|key| any_of.keys().contains(&key));
            prop_assert!(has_key || !any_of.contains(Some(value)), "{:?} {:?}", any_of, value);
            if any_of.keys_decide() {
                prop_assert_eq!(has_key, any_of.contains(Some(value)), "{:?} {:?}", any_of, value);
            }
        }
    }
}
