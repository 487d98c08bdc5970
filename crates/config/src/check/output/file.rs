//! `@type file`: the path is a template, and its placeholders must fit the chunk keys.

use std::time::Duration;

use super::super::plugin::argument;
use super::super::reader::Reader;
use super::format;
use crate::parameters::output::FILE_BUFFER;
use crate::settings::{ByteSize, FileOutput, Zone};
use crate::source::Span;
use crate::values;

/// What of `<buffer>` is honoured.
struct Buffer {
    by_tag: bool,
    timekey: Option<Duration>,
    timekey_wait: Duration,
    zone: Zone,
    flush_interval: Duration,
    chunk_limit_size: ByteSize,
    total_limit_size: ByteSize,
}

pub(super) fn read(mut reader: Reader<'_, '_>) -> FileOutput {
    let keys = chunk_keys(&mut reader);
    let slice_format: Option<String> = reader.opt("time_slice_format");
    // Before the format: what is moved to both must still be there.
    let buffer = buffer(&mut reader, &keys, slice_format.as_deref());
    let format = format::read(&mut reader, &format::OUT_FILE);
    let mut path: String = reader.get("path");
    if let Some(slice_format) = slice_format {
        path = format!("{path}.{slice_format}");
    }
    check_path(&mut reader, &path, &buffer);
    let (file_permission, dir_permission) = reader.ctx.file_modes;
    let path_suffix: String = reader.get("path_suffix");
    let file = FileOutput {
        append: reader.get("append"),
        path_suffix: if reader.get("add_path_suffix") { path_suffix } else { String::new() },
        gzip: reader.get::<String>("compress").starts_with("gz"),
        symlink_path: reader.opt::<String>("symlink_path").map(Into::into),
        format,
        by_tag: buffer.by_tag,
        timekey: buffer.timekey,
        timekey_wait: buffer.timekey_wait,
        zone: buffer.zone,
        flush_interval: buffer.flush_interval,
        chunk_limit_size: buffer.chunk_limit_size,
        total_limit_size: buffer.total_limit_size,
        file_permission,
        dir_permission,
        path,
    };
    reader.finish();
    file
}

/// The chunk keys that are honoured.
struct Keys {
    tag: bool,
    time: bool,
}

/// `<buffer tag,time>`; without an argument `time`, and `[]` is none.
fn chunk_keys(reader: &mut Reader<'_, '_>) -> Keys {
    let Some(element) = reader.child("buffer") else {
        return Keys { tag: false, time: true };
    };
    let (text, span) = argument(element);
    if text.is_empty() {
        return Keys { tag: false, time: true };
    }
    let mut keys = Keys { tag: false, time: false };
    let names = values::list(text).unwrap_or_else(|advice| {
        reader
            .ctx
            .error("chunk-keys", span, advice.message)
            .help("write `<buffer time>` or `<buffer tag,time>`");
        Vec::new()
    });
    for name in names {
        match name.as_str() {
            "tag" => keys.tag = true,
            "time" => keys.time = true,
            field => {
                reader
                    .ctx
                    .error(
                        "chunk-keys",
                        span,
                        format!("chunk key `{field}`: files by fields of the record are not supported here"),
                    )
                    .help("chunk keys are `tag` and `time`");
            }
        }
    }
    keys
}

fn buffer(reader: &mut Reader<'_, '_>, keys: &Keys, slice_format: Option<&str>) -> Buffer {
    let mut section = reader.enter("buffer", &FILE_BUFFER);
    let timekey = match slice_format {
        Some(format) => finest(format),
        None => section.get("timekey"),
    };
    let zone: Option<Zone> = section.opt("timekey_zone");
    let utc: bool = section.get("timekey_use_utc");
    let flush_interval = section.get("flush_interval");
    let immediate = section.get::<String>("flush_mode") == "immediate";
    let buffer = Buffer {
        by_tag: keys.tag,
        timekey: keys.time.then_some(timekey),
        timekey_wait: section.get("timekey_wait"),
        zone: zone.unwrap_or(if utc { Zone::Utc } else { Zone::Local }),
        flush_interval: if immediate { Duration::ZERO } else { flush_interval },
        chunk_limit_size: section.get("chunk_limit_size"),
        total_limit_size: section.get("total_limit_size"),
    };
    section.finish();
    buffer
}

