//! `<format>`.

use super::super::context::Context;
use super::super::reader::Reader;
use crate::parameters::Section;
use crate::parameters::format::{JSON, LTSV, SINGLE_VALUE};
use crate::settings::{LineFormat, TimeFormat, Zone};
use crate::source::Span;
use crate::suggest;

pub(in super::super) use crate::parameters::format::{OUT_FILE, STDOUT};

const ALL: [&Section; 5] = [&OUT_FILE, &JSON, &LTSV, &SINGLE_VALUE, &STDOUT];

/// Formatters of Fluentd that are not here.
const ELSEWHERE: [&str; 5] = ["csv", "tsv", "msgpack", "hash", "avro"];

/// Reads the `<format>` of an output; without one, the default format.
pub(in super::super) fn read(reader: &mut Reader<'_, '_>, default: &'static Section) -> LineFormat {
    let written = reader.child_type("format");
    let table = match written {
        None => default,
        Some(name) => match ALL.into_iter().find(|table| table.has_type(name.text)) {
            Some(table) => table,
            None => {
                unknown(reader.ctx, name.text, name.span);
                // Nothing in it can be judged.
                let _ = reader.enter("format", default);
                return LineFormat::Json;
            }
        },
    };
    let mut section = reader.enter("format", table);
    let format = line(&mut section, table);
    section.skip(|key| key == "@type");
    section.finish();
    format
}

fn line(section: &mut Reader<'_, '_>, table: &'static Section) -> LineFormat {
    match table.type_name() {
        "out_file" => LineFormat::OutFile {
            delimiter: delimiter(section),
            output_tag: section.get("output_tag"),
            output_time: section.get("output_time"),
            time: time(section),
        },
        "stdout" => {
            let _: String = section.get("output_type");
            LineFormat::Stdout { time: time(section) }
        }
        "ltsv" => {
            newline(section);
            LineFormat::Ltsv {
                delimiter: section.get("delimiter"),
                label_delimiter: section.get("label_delimiter"),
            }
        }
        "single_value" => LineFormat::SingleValue {
            message_key: section.get("message_key"),
            add_newline: section.get("add_newline"),
        },
        _ => {
            newline(section);
            LineFormat::Json
        }
    }
}

fn unknown(ctx: &mut Context<'_>, name: &str, span: Span) {
    let names = ALL.map(Section::type_name);
    let message = if ELSEWHERE.contains(&name) {
        format!("Fluentcast does not have the format `{name}` yet")
    } else {
        format!("unknown format type `{name}`")
    };
    let help =
        suggest::did_you_mean(name, names).unwrap_or_else(|| format!("there are {}", names.join(", ")));
    ctx.error("unknown-type", span, message).help(help);
}

/// Fluentd looks for the words `SPACE` and `COMMA` in any case and takes everything else as a tab.
fn delimiter(section: &mut Reader<'_, '_>) -> String {
    let text: String = section.get("delimiter");
    let upper = text.to_uppercase();
    if upper.contains("SPACE") {
        return " ".to_owned();
    }
    if upper.contains("COMMA") {
        return ",".to_owned();
    }
    if text != "\t" && upper != "TAB" {
        let span = section.place("delimiter").unwrap_or(section.span());
        section
            .ctx
            .warning(
                "misleading-value",
                span,
                format!("delimiter: `{text}` is read as a tab, as Fluentd does"),
            )
            .help("write TAB, SPACE or COMMA");
    }
    "\t".to_owned()
}

/// Lines that run into each other cannot be told apart again.
fn newline(section: &mut Reader<'_, '_>) {
    if !section.get::<bool>("add_newline") {
        let span = section.place("add_newline").unwrap_or(section.span());
        section.ctx.error("not-yet", span, "add_newline: lines without a line end are not supported here");
    }
}

/// Fluentd's order: a zone beats `utc`, `utc` beats `localtime`.
fn time(section: &mut Reader<'_, '_>) -> TimeFormat {
    let format = section.opt("time_format");
    let zone = section.opt("timezone");
    let utc: bool = section.get("utc");
    let localtime: bool = section.get("localtime");
    let zone = zone.unwrap_or(if utc || !localtime { Zone::Utc } else { Zone::Local });
    TimeFormat { format, zone }
}
