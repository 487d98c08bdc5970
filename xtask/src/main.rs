//! `cargo xtask TASK`: everything a developer or CI runs that is not the product itself.
//!
//! Nothing here may need more than a Rust toolchain to build: it is what sets up a fresh machine.

mod bench;
mod browser;
mod conformance;
mod docs;
mod fuzz;
mod shell;
mod test;
mod tools;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask test [--only PART]                        install what the tests need, run them all (or one part:
                                                      lint, unit, e2e, browser or conformance)
cargo xtask tools                                     only install what the tests need
cargo xtask docs                                      rewrite docs/configuration.md from the parameter table
cargo xtask fuzz [SECONDS]                            run each fuzz target that long (default 300)
cargo xtask soak [--minutes N] [--write]              clients come and go; is anything lost, does anything grow?
cargo xtask advisories                                known vulnerabilities of dependencies (needs the network)
cargo xtask bench [--quick] [--only NAME] [--write]   measure against other servers (--help says more)
cargo xtask instructions [--write]                    count the instructions of the hot paths";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::say(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["test"] => test::all(),
        ["test", "--only", part] => test::only(part),
        ["tools"] => tools::install_all(),
        ["bench", arguments @ ..] => bench::measure(arguments),
        ["instructions", arguments @ ..] => bench::instructions(arguments),
        ["soak", arguments @ ..] => bench::soak(arguments),
        ["advisories"] => test::advisories(),
        ["docs"] => docs::refresh(),
        ["fuzz"] => fuzz::run(fuzz::SECONDS_DEFAULT),
        ["fuzz", seconds] => match seconds.parse() {
            Ok(seconds) => fuzz::run(seconds),
            Err(_) => bail!("`{seconds}` is not a number of seconds\n{USAGE}"),
        },
        _ => bail!("no such task\n{USAGE}"),
    }
}
