//! Regular expressions as configurations write them: in Ruby's syntax, as far as the engine knows it.
//!
//! One place sets the engine up, so that the same text means the same in a tag pattern and in a filter.
//! An expression must never take unbounded time or memory, whatever it is matched against.

use fancy_regex::{Regex, RegexBuilder};

use crate::limits::{REGEX_BACKTRACKS_MAX, REGEX_STEPS_MAX};

/// Compiles the text between the slashes of a `/regex/`.
///
/// Ruby's rules where they differ from Rust's: `^` and `$` stand at every line (`\A` and `\z` at the
/// ends), `\h` is a hexadecimal digit, and look-around, back-references, possessive quantifiers and
/// `(?<name>...)` work. An expression that needs backtracking gives up, with an error, after
/// [`REGEX_BACKTRACKS_MAX`] steps back; all others take linear time.
///
/// # Errors
/// What the engine has against the expression.
pub fn compile(expression: &str) -> Result<Regex, fancy_regex::Error> {
    RegexBuilder::new(expression)
        .oniguruma_mode(true)
        .multi_line(true)
        .backtrack_limit(REGEX_BACKTRACKS_MAX)
        .max_prog_size(REGEX_STEPS_MAX)
        .build()
}

#[cfg(test)]
mod tests {
    use super::compile;

    fn is_match(expression: &str, text: &str) -> bool {
        compile(expression).unwrap().is_match(text).unwrap()
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
        let regex = compile(r"\A(?:a+(?!c))+\z").unwrap();
        assert!(regex.is_match("a".repeat(200).as_str()).unwrap());
        assert!(regex.is_match(format!("{}b", "a".repeat(200)).as_str()).is_err());
    }

    #[test]
    fn an_expression_that_grows_without_bound_is_refused() {
        assert!(compile(r"((((a{1000}){1000}){1000}){1000}){1000}").is_err());
        assert!(compile(r"(?<x>a|b\g<x>\g<x>\g<x>\g<x>\g<x>\g<x>\g<x>\g<x>)").is_err());
        assert!(compile("(").is_err());
    }
}
