//! What of a configuration's text must never be shown: the values of secrets.
//!
//! A mistake is shown with the line it stands on, and a misspelt `token` stands on the line of the secret.
//! So this looks at lines as they are written, whether they make sense or not: whatever follows a word that
//! is the name of a secret, or could be meant as one, is not shown.

use std::ops::Range;

use crate::parameters::{Kind, SECTIONS};

/// Stands where a secret stood, however long that was.
pub(crate) const MASK: &str = "xxxxxx";

/// Parts of names that secrets have, here or elsewhere.
const PARTS: [&str; 10] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "shared_key",
    "api_key",
    "apikey",
    "private_key",
    "credential",
];

/// Ends of names that name a place where a secret is, not the secret.
const PLACES: [&str; 3] = ["_file", "_path", "_key_name"];

/// A word of that many letters may be the beginning of a secret's name, cut short.
const CUT_SHORT_CHARS_MIN: usize = 4;

/// Slips of the fingers that still leave the name of a secret.
const SLIPS_MAX: usize = 2;

/// A value shorter than this is not looked for in messages: no secret is, and it would stand in many words.
const VALUE_CHARS_MIN: usize = 3;

/// The secrets in a text.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    /// Bytes of the text, in order; none goes beyond its line.
    ranges: Vec<Range<usize>>,
    /// The texts that stand there.
    values: Vec<String>,
}

/// What goes on beyond the end of a line.
enum Open {
    /// A quoted value.
    Quote(char),
    /// A block that is indented more than this.
    Block(usize),
}

impl Secrets {
    /// Finds them.
    pub(crate) fn of(text: &str) -> Self {
        let mut secrets = Self::default();
        let mut open = None;
        let mut start = 0;
        for line in text.split_inclusive(['\n', '\r']) {
            let bare = line.trim_end_matches(['\n', '\r']);
            open = secrets.line(bare, start, open);
            start += line.len();
        }
        secrets.values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        secrets.values.dedup();
        secrets
    }

    /// Looks at one line, which starts at byte `start`; returns what is open at its end.
    fn line(&mut self, line: &str, start: usize, open: Option<Open>) -> Option<Open> {
        let indent = line.len() - line.trim_start().len();
        match open {
            Some(Open::Quote(quote)) => {
                self.add(line, start, indent);
                return if closes(line, quote) { None } else { Some(Open::Quote(quote)) };
            }
            Some(Open::Block(block)) if line.trim().is_empty() || indent > block => {
                self.add(line, start, indent);
                return Some(Open::Block(block));
            }
            _ => {}
        }
        let value_at = value_of_secret(line)?;
        let value = &line[value_at..];
        self.add(line, start, value_at);
        match value.chars().next() {
            Some(quote @ ('"' | '\'')) if !closes(&value[1..], quote) => Some(Open::Quote(quote)),
            None | Some('|' | '>') => Some(Open::Block(indent)),
            _ => None,
        }
    }

    fn add(&mut self, line: &str, start: usize, from: usize) {
        let value = line[from..].trim_end();
        if value.is_empty() || is_from_environment(value) {
            return;
        }
        self.ranges.push(start + from..start + from + value.len());
        let bare =
            |text: &str| text.trim_matches(|c: char| c.is_whitespace() || "\"'`,{}[]".contains(c)).to_owned();
        let before_comment = value.split(" #").next().unwrap_or_default();
        for value in [bare(value), bare(before_comment)] {
            if value.chars().count() >= VALUE_CHARS_MIN && !self.values.contains(&value) {
                self.values.push(value);
            }
        }
    }

