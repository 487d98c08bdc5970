//! Checked settings as text: one line per section, under it one line per setting.

use std::fmt::{Debug, Write as _};

use fluentcast_config::settings::{
    FileOutput, Filter, FilterKind, ForwardSource, Grep, GrepTerm, History, HttpSource, LineFormat, Listen,
    Output, OutputKind, PathStep, Rule, ScopeId, Security, Settings, Source, SourceKind, TimeFormat, Tls,
    TlsFile, Token, Websocket,
};

/// A setting and its value.
type Line = (&'static str, String);

/// Which settings are written.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    All,
    /// Those that are not as they would be by themselves.
    Changed,
}

/// Writes all settings down. `defaults` are those of a configuration that sets nothing it need not.
pub(crate) fn dump(settings: &Settings, defaults: &Settings, which: Which) -> String {
    let dump = Dump { settings, defaults: Defaults::of(defaults), which };
    let mut out = String::new();
    dump.section(&mut out, 0, "system", &system(settings), &system(defaults));
    for source in &settings.sources {
        dump.source(&mut out, source);
    }
    for scope in &settings.scopes {
        writeln!(out, "scope {}", scope.name).unwrap();
        for rule in &scope.rules {
            match rule {
                Rule::Filter(filter) => dump.filter(&mut out, filter),
                Rule::Match(rule) => {
                    dump.output(&mut out, 1, &format!("match {:?}", rule.pattern.as_str()), &rule.output);
                }
            }
        }
    }
    if let Some(scope) = settings.error_scope {
        writeln!(out, "errors to {}", dump.scope(scope)).unwrap();
    }
    out
}

struct Dump<'a> {
    settings: &'a Settings,
    defaults: Defaults,
    which: Which,
}

/// The settings of each kind when nothing is set.
#[derive(Default)]
struct Defaults {
    forward: Vec<Line>,
    http: Vec<Line>,
    sample: Vec<Line>,
    websocket: Vec<Line>,
    file: Vec<Line>,
}

impl Defaults {
    fn of(settings: &Settings) -> Self {
        let mut defaults = Self::default();
        for source in &settings.sources {
            match &source.kind {
                SourceKind::Forward(it) => defaults.forward = forward(it),
                SourceKind::Http(it) => defaults.http = http(it),
                SourceKind::Sample(it) => defaults.sample = sample(it),
            }
        }
        for rule in settings.scopes.iter().flat_map(|scope| &scope.rules) {
            let Rule::Match(rule) = rule else { continue };
            match &rule.output.kind {
                OutputKind::Websocket(it) => defaults.websocket = websocket(it),
                OutputKind::File(it) => defaults.file = file(it),
                _ => {}
            }
        }
        defaults
    }
}

