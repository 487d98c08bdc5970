//! `instructions [--write]`: counts the instructions of the hot paths and compares them with those kept.

use std::path::Path;

use anyhow::{Context, Result, bail};
use fluentcast_bench::instructions;

#[expect(clippy::print_stdout, reason = "the counts are what the program is for")]
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let write = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--write"] => true,
        _ => bail!("usage: cargo xtask instructions [--write]"),
    };
    let own = std::env::current_exe()?;
    let folder = own.parent().context("a program lies in a folder")?;
    let outputs = folder.join("callgrind");
    let kept = Path::new("bench/instructions.txt");
    print!("{}", instructions::check(&folder.join("hotpath"), kept, &outputs, write)?);
    Ok(())
}
