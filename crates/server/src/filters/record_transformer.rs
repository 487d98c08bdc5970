//! `record_transformer`, without Ruby: adds, replaces and removes fields.
//!
//! Values that are only passed on stay the bytes they are. A record that was changed must be as sound as
//! one from a sender, or the event is rejected: nothing behind a filter checks again.

use fluentcast_config::settings::{PathStep, RecordTransformer};
use fluentcast_event::msgpack::{self, ReadError, Reader, Value};
use fluentcast_event::record::{self, Field};
use fluentcast_event::template::{Template, TemplateError, Text};
use fluentcast_event::{Batch, BatchBuilder, Event, EventTime};
use jiff::tz::TimeZone;

use self::fill::{Blanks, TagParts};
use super::{Filtered, Rejected, events};

mod fill;
#[cfg(test)]
mod tests;

/// A `record_transformer` filter.
#[derive(Clone, Debug)]
pub struct Filter {
    fields: Vec<(Text, Template)>,
    /// The fields to start with, if not all.
    keep: Option<Vec<String>>,
    renew_time_key: Option<String>,
    remove_fields: Vec<String>,
    remove_nested: Vec<Vec<PathStep>>,
    typecast: bool,
    hostname: String,
    zone: TimeZone,
}

impl Filter {
    /// Compiles the templates.
    ///
    /// # Errors
    /// A placeholder that is not known (the configuration's check finds it first).
    pub fn new(settings: &RecordTransformer, hostname: &str) -> Result<Self, TemplateError> {
        let field = |(key, value): &(String, String)| Ok((Text::parse(key)?, Template::parse(value)?));
        let (top, nested): (Vec<_>, Vec<_>) = settings
            .remove_keys
            .iter()
            .cloned()
            .partition(|path| matches!(path.as_slice(), [PathStep::Key(_)]));
        let name = |step| match step {
            PathStep::Key(name) => Some(name),
            PathStep::Index(_) => None,
        };
        Ok(Self {
            fields: settings.record.iter().map(field).collect::<Result<_, _>>()?,
            keep: settings.renew_record.then(|| settings.keep_keys.clone()),
            renew_time_key: settings.renew_time_key.clone(),
            remove_fields: top.into_iter().flatten().filter_map(name).collect(),
            remove_nested: nested,
            typecast: settings.auto_typecast,
            hostname: hostname.to_owned(),
            zone: TimeZone::system(),
        })
    }

    /// See [`super::Filter::apply`].
    #[must_use]
    pub fn apply(&self, batch: &Batch) -> Filtered {
        let tag = TagParts::new(batch.tag.as_str());
        let mut made = BatchBuilder::new(batch.tag.clone(), batch.received);
        let mut errors = Vec::new();
        let mut invalid = 0;
        for (place, event) in events(batch, &mut invalid) {
            match self.transform(&tag, &event) {
                Ok((time, entry)) => made.push(time, &entry[ENTRY_HEAD.len()..]),
                Err(reason) => errors.push(Rejected {
                    entry: batch.entries.slice(place),
                    reason: format!("record_transformer: {reason}"),
                }),
            }
        }
        Filtered { batch: made.finish(), errors, invalid }
    }

    /// The new time, and the new record behind an [`ENTRY_HEAD`].
    fn transform(&self, tag: &TagParts<'_>, event: &Event<'_>) -> Result<(EventTime, Vec<u8>), String> {
        let filled = self.fill(tag, event);
        let mut fields = match &self.keep {
            None => record::fields(event.record).collect(),
            Some(names) => kept(event.record, names),
        };
        let mut reader = Reader::new(&filled);
        while !reader.is_empty() {
            let (key, value) = (reader.skip().map_err(unsound)?, reader.skip().map_err(unsound)?);
            set(&mut fields, Field { key, value });
        }
        let time = self.new_time(&fields)?.unwrap_or(event.time);
        let removed =
            |field: &Field<'_>| self.remove_fields.iter().any(|name| field.name() == Some(name.as_bytes()));
        fields.retain(|field| !removed(field));
        let mut entry = write_entry(&fields)?;
        for path in &self.remove_nested {
            if let Some(shorter) = record::without(&entry[ENTRY_HEAD.len()..], path) {
                entry.splice(ENTRY_HEAD.len().., shorter);
            }
        }
        // A value may have come to stand deeper than it stood.
        Reader::new(&entry).skip().map_err(unsound)?;
        Ok((time, entry))
    }

    /// The fields of `<record>` with their placeholders filled in: key, value, key, value.
    fn fill(&self, tag: &TagParts<'_>, event: &Event<'_>) -> Vec<u8> {
        let blanks =
            Blanks { tag, event, hostname: &self.hostname, zone: &self.zone, typecast: self.typecast };
        let mut filled = Vec::new();
        for (key, value) in &self.fields {
            msgpack::write_str(&mut filled, &blanks.text(key));
            blanks.value(value, &mut filled);
        }
        filled
    }

    /// The time that `renew_time_key` asks for; `None` when it is not set or the record lacks the field.
    fn new_time(&self, fields: &[Field<'_>]) -> Result<Option<EventTime>, String> {
        let Some(name) = &self.renew_time_key else { return Ok(None) };
        let Some(field) = fields.iter().rfind(|field| field.name() == Some(name.as_bytes())) else {
            return Ok(None);
        };
        let time = match Reader::new(field.value).read() {
            Ok(Value::UInt(seconds)) => i64::try_from(seconds).ok().map(EventTime::from_seconds),
            Ok(Value::Int(seconds)) => Some(EventTime::from_seconds(seconds)),
            Ok(Value::F32(seconds)) => EventTime::from_seconds_f64(seconds.into()),
            Ok(Value::F64(seconds)) => EventTime::from_seconds_f64(seconds),
            Ok(Value::Str(text)) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .and_then(EventTime::from_seconds_f64),
            _ => None,
        };
        time.map(Some).ok_or_else(|| format!("the field {name:?} (renew_time_key) is not a time in seconds"))
    }
}

/// The head of an entry without time, in front of a new record while it is checked: nested one level
/// down, just as it will be in its batch.
const ENTRY_HEAD: [u8; 1] = [0x91];

fn unsound(error: ReadError) -> String {
    format!("the new record is not sound: {error}")
}

fn write_entry(fields: &[Field<'_>]) -> Result<Vec<u8>, String> {
    let count = u32::try_from(fields.len()).map_err(|_| "more fields than MessagePack can hold")?;
    let mut entry = ENTRY_HEAD.to_vec();
    msgpack::write_map_head(&mut entry, count);
    for field in fields {
        entry.extend_from_slice(field.key);
        entry.extend_from_slice(field.value);
    }
    Ok(entry)
}

/// The named fields, in the order of the names.
fn kept<'a>(record: &'a [u8], names: &[String]) -> Vec<Field<'a>> {
    let mut fields = Vec::new();
    for name in names {
        if let Some(field) =
            record::fields(record).filter(|field| field.name() == Some(name.as_bytes())).last()
        {
            set(&mut fields, field);
        }
    }
    fields
}

/// Sets a field as a map would: in the place of the one it replaces, else at the end.
fn set<'a>(fields: &mut Vec<Field<'a>>, new: Field<'a>) {
    let name = new.name();
    match fields.iter().position(|field| field.name() == name) {
        None => fields.push(new),
        Some(first) => {
            let behind = fields.split_off(first + 1);
            fields[first] = new;
            fields.extend(behind.into_iter().filter(|field| field.name() != name));
        }
    }
}
