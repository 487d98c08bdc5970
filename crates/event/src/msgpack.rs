//! A bounded reader over raw MessagePack, and the few writers an event needs.
//!
//! The reader never allocates for a declared length, never recurses past
//! [`crate::limits::NESTING_DEPTH_MAX`], and tells "need more bytes" from "never valid".

/// Why a value could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The value goes on past the end of the bytes at hand.
    #[error("the value is cut short")]
    Incomplete,
    /// 0xc1, which MessagePack reserves and never uses.
    #[error("0xc1 is no MessagePack type")]
    Reserved,
    /// Nested deeper than [`crate::limits::NESTING_DEPTH_MAX`].
    #[error("nested too deep")]
    TooDeep,
}

/// A value's head: everything but the contents of maps and arrays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// nil
    Nil,
    /// true or false
    Bool(bool),
    /// Any non-negative integer, of any width.
    UInt(u64),
    /// Any negative integer, of any width.
    Int(i64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// A str (raw in the old specification); not necessarily UTF-8.
    Str(&'a [u8]),
    /// A bin.
    Bin(&'a [u8]),
    /// An array of so many values, which follow.
    Array(u32),
    /// A map of so many key-value pairs, which follow.
    Map(u32),
    /// An extension: its type and its data.
    Ext(i8, &'a [u8]),
}

/// A cursor over MessagePack bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bytes read so far.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// What has not been read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.position..]
    }

    /// True when everything has been read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.position == self.bytes.len()
    }

    /// Reads one head: a whole scalar, or the head of a map or array whose contents come next. On an
    /// error the position does not move.
    ///
    /// # Errors
    /// [`ReadError::Incomplete`] and [`ReadError::Reserved`].
    pub fn read(&mut self) -> Result<Value<'a>, ReadError> {
        todo!()
    }

    /// Skips one whole value with its contents and returns its bytes. On an error the position does not move.
    ///
    /// # Errors
    /// All of [`ReadError`].
    pub fn skip(&mut self) -> Result<&'a [u8], ReadError> {
        todo!()
    }
}

/// Appends the head of an array (`fixarray`, `array16` or `array32`, the shortest).
pub fn write_array_head(out: &mut Vec<u8>, len: u32) {
    todo!()
}
/// Appends the head of a map, the shortest form.
pub fn write_map_head(out: &mut Vec<u8>, len: u32) {
    todo!()
}
/// Appends a str, the shortest head.
///
/// # Panics
/// When `text` is longer than MessagePack can say (4 GiB).
pub fn write_str(out: &mut Vec<u8>, text: &str) {
    todo!()
}
/// Appends an integer in its shortest form.
pub fn write_int(out: &mut Vec<u8>, value: i64) {
    todo!()
}
/// Appends an unsigned integer in its shortest form.
pub fn write_uint(out: &mut Vec<u8>, value: u64) {
    todo!()
}
/// Appends a 64-bit float.
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    todo!()
}
/// Appends nil.
pub fn write_nil(out: &mut Vec<u8>) {
    out.push(0xc0);
}
/// Appends a boolean.
pub fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { 0xc3 } else { 0xc2 });
}
/// Appends a time as Fluentd's EventTime, fixext8 of type 0 (seconds clamped to what its u32 holds).
pub fn write_event_time(out: &mut Vec<u8>, time: crate::EventTime) {
    todo!()
}