    /// A line that starts at byte `start`, and a part of it, without secrets.
    pub(crate) fn mask_line(
        &self,
        line: &str,
        start: usize,
        columns: Range<usize>,
    ) -> (String, Range<usize>) {
        let first = self.ranges.partition_point(|range| range.end <= start);
        let Some(range) = self.ranges.get(first).filter(|range| range.start < start + line.len()) else {
            return (line.to_owned(), columns);
        };
        let (from, to) = (range.start - start, (range.end - start).min(line.len()));
        let moved = |at: usize| match at {
            at if at <= from => at,
            at if at < to => from,
            at => at - to + from + MASK.len(),
        };
        let masked = format!("{}{MASK}{}", &line[..from], &line[to..]);
        // What covers the value, or ends in it, covers all of what stands there now.
        let end =
            if columns.end > from && columns.end <= to { from + MASK.len() } else { moved(columns.end) };
        (masked, moved(columns.start)..end.max(moved(columns.start)))
    }

    /// A message without the secrets of the text.
    pub(crate) fn mask_message(&self, message: &str) -> String {
        let mut masked = message.to_owned();
        for value in self.values.iter().filter(|value| message.contains(value.as_str())) {
            masked = masked.replace(value, MASK);
        }
        masked
    }
}

/// Whether the value is nothing, or says in which variable of the environment the secret is.
fn is_from_environment(value: &str) -> bool {
    let Some(inside) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value == "''";
    };
    let Some(code) = inside.strip_prefix("#{ENV").and_then(|code| code.strip_suffix('}')) else {
        return inside.is_empty();
    };
    let around = [("['", "']"), ("[\"", "\"]"), (".fetch('", "')"), (".fetch(\"", "\")")];
    around.into_iter().any(|(before, after)| {
        let name = code.strip_prefix(before).and_then(|code| code.strip_suffix(after));
        name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
    })
}

/// Whether the quote ends in this text.
fn closes(text: &str, quote: char) -> bool {
    let mut escaped = false;
    text.chars().any(|c| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })
}

/// Where on the line the value of a secret begins; the end of the line when it is empty.
fn value_of_secret(line: &str) -> Option<usize> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '@' | '$');
    let is_section = line.trim_start().starts_with('<');
    let mut is_first = !is_section;
    let mut at = 0;
    while let Some(offset) = line[at..].find(is_word) {
        let from = at + offset;
        let to = line[from..].find(|c| !is_word(c)).map_or(line.len(), |length| from + length);
        at = to;
        let rest = line[to..].trim_start_matches(['"', '\'']);
        let value = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '=' | '>'));
        let separators = rest[..rest.len() - value.len()].trim();
        let is_assigned = separators.starts_with([':', '=']);
        let is_separated = rest.len() > value.len() || value.is_empty();
        // What is a key by its place may be misspelt; elsewhere on a line the word itself must be there.
        let is_meant = is_secret_part(&line[from..to])
            || ((is_first || is_assigned) && is_nearly_secret(&line[from..to]));
        let is_key = if is_section { is_assigned } else { is_separated };
        // `- ` in YAML is no word of its own.
        is_first &= line[from..to].trim_matches('-').is_empty();
        if is_key && is_meant && (!value.is_empty() || is_assigned) {
            return Some(line.len() - value.len());
        }
    }
    None
}

fn is_secret_part(word: &str) -> bool {
    let word = word.trim_start_matches(['@', '$']).to_lowercase();
    PARTS.iter().any(|part| word.contains(part))
        && !PLACES.iter().any(|end| word.ends_with(end))
        && kind_of(&word).is_none_or(|kind| kind == Kind::Secret)
}

fn is_nearly_secret(word: &str) -> bool {
    let word = word.trim_start_matches(['@', '$']).to_lowercase();
    if let Some(kind) = kind_of(&word) {
        return kind == Kind::Secret;
    }
    let length = word.chars().count();
    let near = |name: &str| {
        if length >= CUT_SHORT_CHARS_MIN && name.starts_with(&word) {
            return true;
        }
        length.abs_diff(name.chars().count()) <= SLIPS_MAX
            && strsim::damerau_levenshtein(&word, name) <= SLIPS_MAX
    };
    !PLACES.iter().any(|end| word.ends_with(end))
        && PARTS.into_iter().chain(rows().filter(|row| row.1 == Kind::Secret).map(|row| row.0)).any(near)
}

