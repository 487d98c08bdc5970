//! The Python packages of `tests/tools/requirements.txt`, in a virtual environment of their own.

use std::fs;

use anyhow::{Context, Result};

use crate::shell::{program, root, run};

/// The interpreter that sees these packages, from the folder of the repository.
pub(crate) const INTERPRETER: &str = ".tools/python/bin/python";

const REQUIREMENTS: &str = "tests/tools/requirements.txt";

pub(crate) fn install() -> Result<()> {
    let wanted = fs::read_to_string(root().join(REQUIREMENTS)).context(REQUIREMENTS)?;
    super::once("python", &wanted, || {
        run(program("python3").args(["-m", "venv", "--clear", ".tools/python"]))?;
        run(program(root().join(INTERPRETER)).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "-r",
            REQUIREMENTS,
        ]))
    })
}
