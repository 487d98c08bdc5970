//! The filter language of clients: `$filter=record.level == "error" && record.code >= 500`.
//!
//! A subset of CEL with CEL's syntax and meaning, evaluated straight over a record's MessagePack bytes.
//! Clients choose the expressions and senders the records: neither may cause a panic, an allocation per
//! event, or more work per event than [`limits::EXPRESSION_STEPS_PER_EVENT_MAX`] steps.
//!
//! ```text
//! text ─► token ─► parse, types ─► Node ─► evaluate ─► Outcome
//!                                   └─► canonical text: equality and hash of expressions
//! ```
//!
//! [`limits::EXPRESSION_STEPS_PER_EVENT_MAX`]: fluentcast_event::limits::EXPRESSION_STEPS_PER_EVENT_MAX

mod equality;
mod error;
mod evaluate;
mod expression;
mod literal;
mod node;
mod parse;
mod pattern;
mod steps;
mod token;
mod types;
mod value;

pub use equality::Equality;
pub use error::ParseError;
pub use expression::{Expression, Outcome};
pub use literal::{Literal, Number};
