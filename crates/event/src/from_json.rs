//! JSON to MessagePack, without a tree in between.

/// Why a JSON text is no record.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(#[from] serde_json::Error);

/// Appends one JSON document as MessagePack, keys in order (a duplicate key keeps the first position
/// and the last value). Integers become integers (u64/i64), everything else with a number a double.
///
/// # Errors
/// When `json` is not exactly one JSON document, or nested past [`crate::limits::NESTING_DEPTH_MAX`];
/// `out` is then as it was.
pub fn append(out: &mut Vec<u8>, json: &[u8]) -> Result<(), JsonError> {
    todo!()
}
