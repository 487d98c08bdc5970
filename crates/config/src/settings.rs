//! What runs: the checked, typed form of a configuration.
//!
//! Every value here is valid; whoever builds from it can fail only on the world (a port in use, a
//! directory that cannot be written), never on the configuration.

use std::path::PathBuf;
use std::time::Duration;

use fluentcast_event::pattern::TagPattern;

use crate::source::Location;

mod security;
mod tls;
mod websocket;

pub use security::{Account, AllowedClient, ClientAddress, Network, Security};
pub use tls::{Tls, TlsFile, TlsVersion};
pub use websocket::{History, Sha256, SlowClient, Sync, Token, TokenSecret, Websocket};

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// A text that must not be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself: for comparing, never for showing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("xxxxxx")
    }
}

/// Index of a scope in [`Settings::scopes`]; 0 is the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScopeId(pub usize);

impl ScopeId {
    /// The root: everything outside a `<label>`.
    pub const ROOT: Self = Self(0);
}

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `<system>`.
    pub system: System,
    /// The `<source>` sections.
    pub sources: Vec<Source>,
    /// The root (index 0) and every `<label>`.
    pub scopes: Vec<Scope>,
    /// Where error events go: `<label @ERROR>`.
    pub error_scope: Option<ScopeId>,
}

/// `<system>`: what of it means something here. The rest is accepted (a warning says so).
#[derive(Clone, Debug, PartialEq)]
pub struct System {
    /// `log_level`.
    pub log_level: LogLevel,
    /// `log_level` was written down (the command line still beats it).
    pub log_level_set: bool,
    /// `suppress_config_dump`.
    pub suppress_config_dump: bool,
    /// `metrics_token` (ours): what reading `/metrics` needs.
    pub metrics_token: Option<Secret>,
    /// Permissions of files made by `file` outputs: `file_permission`, default 0644.
    pub file_permission: u32,
    /// Permissions of directories made by `file` outputs: `dir_permission`, default 0755.
    pub dir_permission: u32,
}

/// Fluentd's log levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// trace
    Trace,
    /// debug
    Debug,
    /// info
    Info,
    /// warn
    Warn,
    /// error
    Error,
    /// fatal
    Fatal,
}

/// Where a setting stands in the configuration, for messages at run time.
pub type Origin = Location;

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Host name or address.
    pub host: String,
    /// Port; 0 lets the system choose.
    pub port: u16,
    /// Where the port (or else the section) stands.
    pub origin: Origin,
}

/// A `<source>`.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where the section stands.
    pub origin: Origin,
    /// `@id`.
    pub id: Option<String>,
    /// Whose rules its events meet: `@label`, else the root.
    pub scope: ScopeId,
    /// What it is.
    pub kind: SourceKind,
}

/// The kinds of source.
#[derive(Clone, Debug)]
pub enum SourceKind {
    /// `forward`
    Forward(ForwardSource),
    /// `http`
    Http(HttpSource),
    /// `sample` (`dummy`)
    Sample(SampleSource),
}

/// `@type forward`.
#[derive(Clone, Debug)]
pub struct ForwardSource {
    /// `bind`, `port`: TCP and UDP.
    pub listen: Listen,
    /// `backlog`: connections the kernel may hold waiting.
    pub backlog: Option<u32>,
    /// `tag`: replaces every incoming tag.
    pub tag: Option<String>,
    /// `add_tag_prefix`: put before the tag with a dot, after `tag`.
    pub add_tag_prefix: Option<String>,
    /// `chunk_size_limit`: larger messages are dropped, without ack. Bytes of one message.
    pub chunk_size_limit: ByteSize,
    /// `chunk_size_warn_limit`.
    pub chunk_size_warn_limit: Option<ByteSize>,
    /// `decompression_size_limit`: bytes one compressed message may grow to.
    pub decompression_size_limit: ByteSize,
    /// `source_address_key`: the sender's address is put into every record under this name.
    pub source_address_key: Option<String>,
    /// `source_hostname_key`: likewise its name.
    pub source_hostname_key: Option<String>,
    /// `deny_keepalive`: close after the first message and its ack.
    pub deny_keepalive: bool,
    /// `send_keepalive_packet`: SO_KEEPALIVE.
    pub send_keepalive_packet: bool,
    /// `linger_timeout` (SO_LINGER); seconds; `None`: an ordinary close.
    pub linger_timeout: Option<Duration>,
    /// `connection_limit` (ours): connections at once.
    pub connection_limit: u32,
    /// `entry_limit` (ours): entries in one message.
    pub entry_limit: u32,
    /// `<security>`; `None`: whoever reaches the port may send.
    pub security: Option<Security>,
    /// `<transport tls>`.
    pub tls: Option<Box<Tls>>,
}

