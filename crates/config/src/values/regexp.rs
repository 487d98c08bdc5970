//! Regular expressions as Fluentd writes them, on an engine that knows most of Ruby's syntax.

use fancy_regex::RegexBuilder;
use fluentcast_event::limits::REGEX_BACKTRACK_STEPS_MAX;

use super::Advice;
use crate::settings::Regex;

/// `/pattern/` with the flags `i` and `m` (dot takes a line end), or a bare pattern. Ruby's `^` and `$`
/// are the ends of lines.
///
/// # Errors
/// No final slash, or a pattern the engine rejects.
pub fn regexp(text: &str) -> Result<Regex, Advice> {
    let (pattern, flags) = split(text)?;
    RegexBuilder::new(pattern)
        .oniguruma_mode(true)
        .multi_line(true)
        .case_insensitive(flags.contains('i'))
        .dot_matches_new_line(flags.contains('m'))
        .backtrack_limit(REGEX_BACKTRACK_STEPS_MAX)
        .build()
        .map(Regex)
        .map_err(|error| {
            Advice::new(format!("invalid regular expression: {error}"))
                .help("Ruby's syntax, as far as the engine knows it; a slash inside needs no backslash")
        })
}

/// The pattern and its flags. The final slash must stand within the last three characters, so that flags
/// fit behind it.
fn split(text: &str) -> Result<(&str, &str), Advice> {
    if !text.starts_with('/') {
        return Ok((text, ""));
    }
    let slash = text.rfind('/').unwrap_or(0);
    let flags = &text[slash + 1..];
    // Fluentd takes `/a` as the empty pattern with the flag `a`: never meant.
    if slash == 0 || flags.chars().count() > 2 {
        return Err(Advice::new(format!("invalid regexp: missing right slash: {text}"))
            .help("write `/pattern/`, `/pattern/i`, or the pattern without slashes"));
    }
    Ok((&text[1..slash], flags))
}
