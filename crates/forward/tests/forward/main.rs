//! The decoder as a source sees it: bytes in, items out.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod properties;
mod render;
mod vectors;
