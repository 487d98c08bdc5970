use proptest::prelude::*;
use rmpv::Value as Tree;

use super::{PathStep, Reader, fields, find, text, without};

fn key(name: &str) -> PathStep {
    PathStep::Key(name.to_owned())
}

fn index(index: i64) -> PathStep {
    PathStep::Index(index)
}

fn pack(tree: &Tree) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, tree).unwrap();
    bytes
}

fn unpack(mut bytes: &[u8]) -> Tree {
    let tree = rmpv::decode::read_value(&mut bytes).unwrap();
    assert!(bytes.is_empty(), "nothing follows the value");
    tree
}

fn map<const N: usize>(fields: [(&str, Tree); N]) -> Tree {
    Tree::Map(fields.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

fn sample() -> Tree {
    map([
        ("a", map([("b", 1.into()), ("c.d", "x".into())])),
        ("list", Tree::Array(vec![10.into(), map([("in", 20.into())]), 30.into()])),
        ("a.b", "literal".into()),
        ("twice", 1.into()),
        ("twice", 2.into()),
        ("nil", Tree::Nil),
    ])
}

#[test]
fn values_are_found_at_their_paths() {
    let record = pack(&sample());
    for (path, expected) in [
        (vec![key("a"), key("b")], Some(1.into())),
        (vec![key("a"), key("c.d")], Some("x".into())),
        (vec![key("a.b")], Some("literal".into())),
        (vec![key("twice")], Some(2.into())),
        (vec![key("nil")], Some(Tree::Nil)),
        (vec![key("list"), index(0)], Some(10.into())),
        (vec![key("list"), index(-1)], Some(30.into())),
        (vec![key("list"), index(-3)], Some(10.into())),
        (vec![key("list"), index(1), key("in")], Some(20.into())),
        (vec![], Some(sample())),
        (vec![key("list"), index(3)], None),
        (vec![key("list"), index(-4)], None),
        (vec![key("list"), index(i64::MIN)], None),
        (vec![key("list"), key("0")], None),
        (vec![key("a"), index(0)], None),
        (vec![key("none")], None),
        (vec![key("nil"), key("x")], None),
    ] {
        assert_eq!(find(&record, &path).map(unpack), expected, "{path:?}");
    }
}

#[test]
fn keys_compare_by_bytes_in_str_and_bin() {
    let record = pack(&Tree::Map(vec![
        (Tree::Binary(b"k".to_vec()), 1.into()),
        (5.into(), 2.into()),
        (Tree::Array(vec!["n".into()]), 3.into()),
    ]));
    assert_eq!(find(&record, &[key("k")]).map(unpack), Some(1.into()));
    assert_eq!(find(&record, &[key("5")]), None);
    assert_eq!(find(&record, &[key("n")]), None);
    let names: Vec<_> = fields(&record).map(|field| field.name()).collect();
    assert_eq!(names, [Some(&b"k"[..]), None, None]);
}

#[test]
fn values_are_taken_out() {
    let record = pack(&sample());
    let shorter = without(&record, &[key("a"), key("b")]).unwrap();
    assert_eq!(find(&shorter, &[key("a")]).map(unpack), Some(map([("c.d", "x".into())])));
    assert_eq!(find(&shorter, &[key("nil")]).map(unpack), Some(Tree::Nil));

    let shorter = without(&record, &[key("list"), index(-2)]).unwrap();
    assert_eq!(find(&shorter, &[key("list")]).map(unpack), Some(Tree::Array(vec![10.into(), 30.into()])));

    let shorter = without(&record, &[key("twice")]).unwrap();
    assert_eq!(fields(&shorter).count(), 4, "both of the duplicates are gone");
    assert_eq!(unpack(&shorter).as_map().map(Vec::len), Some(4));

    for path in [vec![], vec![key("none")], vec![key("a"), key("x")], vec![key("list"), index(3)]] {
        assert_eq!(without(&record, &path), None, "{path:?}");
    }
}

#[test]
fn a_head_changes_its_form_with_its_count() {
    let many = Tree::Map((0..16).map(|n| (n.to_string().into(), n.into())).collect());
    let fewer = without(&pack(&many), &[key("7")]).unwrap();
    assert_eq!(fewer[0], 0x8f);
    assert_eq!(unpack(&fewer).as_map().map(Vec::len), Some(15));
}

#[test]
fn every_type_has_its_text() {
    for (tree, expected) in [
        ("é".into(), "é"),
        (Tree::Binary(b"bin".to_vec()), "bin"),
        (Tree::Binary(vec![b'a', 0xff]), "a\u{fffd}"),
        (Tree::Nil, ""),
        (true.into(), "true"),
        (false.into(), "false"),
        (u64::MAX.into(), "18446744073709551615"),
        (i64::MIN.into(), "-9223372036854775808"),
        (1.5.into(), "1.5"),
        (Tree::Array(vec![1.into(), "x".into()]), r#"[1,"x"]"#),
        (map([("a", Tree::Nil)]), r#"{"a":null}"#),
    ] {
        assert_eq!(text(&pack(&tree)), expected);
    }
    assert_eq!(text(&[]), "");
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf =
        prop_oneof![Just(Tree::Nil), any::<i64>().prop_map(Tree::from), "[ab]{0,40}".prop_map(Tree::from)];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let fields = proptest::collection::vec(("[abc]", inner.clone()), 0..5);
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(Tree::Array),
            fields.prop_map(|fields| Tree::Map(fields.into_iter().map(|(k, v)| (k.into(), v)).collect())),
        ]
    })
}

fn paths() -> impl Strategy<Value = Vec<PathStep>> {
    let step = prop_oneof!["[abc]".prop_map(PathStep::Key), (-3_i64..3).prop_map(PathStep::Index)];
    proptest::collection::vec(step, 0..4)
}

/// The same over a tree.
fn find_in_tree<'a>(tree: &'a mut Tree, path: &[PathStep]) -> Option<&'a mut Tree> {
    let Some((step, rest)) = path.split_first() else { return Some(tree) };
    let child = match (tree, step) {
        (Tree::Map(fields), PathStep::Key(name)) => {
            fields.iter_mut().rev().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
        }
        (Tree::Array(items), PathStep::Index(index)) => {
            let len = i64::try_from(items.len()).unwrap();
            items.get_mut(usize::try_from(if *index < 0 { len + index } else { *index }).ok()?)
        }
        _ => None,
    };
    find_in_tree(child?, rest)
}