/// The kind of the parameter of that name; secret, if any of several is.
fn kind_of(word: &str) -> Option<Kind> {
    let mut kinds = rows().filter(|(name, _)| *name == word).map(|(_, kind)| kind);
    let first = kinds.next()?;
    Some(if kinds.any(|kind| kind == Kind::Secret) { Kind::Secret } else { first })
}

fn rows() -> impl Iterator<Item = (&'static str, Kind)> {
    let parameters = SECTIONS.iter().flat_map(|section| section.parameters);
    parameters.flat_map(|row| row.aliases.iter().chain([&row.name]).map(|name| (*name, row.kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let secrets = Secrets::of(text);
        let mut start = 0;
        let lines = text.split_inclusive('\n').map(|line| {
            let masked = secrets.mask_line(line.trim_end(), start, 0..0).0;
            start += line.len();
            masked
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn whatever_could_be_meant_as_a_secret_is_masked() {
        for text in [
            "  token hunter2",
            "token=hunter2",
            "token = hunter2",
            "token: hunter2",
            "tokn hunter2",
            "Tokens \"hunter2\"",
            "otken hunter2 # why",
            "  toke 'hunter2",
            "$token hunter2",
            "shared_key hunter2",
            "shared_kye hunter2",
            "shared hunter2",
            "pass hunter2",
            "- \"password\": \"hunter2\"",
            "private_key_passphrase hunter2",
            "private_key_pasphrase hunter2",
            "sharedkey hunter2",
            "my_password hunter2",
            "@type websocket token hunter2",
            "# token hunter2",
            "- {port: 1, token: hunter2, x: y}",
            "\"token\": \"hunter2\", \"port\": 70000",
            "token => hunter2",
            "<match token=hunter2>",
            "token \"#{ENV['X'] || 'hunter2'}\"",
            "token \"#{'hunter2'}\"",
            "token \"a\n  hunter2\n end\" x",
            "token: |\n  hunter2\n\n  more hunter2\nport: 1",
            "token:\n  hunter2",
            "token \"a\\\" hunter2",
        ] {
            assert!(!masked(text).contains("hunter2"), "{text}: {}", masked(text));
            assert!(masked(text).contains(MASK), "{text}: {}", masked(text));
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for text in [
            "port 8080",
            "  tag token.**",
            "<match token.**>",
            "<token>",
            "token_file /run/secret",
            "private_key_path /run/key.pem",
            "self_hostname token.example",
            "username hunter2",
            "type forward",
            "name the-token",
            "key x",
            "token \"#{ENV['WATCH_TOKEN']}\"",
            "token \"#{ENV.fetch('WATCH_TOKEN')}\"",
            "token \"\"",
            "token",
        ] {
            assert_eq!(masked(text), text);
        }
        assert_eq!(masked("token \"a\"\nport 1"), "token xxxxxx\nport 1");
        assert_eq!(masked("token:\nport: 1"), "token:\nport: 1");
    }

    #[test]
    fn the_place_stays_on_the_line_and_the_length_is_not_told() {
        let line = "  tokn a-long-secret-value";
        let secrets = Secrets::of(line);
        assert_eq!(secrets.mask_line(line, 0, 2..6), ("  tokn xxxxxx".to_owned(), 2..6));
        assert_eq!(secrets.mask_line(line, 0, 7..26), ("  tokn xxxxxx".to_owned(), 7..13));
        assert_eq!(secrets.mask_line(line, 0, 10..11), ("  tokn xxxxxx".to_owned(), 7..13));
        assert_eq!(secrets.mask_line(line, 0, 26..26), ("  tokn xxxxxx".to_owned(), 13..13));
        assert_eq!(secrets.mask_message("`a-long-secret-value` is no type"), "`xxxxxx` is no type");
    }
}
