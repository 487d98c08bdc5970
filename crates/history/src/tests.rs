//! Tests of a history as a whole, on real files.

mod damage;
mod epochs;
pub(crate) mod faults;
mod model;
mod reading;
mod retention;
pub(crate) mod support;
mod trouble;
