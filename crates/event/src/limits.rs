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

/// Mistakes of one severity that are kept while a configuration is read; more are only counted. Bounds
/// what a broken file can cost.
pub const CONFIG_DIAGNOSTICS_KEPT_MAX: usize = 500;

/// Mistakes shown at once. More scroll away, and the first ones usually cause the rest.
pub const CONFIG_DIAGNOSTICS_SHOWN_MAX: usize = 50;

/// Bytes of all texts of one configuration together. Real ones stay below 1 MiB.
pub const CONFIG_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most events a websocket output may be told to keep for new clients (`buffered_messages`). At a few
/// hundred bytes each a million is already hundreds of megabytes.
pub const BUFFERED_MESSAGES_MAX: i64 = 1_000_000;

/// Most connections a `connection_limit` may allow: beyond any file descriptor limit found in practice.
pub const CONNECTION_LIMIT_MAX: i64 = 1_000_000;

/// Most events per second, and per emit, that a `sample` source may be told to make.
pub const SAMPLE_RATE_MAX: i64 = 10_000_000;

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

/// Longest time a parameter may be set to, in seconds: a hundred years. Longer ones are a mistake, and
/// clocks overflow on some of them.
pub const CONFIG_TIME_SECONDS_MAX: u32 = 3_155_760_000;

/// Earlier `<match>` sections that one section is compared with to find out that it can never be
/// reached. Bounds the cost of the check for a configuration with very many.
pub const REACHABILITY_COMPARISONS_MAX: usize = 1000;

/// Texts of one configuration together: the main file and its includes. A glob over a big tree by
/// mistake stops here.
pub const CONFIG_FILES_MAX: usize = 1000;

/// Includes within includes, in levels. Fluentd has no bound; real configurations stay below 4.
pub const CONFIG_INCLUDE_DEPTH_MAX: usize = 32;

/// Sections within sections, in levels, includes and YAML maps counted. Real ones stay below 8; every
/// walk over the tree recurses this deep.
pub const CONFIG_SECTION_DEPTH_MAX: usize = 64;

/// Parentheses, blocks and choices within each other in one `#{...}`, in levels.
pub const CONFIG_EXPRESSION_DEPTH_MAX: usize = 32;

/// Bytes `File.read` may take from one file. It is for secrets, which are short.
pub const CONFIG_READ_BYTES_MAX: usize = 64 * 1024;

/// Quotes, brackets and `#{` of one text that may run on to its end unclosed. Each costs a scan of the
/// rest, so this keeps reading linear; the text is given up after that many.
pub const CONFIG_UNCLOSED_MAX: usize = 8;

/// Nodes a YAML text may expand to, aliases counted each time they are used: a few kilobytes of aliases
/// of aliases would otherwise fill the memory.
pub const CONFIG_YAML_NODES_MAX: usize = 500_000;
