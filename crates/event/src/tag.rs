//! A tag: the dotted name by which events are routed.

use std::fmt;
use std::sync::Arc;

/// The name an event is routed by. Parts are separated by dots; any text is legal, the empty one too
/// (Fluentd validates nothing). Bytes that are not UTF-8 were replaced by U+FFFD on the way in, so that
/// a tag can stand in JSON and in a MessagePack str alike. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

impl Tag {
    /// Makes a tag from bytes of a sender; invalid UTF-8 becomes U+FFFD.
    #[must_use]
    pub fn from_bytes_lossy(bytes: &[u8]) -> Self {
        Self(String::from_utf8_lossy(bytes).into())
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Tag {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Tag {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
