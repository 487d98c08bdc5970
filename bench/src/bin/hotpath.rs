//! `hotpath NAME CHUNKS`: runs one hot path, to be counted from outside.

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().context("usage: hotpath NAME CHUNKS")?;
    let chunks = arguments.next().context("usage: hotpath NAME CHUNKS")?.parse()?;
    fluentcast_bench::paths::run(&name, chunks)
}
