//! The parts of the page that are not made from tables.

/// Everything up to the tables.
pub(super) const INTRODUCTION: &str = include_str!("introduction.md");

/// The words before the table of codes.
pub(super) const CODES: &str = include_str!("codes.md");
