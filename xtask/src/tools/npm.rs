//! The npm packages of `tests/tools/package-lock.json`, in `.tools/npm`.

use std::fs;

use anyhow::{Context, Result};

use crate::shell::{program, root, run};

const MANIFEST: &str = "package.json";
const LOCK: &str = "package-lock.json";

pub(crate) fn install() -> Result<()> {
    let read = |name| fs::read_to_string(root().join("tests/tools").join(name)).context(name);
    let (manifest, lock) = (read(MANIFEST)?, read(LOCK)?);
    super::once("npm", &lock, || {
        let folder = root().join(".tools/npm");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(MANIFEST), &manifest)?;
        fs::write(folder.join(LOCK), &lock)?;
        run(program("npm").current_dir(folder).args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]))
    })
}
