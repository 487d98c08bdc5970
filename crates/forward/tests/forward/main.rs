//! The decoder as a source sees it: bytes in, items out.

mod properties;
mod render;
mod vectors;
