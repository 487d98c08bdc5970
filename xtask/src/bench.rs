//! `cargo xtask bench`, `soak` and `instructions`: build optimised, then let the bench do it.

use anyhow::Result;

use crate::shell::{built, cargo, program, run};

/// Measures Fluentcast against other servers; the arguments are the driver's.
pub(crate) fn measure(arguments: &[&str]) -> Result<()> {
    build(&["--package", "fluentcast", "--package", "fluentcast-bench"])?;
    run(program(built("release", "bench")?).args(arguments))
}

/// Lets clients come and go for a long time; the arguments are the soak's.
pub(crate) fn soak(arguments: &[&str]) -> Result<()> {
    build(&["--package", "fluentcast", "--package", "fluentcast-bench"])?;
    run(program(built("release", "soak")?).args(arguments))
}

/// Counts the instructions of the hot paths.
pub(crate) fn instructions(arguments: &[&str]) -> Result<()> {
    build(&["--package", "fluentcast-bench"])?;
    run(program(built("release", "instructions")?).args(arguments))
}

fn build(packages: &[&str]) -> Result<()> {
    run(cargo().args(["build", "--release", "--quiet"]).args(packages))
}
