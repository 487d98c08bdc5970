//! Record accessors: how a configuration names a field, possibly deep in a record.

use crate::settings::PathStep;
use crate::values::Advice;

/// `name`, which is one key whatever it contains; or `$.a.b[0]`, or `$['a']['b.c'][0]`.
///
/// # Errors
/// What starts with `$.` or `$[` and does not go on like that.
pub(super) fn parse(text: &str) -> Result<Vec<PathStep>, Advice> {
    if !text.starts_with("$.") && !text.starts_with("$[") {
        return Ok(vec![PathStep::Key(text.to_owned())]);
    }
    let mut steps = Vec::new();
    let mut rest = &text[1..];
    while !rest.is_empty() {
        let (step, behind) = step(rest).ok_or_else(|| {
            Advice::new(format!("`{text}` is no path into a record, from `{rest}` on"))
                .help("write `name`, `$.a.b[0]` or `$['a']['b.c'][0]`")
        })?;
        steps.push(step);
        rest = behind;
    }
    Ok(steps)
}

fn step(rest: &str) -> Option<(PathStep, &str)> {
    if let Some(name) = rest.strip_prefix('.') {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        return (end > 0).then(|| (PathStep::Key(name[..end].to_owned()), &name[end..]));
    }
    let inside = rest.strip_prefix('[')?;
    for quote in ['\'', '"'] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            let end = quoted.find(quote)?;
            let behind = quoted[end + 1..].strip_prefix(']')?;
            return Some((PathStep::Key(quoted[..end].to_owned()), behind));
        }
    }
    let (index, behind) = inside.split_once(']')?;
    Some((PathStep::Index(index.parse().ok()?), behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> PathStep {
        PathStep::Key(name.to_owned())
    }

    #[test]
    fn accessors() {
        for (text, steps) in [
            ("name", vec![key("name")]),
            ("a.b", vec![key("a.b")]),
            ("$name", vec![key("$name")]),
            ("$.a", vec![key("a")]),
            ("$.a.b[0].c", vec![key("a"), key("b"), PathStep::Index(0), key("c")]),
            ("$['a']['b.c'][-1]", vec![key("a"), key("b.c"), PathStep::Index(-1)]),
            ("$[\"a\"]", vec![key("a")]),
        ] {
            assert_eq!(parse(text).unwrap(), steps, "{text}");
        }
        for text in ["$.", "$.a.", "$.a..b", "$[", "$['a", "$['a'", "$[x]", "$['a']b", "$.a[0"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
