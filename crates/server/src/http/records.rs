//! From the body's MessagePack or JSON to one batch: which values are records, and when they happened.
//!
//! What is no record is skipped and counted, as Fluentd skips it; a time that is none fails the whole
//! request, so that no part of it is accepted.

use fluentcast_event::msgpack::{self, ReadError, Reader, Value};
use fluentcast_event::{Batch, BatchBuilder, EventTime, Tag, from_json};

use super::added::Added;
use super::time;

/// What holds for every event of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    /// The record's field that holds the time.
    pub(super) time_key: &'a str,
    /// It stays in the record.
    pub(super) keep_time_key: bool,
    /// The time by the request's parameter: fields are not looked at.
    pub(super) time: Option<EventTime>,
    /// Fields put into every record, in place of what was there.
    pub(super) added: &'a Added,
    /// How many bytes all of these together may be: a long header in many small records is a bomb.
    pub(super) added_bytes_max: usize,
}

/// Gathers the records of one request.
pub(super) struct Gatherer<'a> {
    rules: Rules<'a>,
    now: EventTime,
    batch: BatchBuilder,
    skipped: u64,
    added_bytes: usize,
    /// A record being made, after the head of an array of one: an entry of the batch nests its record
    /// one level deep, and must still be readable.
    record: Vec<u8>,
}

/// The head of an array of one value.
const ARRAY_OF_ONE: u8 = 0x91;

impl<'a> Gatherer<'a> {
    /// Nothing gathered yet.
    pub(super) fn new(tag: Tag, now: EventTime, rules: Rules<'a>) -> Self {
        Self {
            rules,
            now,
            batch: BatchBuilder::new(tag, now),
            skipped: 0,
            added_bytes: 0,
            record: Vec::new(),
        }
    }

    /// The batch, unless it is empty, and how many values were no records.
    pub(super) fn finish(self) -> (Option<Batch>, u64) {
        let batch = (!self.batch.is_empty()).then(|| self.batch.finish());
        (batch, self.skipped)
    }

    /// Takes MessagePack values back to back.
    ///
    /// # Errors
    /// When a time is none, or the bytes are broken or cut short: unlike JSON, which ends in a success
    /// without event, this cannot happen to a body that arrived whole.
    pub(super) fn msgpack(&mut self, body: &[u8]) -> Result<(), String> {
        let mut reader = Reader::new(body);
        while !reader.is_empty() {
            match reader.skip() {
                Ok(value) => self.document(value)?,
                Err(error) => {
                    return Err(format!("broken MessagePack at byte {}: {error}", reader.position()));
                }
            }
        }
        Ok(())
    }

    /// Takes one JSON document.
    ///
    /// # Errors
    /// When a time is none.
    pub(super) fn json(&mut self, text: &[u8]) -> Result<(), String> {
        let mut document = Vec::new();
        match from_json::append(&mut document, text) {
            Ok(()) => self.document(&document),
            Err(error) => {
                tracing::debug!(%error, "no JSON document, no event");
                self.skipped += 1;
                Ok(())
            }
        }
    }

    /// Takes JSON documents, one a line; blank lines are nothing.
    ///
    /// # Errors
    /// When a time is none.
    pub(super) fn ndjson(&mut self, text: &[u8]) -> Result<(), String> {
        let lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
        for line in lines.filter(|line| !line.is_empty()) {
            self.json(line)?;
        }
        Ok(())
    }

    /// Takes a record, or an array of records; everything else is skipped.
    fn document(&mut self, document: &[u8]) -> Result<(), String> {
        let mut reader = Reader::new(document);
        match reader.read() {
            Ok(Value::Array(len)) => {
                for _ in 0..len {
                    let element = reader.skip().map_err(|error| error.to_string())?;
                    self.value(element)?;
                }
                Ok(())
            }
            _ => self.value(document),
        }
    }

    fn value(&mut self, value: &[u8]) -> Result<(), String> {
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        record.push(ARRAY_OF_ONE);
        let time = match self.make_record(&mut record, value) {
            Ok(Some(field)) => match time::from_field(field)? {
                Some(time) => time,
                None => self.now,
            },
            Ok(None) => self.rules.time.unwrap_or(self.now),
            Err(reason) => {
                tracing::debug!(%reason, "no record, no event");
                self.skipped += 1;
                self.record = record;
                return Ok(());
            }
        };
        self.added_bytes += self.rules.added.pairs().map(<[u8]>::len).sum::<usize>();
        if self.added_bytes > self.rules.added_bytes_max {
            return Err(
                "headers or query parameters are added to too many records: send fewer at once".into()
            );
        }
        self.batch.push(time, &record[1..]);
        self.record = record;
        Ok(())
    }

    /// Appends the record with the added fields and returns the value of its time field, if that counts.
    fn make_record<'v>(&self, out: &mut Vec<u8>, value: &'v [u8]) -> Result<Option<&'v [u8]>, NoRecord> {
        let mut reader = Reader::new(value);
        let Value::Map(len) = reader.read()? else { return Err(NoRecord::NotAMap) };
        let mut time = None;
        let mut pairs = Vec::with_capacity(value.len());
        let mut kept = 0_u32;
        for _ in 0..len {
            let (key, field) = (reader.skip()?, reader.skip()?);
            let name = match Reader::new(key).read()? {
                Value::Str(name) | Value::Bin(name) => Some(name),
                _ => None,
            };
            if name.is_some_and(|name| self.rules.added.replaces(name)) {
                continue;
            }
            if self.rules.time.is_none() && name == Some(self.rules.time_key.as_bytes()) {
                time = Some(field);
                if !self.rules.keep_time_key {
                    continue;
                }
            }
            pairs.extend_from_slice(key);
            pairs.extend_from_slice(field);
            kept += 1;
        }
        for pair in self.rules.added.pairs() {
            pairs.extend_from_slice(pair);
            kept += 1;
        }
        msgpack::write_map_head(out, kept);
        out.extend_from_slice(&pairs);
        Reader::new(out).skip()?;
        Ok(time)
    }
}

/// Why a value is not taken as a record.
#[derive(Debug, thiserror::Error)]
enum NoRecord {
    #[error("not a map")]
    NotAMap,
    #[error(transparent)]
    Broken(#[from] ReadError),
}

#[cfg(test)]
mod tests;