impl Dump<'_> {
    fn section(&self, out: &mut String, depth: usize, title: &str, lines: &[Line], defaults: &[Line]) {
        writeln!(out, "{}{title}", "  ".repeat(depth)).unwrap();
        for line in lines {
            if matches!(self.which, Which::All) || !defaults.contains(line) {
                writeln!(out, "{}{} {}", "  ".repeat(depth + 1), line.0, line.1).unwrap();
            }
        }
    }

    fn scope(&self, scope: ScopeId) -> &str {
        &self.settings.scopes[scope.0].name
    }

    fn source(&self, out: &mut String, source: &Source) {
        let (name, lines, defaults) = match &source.kind {
            SourceKind::Forward(it) => ("forward", forward(it), &self.defaults.forward),
            SourceKind::Http(it) => ("http", http(it), &self.defaults.http),
            SourceKind::Sample(it) => ("sample", sample(it), &self.defaults.sample),
        };
        let title = format!("source {name}{} to {}", id(source.id.as_deref()), self.scope(source.scope));
        self.section(out, 0, &title, &lines, defaults);
    }

    fn filter(&self, out: &mut String, filter: &Filter) {
        let (name, lines) = match &filter.kind {
            FilterKind::Stdout(format) => ("stdout", vec![("format", line_format(format))]),
            FilterKind::Grep(it) => ("grep", grep(it)),
            FilterKind::RecordTransformer(it) => {
                let paths =
                    |keys: &[Vec<PathStep>]| keys.iter().map(|key| path(key)).collect::<Vec<_>>().join(" ");
                let mut lines: Vec<Line> =
                    it.record.iter().map(|(key, value)| ("set", format!("{key:?} to {value:?}"))).collect();
                lines.extend([
                    ("renew_record", text(&it.renew_record)),
                    ("renew_time_key", text(&it.renew_time_key)),
                    ("keep_keys", it.keep_keys.join(" ")),
                    ("remove_keys", paths(&it.remove_keys)),
                    ("auto_typecast", text(&it.auto_typecast)),
                ]);
                ("record_transformer", lines)
            }
        };
        let defaults = [
            ("renew_record", "false".to_owned()),
            ("renew_time_key", "None".to_owned()),
            ("keep_keys", String::new()),
            ("remove_keys", String::new()),
            ("auto_typecast", "true".to_owned()),
        ];
        let title = format!("filter {:?} {name}{}", filter.pattern.as_str(), id(filter.id.as_deref()));
        self.section(out, 1, &title, &lines, &defaults);
    }

    fn output(&self, out: &mut String, depth: usize, before: &str, output: &Output) {
        let (name, lines, defaults): (_, _, &[Line]) = match &output.kind {
            OutputKind::Websocket(it) => ("websocket", websocket(it), &self.defaults.websocket),
            OutputKind::File(it) => ("file", file(it), &self.defaults.file),
            OutputKind::Stdout(format) => ("stdout", vec![("format", line_format(format))], &[]),
            OutputKind::Relabel(scope) => ("relabel", vec![("to", self.scope(*scope).to_owned())], &[]),
            OutputKind::Null => ("null", Vec::new(), &[]),
            OutputKind::Copy(_) => ("copy", Vec::new(), &[]),
        };
        let title = format!("{before} {name}{}", id(output.id.as_deref()));
        self.section(out, depth, &title, &lines, defaults);
        if let OutputKind::Copy(stores) = &output.kind {
            for store in stores {
                let mut before = "store".to_owned();
                if store.ignore_error {
                    before.push_str(" ignore_error");
                }
                if store.ignore_if_prev_success {
                    before.push_str(" ignore_if_prev_success");
                }
                self.output(out, depth + 1, &before, &store.output);
            }
        }
    }
}

fn system(settings: &Settings) -> Vec<Line> {
    let system = &settings.system;
    vec![
        ("log_level", text(&system.log_level)),
        ("log_level_set", text(&system.log_level_set)),
        ("suppress_config_dump", text(&system.suppress_config_dump)),
        ("metrics_token", text(&system.metrics_token)),
        ("file_permission", format!("{:04o}", system.file_permission)),
        ("dir_permission", format!("{:04o}", system.dir_permission)),
    ]
}

fn forward(it: &ForwardSource) -> Vec<Line> {
    vec![
        ("listen", listen(&it.listen)),
        ("backlog", text(&it.backlog)),
        ("tag", text(&it.tag)),
        ("add_tag_prefix", text(&it.add_tag_prefix)),
        ("chunk_size_limit", text(&it.chunk_size_limit.0)),
        ("chunk_size_warn_limit", text(&it.chunk_size_warn_limit.map(|size| size.0))),
        ("decompression_size_limit", text(&it.decompression_size_limit.0)),
        ("source_address_key", text(&it.source_address_key)),
        ("source_hostname_key", text(&it.source_hostname_key)),
        ("deny_keepalive", text(&it.deny_keepalive)),
        ("send_keepalive_packet", text(&it.send_keepalive_packet)),
        ("linger_timeout", text(&it.linger_timeout)),
        ("connection_limit", text(&it.connection_limit)),
        ("entry_limit", text(&it.entry_limit)),
        ("tls", tls(it.tls.as_deref())),
        ("security", it.security.as_ref().map_or_else(|| "None".to_owned(), security)),
    ]
}

