use std::sync::Arc;

use proptest::prelude::*;

use super::{Route, RouteTable, Rule};
use crate::limits::ROUTE_CACHE_TAGS_MAX;
use crate::pattern::TagPattern;

type Rules = Vec<Rule<usize, usize>>;

fn filter(pattern: &str, id: usize) -> Rule<usize, usize> {
    Rule::Filter(TagPattern::parse(pattern).unwrap(), id)
}

fn output(pattern: &str, id: usize) -> Rule<usize, usize> {
    Rule::Match(TagPattern::parse(pattern).unwrap(), id)
}

fn cached(table: &RouteTable<usize, usize>) -> usize {
    table.cache.lock().unwrap().len()
}

#[test]
fn filters_run_in_order_until_the_first_match() {
    let table = RouteTable::new(vec![
        filter("late.**", 1),
        filter("**", 2),
        output("late.**", 10),
        filter("late.**", 3),
        output("late.a", 11),
        filter("only.filtered", 4),
    ]);
    assert_eq!(*table.resolve("late.a"), Route { filters: vec![1, 2], output: Some(10) });
    assert_eq!(*table.resolve("late"), Route { filters: vec![1, 2], output: Some(10) });
    assert_eq!(*table.resolve("other"), Route { filters: vec![2], output: None });
    assert_eq!(*table.resolve("only.filtered"), Route { filters: vec![2, 4], output: None });
}

#[test]
fn no_rules_take_nothing() {
    assert_eq!(*RouteTable::new(Rules::new()).resolve("a"), Route { filters: vec![], output: None });
}

#[test]
fn a_known_tag_is_not_resolved_again() {
    let table = RouteTable::new(vec![output("a", 1)]);
    assert!(Arc::ptr_eq(&table.resolve("a"), &table.resolve("a")));
    assert!(Arc::ptr_eq(&table.resolve("unmatched"), &table.resolve("unmatched")));
}

#[test]
fn the_cache_keeps_its_bound_and_drops_the_oldest() {
    let table = RouteTable::new(vec![filter("*.5", 1), output("t.**", 2)]);
    let in_use = table.resolve("t.in.use");
    let idle = table.resolve("t.idle");
    for tag in 0..3 * ROUTE_CACHE_TAGS_MAX {
        table.resolve(&format!("t.{tag}"));
        assert!(Arc::ptr_eq(&in_use, &table.resolve("t.in.use")), "a tag in use stays");
        assert!(cached(&table) <= ROUTE_CACHE_TAGS_MAX);
    }
    assert_eq!(cached(&table), ROUTE_CACHE_TAGS_MAX);
    assert!(!Arc::ptr_eq(&idle, &table.resolve("t.idle")), "a tag not used for long was dropped");
}

#[test]
fn threads_may_resolve_at_once() {
    let table = RouteTable::new(vec![filter("*.1", 1), output("t.**", 2)]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for tag in 0..2000 {
                    let route = table.resolve(&format!("t.{tag}"));
                    let filters = if tag == 1 { vec![1] } else { vec![] };
                    assert_eq!(*route, Route { filters, output: Some(2) });
                }
            });
        }
    });
    assert_eq!(cached(&table), ROUTE_CACHE_TAGS_MAX);
}

/// The walk of the reference, written as differently as possible.
fn naive(rules: &Rules, tag: &str) -> Route<usize, usize> {
    let takes = |rule: &&Rule<usize, usize>| match rule {
        Rule::Filter(pattern, _) | Rule::Match(pattern, _) => pattern.matches(tag),
    };
    let taking: Vec<_> = rules.iter().filter(takes).collect();
    let end = taking.iter().position(|rule| matches!(rule, Rule::Match(..)));
    let filters = taking[..end.unwrap_or(taking.len())]
        .iter()
        .map(|rule| match rule {
            Rule::Filter(_, id) | Rule::Match(_, id) => *id,
        })
        .collect();
    let output = end.and_then(|end| match taking[end] {
        Rule::Match(_, id) => Some(*id),
        Rule::Filter(..) => None,
    });
    Route { filters, output }
}

fn rules() -> impl Strategy<Value = Rules> {
    let pattern = prop_oneof!["[ab.*]{1,4}", Just("**".to_owned()), "[ab]\\.\\*\\*", "\\{[ab],[ab.]{2}\\}"];
    let rule = (pattern, any::<bool>());
    proptest::collection::vec(rule, 0..8).prop_map(|rules| {
        let numbered = rules.into_iter().enumerate();
        numbered
            .map(|(id, (text, is_filter))| if is_filter { filter(&text, id) } else { output(&text, id) })
            .collect()
    })
}

proptest! {
    #[test]
    fn resolve_is_the_walk_over_the_rules(rules in rules(), tags in proptest::collection::vec("[ab.]{0,5}", 1..40)) {
        let table = RouteTable::new(rules.clone());
        for tag in tags.iter().chain(&tags) {
            prop_assert_eq!(&*table.resolve(tag), &naive(&rules, tag));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn resolve_is_the_walk_after_more_tags_than_are_remembered(rules in rules()) {
        let table = RouteTable::new(rules.clone());
        // Every text over the alphabet up to five characters, twice: several times the bound.
        let mut tags = vec![String::new()];
        for end in [1, 5, 21, 85, 341] {
            let longer: Vec<_> = tags[end / 4..end].iter().flat_map(|tag| ["a", "b", ".", "c"].map(|c| format!("{tag}{c}"))).collect();
            tags.extend(longer);
        }
        prop_assert!(tags.len() > ROUTE_CACHE_TAGS_MAX);
        for tag in tags.iter().chain(&tags) {
            prop_assert_eq!(&*table.resolve(tag), &naive(&rules, tag));
            prop_assert!(cached(&table) <= ROUTE_CACHE_TAGS_MAX);
        }
    }
}
