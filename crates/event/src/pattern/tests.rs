use proptest::prelude::*;

use super::{PatternError, TagPattern};
use crate::limits::{TAG_PATTERN_BYTES_MAX, TAG_PATTERN_NESTING_MAX};
use crate::ruby_regex::builder;

mod naive;

fn pattern(text: &str) -> TagPattern {
    TagPattern::parse(text).unwrap()
}

/// Pattern, tags it takes, tags it does not: the vectors recorded from Fluentd's own matcher.
const VECTORS: &[(&str, &[&str], &[&str])] = &[
    ("a", &["a"], &["b", "a.b", "ab", ""]),
    ("a.b", &["a.b"], &["axb", "a.b.c"]),
    ("*", &["a", ""], &["a.b"]),
    ("a.*", &["a.b", "a."], &["a", "a.b.c"]),
    ("*.b", &["a.b", ".b"], &["b", "a.c.b"]),
    ("a*", &["a", "ab"], &["ab.c"]),
    ("a*b", &["ab", "axb"], &["a.b"]),
    ("**", &["", "a", "a.b", ".", "a b", "%20"], &[]),
    ("a.**", &["a", "a.b", "a.b.c", "a."], &["ab", "ab.c"]),
    ("**.c", &["c", "a.c", "a.b.c"], &["ac", "a.bc"]),
    ("a.**.c", &["a.c", "a.b.c", "a.b.d.c"], &["ac", "a.bc", "abc"]),
    ("a**", &["a", "ab", "ab.c", "a.b"], &["b"]),
    ("a**c", &["ac", "abc", "a.c", "a.b.c"], &[]),
    ("**.a.**", &["a", "x.a", "a.y", "x.a.y"], &["xa", "x.ay"]),
    ("{a,b}", &["a", "b"], &["c", "a.b"]),
    ("{a,b}.*", &["a.x", "b.y"], &["c.z", "a"]),
    ("a.{b,c.**}", &["a.b", "a.c", "a.c.d"], &["a.b.d", "a"]),
    ("{a.**,b}", &["a", "a.b", "b"], &["b.c"]),
    ("{a,{b,c}}d", &["ad", "bd", "cd"], &["d"]),
    ("a{,.b}", &["a", "a.b"], &[]),
    ("a.{,b}", &["a.", "a.b"], &["a"]),
    ("{a,b", &["a", "b"], &["ab"]),
    ("a}", &["a}"], &["a"]),
    (r"/^a\.b$/", &["a.b"], &["a.b.c"]),
    ("/a/", &["a"], &["ab", "ba"]),
    (r"/(?!a\.).*/", &["b.x"], &["a.b"]),
    ("/a|b/", &["a", "b", "ax", "xb"], &["xbx"]),
    ("a,b", &["a,b"], &["a", "b"]),
    ("a b", &["a", "b"], &["c"]),
    (r"a.\*", &["a.*"], &["a.b"]),
    ("a?", &["a?"], &["a", "ab"]),
    ("!a", &["!a"], &["a", "b"]),
    ("a.", &["a"], &["a."]),
    ("***", &["a", "a.b"], &[]),
];

