//! `<history>`: the bounds that hold, and where events are kept.

use std::path::PathBuf;
use std::time::Duration;

use fluentcast_event::limits::HISTORY_PATH_BYTES_MAX;

use super::super::super::directories::Directory;
use super::super::super::reader::{Reader, Written};
use crate::parameters::output::websocket::{HISTORY, IN_MEMORY, ON_DISK};
use crate::settings::{ByteSize, History, Sync};

/// Reads the section, if there is one.
pub(super) fn read(output: &mut Reader<'_, '_>, buffered_messages: usize) -> Option<History> {
    let element = output.child("history")?;
    let buffered_span = output.place("buffered_messages");
    let mut section = Reader::new(output.ctx, &HISTORY, element);
    let events: Option<u64> = section.opt("events");
    if let (Some(span), Some(events)) = (buffered_span, events)
        && u64::try_from(buffered_messages).is_ok_and(|wanted| wanted > events)
    {
        let message =
            format!("a new client is to get {buffered_messages} events, but <history> keeps {events}");
        section
            .ctx
            .warning("history-short", span, message)
            .help("raise `events` of <history>, or lower `buffered_messages`");
    }
    let written = section.written("path");
    let age: Option<Duration> = section.opt("age");
    let mut size: Option<ByteSize> = section.opt("size");
    if size.is_none() {
        size = section.default_when("size", if written.is_some() { ON_DISK } else { IN_MEMORY });
    }
    let history = History {
        events,
        size,
        age,
        sync: sync(&mut section, written.is_some()),
        path: written.map(|path| directory(&mut section, path)),
    };
    section.finish();
    Some(history)
}

fn sync(section: &mut Reader<'_, '_>, on_disk: bool) -> Sync {
    let name: String = section.get("sync");
    let interval = section.get("sync_interval");
    for name in ["sync", "sync_interval"] {
        if let Some(span) = section.place(name).filter(|_| !on_disk) {
            let message =
                format!("`{name}` without `path`: this history is in memory, nothing is ever on a disk");
            section
                .ctx
                .error("history-conflict", span, message)
                .help(format!("add `path DIRECTORY`, or remove `{name}`"));
        }
    }
    if let Some(span) =
        section.place("sync_interval").filter(|_| on_disk && matches!(name.as_str(), "always" | "never"))
    {
        let message = format!("`sync_interval` with `sync {name}`: it is for `sync interval` alone");
        section.ctx.error("history-conflict", span, message).help("remove one of the two");
    }
    match name.as_str() {
        "always" => Sync::Always,
        "never" => Sync::Never,
        _ => Sync::Interval(interval),
    }
}

/// The directory, noted down so that no other output may have it too.
fn directory(section: &mut Reader<'_, '_>, path: Written<'_>) -> PathBuf {
    let Written { text, span } = path;
    let directory = PathBuf::from(text);
    let (code, message, help) = if text.is_empty() {
        ("bad-path", "path: it is empty".to_owned(), "write in which directory history is to be kept")
    } else if text.contains('\0') {
        ("bad-path", "path: no path has a NUL in it".to_owned(), "remove it")
    } else if text.len() > HISTORY_PATH_BYTES_MAX {
        let message = format!("path: it is longer than {HISTORY_PATH_BYTES_MAX} bytes");
        ("bad-path", message, "write a shorter one")
    } else if let Some(placeholder) = placeholder(text) {
        let message =
            format!("path: `{placeholder}` is a placeholder, and a history has one directory for all");
        ("path-placeholder", message, "write the directory's name as it is")
    } else {
        section.ctx.directories.push(Directory { path: directory.clone(), span });
        return directory;
    };
    section.ctx.error(code, span, message).help(help);
    directory
}

/// What a `file` output would fill in: `${...}`, `%Y`, `*`.
fn placeholder(path: &str) -> Option<&str> {
    path.match_indices(['$', '%', '*']).find_map(|(at, sign)| {
        let rest = &path[at..];
        match (sign, rest[1..].chars().next()) {
            ("*", _) => Some(sign),
            ("%", Some(item)) if item.is_ascii_alphabetic() => Some(&rest[..2]),
            ("$", Some('{')) => Some(rest.find('}').map_or(rest, |end| &rest[..=end])),
            _ => None,
        }
    })
}
