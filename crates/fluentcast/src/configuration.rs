//! Which configuration to run, and what is wrong with it.

use std::path::Path;
use std::process::ExitCode;

use fluentcast_config::DEFAULT_CONFIG;
use fluentcast_config::check;
use fluentcast_config::load::{self, Environment, FileKind, Loaded};
use fluentcast_config::settings::Settings;

use crate::args::{Args, FileType};

/// A configuration, read.
pub(crate) struct Configuration {
    name: String,
    embedded: bool,
    hostname: String,
    loaded: Loaded,
    settings: Option<Settings>,
}

impl Configuration {
    /// Reads what the command line names: a file, inline text, both, or else the embedded default.
    pub(crate) fn read(args: &Args) -> anyhow::Result<Self> {
        let environment = environment();
        let inline = args.inline_config.as_deref();
        let (name, loaded) = match (&args.config, inline) {
            (Some(path), inline) => {
                let kind = kind(args.config_file_type);
                (path.display().to_string(), load::load_file(path, &environment, inline, kind))
            }
            (None, Some(inline)) => {
                let text = inline.replace("\\n", "\n");
                ("<inline>".to_owned(), load::load_text("<inline>", &text, &environment))
            }
            (None, None) => {
                ("<default>".to_owned(), load::load_text("<default>", DEFAULT_CONFIG, &environment))
            }
        };
        let embedded = args.config.is_none() && inline.is_none();
        Ok(Self::checked(name, embedded, environment, loaded))
    }

    fn checked(name: String, embedded: bool, environment: Environment, mut loaded: Loaded) -> Self {
        let settings = check::check(&loaded.root, &loaded.sources, &mut loaded.diagnostics);
        let settings = settings.filter(|_| !loaded.diagnostics.has_errors());
        Self { name, embedded, hostname: environment.hostname, loaded, settings }
    }

    /// Shows every mistake and remark on standard error, and returns the settings if they can run.
    pub(crate) fn report(&self) -> Option<&Settings> {
        crate::complain(&self.loaded.diagnostics.render(&self.loaded.sources));
        self.settings.as_ref()
    }

    /// Where it came from.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the embedded default.
    pub(crate) fn is_embedded(&self) -> bool {
        self.embedded
    }

    /// The name of this machine.
    pub(crate) fn hostname(&self) -> &str {
        &self.hostname
    }
}

/// `fluentcast check FILE`.
pub(crate) fn check(file: &Path, file_type: FileType) -> anyhow::Result<ExitCode> {
    let environment = environment();
    let loaded = load::load_file(file, &environment, None, kind(file_type));
    let configuration = Configuration::checked(file.display().to_string(), false, environment, loaded);
    let (name, diagnostics) = (&configuration.name, &configuration.loaded.diagnostics);
    let (errors, warnings) = (diagnostics.error_count(), diagnostics.warning_count());
    if configuration.report().is_none() {
        crate::complain(&format!("{name}: errors: {errors}, warnings: {warnings}\n"));
        return Ok(ExitCode::FAILURE);
    }
    crate::print(&format!("{name}: ok, warnings: {warnings}\n"))
}

fn kind(file_type: FileType) -> FileKind {
    match file_type {
        FileType::Guess => FileKind::Guess,
        FileType::Yaml => FileKind::Yaml,
    }
}

/// What the configuration may see of this process. Variables that are not UTF-8 cannot be named in it.
fn environment() -> Environment {
    let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    Environment {
        variables: std::env::vars_os().filter_map(utf8).collect(),
        hostname: gethostname::gethostname().to_string_lossy().into_owned(),
        worker_id: "0".to_owned(),
    }
}
