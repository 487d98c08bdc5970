//! The configuration that is used when there is no other.

/// The text. It is checked by a test and starts without a warning.
pub const DEFAULT_CONFIG: &str = include_str!("default.conf");
