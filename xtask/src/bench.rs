//! `cargo xtask bench` and `cargo xtask instructions`: build optimised, then let the bench do it.

use anyhow::{Context, Result};

use crate::shell::{cargo, program, query, root, run};

/// Measures Fluentcast against other servers; the arguments are the driver's.
pub(crate) fn measure(arguments: &[&str]) -> Result<()> {
    build(&["--package", "fluentcast", "--package", "fluentcast-bench"])?;
    run(program(binary("bench")?).args(arguments))
}

/// Counts the instructions of the hot paths.
pub(crate) fn instructions(arguments: &[&str]) -> Result<()> {
    build(&["--package", "fluentcast-bench"])?;
    run(program(binary("instructions")?).args(arguments))
}

fn build(packages: &[&str]) -> Result<()> {
    run(cargo().args(["build", "--release", "--quiet"]).args(packages))
}

/// Where cargo puts a program of the bench.
fn binary(name: &str) -> Result<std::path::PathBuf> {
    let metadata = query(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata = metadata.context("`cargo metadata` failed")?;
    // One string of one JSON object: not worth a dependency.
    let folder = metadata.split_once("\"target_directory\":\"").and_then(|(_, rest)| rest.split_once('"'));
    let folder = folder.map_or_else(|| root().join("target"), |(folder, _)| folder.into());
    Ok(folder.join("release").join(name))
}
