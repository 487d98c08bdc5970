//! Filling in the placeholders of a template with one event.

use std::borrow::Cow;
use std::ops::Range;

use fluentcast_event::template::{Piece, Placeholder, Template, Text};
use fluentcast_event::{Event, EventTime, msgpack, record};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A tag and its parts, as Ruby splits it: dots at the end make no empty parts.
pub(super) struct TagParts<'a> {
    tag: &'a str,
    parts: Vec<Range<usize>>,
}

impl<'a> TagParts<'a> {
    pub(super) fn new(tag: &'a str) -> Self {
        let trimmed = tag.trim_end_matches('.');
        let mut parts = Vec::new();
        let mut start = 0;
        if !trimmed.is_empty() {
            for part in trimmed.split('.') {
                parts.push(start..start + part.len());
                start += part.len() + 1;
            }
        }
        Self { tag, parts }
    }

    fn part(&self, index: i64) -> Option<Range<usize>> {
        let len = i64::try_from(self.parts.len()).ok()?;
        let index = if index < 0 { len.checked_add(index)? } else { index };
        self.parts.get(usize::try_from(index).ok()?).cloned()
    }

    fn end(&self) -> usize {
        self.parts.last().map_or(0, |part| part.end)
    }
}

/// What the placeholders stand for while one event is handled.
pub(super) struct Blanks<'a> {
    pub(super) tag: &'a TagParts<'a>,
    pub(super) event: &'a Event<'a>,
    pub(super) hostname: &'a str,
    pub(super) zone: &'a TimeZone,
    /// A text that is a single placeholder becomes a value of the type it stands for (`auto_typecast`).
    pub(super) typecast: bool,
}

impl Blanks<'_> {
    /// Appends the value as MessagePack. What a placeholder does not find is nil alone, nothing in a text.
    pub(super) fn value(&self, template: &Template, out: &mut Vec<u8>) {
        match template {
            Template::Constant(value) => out.extend_from_slice(value),
            Template::Text(text) => match text.single() {
                Some(placeholder) if self.typecast => self.single(placeholder, out),
                _ => msgpack::write_str(out, &self.text(text)),
            },
            Template::Array(items) => {
                msgpack::write_array_head(out, count(items));
                items.iter().for_each(|item| self.value(item, out));
            }
            Template::Object(fields) => {
                msgpack::write_map_head(out, count(fields));
                for (key, value) in fields {
                    msgpack::write_str(out, &self.text(key));
                    self.value(value, out);
                }
            }
        }
    }

    pub(super) fn text(&self, text: &Text) -> String {
        let mut out = String::new();
        for piece in &text.0 {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Placeholder(placeholder) => out.push_str(&self.word(placeholder).unwrap_or_default()),
            }
        }
        out
    }

    fn single(&self, placeholder: &Placeholder, out: &mut Vec<u8>) {
        if let Placeholder::Record(path) = placeholder {
            match record::find(self.event.record, path) {
                Some(value) => out.extend_from_slice(value),
                None => msgpack::write_nil(out),
            }
        } else {
            match self.word(placeholder) {
                Some(word) => msgpack::write_str(out, &word),
                None => msgpack::write_nil(out),
            }
        }
    }

    fn word(&self, placeholder: &Placeholder) -> Option<Cow<'_, str>> {
        let TagParts { tag, .. } = self.tag;
        Some(match placeholder {
            Placeholder::Tag => (*tag).into(),
            Placeholder::TagPart(index) => tag[self.tag.part(*index)?].into(),
            Placeholder::TagPrefix(index) => tag[..self.tag.part(*index)?.end].into(),
            Placeholder::TagSuffix(index) => tag[self.tag.part(*index)?.start..self.tag.end()].into(),
            Placeholder::Time => self.time(self.event.time).into(),
            Placeholder::Hostname => self.hostname.into(),
            Placeholder::Record(path) => record::text(record::find(self.event.record, path)?),
        })
    }

    /// As Ruby prints a time; a time beyond the calendar as its seconds.
    fn time(&self, time: EventTime) -> String {
        match Timestamp::from_second(time.seconds) {
            Ok(time) => {
                time.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S %z").to_string()
            }
            Err(_) => time.seconds.to_string(),
        }
    }
}

#[expect(clippy::expect_used, reason = "the limit on a configuration's size is far below")]
fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).expect("a template has fewer than 2^32 items")
}
