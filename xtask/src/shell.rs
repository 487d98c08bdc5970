//! Running other programs: each is shown before it runs, and its failure ends the task.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// One line for whoever watches.
#[expect(clippy::print_stderr, reason = "talking to the terminal is what a task runner does")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// The folder of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// A program, started in the folder of the repository.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// The cargo that runs this task, with the tools of this repository on its path.
pub(crate) fn cargo() -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let mut path = vec![root().join(".tools/bin")];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    if let Ok(path) = std::env::join_paths(path) {
        command.env("PATH", path);
    }
    command
}

/// Runs to the end, output and all in sight.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    say(&format!("$ {shown}"));
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs unseen; its standard output, or `None` when it is not there or failed.
pub(crate) fn query(command: &mut Command) -> Result<Option<String>> {
    match command.stdin(Stdio::null()).stderr(Stdio::null()).output() {
        Ok(output) if output.status.success() => {
            Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
        }
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot start `{}`", show(command))),
    }
}

/// Where cargo puts a program of this workspace, in this profile.
pub(crate) fn built(profile: &str, name: &str) -> Result<PathBuf> {
    let metadata = query(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata = metadata.context("`cargo metadata` failed")?;
    // One string of one JSON object: not worth a dependency.
    let folder = metadata.split_once("\"target_directory\":\"").and_then(|(_, rest)| rest.split_once('"'));
    let folder = folder.map_or_else(|| root().join("target"), |(folder, _)| folder.into());
    Ok(folder.join(profile).join(name))
}

/// One named part of a task, with the time it took.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    say(&format!("\n== {name}"));
    let start = Instant::now();
    work().with_context(|| format!("the step `{name}` failed"))?;
    say(&format!("== {name}: done in {} s", start.elapsed().as_secs()));
    Ok(())
}

pub(crate) fn show(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