/// What follows from the rules without standing in the table.
const CONSEQUENCES: &[(&str, &[&str], &[&str])] = &[
    ("", &["", "a", "a.b"], &[]),
    (" \t\r\n", &["", "a"], &[]),
    (" a \t\n b\x0bc ", &["a", "b", "c"], &["", "a b"]),
    ("a", &[], &["a\n", "A", "á"]),
    ("**", &["a\nb"], &[]),
    ("á.*", &["á.é", "á."], &["a.e"]),
    (".", &[""], &["."]),
    ("a..", &["a."], &["a", "a.."]),
    ("a..b", &["a..b"], &["a.b"]),
    ("a..**", &["a.", "a..", "a..b"], &["a", "a.b"]),
    (".**", &["", ".", ".a"], &["a"]),
    ("**b*", &["b", "ab", "bb", "a.ba"], &["bb.", "b.a"]),
    ("a.**x", &["a.x", "a.b.x", "a.bx"], &["ax", "a", "abx"]),
    ("a**.c", &["a.c", "ab.c", "a.b.c"], &["ac", "c", "abc"]),
    ("**.**", &["", "a", "a.b"], &[]),
    ("{a.,b}c", &["a.c", "bc"], &["ac"]),
    ("{a.}", &["a."], &["a"]),
    ("{a.", &["a"], &["a."]),
    ("a.{**,b}", &["a.", "a.b.c"], &["a", "ab"]),
    ("{a}.**", &["a", "a.b"], &["ab"]),
    ("{a,}.**", &["a", "", ".b", "a.b"], &["b"]),
    ("{**.b,c}", &["b", "a.b", "c"], &["ab"]),
    ("x{**.b,c}", &["xa.b", "x.b", "xc"], &["xb"]),
    ("{,x}**.b", &["b", "a.b", "x.b"], &["xb"]),
    ("{}", &[""], &["a", "{}"]),
    ("a{", &["a"], &["a{"]),
    ("a\\", &["a"], &["a\\"]),
    (r"a\.", &["a."], &["a"]),
    (r"\{a\,b\}", &["{a,b}"], &["a", "b"]),
    (r"{a\,b,c}", &["a,b", "c"], &["a", "b"]),
    (r"\**", &["*", "*a"], &["a", "*.a"]),
    ("a.b /c/", &["a.b", "c"], &["a.bc"]),
    (r"/\h+/", &["09af"], &["g"]),
    ("/a/", &[], &["a\n"]),
    (r"/(?<x>[ab])\k<x>/", &["aa", "bb"], &["ab"]),
];

#[test]
fn the_vectors_hold() {
    for (text, takes, refuses) in VECTORS.iter().chain(CONSEQUENCES) {
        for tag in *takes {
            assert!(pattern(text).matches(tag), "{text:?} takes {tag:?}");
        }
        for tag in *refuses {
            assert!(!pattern(text).matches(tag), "{text:?} does not take {tag:?}");
        }
    }
}

#[test]
fn the_text_stays_as_written() {
    assert_eq!(pattern("a  {b,c}.**").as_str(), "a  {b,c}.**");
}

#[test]
fn a_bad_regular_expression_is_named() {
    for text in ["/a", "/", r"/a\s b/", "/(/", "x /[/"] {
        let Err(PatternError::Regex { pattern, .. }) = TagPattern::parse(text) else { panic!("{text}") };
        assert!(text.contains(&pattern), "{pattern} is part of {text}");
    }
}

#[test]
fn size_and_nesting_are_bounded() {
    let nested = |levels: usize| format!("{}a{}", "{".repeat(levels), "}".repeat(levels));
    assert!(pattern(&nested(TAG_PATTERN_NESTING_MAX)).matches("a"));
    let too_deep = TagPattern::parse(&nested(TAG_PATTERN_NESTING_MAX + 1));
    assert!(matches!(too_deep, Err(PatternError::TooComplex(_))));

    let long = "a".repeat(TAG_PATTERN_BYTES_MAX);
    assert!(pattern(&long).matches(&long));
    let error = TagPattern::parse(&format!("{long}a")).unwrap_err().to_string();
    assert!(error.contains("too complex") && error.len() < 300, "{error}");
}

/// Each of these takes longer than the age of the universe with backtracking or expanded braces.
#[test]
fn repeated_wildcards_do_not_explode() {
    let tag = "a.".repeat(1000);
    for unit in ["{**,**}", "**a", "{a,{a,a.}}", "**.", "*{.,}", "{**.,*}", ".**"] {
        let text = unit.repeat(TAG_PATTERN_BYTES_MAX / 4 / unit.len());
        let _ = pattern(&text).matches(&tag);
        assert!(!pattern(&format!("{text}x")).matches(&tag), "{unit}");
    }
}

#[test]
fn a_regular_expression_that_backtracks_too_long_does_not_match() {
    let pattern = pattern(r"/(?:a+(?!c))+/");
    assert!(pattern.matches("aaaa"));
    assert!(!pattern.matches(&format!("{}b", "a".repeat(100))));
}

#[test]
fn what_takes_everything_is_known() {
    for text in ["", " ", "**", "***", "a **", "** a", "**{,a}", "{a,**}", "{a,{b,**}}", "{**,a}*"] {
        assert!(pattern(text).takes_everything(), "{text:?}");
        for tag in ["", "a", ".", "a.b", "b\nc"] {
            assert!(pattern(text).matches(tag), "{text:?} takes {tag:?}");
        }
    }
    for text in ["a", "*", "a.**", "**.a", "**a", "{a,b}", "{**,a}b", ".**", "**.", "/.*/"] {
        assert!(!pattern(text).takes_everything(), "{text:?}");
    }
}