fn remove_from_tree(tree: &mut Tree, path: &[PathStep]) -> bool {
    let Some((step, parents)) = path.split_last() else { return false };
    match (find_in_tree(tree, parents), step) {
        (Some(Tree::Map(fields)), PathStep::Key(name)) => {
            let before = fields.len();
            fields.retain(|(key, _)| key.as_str() != Some(name));
            fields.len() < before
        }
        (Some(Tree::Array(items)), PathStep::Index(index)) => {
            let len = i64::try_from(items.len()).unwrap();
            let index = if *index < 0 { len + index } else { *index };
            (0..len).contains(&index) && {
                items.remove(usize::try_from(index).unwrap());
                true
            }
        }
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn raw_bytes_and_a_tree_agree(mut tree in trees(), path in paths()) {
        let record = pack(&tree);
        prop_assert_eq!(find(&record, &path).map(unpack), find_in_tree(&mut tree, &path).cloned());
        let shorter = without(&record, &path);
        let removed = remove_from_tree(&mut tree, &path);
        prop_assert_eq!(shorter.map(|shorter| unpack(&shorter)), removed.then_some(tree));
    }

    #[test]
    fn unsound_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..60), path in paths()) {
        let _ = find(&bytes, &path);
        let _ = text(&bytes);
        assert!(fields(&bytes).filter_map(|field| field.name()).count() <= bytes.len());
        let shorter = without(&bytes, &path);
        if Reader::new(&bytes).skip() == Ok(&bytes[..]) && let Some(shorter) = shorter {
            prop_assert_eq!(Reader::new(&shorter).skip(), Ok(&shorter[..]));
        }
    }
}