fn security(it: &Security) -> String {
    let mut out = format!("as {} key {:?}", it.self_hostname, it.shared_key);
    if !it.allow_anonymous_source {
        out.push_str(" from known clients");
    }
    for user in it.users.iter().flatten() {
        write!(out, ", user {} {:?}", user.name, user.password).unwrap();
    }
    for client in &it.clients {
        let (key, users) = (&client.shared_key, &client.users);
        write!(out, ", client {:?} key {key:?} users {users:?}", client.address).unwrap();
    }
    out
}

fn tls(tls: Option<&Tls>) -> String {
    let Some(it) = tls else { return "None".to_owned() };
    let file = |file: &TlsFile| format!("{} ({})", file.path.display(), file.origin);
    let client_ca = it.client_ca.as_ref().map_or_else(String::new, |ca| format!(" clients of {}", file(ca)));
    let (certificate, key) = (file(&it.certificate), file(&it.private_key));
    format!("{certificate} key {key} {:?}{client_ca} {:?}", it.passphrase, it.versions)
}

fn http(it: &HttpSource) -> Vec<Line> {
    vec![
        ("listen", listen(&it.listen)),
        ("backlog", text(&it.backlog)),
        ("body_size_limit", text(&it.body_size_limit.0)),
        ("decompression_size_limit", text(&it.decompression_size_limit.0)),
        ("keepalive_timeout", text(&it.keepalive_timeout)),
        ("add_http_headers", text(&it.add_http_headers)),
        ("add_remote_addr", text(&it.add_remote_addr)),
        ("add_query_params", text(&it.add_query_params)),
        ("add_tag_prefix", text(&it.add_tag_prefix)),
        ("cors_allow_origins", text(&it.cors_allow_origins)),
        ("cors_allow_credentials", text(&it.cors_allow_credentials)),
        ("respond_with_empty_img", text(&it.respond_with_empty_img)),
        ("use_204_response", text(&it.use_204_response)),
        ("dump_error_log", text(&it.dump_error_log)),
        ("time_key", text(&it.time_key)),
        ("keep_time_key", text(&it.keep_time_key)),
        ("connection_limit", text(&it.connection_limit)),
        ("tls", tls(it.tls.as_deref())),
    ]
}

fn sample(it: &fluentcast_config::settings::SampleSource) -> Vec<Line> {
    vec![
        ("tag", text(&it.tag)),
        ("records", it.records.join(" ")),
        ("rate", text(&it.rate)),
        ("size", text(&it.size)),
        ("auto_increment_key", text(&it.auto_increment_key)),
    ]
}

fn websocket(it: &Websocket) -> Vec<Line> {
    vec![
        ("listen", listen(&it.listen)),
        ("path", text(&it.path)),
        ("use_msgpack", text(&it.use_msgpack)),
        ("add_time", text(&it.add_time)),
        ("add_tag", text(&it.add_tag)),
        ("buffered_messages", text(&it.buffered_messages)),
        ("token", text(&it.token)),
        (
            "tokens",
            if it.tokens.is_empty() {
                "None".to_owned()
            } else {
                it.tokens.iter().map(token).collect::<Vec<_>>().join("; ")
            },
        ),
        ("allow_origin", text(&it.allow_origin)),
        ("history", history(it.history.as_ref())),
        ("ui", text(&it.ui)),
        ("client_lag_limit", text(&it.client_lag_limit.0)),
        ("slow_client", text(&it.slow_client)),
        ("flush_interval", text(&it.flush_interval)),
        ("compress", text(&it.compress)),
        ("ping_interval", text(&it.ping_interval)),
        ("ping_timeout", text(&it.ping_timeout)),
        ("connection_limit", text(&it.connection_limit)),
        ("tls", tls(it.tls.as_deref())),
    ]
}