#[test]
fn covering_is_seen_where_it_matters() {
    for (broad, narrow) in [
        ("**", "a"),
        ("**", "/a/"),
        ("", "a b.**"),
        ("a.*", "a.*"),
        ("/a/", "/a/"),
        ("a.**", "a"),
        ("a.**", "a.b"),
        ("a.**", "a.*"),
        ("a.**", "a.**"),
        ("a.**", "a.b.**"),
        ("a.**", "a.{b,c}"),
        ("a.**", "a.**.c"),
        ("a**", "ab*"),
        ("{a,b}.*", "a.x"),
        ("a.** b", "a.c b"),
        ("/a|b/", "ax xb"),
    ] {
        assert!(pattern(broad).covers(&pattern(narrow)), "{broad:?} covers {narrow:?}");
    }
    for (broad, narrow) in [
        ("a", "**"),
        ("a.**", "ab"),
        ("a.**", "ab.**"),
        ("a.**", "a*"),
        ("a.**", "a.b c"),
        ("a.b.**", "a.**"),
        ("/a/", "/b/"),
        ("*", "a.b"),
    ] {
        assert!(!pattern(broad).covers(&pattern(narrow)), "{broad:?} does not cover {narrow:?}");
    }
}

/// The table of equivalent regular expressions.
const EQUIVALENTS: &[(&str, &str)] = &[
    ("a.b", r"a\.b"),
    ("a.*", r"a\.[^.]*"),
    ("a.**", r"a(\..*)?"),
    ("**.c", r"(?:.*\.)?c"),
    ("a.**.c", r"a\.(.*\.)?c"),
    ("a**", r"a.*"),
    ("**.a.**", r"(?:.*\.)?a(\..*)?"),
    ("{a,b}.*", r"(?:a|b)\.[^.]*"),
    ("a.{b,c.**}", r"a\.(?:b|c(\..*)?)"),
    ("a.**x", r"a\..*x"),
];

/// Pieces from which patterns are strung together at random.
fn glob(pieces: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = String> {
    let piece =
        proptest::sample::select(vec!["a", "b", ".", ".", "*", "**", "**.", ".**", "{", ",", "}", "\\*"]);
    proptest::collection::vec(piece, pieces).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_matcher_agrees_with_a_naive_one(
        text in glob(1..9),
        tags in proptest::collection::vec("[ab.*{},]{0,3}|[ab.]{0,6}", 8),
    ) {
        let pattern = pattern(&text);
        for tag in tags {
            prop_assert_eq!(pattern.matches(&tag), naive::matches(&text, &tag), "{:?} on {:?}", text, tag);
        }
    }

    #[test]
    fn covering_is_never_contradicted(
        broad in glob(1..5),
        narrow in glob(1..5),
        tags in proptest::collection::vec("[ab.]{0,6}", 12),
    ) {
        let (broad, narrow) = (pattern(&broad), pattern(&narrow));
        if broad.covers(&narrow) {
            for tag in tags {
                prop_assert!(!narrow.matches(&tag) || broad.matches(&tag), "{:?} {:?} {:?}", broad, narrow, tag);
            }
        }
        if broad.takes_everything() {
            prop_assert!(broad.covers(&narrow) && broad.matches("b.a"));
        }
    }

    #[test]
    fn nothing_makes_parsing_panic(text in "\\PC{0,40}", tag in "\\PC{0,20}") {
        if let Ok(pattern) = TagPattern::parse(&text) {
            let _ = pattern.matches(&tag);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1))]

    #[test]
    fn the_matcher_agrees_with_the_equivalent_expressions(tags in proptest::collection::vec("[abcx.]{0,7}", 4000)) {
        for (text, expression) in EQUIVALENTS {
            let (glob, expected) = (pattern(text), builder(&format!(r"\A(?:{expression})\z")).build().unwrap());
            for tag in &tags {
                prop_assert_eq!(glob.matches(tag), expected.is_match(tag.as_str()).unwrap(), "{} on {:?}", text, tag);
            }
        }
    }
}
