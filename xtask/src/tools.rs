//! What the tests need besides Rust: fetched into `.tools/`, at versions written down in this repository.
//!
//! Each tool is installed once per version: a stamp in `.tools/stamps` says what is there.

mod debian;
mod go;
mod npm;
mod python;

use std::fs;

use anyhow::{Context, Result};

pub(crate) use python::{INTERPRETER as PYTHON, install as install_python};

use crate::shell::{cargo, root, run};

const CARGO_DENY_VERSION: &str = "0.20.2";
const CARGO_FUZZ_VERSION: &str = "0.13.2";

pub(crate) fn install_all() -> Result<()> {
    install_for_tests()?;
    install_for_browser()?;
    install_cargo_deny()
}

/// The third-party clients that the end-to-end tests run, and what runs the JavaScript client.
pub(crate) fn install_for_tests() -> Result<()> {
    debian::require(&debian::NEEDS)?;
    python::install()?;
    npm::install()?;
    go::install()
}

/// A browser, and what drives it.
pub(crate) fn install_for_browser() -> Result<()> {
    debian::require(&debian::BROWSER_NEEDS)?;
    npm::install()
}

pub(crate) fn install_cargo_deny() -> Result<()> {
    cargo_install("cargo-deny", CARGO_DENY_VERSION)
}

pub(crate) fn install_cargo_fuzz() -> Result<()> {
    cargo_install("cargo-fuzz", CARGO_FUZZ_VERSION)
}

/// Unoptimised: these tools run for a second or two, and optimising them takes minutes.
fn cargo_install(name: &str, version: &str) -> Result<()> {
    once(name, version, || {
        run(cargo().env("CARGO_PROFILE_DEV_DEBUG", "0").args([
            "install",
            "--debug",
            "--locked",
            "--version",
            version,
            "--root",
            ".tools",
            name,
        ]))
    })
}

/// Installs unless the stamp of `name` says that this very `version` is there.
fn once(name: &str, version: &str, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamps = root().join(".tools/stamps");
    let stamp = stamps.join(name);
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == version) {
        return Ok(());
    }
    install().with_context(|| format!("cannot install {name}"))?;
    fs::create_dir_all(&stamps)?;
    fs::write(&stamp, version).with_context(|| format!("cannot write {}", stamp.display()))
}
