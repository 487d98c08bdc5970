//! Shell completions and manual pages, from the same definitions as the flags.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory as _, ValueEnum};
use clap_complete::aot;
use clap_mangen::Man;

use crate::args::Args;

/// The name that is completed.
const NAME: &str = "fluentcast";

/// A shell that completions are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

/// The script of a shell.
pub(crate) fn completions(shell: Shell) -> String {
    let shell = match shell {
        Shell::Bash => aot::Shell::Bash,
        Shell::Zsh => aot::Shell::Zsh,
        Shell::Fish => aot::Shell::Fish,
    };
    let mut script = Vec::new();
    aot::generate(shell, &mut Args::command(), NAME, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The manual page of the program, in roff.
pub(crate) fn page() -> String {
    let mut page = Vec::new();
    // Writing into memory cannot fail.
    let _ = Man::new(Args::command()).render(&mut page);
    String::from_utf8_lossy(&page).into_owned()
}

/// Writes `fluentcast.1` and a page for each command.
pub(crate) fn write_pages(folder: &Path) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Args::command(), folder))
        .with_context(|| format!("cannot write manual pages into {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
