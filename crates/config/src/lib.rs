//! Fluentd's configuration language: text to a tree that remembers where every word stood, and the
//! tree to checked settings.
//!
//! What the file says ([`tree`]) and what runs ([`settings`]) are different types. Mistakes are values
//! ([`diagnostics`]), collected and shown together. This crate reads files (includes) and the
//! environment handed to it; it must never open a socket or print.

pub mod check;
mod default;
pub mod diagnostics;
pub mod host;
mod include;
mod interpolation;
pub mod load;
pub mod origin;
pub mod parameters;
mod parser;
pub mod reference;
mod reserved;
mod secrets;
pub mod settings;
pub mod source;
mod suggest;
pub mod tree;
pub mod values;
mod yaml;

pub use default::DEFAULT_CONFIG;
