//! `cargo xtask test`: every check of the repository, cheapest first, stopping at the first failure.

use anyhow::{Result, bail};

use crate::shell::{cargo, run, step};
use crate::{browser, conformance, fuzz, tools};

pub(crate) fn all() -> Result<()> {
    step("format", format)?;
    step("tools", tools::install_all)?;
    step("clippy", clippy)?;
    step("fuzz targets", fuzz::check)?;
    step("dependencies", dependencies)?;
    step("tests", || run(cargo().args(["test", "--workspace"])))?;
    step("browser", browser::run)?;
    step("conformance", conformance::run)
}

pub(crate) fn only(part: &str) -> Result<()> {
    match part {
        "lint" => {
            step("format", format)?;
            step("clippy", clippy)?;
            step("fuzz targets", fuzz::check)?;
            step("cargo-deny", tools::install_cargo_deny)?;
            step("dependencies", dependencies)
        }
        "unit" => step("unit tests", || {
            run(cargo().args(["test", "--workspace", "--exclude", "fluentcast"]))?;
            run(cargo().args(["test", "-p", "fluentcast", "--bins"]))
        }),
        "e2e" => {
            step("tools", tools::install_for_tests)?;
            step("end-to-end tests", || run(cargo().args(["test", "-p", "fluentcast", "--test", "e2e"])))
        }
        "browser" => {
            step("tools", tools::install_for_browser)?;
            step("browser", browser::run)
        }
        "conformance" => {
            step("python", tools::install_python)?;
            step("conformance", conformance::run)
        }
        _ => bail!("`{part}` is not one of lint, unit, e2e, browser, conformance"),
    }
}

fn format() -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Advisories are not checked: their database lives on a host that this project's CI cannot reach. See
/// [`advisories`].
fn dependencies() -> Result<()> {
    run(cargo().args(["deny", "--log-level", "error", "check", "bans", "licenses", "sources"]))
}

/// Looks whether a dependency has a known vulnerability, is unmaintained or was withdrawn. Fetches the database.
pub(crate) fn advisories() -> Result<()> {
    step("cargo-deny", tools::install_cargo_deny)?;
    step("advisories", || run(cargo().args(["deny", "--log-level", "error", "check", "advisories"])))
}
