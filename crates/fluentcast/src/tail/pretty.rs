//! An event on one line, for people.
//!
//! Everything in it comes from strangers: no character of it may reach the terminal that could drive it, and
//! no record may fill the screen.

use anstyle::{AnsiColor, Style};
use fluentcast_event::limits::PRETTY_RECORD_CHARS_MAX;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::fields::{self, Fields};
use super::message::{Event, event_time};
use crate::escape;

/// Names under which programs say how grave an event is.
const LEVEL_NAMES: [&str; 5] = ["level", "severity", "lvl", "loglevel", "log_level"];

/// Names of the text that a person reads first.
const MESSAGE_NAMES: [&str; 3] = ["message", "msg", "log"];

/// Longest text that counts as a level, in bytes.
const LEVEL_BYTES_MAX: usize = 16;

/// Colours of tags. None of them is one of a grave level.
const TAG_COLORS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Blue,
    AnsiColor::Magenta,
    AnsiColor::BrightCyan,
    AnsiColor::BrightBlue,
    AnsiColor::BrightMagenta,
];

#[derive(Clone, Debug)]
pub(super) struct Pretty {
    zone: TimeZone,
    colors: bool,
}

impl Pretty {
    pub(super) fn new(zone: TimeZone, colors: bool) -> Self {
        Self { zone, colors }
    }

    /// Appends the event's line.
    pub(super) fn append(&self, out: &mut Vec<u8>, event: &Event<'_>) {
        let mut line = String::new();
        self.paint(&mut line, Style::new().dimmed(), |line| line.push_str(&self.time(event.time)));
        line.push(' ');
        self.paint(&mut line, tag_style(&event.tag), |line| line.push_str(&escape::plain(&event.tag)));
        let mut summary = Summary { line, left: PRETTY_RECORD_CHARS_MAX, cut: 0 };
        match fields::of(event.record) {
            Some(fields) => self.record(&mut summary, &fields),
            None => summary.text(&escape::json(event.record.get())),
        }
        let Summary { mut line, cut, .. } = summary;
        if cut > 0 {
            let more = format!("… ({cut} more characters)");
            self.paint(&mut line, Style::new().dimmed(), |line| line.push_str(&more));
        }
        line.push('\n');
        out.extend_from_slice(line.as_bytes());
    }

    /// Level, message, all other fields.
    fn record(&self, summary: &mut Summary, fields: &Fields<'_>) {
        let level = fields.find(&LEVEL_NAMES, |value| level(value).is_some());
        let message = fields.find(&MESSAGE_NAMES, |value| value.starts_with('"'));
        if let Some(level) = level.and_then(|index| level_of(fields, index)) {
            summary.text(" ");
            self.paint_within(summary, level_style(&level), &level);
        }
        if let Some(text) = message.and_then(|index| fields.value(index)).and_then(fields::string) {
            summary.text(" ");
            summary.text(&escape::plain(text.trim_end()));
        }
        for (index, (name, value)) in fields.iter().enumerate() {
            if Some(index) == level || Some(index) == message {
                continue;
            }
            summary.text(" ");
            self.paint_within(summary, Style::new().dimmed(), &format!("{}=", shown_name(name)));
            summary.text(&shown_value(value));
        }
    }

    fn time(&self, text: &str) -> String {
        let time = event_time(text)
            .and_then(|time| Timestamp::new(time.seconds, i32::try_from(time.nanos).unwrap_or(0)).ok());
        match time {
            Some(time) => {
                time.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S.%3f").to_string()
            }
            // Further away than calendars go.
            None => escape::plain(text),
        }
    }

    fn paint(&self, line: &mut String, style: Style, write: impl FnOnce(&mut String)) {
        if self.colors {
            line.push_str(&style.render().to_string());
            write(line);
            line.push_str(&style.render_reset().to_string());
        } else {
            write(line);
        }
    }

    fn paint_within(&self, summary: &mut Summary, style: Style, text: &str) {
        if self.colors && summary.left > 0 {
            summary.line.push_str(&style.render().to_string());
            summary.text(text);
            summary.line.push_str(&style.render_reset().to_string());
        } else {
            summary.text(text);
        }
    }
}

/// The part of the line that has a bound.
struct Summary {
    line: String,
    /// Characters that still fit.
    left: usize,
    /// Those that did not.
    cut: usize,
}

impl Summary {
    fn text(&mut self, text: &str) {
        let end = text.char_indices().nth(self.left).map_or(text.len(), |(end, _)| end);
        self.line.push_str(&text[..end]);
        self.left -= text[..end].chars().count();
        self.cut += text[end..].chars().count();
    }
}

fn level_of(fields: &Fields<'_>, index: usize) -> Option<String> {
    level(fields.value(index)?)
}

/// A short text, or a number as some programs have it.
fn level(value: &str) -> Option<String> {
    match fields::string(value) {
        Some(text) => {
            (!text.is_empty() && text.len() <= LEVEL_BYTES_MAX).then(|| escape::plain(&text.to_uppercase()))
        }
        None => (value.parse::<u32>().is_ok()).then(|| value.to_owned()),
    }
}

fn level_style(level: &str) -> Style {
    let begins = |names: &[&str]| names.iter().any(|name| level.starts_with(name));
    if begins(&["ERR", "FATAL", "CRIT", "ALERT", "EMERG", "PANIC"]) {
        AnsiColor::Red.on_default().bold()
    } else if begins(&["WARN"]) {
        AnsiColor::Yellow.on_default()
    } else if begins(&["INFO", "NOTICE"]) {
        AnsiColor::Green.on_default()
    } else {
        Style::new().dimmed()
    }
}

/// The same colour for the same tag, whenever it comes.
fn tag_style(tag: &str) -> Style {
    let sum = tag.bytes().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let index = usize::try_from(sum >> 3).unwrap_or(0) % TAG_COLORS.len();
    TAG_COLORS[index].on_default()
}

/// Whether a text needs no quotes between blanks.
fn is_bare(text: &str) -> bool {
    !text.is_empty()
        && !text
            .contains(|c: char| c.is_whitespace() || matches!(c, '"' | '=' | '\\') || escape::is_hostile(c))
}

fn shown_name(name: &str) -> String {
    if is_bare(name) { name.to_owned() } else { format!("\"{}\"", escape::plain(name)) }
}

/// A string that needs no quotes without them, everything else as JSON.
fn shown_value(value: &str) -> String {
    match value.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(text) if is_bare(text) => text.to_owned(),
        _ => escape::json(value),
    }
}

#[cfg(test)]
mod tests;
