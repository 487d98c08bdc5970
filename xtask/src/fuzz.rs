//! `cargo xtask fuzz`: each target of `fuzz/` for a while, one after the other.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell::{self, cargo, query, root, step};
use crate::tools;

/// Seconds per target: what every parser was given before its first release.
pub(crate) const SECONDS_DEFAULT: u32 = 300;

pub(crate) fn run(seconds: u32) -> Result<()> {
    step("cargo-fuzz", tools::install_cargo_fuzz)?;
    let targets = query(cargo().args(["fuzz", "list"]))?.context("`cargo fuzz list` failed")?;
    if targets.trim().is_empty() {
        bail!("fuzz/ has no target");
    }
    for target in targets.lines() {
        step(target, || one(target, seconds))?;
    }
    Ok(())
}

/// What it finds goes into `fuzz/corpus`, which is nobody's but this machine's; where it begins is kept with the
/// source, as are the words of what it parses.
fn one(target: &str, seconds: u32) -> Result<()> {
    let [corpus, seeds] = ["corpus", "corpus-seeds"].map(|folder| format!("fuzz/{folder}/{target}"));
    std::fs::create_dir_all(root().join(&corpus))?;
    let dictionary = format!("fuzz/dictionaries/{target}.dict");
    let mut command = cargo();
    // The sanitizer flags are unstable; this lets the stable compiler of the project take them.
    command.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", "run", target, &corpus]);
    command.args(Some(&seeds).filter(|seeds| root().join(seeds).is_dir()));
    command.args(["--", &format!("-max_total_time={seconds}")]);
    if root().join(&dictionary).is_file() {
        // The fuzzer runs where the repository is, whatever the folder of its source.
        command.arg(format!("-dict={}", Path::new(&dictionary).display()));
    }
    shell::run(&mut command)
}

/// Whether all targets still compile. They are no part of the workspace, so nothing else looks.
pub(crate) fn check() -> Result<()> {
    let manifest = "fuzz/Cargo.toml";
    shell::run(cargo().args(["fmt", "--manifest-path", manifest, "--check"]))?;
    shell::run(cargo().args(["check", "--quiet", "--locked", "--manifest-path", manifest, "--bins"]))
}
