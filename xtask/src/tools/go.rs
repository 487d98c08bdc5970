//! The Go client that Debian packages, built with the program that drives it in the tests.

use std::fs;

use anyhow::{Context, Result};

use crate::shell::{program, query, root, run};

const SOURCE: &str = "tests/tools/go/sender.go";

pub(crate) fn install() -> Result<()> {
    let source = fs::read_to_string(root().join(SOURCE)).context(SOURCE)?;
    let compiler = query(program("go").arg("version"))?.context("go does not run")?;
    super::once("go", &format!("{compiler}{source}"), || {
        run(program("go")
            .env("GO111MODULE", "off")
            .env("GOPATH", "/usr/share/gocode")
            .env("GOFLAGS", "")
            .args(["build", "-o", ".tools/go/sender", SOURCE]))
    })
}
