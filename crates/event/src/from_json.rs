//! JSON to MessagePack, without a tree in between.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::dedup::{self, OpenMaps};
use crate::msgpack;

#[cfg(test)]
mod tests;

/// Why a JSON text is no record.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(#[from] serde_json::Error);

/// Appends one JSON document as MessagePack, keys in order (a duplicate key keeps the first position
/// and the last value). Integers become integers (u64/i64), everything else with a number a double.
///
/// # Errors
/// When `json` is not exactly one JSON document, has a number no double can hold, or is nested
/// [`crate::limits::NESTING_DEPTH_MAX`] deep: one level less than MessagePack may have, for the
/// entry around a record is a level too. `out` is then as it was.
pub fn append(out: &mut Vec<u8>, json: &[u8]) -> Result<(), JsonError> {
    let start = out.len();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let mut writer = Writer { out, maps: OpenMaps::new() };
    let read = writer.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    if read.is_err() {
        out.truncate(start);
    }
    Ok(read?)
}

/// Appends the first document of concatenated JSON as [`append`] does, and returns how many bytes it
/// took, whitespace before it included. `None` when more bytes are needed to tell its end, and for
/// whitespace alone. A number or word that ends `json` is taken for whole; a map, array or string
/// never is.
///
/// Each call reads from the start: ask again only when a good deal more has arrived.
///
/// # Errors
/// When no further bytes can make `json` start with a document that [`append`] takes. `out` is then
/// as it was.
pub fn append_prefix(out: &mut Vec<u8>, json: &[u8]) -> Result<Option<usize>, JsonError> {
    let mut documents = serde_json::Deserializer::from_slice(json).into_iter::<Document>();
    match documents.next() {
        Some(Ok(Document(document))) => {
            out.extend_from_slice(&document);
            Ok(Some(documents.byte_offset()))
        }
        Some(Err(error)) if !error.is_eof() => Err(error.into()),
        Some(Err(_)) | None => Ok(None),
    }
}

/// One document as MessagePack.
struct Document(Vec<u8>);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut document = Vec::new();
        Writer { out: &mut document, maps: OpenMaps::new() }.deserialize(deserializer)?;
        Ok(Self(document))
    }
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    maps: OpenMaps,
}

impl Writer<'_> {
    /// Puts the head of a map or array of `len` before its contents, which start at `contents`: only
    /// their end tells how many they are.
    fn prepend_head<E: Error>(
        &mut self,
        contents: usize,
        len: usize,
        write: fn(&mut Vec<u8>, u32),
    ) -> Result<(), E> {
        let len = u32::try_from(len).map_err(|_| E::custom("more elements than MessagePack can count"))?;
        let contents_end = self.out.len();
        write(self.out, len);
        let head_len = self.out.len() - contents_end;
        self.out[contents..].rotate_right(head_len);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Writer<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Writer<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        msgpack::write_nil(self.out);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        msgpack::write_bool(self.out, value);
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        msgpack::write_uint(self.out, value);
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        msgpack::write_int(self.out, value);
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        msgpack::write_f64(self.out, value);
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if u32::try_from(text.len()).is_err() {
            return Err(E::custom("a string longer than MessagePack can say"));
        }
        msgpack::write_str(self.out, text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let contents = self.out.len();
        let mut len = 0;
        while elements.next_element_seed(&mut *self)?.is_some() {
            len += 1;
        }
        self.prepend_head(contents, len, msgpack::write_array_head)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let contents = self.out.len();
        let mut map = self.maps.open();
        loop {
            let key = self.out.len();
            if fields.next_key_seed(&mut *self)?.is_none() {
                break;
            }
            self.maps.note_key(&mut map, dedup::hash(&self.out[key..]), key, self.out.len());
            fields.next_value_seed(&mut *self)?;
        }
        if self.maps.may_hold_duplicates(&map) {
            self.maps.drop_duplicates(&map, self.out, b"");
        }
        let len = self.maps.close(&map);
        self.prepend_head(contents, len, msgpack::write_map_head)
    }
}
