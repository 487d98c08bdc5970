//! One placeholder, from `${` to `}`.

use super::Placeholder;
use crate::record::PathStep;

/// Parses the placeholder that `text` starts with and returns what stands behind it.
pub(super) fn parse(text: &str) -> Option<(Placeholder, &str)> {
    let text = text.strip_prefix("${")?;
    let end = text.find(|c: char| !c.is_ascii_lowercase() && c != '_')?;
    let (name, mut rest) = text.split_at(end);
    let placeholder = match name {
        "tag" => Placeholder::Tag,
        "tag_parts" if eat(&mut rest, ".last") => Placeholder::TagPart(-1),
        "tag_parts" => Placeholder::TagPart(index(&mut rest)?),
        "tag_prefix" => Placeholder::TagPrefix(index(&mut rest)?),
        "tag_suffix" => Placeholder::TagSuffix(index(&mut rest)?),
        "time" => Placeholder::Time,
        "hostname" => Placeholder::Hostname,
        "record" => Placeholder::Record(path(&mut rest)?),
        _ => return None,
    };
    Some((placeholder, rest.strip_prefix('}')?))
}

/// `[n]`
fn index(rest: &mut &str) -> Option<i64> {
    let number = eat(rest, "[").then(|| number(rest))??;
    eat(rest, "]").then_some(number)
}

/// `["a"][0]` or `.dig("a", 0)`. A record is a map: the first step is a key.
fn path(rest: &mut &str) -> Option<Vec<PathStep>> {
    let mut path = Vec::new();
    if eat(rest, ".dig(") {
        loop {
            path.push(step(rest)?);
            if eat(rest, ")") {
                break;
            }
            eat(rest, ",").then(|| *rest = rest.trim_start_matches(' '))?;
        }
    } else {
        while eat(rest, "[") {
            path.push(step(rest)?);
            eat(rest, "]").then_some(())?;
        }
    }
    matches!(path.first(), Some(PathStep::Key(_))).then_some(path)
}

/// `"a"`, `'a'` or `0`
fn step(rest: &mut &str) -> Option<PathStep> {
    for quote in ["\"", "'"] {
        if eat(rest, quote) {
            let (key, behind) = rest.split_once(quote)?;
            *rest = behind;
            return Some(PathStep::Key(key.to_owned()));
        }
    }
    number(rest).map(PathStep::Index)
}

fn number(rest: &mut &str) -> Option<i64> {
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-')?;
    let (number, behind) = rest.split_at(end);
    *rest = behind;
    number.parse().ok()
}

fn eat(rest: &mut &str, token: &str) -> bool {
    let behind = rest.strip_prefix(token);
    *rest = behind.unwrap_or(rest);
    behind.is_some()
}
