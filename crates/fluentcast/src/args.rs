//! The command line: Fluentd's flags as far as they mean something here.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

use crate::manual::Shell;
use crate::send::SendArgs;
use crate::tail::TailArgs;

/// Fluentd events in, every WebSocket client sees them.
#[derive(Debug, Parser)]
#[command(
    name = "fluentcast",
    version,
    about,
    args_conflicts_with_subcommands = true,
    infer_long_args = true
)]
pub(crate) struct Args {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Configuration file. Without one (and without FLUENT_CONF) the embedded default is used: Forward
    /// on 127.0.0.1:24224, HTTP on 127.0.0.1:8888, WebSocket on 127.0.0.1:8080.
    #[arg(short, long, value_name = "PATH", env = "FLUENT_CONF")]
    pub(crate) config: Option<PathBuf>,

    /// Configuration text, appended to the file's; the two characters \n are a line end.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) inline_config: Option<String>,

    /// Format of the configuration file.
    #[arg(long, value_name = "TYPE", default_value = "guess")]
    pub(crate) config_file_type: FileType,

    /// Check everything and start nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// More log: debug; twice: trace.
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Less log: warnings; twice: errors.
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) quiet: u8,

    /// Log into this file instead of standard output (`-`).
    #[arg(short = 'o', long = "log", value_name = "PATH")]
    pub(crate) log: Option<PathBuf>,

    /// Accepted for Fluentd's sake: there is one process.
    #[arg(long, hide = true)]
    no_supervisor: bool,

    /// Accepted for Fluentd's sake: the configuration is never dumped.
    #[arg(long, hide = true)]
    suppress_config_dump: bool,

    /// Accepted for Fluentd's sake: there is no other.
    #[arg(long, hide = true)]
    use_v1_config: bool,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a configuration file and say what is wrong with it.
    Check {
        /// The file.
        file: PathBuf,

        /// Its format.
        #[arg(long, value_name = "TYPE", default_value = "guess")]
        config_file_type: FileType,
    },
    /// Print every parameter: name, type, default, meaning.
    Reference {
        /// As the Markdown page of the documentation.
        #[arg(long)]
        markdown: bool,
    },
    Tail(Box<TailArgs>),
    Send(SendArgs),
    /// Print a completion script for a shell.
    ///
    /// bash: source <(fluentcast completions bash). zsh: write it to a file `_fluentcast` in a folder of $fpath.
    /// fish: write it to ~/.config/fish/completions/fluentcast.fish.
    #[command(verbatim_doc_comment)]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, or write the pages of all commands into a folder.
    Man {
        /// The folder, such as /usr/local/share/man/man1.
        folder: Option<PathBuf>,
    },
}

/// Format of the configuration file.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FileType {
    /// By the file's name.
    Guess,
    /// YAML.
    #[value(alias = "yml")]
    Yaml,
}

impl Args {
    /// Reads the command line; else the exit code, after saying why. Fluentd exits with 1 on a bad
    /// option.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            // Nobody is left to tell when printing fails.
            let _ = error.print();
            if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        })
    }
}
