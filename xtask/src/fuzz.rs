//! `cargo xtask fuzz`: each target of `fuzz/` for a while, one after the other.

use anyhow::{Context, Result, bail};

use crate::shell::{self, cargo, query, step};
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
        step(target, || {
            // The sanitizer flags are unstable; this lets the stable compiler of the project take them.
            shell::run(
                cargo()
                    .env("RUSTC_BOOTSTRAP", "1")
                    .args(["fuzz", "run", target, "--"])
                    .arg(format!("-max_total_time={seconds}")),
            )
        })?;
    }
    Ok(())
}
