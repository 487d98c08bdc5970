//! `tests/browser` in Debian's Chromium, against the built binary.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::shell::{built, cargo, program, root, run as finish};

const TESTS: &str = "tests/browser";

/// How long one test may take, in milliseconds: the longest watches a page for a minute.
const TEST_MILLISECONDS_MAX: &str = "--test-timeout=300000";

pub(crate) fn run() -> Result<()> {
    finish(cargo().args(["build", "-p", "fluentcast", "--bin", "fluentcast"]))?;
    // One file after the other: a browser beside a browser measures its neighbour.
    finish(
        program("node")
            .env("FLUENTCAST_BIN", built("debug", "fluentcast")?)
            .args(["--test", "--test-reporter=spec", "--test-concurrency=1", TEST_MILLISECONDS_MAX])
            .args(files()?),
    )
}

/// The files of tests, by name. Node itself looks for them in another way in every version.
fn files() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for file in fs::read_dir(root().join(TESTS)).context(TESTS)? {
        let path = file?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!("no tests in {TESTS}");
    }
    files.sort();
    Ok(files)
}