/// The length of a slice by the finest item of a time format.
fn finest(format: &str) -> Duration {
    let has = |items: [&str; 3]| items.iter().any(|item| format.contains(item));
    Duration::from_secs(match () {
        () if has(["%S", "%T", "%s"]) => 1,
        () if has(["%M", "%R", "%c"]) => 60,
        () if has(["%H", "%I", "%k"]) => 3600,
        () => 86_400,
    })
}

/// The items a file name must have so that no two slices share it.
fn items(timekey: Duration) -> &'static [&'static str] {
    const ITEMS: [&str; 6] = ["%Y", "%m", "%d", "%H", "%M", "%S"];
    match timekey.as_secs() {
        0..60 => &ITEMS,
        60..3600 => &ITEMS[..5],
        3600..86_400 => &ITEMS[..4],
        _ => &ITEMS[..3],
    }
}

fn check_path(reader: &mut Reader<'_, '_>, path: &str, buffer: &Buffer) {
    let Some(span) = reader.place("path") else {
        return;
    };
    if path.is_empty() {
        reader.ctx.error("bad-path", span, "path: it is empty").help("write where the file is to be");
        return;
    }
    check_time(reader, path, span, buffer.timekey);
    check_tag(reader, path, span, buffer.by_tag);
    let mut rest = path;
    while let Some((placeholder, behind)) = placeholder(rest) {
        rest = behind;
        if placeholder != "tag" && !is_tag_part(placeholder) {
            reader
                .ctx
                .error("path-placeholder", span, format!("path: nothing is known for `${{{placeholder}}}`"))
                .help("known are `${tag}`, `${tag[0]}` and `${tag[-1]}`, and `%Y%m%d` and the like for the time");
        }
    }
}

fn check_time(reader: &mut Reader<'_, '_>, path: &str, span: Span, timekey: Option<Duration>) {
    let Some(timekey) = timekey else {
        if path.contains('*') || has_time_item(path) {
            reader
                .ctx
                .error(
                    "path-placeholder",
                    span,
                    "path: it has placeholders for the time, but `time` is no chunk key",
                )
                .help("write `<buffer time>` or `<buffer tag,time>`");
        }
        return;
    };
    let needed = items(timekey);
    let there = needed.iter().filter(|item| path.contains(**item)).count();
    if !path.contains('*') && there > 0 && there < needed.len() {
        let missing: Vec<_> = needed.iter().filter(|item| !path.contains(**item)).copied().collect();
        let message = format!(
            "insufficient timestamp placeholders in path: slices of {} s need {} too",
            timekey.as_secs(),
            missing.join(" and ")
        );
        reader
            .ctx
            .error("path-placeholder", span, message)
            .help("add them, or leave all of them out: then they are put behind the path");
    }
}

/// Whether there is a `%` with a letter behind it.
fn has_time_item(path: &str) -> bool {
    path.split('%').skip(1).any(|behind| behind.starts_with(|c: char| c.is_ascii_alphabetic()))
}

fn check_tag(reader: &mut Reader<'_, '_>, path: &str, span: Span, by_tag: bool) {
    let mut rest = path;
    let mut has_tag = false;
    while let Some((placeholder, behind)) = placeholder(rest) {
        rest = behind;
        has_tag |= placeholder == "tag" || is_tag_part(placeholder);
    }
    if by_tag && !has_tag {
        reader
            .ctx
            .error("path-placeholder", span, format!("Parameter 'path: {path}' doesn't have tag placeholder"))
            .help("put `${tag}` into the path, or remove the chunk key `tag`");
    }
    if has_tag && !by_tag {
        reader
            .ctx
            .error(
                "path-placeholder",
                span,
                format!(
                    "Parameter 'path: {path}' has tag placeholders, but chunk key 'tag' is not configured"
                ),
            )
            .help("write `<buffer tag,time>`");
    }
}

/// The first `${...}`: what is in it, and what follows.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    text.split_once("${")?.1.split_once('}')
}

fn is_tag_part(placeholder: &str) -> bool {
    placeholder
        .strip_prefix("tag[")
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|index| index.parse::<i32>().is_ok())
}