fn token(it: &Token) -> String {
    let Token { name, secret, tags, filter, fields, redact, max_rate, connection_limit, expires, .. } = it;
    let filter = filter.as_ref().map(ToString::to_string);
    format!(
        "{name} {secret:?} tags {tags:?} filter {filter:?} fields {fields:?} redact {redact:?} rate {max_rate:?} \
         limit {connection_limit:?} expires {expires:?}"
    )
}

fn history(history: Option<&History>) -> String {
    let Some(it) = history else {
        return "None".to_owned();
    };
    let bounds = [
        it.events.map(|events| format!("{events} events")),
        it.size.map(|size| format!("{} bytes", size.0)),
        it.age.map(|age| format!("{age:?}")),
    ];
    let bounds = bounds.into_iter().flatten().collect::<Vec<_>>().join(", ");
    match &it.path {
        Some(path) => format!("{bounds} in {path:?} sync {:?}", it.sync),
        None => format!("{bounds} in memory"),
    }
}

fn file(it: &FileOutput) -> Vec<Line> {
    vec![
        ("path", text(&it.path)),
        ("append", text(&it.append)),
        ("path_suffix", text(&it.path_suffix)),
        ("gzip", text(&it.gzip)),
        ("symlink_path", text(&it.symlink_path)),
        ("format", line_format(&it.format)),
        ("by_tag", text(&it.by_tag)),
        ("timekey", text(&it.timekey)),
        ("timekey_wait", text(&it.timekey_wait)),
        ("zone", text(&it.zone)),
        ("flush_interval", text(&it.flush_interval)),
        ("chunk_limit_size", text(&it.chunk_limit_size.0)),
        ("total_limit_size", text(&it.total_limit_size.0)),
        ("file_permission", format!("{:04o}", it.file_permission)),
        ("dir_permission", format!("{:04o}", it.dir_permission)),
    ]
}

fn grep(it: &Grep) -> Vec<Line> {
    let term = |term: &GrepTerm| format!("{} ~ {}", path(&term.path), term.pattern.0.as_str());
    let group = |terms: &Vec<GrepTerm>| terms.iter().map(term).collect::<Vec<_>>().join(" , ");
    let mut lines = Vec::new();
    lines.extend(it.all.iter().map(|one| ("must", term(one))));
    lines.extend(it.any.iter().map(|terms| ("must one of", group(terms))));
    lines.extend(it.none.iter().map(|one| ("must not", term(one))));
    lines.extend(it.not_all.iter().map(|terms| ("must not all of", group(terms))));
    lines
}

fn line_format(format: &LineFormat) -> String {
    match format {
        LineFormat::OutFile { delimiter, output_tag, output_time, time } => {
            let (tag, written) =
                (if *output_tag { " tag" } else { "" }, if *output_time { " time" } else { "" });
            format!("out_file{written}{tag} {delimiter:?} {}", time_format(time))
        }
        LineFormat::Stdout { time } => format!("stdout {}", time_format(time)),
        LineFormat::Json => "json".to_owned(),
        LineFormat::Ltsv { delimiter, label_delimiter } => format!("ltsv {delimiter:?} {label_delimiter:?}"),
        LineFormat::SingleValue { message_key, add_newline } => {
            format!("single_value {message_key:?}{}", if *add_newline { "" } else { " without newline" })
        }
    }
}

fn time_format(time: &TimeFormat) -> String {
    format!("{} {}", time.format.as_deref().unwrap_or("default"), text(&time.zone))
}

fn path(steps: &[PathStep]) -> String {
    let step = |step: &PathStep| match step {
        PathStep::Key(key) => format!("{key:?}"),
        PathStep::Index(index) => format!("[{index}]"),
    };
    steps.iter().map(step).collect::<Vec<_>>().join(".")
}

fn listen(listen: &Listen) -> String {
    format!("{}:{}", listen.host, listen.port)
}

fn id(id: Option<&str>) -> String {
    id.map_or_else(String::new, |id| format!(" @id={id}"))
}

fn text(value: &impl Debug) -> String {
    format!("{value:?}")
}
