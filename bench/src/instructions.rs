//! Instruction counts of the hot paths under callgrind, compared with those that were kept.
//!
//! Times on a shared machine differ by a factor of two from one minute to the next; instruction counts
//! do not. They do differ between compilers: after an update of the toolchain keep new ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::paths::NAMES;
use crate::scenario::CHUNK_EVENTS;

/// By how much a count may differ from the one kept. The seeds of hash maps move some by a percent.
const TOLERANCE: f64 = 0.03;

/// Chunks in the two runs whose difference is counted, so that start and end do not count.
const CHUNKS: [u64; 2] = [50, 150];

const HEAD: &str = "# Instructions per event of each hot path, by callgrind; `cargo xtask instructions --write` keeps new ones.\n";

/// Counts every path and compares. Outputs of callgrind stay in `folder`, for `callgrind_annotate`.
///
/// # Errors
/// When a path takes more than was kept, or callgrind cannot be run.
pub fn check(program: &Path, kept: &Path, folder: &Path, write: bool) -> Result<String> {
    std::fs::create_dir_all(folder)?;
    let mut counts = Vec::new();
    for name in NAMES {
        counts.push((name, instructions_per_event(program, name, folder)?));
    }
    if write {
        std::fs::write(kept, render(&counts)).with_context(|| format!("cannot write {}", kept.display()))?;
        return Ok(render(&counts));
    }
    let text = std::fs::read_to_string(kept).with_context(|| format!("cannot read {}", kept.display()))?;
    compare(&counts, &parse(&text)?)
}

fn instructions_per_event(program: &Path, name: &str, folder: &Path) -> Result<f64> {
    let [few, many] = CHUNKS.map(|chunks| count(program, name, chunks, folder));
    let events = (CHUNKS[1] - CHUNKS[0]) * CHUNK_EVENTS as u64;
    Ok((many? - few?) / events as f64)
}

fn count(program: &Path, name: &str, chunks: u64, folder: &Path) -> Result<f64> {
    let mut command = Command::new("valgrind");
    command.arg("--tool=callgrind");
    command.arg(format!("--callgrind-out-file={}", folder.join(name).display()));
    let output = command.arg(program).args([name, &chunks.to_string()]).output();
    let output = output.context("cannot start valgrind (apt-get install valgrind)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "callgrind failed:\n{said}");
    // ==123== Collected : 456
    let line = said.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = line.with_context(|| format!("callgrind counted nothing:\n{said}"))?;
    Ok(count.trim().parse()?)
}

fn render(counts: &[(&str, f64)]) -> String {
    let mut text = HEAD.to_owned();
    for (name, count) in counts {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name} {count:.1}");
    }
    text
}

fn parse(text: &str) -> Result<BTreeMap<&str, f64>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| {
            let (name, count) = line.split_once(' ').with_context(|| format!("no count in `{line}`"))?;
            Ok((name, count.trim().parse()?))
        })
        .collect()
}

/// What to print; an error when a path takes more.
fn compare(counts: &[(&str, f64)], kept: &BTreeMap<&str, f64>) -> Result<String> {
    let mut text = String::new();
    let mut worse = Vec::new();
    for (name, count) in counts {
        let Some(before) = kept.get(name) else {
            bail!("`{name}` has no count that was kept: run with --write");
        };
        let change = count / before - 1.0;
        let verdict = if change > TOLERANCE {
            worse.push(*name);
            "MORE"
        } else if change < -TOLERANCE {
            "less: keep it with --write"
        } else {
            ""
        };
        let _ = writeln!(text, "{name:20} {before:9.1} -> {count:9.1} {:+6.1} % {verdict}", change * 100.0);
    }
    ensure!(worse.is_empty(), "{text}more instructions than were kept: {}", worse.join(", "));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_fails_and_less_does_not() {
        let text = render(&[("a", 100.0), ("b", 50.0)]);
        let kept = parse(&text).expect("what was rendered");
        assert!(compare(&[("a", 102.9), ("b", 50.0)], &kept).is_ok());
        let less = compare(&[("a", 90.0), ("b", 50.0)], &kept).expect("less is fine");
        assert!(less.contains("less"), "{less}");
        let more = compare(&[("a", 103.1), ("b", 50.0)], &kept).expect_err("more");
        assert!(more.to_string().ends_with("kept: a"), "{more}");
        assert!(compare(&[("c", 1.0)], &kept).is_err());
    }
}