/// `@type http`.
#[derive(Clone, Debug)]
pub struct HttpSource {
    /// `bind`, `port`.
    pub listen: Listen,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `body_size_limit`: bytes.
    pub body_size_limit: ByteSize,
    /// `decompression_size_limit`: bytes.
    pub decompression_size_limit: ByteSize,
    /// `keepalive_timeout`.
    pub keepalive_timeout: Duration,
    /// `add_http_headers`.
    pub add_http_headers: bool,
    /// `add_remote_addr`.
    pub add_remote_addr: bool,
    /// `add_query_params`.
    pub add_query_params: bool,
    /// `add_tag_prefix`.
    pub add_tag_prefix: Option<String>,
    /// `cors_allow_origins`; `None`: CORS is off.
    pub cors_allow_origins: Option<Vec<String>>,
    /// `cors_allow_credentials`.
    pub cors_allow_credentials: bool,
    /// `respond_with_empty_img`.
    pub respond_with_empty_img: bool,
    /// `use_204_response`.
    pub use_204_response: bool,
    /// `dump_error_log`.
    pub dump_error_log: bool,
    /// `<parse> time_key` of the `in_http` parser.
    pub time_key: String,
    /// `<parse> keep_time_key`.
    pub keep_time_key: bool,
    /// `connection_limit` (ours): connections at once.
    pub connection_limit: u32,
    /// `<transport tls>`.
    pub tls: Option<Box<Tls>>,
}

/// `@type sample`.
#[derive(Clone, Debug)]
pub struct SampleSource {
    /// `tag`.
    pub tag: String,
    /// `sample` / `dummy`: the records in turn, each one JSON object.
    pub records: Vec<String>,
    /// `rate`: emits per second.
    pub rate: u32,
    /// `size`: events per emit.
    pub size: u32,
    /// `auto_increment_key`.
    pub auto_increment_key: Option<String>,
}

/// The root or a `<label>`.
#[derive(Clone, Debug)]
pub struct Scope {
    /// `ROOT` or the label's name.
    pub name: String,
    /// Its filters and matches in order (`<worker 0>` content last).
    pub rules: Vec<Rule>,
}

/// A `<filter>` or a `<match>`.
#[derive(Clone, Debug)]
pub enum Rule {
    /// `<filter>`
    Filter(Filter),
    /// `<match>`
    Match(Match),
}

/// A `<filter>`.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Where it stands.
    pub origin: Origin,
    /// `@id`.
    pub id: Option<String>,
    /// Its argument.
    pub pattern: TagPattern,
    /// What it is.
    pub kind: FilterKind,
}

/// The kinds of filter.
#[derive(Clone, Debug)]
pub enum FilterKind {
    /// `stdout`: prints and passes on.
    Stdout(LineFormat),
    /// `grep`.
    Grep(Grep),
    /// `record_transformer`, without Ruby.
    RecordTransformer(RecordTransformer),
}

/// `grep`: which events pass.
#[derive(Clone, Debug, Default)]
pub struct Grep {
    /// `<regexp>` sections (and `<and>` ones): all must hold.
    pub all: Vec<GrepTerm>,
    /// `<or>` groups of `<regexp>`: in each at least one must hold.
    pub any: Vec<Vec<GrepTerm>>,
    /// `<exclude>` sections (and `<or>` ones): none may hold.
    pub none: Vec<GrepTerm>,
    /// `<and>` groups of `<exclude>`: in none of them all may hold.
    pub not_all: Vec<Vec<GrepTerm>>,
}

/// One key and pattern of `grep`.
#[derive(Clone, Debug)]
pub struct GrepTerm {
    /// Steps into the record (`$.a.b[0]` gives three; a plain name one).
    pub path: Vec<PathStep>,
    /// What the value's text must match.
    pub pattern: Regex,
}

pub use fluentcast_event::record::PathStep;

/// A compiled regular expression in Ruby's syntax, as far as the engine knows it.
#[derive(Clone, Debug)]
pub struct Regex(pub fancy_regex::Regex);

