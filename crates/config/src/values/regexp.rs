//! Regular expressions as Fluentd writes them, on an engine that knows most of Ruby's syntax.

use fluentcast_event::ruby_regex;

use super::Advice;
use crate::settings::Regex;

/// `/pattern/` with the flags `i` and `m` (dot takes a line end), or a bare pattern. Ruby's `^` and `$`
/// are the ends of lines.
///
/// # Errors
/// No final slash, or a pattern the engine rejects.
pub fn regexp(text: &str) -> Result<Regex, Advice> {
    let (pattern, flags) = split(text)?;
    let mut builder = ruby_regex::builder(pattern);
    builder.case_insensitive(flags.contains('i')).dot_matches_new_line(flags.contains('m'));
    builder.build().map(Regex).map_err(|error| {
        Advice::new(format!("invalid regular expression: {error}"))
            .help("it is read as Ruby would, as far as the engine knows Ruby's syntax")
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
