//! `<format>`: one event to one line.
//!
//! A sender chooses tags and values; it must never be able to begin a line of its own with them. So
//! every field stays within its line: JSON escapes what would leave it, tags and `ltsv` values get a
//! space instead. Only `single_value` passes line feeds on, because its one value is the line (as in
//! Fluentd).

use std::io;

use fluentcast_config::settings::{LineFormat, TimeFormat};
use fluentcast_event::Event;
use fluentcast_event::json::{self, Mended};
use fluentcast_event::msgpack::ReadError;

mod plain;
pub(crate) mod time;

#[cfg(test)]
mod tests;

use plain::append_within_field;
use time::Clock;

/// Writes events as lines.
#[derive(Debug)]
pub struct Formatter(Kind);

#[derive(Debug)]
enum Kind {
    OutFile { delimiter: String, tag: bool, clock: Option<Clock> },
    Stdout { clock: Clock },
    Json,
    Ltsv { delimiter: String, label_delimiter: String },
    SingleValue { message_key: String, add_newline: bool },
}

impl Formatter {
    /// Prepares a format.
    ///
    /// # Errors
    /// When the system does not know the time zone.
    pub fn new(format: &LineFormat) -> io::Result<Self> {
        let clock =
            |time: &TimeFormat, usual| Clock::new(time.format.as_deref().unwrap_or(usual), &time.zone);
        Ok(Self(match format {
            LineFormat::OutFile { delimiter, output_tag, output_time, time } => Kind::OutFile {
                delimiter: delimiter.clone(),
                tag: *output_tag,
                clock: output_time.then(|| clock(time, "%iso8601")).transpose()?,
            },
            LineFormat::Stdout { time } => Kind::Stdout { clock: clock(time, "%Y-%m-%d %H:%M:%S.%N %z")? },
            LineFormat::Json => Kind::Json,
            LineFormat::Ltsv { delimiter, label_delimiter } => {
                Kind::Ltsv { delimiter: delimiter.clone(), label_delimiter: label_delimiter.clone() }
            }
            LineFormat::SingleValue { message_key, add_newline } => {
                Kind::SingleValue { message_key: message_key.clone(), add_newline: *add_newline }
            }
        }))
    }

    /// Appends the line of one event and says what had to be mended for it.
    ///
    /// # Errors
    /// When the record is no sound MessagePack after all; `out` is then as it was.
    pub fn append(&mut self, out: &mut Vec<u8>, tag: &str, event: &Event<'_>) -> Result<Mended, ReadError> {
        let start = out.len();
        let result = self.append_parts(out, tag, event);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    fn append_parts(&mut self, out: &mut Vec<u8>, tag: &str, event: &Event<'_>) -> Result<Mended, ReadError> {
        let mended = match &mut self.0 {
            Kind::OutFile { delimiter, tag: with_tag, clock } => {
                if let Some(clock) = clock {
                    clock.append(out, event.time);
                    out.extend_from_slice(delimiter.as_bytes());
                }
                if *with_tag {
                    append_within_field(out, tag.as_bytes(), delimiter);
                    out.extend_from_slice(delimiter.as_bytes());
                }
                json::write_value(out, event.record)?
            }
            Kind::Stdout { clock } => {
                clock.append(out, event.time);
                out.push(b' ');
                append_within_field(out, tag.as_bytes(), "");
                out.extend_from_slice(b": ");
                json::write_value(out, event.record)?
            }
            Kind::Json => json::write_value(out, event.record)?,
            Kind::Ltsv { delimiter, label_delimiter } => {
                plain::append_ltsv(out, event.record, delimiter, label_delimiter)?
            }
            Kind::SingleValue { message_key, add_newline } => {
                let mended = plain::append_field(out, event.record, message_key)?;
                if !*add_newline {
                    return Ok(mended);
                }
                mended
            }
        };
        out.push(b'\n');
        Ok(mended)
    }
}
