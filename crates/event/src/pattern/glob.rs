//! One glob: parsed once, matched in time linear in its size times the tag's length.
//!
//! Matching never backtracks. It carries the set of all places in the tag that the pattern can have
//! reached, and each part of the pattern is visited once and turns that set into the next one.

use crate::limits::TAG_PATTERN_NESTING_MAX;

/// A compiled glob over the whole tag.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Glob {
    /// The text every matching tag starts with: most tags fail here, and most patterns are little more.
    head: String,
    /// What must follow it.
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// This text.
    Literal(String),
    /// `*`: any text without a dot.
    Word,
    /// `**`: any text.
    Text,
    /// `**.`: any text that ends in a dot; nothing, at the start of the tag.
    Parents,
    /// The dot before a `**`: takes nothing, but the tag ends here or a dot follows.
    Boundary,
    /// `{a,b}`.
    OneOf(Vec<Vec<Part>>),
}

impl Glob {
    /// Compiles a glob; `None` when its braces are nested too deep.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = Parser { rest: text, nesting: 0 }.sequence()?;
        let head = match parts.first_mut() {
            Some(Part::Literal(text)) => std::mem::take(text),
            _ => String::new(),
        };
        if !head.is_empty() {
            parts.remove(0);
        }
        Some(Self { head, parts })
    }

    /// Whether the whole tag matches.
    pub(super) fn matches(&self, tag: &str) -> bool {
        let Some(rest) = tag.strip_prefix(self.head.as_str()) else { return false };
        match self.parts.as_slice() {
            [] => rest.is_empty(),
            [Part::Text] => true,
            [Part::Boundary, Part::Text] => rest.is_empty() || rest.starts_with('.'),
            parts => advance(parts, tag.as_bytes(), vec![self.head.len()]).last() == Some(&tag.len()),
        }
    }

    /// The only tag this takes, if there are no wildcards.
    pub(super) fn literal(&self) -> Option<&str> {
        self.parts.is_empty().then_some(self.head.as_str())
    }

    /// True when this provably takes every tag.
    pub(super) fn takes_everything(&self) -> bool {
        self.head.is_empty() && takes_any_text(&self.parts)
    }

    /// True when this provably takes whatever `other` takes.
    pub(super) fn covers(&self, other: &Self) -> bool {
        if self == other || self.takes_everything() {
            return true;
        }
        let Some(below) = other.head.strip_prefix(self.head.as_str()) else { return false };
        match self.parts.as_slice() {
            [Part::Text] => true,
            [Part::Boundary, Part::Text] => {
                below.starts_with('.') || below.is_empty() && other.parts.first() == Some(&Part::Boundary)
            }
            _ => false,
        }
    }
}

/// Sound, not complete: one part takes any text and all the others can take nothing.
fn takes_any_text(parts: &[Part]) -> bool {
    let any_text = |part: &Part| match part {
        Part::Text => true,
        Part::OneOf(branches) => branches.iter().any(|branch| takes_any_text(branch)),
        _ => false,
    };
    parts.iter().any(any_text) && can_be_empty(parts)
}

/// True when the parts match nothing at all, wherever they stand.
fn can_be_empty(parts: &[Part]) -> bool {
    parts.iter().all(|part| match part {
        Part::Word | Part::Text => true,
        Part::OneOf(branches) => branches.iter().any(|branch| can_be_empty(branch)),
        Part::Literal(_) | Part::Parents | Part::Boundary => false,
    })
}

