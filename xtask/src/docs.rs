//! `cargo xtask docs`: the pages that are made from tables in the code.

use anyhow::Result;

use crate::shell::{cargo, run};

/// The test that fails when `docs/configuration.md` is stale rewrites it when asked to.
pub(crate) fn refresh() -> Result<()> {
    run(cargo().env("UPDATE_DOCS", "1").args(["test", "-p", "fluentcast-config"]))
}
