//! Every limit of the process that is not a configuration parameter, with its unit and its reason.
//!
//! A limit that a person may set is a parameter and has its default in the parameter table; it does
//! not stand here.

/// Deepest nesting of maps and arrays, in levels, that any decoder or encoder follows. Real records
/// stay below 20; 128 keeps the recursion within a few kilobytes of stack.
pub const NESTING_DEPTH_MAX: usize = 128;

/// Tags whose route is remembered, in entries (the bound of Fluentd's own match cache).
pub const ROUTE_CACHE_TAGS_MAX: usize = 1024;

/// Labels one event may be handed on through (`relabel`), in hops. Fluentd has no bound and overflows
/// its stack on a loop; no real configuration chains more than a handful.
pub const RELABEL_HOPS_MAX: usize = 32;

/// Longest tag accepted from a sender, in bytes. Longer ones are a mistake or an attack, and every
/// event repeats its tag.
pub const TAG_BYTES_MAX: usize = 4096;

/// Longest argument of a `<match>` or `<filter>`, in bytes. Matching a tag costs at most this times
/// the tag's length; real ones stay below a few hundred.
pub const TAG_PATTERN_BYTES_MAX: usize = 4096;

/// Deepest nesting of `{}` in a tag pattern, in levels. Real ones use one or two; the bound keeps the
/// recursion shallow.
pub const TAG_PATTERN_NESTING_MAX: usize = 32;

/// Steps a regular expression may go back on one text before it counts as not matching. About ten
/// milliseconds; an expression written with care takes a few dozen.
pub const REGEX_BACKTRACK_STEPS_MAX: usize = 100_000;

/// Largest program a regular expression may compile to, in instructions of the backtracking engine.
/// Hundreds are usual; recursive ones can grow without end.
pub const REGEX_PROGRAM_STEPS_MAX: usize = 100_000;