/// Where in the tag the parts can have got to, when they start at any of the places `at`. Places are
/// byte offsets, rising.
fn advance(parts: &[Part], tag: &[u8], mut at: Vec<usize>) -> Vec<usize> {
    for part in parts {
        let Some(&first) = at.first() else { break };
        at = match part {
            Part::Literal(text) => {
                at.retain(|&place| tag[place..].starts_with(text.as_bytes()));
                at.into_iter().map(|place| place + text.len()).collect()
            }
            Part::Word => words(tag, &at),
            Part::Text => (first..=tag.len()).collect(),
            Part::Parents => {
                let behind_dots = (first..tag.len()).filter(|&place| tag[place] == b'.').map(|dot| dot + 1);
                (first == 0).then_some(0).into_iter().chain(behind_dots).collect()
            }
            Part::Boundary => {
                at.retain(|&place| matches!(tag.get(place), None | Some(b'.')));
                at
            }
            Part::OneOf(branches) => branches
                .iter()
                .map(|branch| advance(branch, tag, at.clone()))
                .reduce(|left, right| union(&left, &right))
                .unwrap_or_default(),
        };
    }
    at
}

/// Every place in `at`, and from each on all places up to the next dot.
fn words(tag: &[u8], at: &[usize]) -> Vec<usize> {
    let mut reached = Vec::new();
    for &start in at {
        // What an earlier word reached, it has followed to the next dot already.
        if reached.last().is_some_and(|&last| start <= last) {
            continue;
        }
        let end = tag[start..].iter().position(|&byte| byte == b'.').map_or(tag.len(), |dot| start + dot);
        reached.extend(start..=end);
    }
    reached
}

/// Merges two rising lists, once each.
fn union(left: &[usize], right: &[usize]) -> Vec<usize> {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    let mut merged = Vec::new();
    while let Some(&&place) = [left.peek(), right.peek()].into_iter().flatten().min() {
        left.next_if(|&&next| next == place);
        right.next_if(|&&next| next == place);
        merged.push(place);
    }
    merged
}

struct Parser<'a> {
    rest: &'a str,
    nesting: usize,
}

impl Parser<'_> {
    /// Parses up to the end of the pattern, or of one alternative inside braces (whose `,` or `}` is
    /// left standing). `None` when nested too deep.
    fn sequence(&mut self) -> Option<Vec<Part>> {
        let mut parts = Vec::new();
        // A dot is held back until it is known what follows it: it means something else before `**`,
        // and nothing at the end of the pattern.
        let mut dot = false;
        while let Some(next) = self.rest.chars().next() {
            if let Some(rest) = self.rest.strip_prefix("**") {
                if std::mem::take(&mut dot) {
                    parts.push(Part::Boundary);
                }
                parts.push(if rest.starts_with('.') { Part::Parents } else { Part::Text });
                self.rest = rest.strip_prefix('.').unwrap_or(rest);
                continue;
            }
            if std::mem::take(&mut dot) {
                push_char(&mut parts, '.');
            }
            if self.nesting > 0 && matches!(next, ',' | '}') {
                break;
            }
            self.rest = &self.rest[next.len_utf8()..];
            match next {
                '.' => dot = true,
                '*' => parts.push(Part::Word),
                '{' => parts.push(self.alternatives()?),
                '\\' => {
                    let mut chars = self.rest.chars();
                    if let Some(escaped) = chars.next() {
                        push_char(&mut parts, escaped);
                    }
                    self.rest = chars.as_str();
                }
                other => push_char(&mut parts, other),
            }
        }
        Some(parts)
    }

    /// Parses what follows a `{`, to its `}` or the end of the pattern.
    fn alternatives(&mut self) -> Option<Part> {
        if self.nesting == TAG_PATTERN_NESTING_MAX {
            return None;
        }
        self.nesting += 1;
        let mut branches = vec![self.sequence()?];
        while let Some(rest) = self.rest.strip_prefix(',') {
            self.rest = rest;
            branches.push(self.sequence()?);
        }
        self.rest = self.rest.strip_prefix('}').unwrap_or(self.rest);
        self.nesting -= 1;
        Some(Part::OneOf(branches))
    }
}

/// Appends one literal character, to the text before it if there is one.
fn push_char(parts: &mut Vec<Part>, character: char) {
    match parts.last_mut() {
        Some(Part::Literal(text)) => text.push(character),
        _ => parts.push(Part::Literal(character.into())),
    }
}
