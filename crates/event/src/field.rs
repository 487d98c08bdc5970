//! Reaching into a record for one field.

use crate::msgpack::Value;

/// The value at a dotted path in a record: a key that really contains the dots wins over nesting; the
/// last of duplicate keys wins. Scalars are complete; of a map or an array only the head is returned.
/// `None` when nothing is there. Keys compare by bytes, str and bin alike.
#[must_use]
pub fn lookup<'a>(record: &'a [u8], path: &str) -> Option<Value<'a>> {
    todo!()
}
