//! `source_address_key` and `source_hostname_key`: the sender's address and name in every record.

use std::net::IpAddr;

use fluentcast_config::settings::ForwardSource;
use fluentcast_event::msgpack::{self, ReadError, Reader, Value};
use fluentcast_event::{Batch, BatchBuilder, EntryError};

#[cfg(test)]
mod tests;

/// Address and name.
const FIELDS_MAX: usize = 2;

/// A field that is set in every record of a connection.
#[derive(Debug, PartialEq)]
pub(super) struct Field {
    key: String,
    /// One MessagePack value.
    value: Vec<u8>,
}

impl Field {
    fn new(key: &str, text: &str) -> Self {
        let mut value = Vec::new();
        msgpack::write_str(&mut value, text);
        Self { key: key.into(), value }
    }
}

/// The fields for a peer. Looks its name up when a field asks for it, which may take seconds; a peer
/// without a name is called by its address, as in Fluentd.
pub(super) async fn of_peer(settings: &ForwardSource, peer: IpAddr) -> Vec<Field> {
    let peer = peer.to_canonical();
    let address = peer.to_string();
    let mut fields = Vec::new();
    if let Some(key) = &settings.source_address_key {
        fields.push(Field::new(key, &address));
    }
    if let Some(key) = &settings.source_hostname_key {
        let name = tokio::task::spawn_blocking(move || dns_lookup::lookup_addr(&peer)).await;
        fields.push(Field::new(key, name.ok().and_then(Result::ok).as_deref().unwrap_or(&address)));
    }
    fields
}

/// Sets the fields in every event of the batch. Entries that are no event are left out; their errors
/// are handed to `invalid`.
pub(super) fn set(batch: &Batch, fields: &[Field], mut invalid: impl FnMut(EntryError)) -> Batch {
    let mut builder = BatchBuilder::new(batch.tag.clone(), batch.received);
    let (mut record, mut pairs) = (Vec::new(), Vec::new());
    for event in batch.events() {
        let set = event.and_then(|event| {
            record.clear();
            pairs.clear();
            set_in_record(&mut record, &mut pairs, event.record, fields)?;
            builder.push(event.time, &record);
            Ok(())
        });
        if let Err(error) = set {
            invalid(error);
        }
    }
    builder.finish()
}

/// Appends the record with the fields set: in the place of an old value, else at the end. `pairs` is
/// scratch space.
fn set_in_record(
    out: &mut Vec<u8>,
    pairs: &mut Vec<u8>,
    record: &[u8],
    fields: &[Field],
) -> Result<(), EntryError> {
    let mut reader = Reader::new(record);
    let Value::Map(mut len) = reader.read()? else {
        return Err(EntryError::NotAnEvent("the record is not a map"));
    };
    let mut replaced = [false; FIELDS_MAX];
    for _ in 0..len {
        let (key, value) = (reader.skip()?, reader.skip()?);
        pairs.extend_from_slice(key);
        match position(key, fields)? {
            Some(at) => {
                replaced[at] = true;
                pairs.extend_from_slice(&fields[at].value);
            }
            None => pairs.extend_from_slice(value),
        }
    }
    for (field, _) in fields.iter().zip(replaced).filter(|(_, replaced)| !replaced) {
        msgpack::write_str(pairs, &field.key);
        pairs.extend_from_slice(&field.value);
        len = len.saturating_add(1);
    }
    msgpack::write_map_head(out, len);
    out.extend_from_slice(pairs);
    Ok(())
}

/// Which field a record's key names.
fn position(key: &[u8], fields: &[Field]) -> Result<Option<usize>, ReadError> {
    Ok(match Reader::new(key).read()? {
        Value::Str(name) | Value::Bin(name) => fields.iter().position(|field| field.key.as_bytes() == name),
        _ => None,
    })
}
