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
