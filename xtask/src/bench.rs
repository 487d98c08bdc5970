//! `cargo xtask bench` and `cargo xtask instructions`: build optimised, then let the bench do it.

use anyhow::Result;

use crate::shell::{built, cargo, program, run};

/// Measures Fluentcast against other servers; the arguments are the driver's.
pub(crate) fn measure(arguments: &[&str]) -> Result<()> {
    build(&["--package", "fluentcast", "--package", "fluentcast-bench"])?;
    run(program(built("release", "bench")?).args(arguments))
}

/// Counts the instructions of the hot paths.
pub(crate) fn instructions(arguments: &[&str]) -> Result<()> {
    build(&["--package", "fluentcast-bench"])?;
    run(program(built("release", "instructions")?).args(arguments))
}

fn build(packages: &[&str]) -> Result<()> {
    run(cargo().args(["build", "--release", "--quiet"]).args(packages))
}
