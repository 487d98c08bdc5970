//! Regular expressions as configurations write them: in Ruby's syntax, as far as the engine knows it.
//!
//! One place sets the engine up, so that the same text means the same in a tag pattern and in a filter.
//! An expression must never take unbounded time or memory, whatever it is matched against.

use fancy_regex::RegexBuilder;

use crate::limits::{REGEX_BACKTRACK_STEPS_MAX, REGEX_PROGRAM_STEPS_MAX};

/// The engine, set up for the text between the slashes of a `/regex/`. Flags behind the slashes are the
/// caller's to add: `i` is `case_insensitive`, `m` is `dot_matches_new_line`.
///
/// Ruby's rules where they differ from Rust's: `^` and `$` stand at every line (`\A` and `\z` at the
/// ends), `\h` is a hexadecimal digit, and look-around, back-references, possessive quantifiers and
/// `(?<name>...)` work. Inside the expression `(?m)` and `(?s)` keep Rust's meaning. An expression that
/// needs backtracking gives up, with an error, after [`REGEX_BACKTRACK_STEPS_MAX`] steps; all others take
/// linear time.
#[must_use]
pub fn builder(expression: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(expression);
    builder
        .oniguruma_mode(true)
        .multi_line(true)
        .backtrack_limit(REGEX_BACKTRACK_STEPS_MAX)
        .max_prog_size(REGEX_PROGRAM_STEPS_MAX);
    builder
}

#[cfg(test)]
mod tests {
    use super::builder;

    fn is_match(expression: &str, text: &str) -> bool {
        builder(expression).build().unwrap().is_match(text).unwrap()
    }

    #[test]
    fn rubys_syntax_is_understood() {
        assert!(is_match(r"\A\h+\z", "09afAF"));
        assert!(!is_match(r"\A\h+\z", "0g"));
        assert!(is_match(r"\A(?<first>a)\k<first>\z", "aa"));
        assert!(is_match(r"\A(?!b)\w++\z", "abc"));
        assert!(is_match(r"(?<=a)b", "ab"));
        assert!(!is_match(r"(?<!a)b", "ab"));
        assert!(is_match(r"(?i)HELLO", "hello"));
        assert!(is_match(r"\A[[:alpha:]]+\Z", "abc\n"));
        assert!(is_match(r"\<b\>", "<b>"));
    }

    #[test]
    fn line_anchors_stand_at_every_line() {
        assert!(is_match("^b$", "a\nb\nc"));
        assert!(!is_match(r"\Ab\z", "a\nb\nc"));
        assert!(!is_match("a.b", "a\nb"), "the dot stops at the end of a line");
    }

    #[test]
    fn catastrophic_backtracking_ends_in_an_error() {
        let regex = builder(r"\A(?:a+(?!c))+\z").build().unwrap();
        assert!(regex.is_match("a".repeat(200).as_str()).unwrap());
        assert!(regex.is_match(format!("{}b", "a".repeat(200)).as_str()).is_err());
    }

    #[test]
    fn an_expression_that_grows_without_bound_is_refused() {
        assert!(builder(r"((((a{1000}){1000}){1000}){1000}){1000}").build().is_err());
        assert!(builder(r"(?<x>a|b\g<x>\g<x>\g<x>\g<x>\g<x>\g<x>\g<x>\g<x>)").build().is_err());
        assert!(builder("(").build().is_err());
    }
}
