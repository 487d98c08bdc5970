//! A matcher that shares no idea with the real one: braces are expanded as text, then each text is
//! matched by trying everything. Exponential, which is why it is not the real one.

/// Whether one glob takes the tag.
pub(super) fn matches(glob: &str, tag: &str) -> bool {
    expand(&with_plain_dots_escaped(glob)).iter().any(|flat| takes(flat.as_bytes(), tag.as_bytes(), 0))
}

/// Escapes each dot that is only a dot, so that expanding braces cannot put it in front of a `**`;
/// drops one at the very end.
fn with_plain_dots_escaped(glob: &str) -> String {
    let mut out = String::new();
    let mut rest = glob;
    while !rest.is_empty() {
        let taken = ["\\.", "\\*", "\\{", "\\}", "\\,", "**.", "**", ".**.", ".**"]
            .into_iter()
            .find(|unit| rest.starts_with(unit))
            .or_else(|| rest.starts_with('.').then_some("."))
            .unwrap_or(&rest[..1]);
        match taken {
            "." if rest == "." => {}
            "." => out.push_str("\\."),
            // Marked, so that expanding `{**,x}.b` does not make it one.
            "**." => out.push('P'),
            "**" => out.push('T'),
            ".**." => out.push_str("BP"),
            ".**" => out.push_str("BT"),
            other => out.push_str(other),
        }
        rest = &rest[taken.len()..];
    }
    out
}

/// Expands the first (outermost) pair of braces, then the rest.
fn expand(text: &str) -> Vec<String> {
    let (mut depth, mut start, mut cuts, mut escaped) = (0, 0, Vec::new(), false);
    let mut end = text.len();
    for (place, c) in text.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '\\' => escaped = true,
            '{' => {
                depth += 1;
                if depth == 1 {
                    start = place;
                    cuts.push(place);
                }
            }
            ',' if depth == 1 => cuts.push(place),
            '}' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    end = place;
                    break;
                }
            }
            _ => {}
        }
    }
    if cuts.is_empty() {
        return vec![text.to_owned()];
    }
    let tail = text.get(end + 1..).unwrap_or("");
    cuts.push(end);
    let bodies = cuts.windows(2).flat_map(|cut| expand(&text[cut[0] + 1..cut[1]]));
    bodies
        .flat_map(|body| expand(tail).into_iter().map(move |tail| format!("{}{body}{tail}", &text[..start])))
        .collect()
}

/// Tries everything.
fn takes(flat: &[u8], tag: &[u8], at: usize) -> bool {
    let Some((&first, rest)) = flat.split_first() else { return at == tag.len() };
    let mut ends = at..=tag.len();
    match first {
        b'\\' if rest.is_empty() => takes(rest, tag, at),
        b'\\' => tag.get(at) == Some(&rest[0]) && takes(&rest[1..], tag, at + 1),
        b'T' => ends.any(|end| takes(rest, tag, end)),
        b'*' => ends.any(|end| !tag[at..end].contains(&b'.') && takes(rest, tag, end)),
        b'P' => ends.any(|end| (end == 0 || end > at && tag[end - 1] == b'.') && takes(rest, tag, end)),
        b'B' => tag.get(at).is_none_or(|&next| next == b'.') && takes(rest, tag, at),
        literal => tag.get(at) == Some(&literal) && takes(rest, tag, at + 1),
    }
}
