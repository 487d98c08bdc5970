//! Values as plain text, for the formats that are not JSON: `ltsv` and `single_value`.

use std::borrow::Cow;
use std::collections::HashMap;

use fluentcast_event::json::{self, Mended};
use fluentcast_event::msgpack::{ReadError, Reader, Value};

/// Appends a value: a string as its bytes, nil as nothing, everything else as its JSON text.
fn append_value(out: &mut Vec<u8>, value: &[u8]) -> Result<Mended, ReadError> {
    match Reader::new(value).read()? {
        Value::Str(text) | Value::Bin(text) => out.extend_from_slice(text),
        Value::Nil => {}
        _ => return json::write_value(out, value),
    }
    Ok(Mended::default())
}

/// Appends `text`, with everything that would end the field or the line replaced by a space: control
/// characters that break lines or columns, and `delimiter`.
pub(super) fn append_within_field(out: &mut Vec<u8>, text: &[u8], delimiter: &str) {
    let delimiter = delimiter.as_bytes();
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let is_delimiter = !delimiter.is_empty() && rest.starts_with(delimiter);
        let breaks = is_delimiter || matches!(first, b'\n' | b'\r' | b'\t');
        out.push(if breaks { b' ' } else { *first });
        rest = if is_delimiter { &rest[delimiter.len()..] } else { after };
    }
}

/// Calls `each` with every key and value of a map, as raw MessagePack.
fn for_each_field<'a>(record: &'a [u8], mut each: impl FnMut(&'a [u8], &'a [u8])) -> Result<(), ReadError> {
    let mut reader = Reader::new(record);
    if let Value::Map(fields) = reader.read()? {
        for _ in 0..fields {
            each(reader.skip()?, reader.skip()?);
        }
    }
    Ok(())
}

/// A key's text. Keys that are no strings: their JSON text, as in JSON output.
fn key_text(key: &[u8]) -> Result<Cow<'_, [u8]>, ReadError> {
    match Reader::new(key).read()? {
        Value::Str(text) | Value::Bin(text) => Ok(Cow::Borrowed(text)),
        _ => {
            let mut text = Vec::new();
            json::write_value(&mut text, key)?;
            Ok(Cow::Owned(text))
        }
    }
}

/// Appends a record as one LTSV line without its end. A duplicate key keeps the first position and the
/// last value, as a Ruby hash does.
pub(super) fn append_ltsv(
    out: &mut Vec<u8>,
    record: &[u8],
    delimiter: &str,
    label_delimiter: &str,
) -> Result<Mended, ReadError> {
    let mut fields = Vec::new();
    for_each_field(record, |key, value| fields.push((key, value)))?;
    let mut positions = HashMap::with_capacity(fields.len());
    let mut kept: Vec<(Cow<'_, [u8]>, &[u8])> = Vec::with_capacity(fields.len());
    for (key, value) in fields {
        let key = key_text(key)?;
        match positions.get(&key) {
            Some(&at) => {
                let at: usize = at;
                kept[at].1 = value;
            }
            None => {
                positions.insert(key.clone(), kept.len());
                kept.push((key, value));
            }
        }
    }
    let (mut mended, mut text) = (Mended::default(), Vec::new());
    for (nth, (key, value)) in kept.iter().enumerate() {
        if nth > 0 {
            out.extend_from_slice(delimiter.as_bytes());
        }
        append_within_field(out, key, delimiter);
        out.extend_from_slice(label_delimiter.as_bytes());
        text.clear();
        let more = append_value(&mut text, value)?;
        mended.not_finite += more.not_finite;
        mended.invalid_utf8 += more.invalid_utf8;
        append_within_field(out, &text, delimiter);
    }
    Ok(mended)
}

/// Appends the value of one top-level field (the last of that name); nothing when it is absent.
pub(super) fn append_field(out: &mut Vec<u8>, record: &[u8], name: &str) -> Result<Mended, ReadError> {
    let mut found = None;
    for_each_field(record, |key, value| {
        if let Ok(Value::Str(text) | Value::Bin(text)) = Reader::new(key).read()
            && text == name.as_bytes()
        {
            found = Some(value);
        }
    })?;
    match found {
        Some(value) => append_value(out, value),
        None => Ok(Mended::default()),
    }
}