/// `record_transformer`.
#[derive(Clone, Debug, Default)]
pub struct RecordTransformer {
    /// `<record>`: key and template, as written.
    pub record: Vec<(String, String)>,
    /// `renew_record`.
    pub renew_record: bool,
    /// `renew_time_key`.
    pub renew_time_key: Option<String>,
    /// `keep_keys`: names of top-level fields; as in Fluentd no record accessors.
    pub keep_keys: Vec<String>,
    /// `remove_keys`.
    pub remove_keys: Vec<Vec<PathStep>>,
    /// `auto_typecast`.
    pub auto_typecast: bool,
}

/// A `<match>`.
#[derive(Clone, Debug)]
pub struct Match {
    /// Its argument.
    pub pattern: TagPattern,
    /// Where its events go.
    pub output: Output,
}

/// An output: of a `<match>`, or of a `<store>`.
#[derive(Clone, Debug)]
pub struct Output {
    /// Where the section stands.
    pub origin: Origin,
    /// `@id`.
    pub id: Option<String>,
    /// What it is.
    pub kind: OutputKind,
}

/// The kinds of output.
#[derive(Clone, Debug)]
pub enum OutputKind {
    /// `websocket`
    Websocket(Box<Websocket>),
    /// `copy`
    Copy(Vec<Store>),
    /// `file`
    File(FileOutput),
    /// `stdout`
    Stdout(LineFormat),
    /// `null`
    Null,
    /// `relabel`
    Relabel(ScopeId),
}

/// A `<store>` of `copy`.
#[derive(Clone, Debug)]
pub struct Store {
    /// `ignore_error`: its failure is logged and goes no further.
    pub ignore_error: bool,
    /// `ignore_if_prev_success`: skipped when the store before it succeeded.
    pub ignore_if_prev_success: bool,
    /// The output.
    pub output: Output,
}

/// `@type file`.
#[derive(Clone, Debug)]
pub struct FileOutput {
    /// `path`, as written.
    pub path: String,
    /// `append`.
    pub append: bool,
    /// The suffix with `add_path_suffix`/`path_suffix` resolved; may be empty.
    pub path_suffix: String,
    /// `compress gzip`.
    pub gzip: bool,
    /// `symlink_path`.
    pub symlink_path: Option<PathBuf>,
    /// `<format>`.
    pub format: LineFormat,
    /// `<buffer>` has the chunk key `tag`, or the path a `${tag}`.
    pub by_tag: bool,
    /// `timekey`: the length of a time slice; `None`: no slices (`<buffer []>`).
    pub timekey: Option<Duration>,
    /// `timekey_wait`: how long a slice stays open for late events.
    pub timekey_wait: Duration,
    /// Time zone of slices and of formatted times.
    pub zone: Zone,
    /// `flush_interval`: how long an event may wait in memory before it is written.
    pub flush_interval: Duration,
    /// `chunk_limit_size`: without `append`, a new file is begun at this size.
    pub chunk_limit_size: ByteSize,
    /// `total_limit_size`: bytes waiting to be written before the output refuses more.
    pub total_limit_size: ByteSize,
    /// Permissions of new files.
    pub file_permission: u32,
    /// Permissions of new directories.
    pub dir_permission: u32,
}

/// A time zone as Fluentd writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Zone {
    /// The system's (`localtime`, the default).
    Local,
    /// UTC (`utc`, `timekey_use_utc`).
    Utc,
    /// `+09:00`, or a name such as `Asia/Tokyo`; checked.
    Named(String),
}

/// `<format>`: how an event becomes a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineFormat {
    /// `out_file`: time, tag, JSON.
    OutFile {
        /// `delimiter`, resolved.
        delimiter: String,
        /// `output_tag`.
        output_tag: bool,
        /// `output_time`.
        output_time: bool,
        /// How the time is written.
        time: TimeFormat,
    },
    /// `stdout`: time with nanoseconds, tag, JSON.
    Stdout {
        /// How the time is written; `None`: `%Y-%m-%d %H:%M:%S.%N %z`.
        time: TimeFormat,
    },
    /// `json`
    Json,
    /// `ltsv`
    Ltsv {
        /// `delimiter`
        delimiter: String,
        /// `label_delimiter`
        label_delimiter: String,
    },
    /// `single_value`
    SingleValue {
        /// `message_key`
        message_key: String,
        /// `add_newline`
        add_newline: bool,
    },
}

/// How a time is written into a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeFormat {
    /// `time_format` in strftime's terms; `None`: the format's default (ISO 8601 for `out_file`).
    pub format: Option<String>,
    /// In which zone.
    pub zone: Zone,
}
