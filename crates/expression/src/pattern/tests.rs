use proptest::prelude::*;

use super::*;

fn is_match(expression: &str, text: &str) -> bool {
    let pattern = Pattern::new(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    pattern.is_match(text.as_bytes(), &mut Steps::new()).unwrap()
}

#[test]
fn classes_are_those_of_re2() {
    for (expression, yes, no) in [
        (r"^\w+$", "aZ_09", "ä"),
        (r"^\W$", "ä", "a"),
        (r"^\d$", "7", "٣"),
        (r"^\D$", "٣", "7"),
        (r"^\s$", "\t", "\u{b}"),
        (r"^\s$", " ", "\u{a0}"),
        (r"^\S$", "\u{a0}", "\n"),
        (r"^[\w-]+$", "a-b", "ä-b"),
        (r"^[^\w]$", "ä", "a"),
        (r"^[\W\d]+$", "ä7", "a"),
        (r"^[^\D]$", "7", "٣"),
        (r"\bfoo\b", "a foo.", "afoo"),
        (r"\bfoo", "äfoo", "_foo"),
        (r"a\Bb", "ab", "a b"),
        (r"(?x) ^ a \s b $", "a b", "ab"),
        (r"(?i)^ERR\w", "error", "er"),
        (r"(?s)^a.b$", "a\nb", "ab"),
        (r"^a.b$", "aäb", "a\nb"),
        (r"(?m)^b$", "a\nb\nc", "abc"),
        (r"^\pL{2}$", "äö", "a1"),
        (r"^[[:alpha:]]$", "a", "ä"),
        (r"^(?:a|b)+?$", "abab", "abc"),
        (r"^\\w$", r"\w", "a"),
        (r"^\x41\.\t$", "A.\t", "A,\t"),
        ("^ä$", "ä", "a"),
    ] {
        assert!(is_match(expression, yes), "{expression} {yes:?}");
        assert!(!is_match(expression, no), "{expression} {no:?}");
    }
}

#[test]
fn bytes_that_are_no_utf8_do_not_stop_a_match() {
    let pattern = Pattern::new(r"^.b|c\b").unwrap();
    let is_match = |text: &[u8]| pattern.is_match(text, &mut Steps::new());
    assert_eq!(is_match(b"\xffc\xff"), Ok(true));
    assert_eq!(is_match(b"\xffb"), Ok(false));
}

#[test]
fn what_would_grow_without_bound_is_refused() {
    for expression in [
        "(a{1000}){1000}",
        "a{1000}{1000}{1000}{1000}{1000}",
        "(a?){1000}{1000}",
        r"(?i)(\pL{1000}){1000}",
        r"\pL{50}",
        &r"\pL".repeat(17),
        &r"(?i)[[^a]]".repeat(17),
        &"[\u{80}-\u{ffff}]".repeat(17),
        &format!("{}a{}", "(".repeat(60), ")".repeat(60)),
        &format!("{}a{}", "[".repeat(60), "]".repeat(60)),
        "(?=a)",
        r"(a)\1",
        "(",
        "[z-a]",
        "a**{",
        r"\p{Nope}",
        r"\8",
    ] {
        assert!(Pattern::new(expression).is_err(), "{expression}");
    }
    for expression in
        [&"(){1000}".repeat(6), "(((|){1000}){1000}){1000}", r"(\b){1000}{1000}", &r"\w".repeat(300)]
    {
        assert!(Pattern::new(expression).is_ok(), "{expression}");
    }
}

/// Letters that no pattern of states can be foretold from.
fn noise(letters: &[u8], len: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        letters[usize::try_from(state % letters.len() as u64).unwrap()]
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[test]
fn the_worst_expression_costs_no_more_than_its_steps() {
    // 2^100 states if all were built: the automaton must give up.
    let pattern = Pattern::new("[ab]*a[ab]{100}c").unwrap();
    let cost = |text: &[u8]| {
        let mut steps = Steps::new();
        (pattern.is_match(text, &mut steps), steps.spent())
    };
    let mut text = noise(b"ab", 2_000);
    assert_eq!(cost(&text).0, Ok(false));
    text.push(b'c');
    let expected = text[1_899] == b'a';
    let (found, steps) = cost(&text);
    assert_eq!(found, Ok(expected));
    assert!(steps > 100 * text.len(), "the simulation was paid for: {steps}");
    let (found, steps) = cost(&noise(b"ab", 50_000));
    assert_eq!(found, Err(Fault::OverBudget));
    assert!(steps <= 50_000 * 2, "refused before the simulation began: {steps}");
    // A usual one reads long texts.
    let usual = Pattern::new(r"timeout|refused|\d{1,3}(\.\d{1,3}){3}").unwrap();
    assert_eq!(usual.is_match(&noise(b"abcde ", 100_000), &mut Steps::new()), Ok(false));
    assert_eq!(usual.is_match(&noise(b"ab", 1_000_000), &mut Steps::new()), Err(Fault::OverBudget));
}

proptest! {
    /// Automaton and simulation are two ways to one answer.
    #[test]
    fn giving_up_changes_no_answer(text in "[ab]{0,40}", length in 0usize..12) {
        let pattern = Pattern::new(&format!("a[ab]{{{length}}}b")).unwrap();
        let bytes = text.as_bytes();
        let expected = (0..bytes.len()).any(|start| bytes[start] == b'a' && bytes.get(start + length + 1) == Some(&b'b'));
        prop_assert_eq!(pattern.is_match(bytes, &mut Steps::new()), Ok(expected));
        let simulated = pattern.simulation.is_match(&mut pattern.simulation.create_cache(), Input::new(bytes));
        prop_assert_eq!(simulated, expected);
    }

    #[test]
    fn any_text_is_a_pattern_or_a_mistake(expression: String, text: Vec<u8>) {
        if let Ok(pattern) = Pattern::new(&expression) {
            let _ = pattern.is_match(&text, &mut Steps::new());
        }
    }

    #[test]
    fn any_pieces_are_a_pattern_or_a_mistake(
        pieces in prop::collection::vec(prop::sample::select(vec![
            r"\w", r"\W", r"[", "]", "^", "-", "a", r"\b", r"\B", "(", ")", "|", "*", "+", "{2,3}", "(?i)", "(?x)", r"\pL", "&&", "ä", "[:^alpha:]", r"\b{start}", "(?-u)", " ", "#",
        ]), 0..16),
        text in "[aäw -]{0,12}",
    ) {
        if let Ok(pattern) = Pattern::new(&pieces.concat()) {
            let _ = pattern.is_match(text.as_bytes(), &mut Steps::new());
        }
    }
}
