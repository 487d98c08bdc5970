//! What was seen, as a table for people.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::{FLAT_KIB_PER_MINUTE, Outcome};
use crate::report;

/// The table.
#[must_use]
pub fn table(outcome: &Outcome) -> String {
    let Outcome { plan, tally, held: [before, after], .. } = outcome;
    let mut text = String::from("| what | seen |\n|---|---|\n");
    let mut row = |what: &str, seen: String| {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "| {what} | {seen} |");
    };
    let minutes = outcome.time.as_secs_f64() / 60.0;
    row("time", format!("{minutes:.1} min"));
    row("clients at once", plan.clients.to_string());
    row("clients in all", tally.lives.to_string());
    for (how, count) in &tally.ends {
        row(&format!("of them {how}"), count.to_string());
    }
    let rate = outcome.sent as f64 / outcome.time.as_secs_f64();
    row("events sent and acked", format!("{} ({rate:.0} a second)", outcome.sent));
    row("events that came to clients, each judged", tally.events.to_string());
    row("**events lost**", format!("**{}**", tally.faults.lost));
    row("events that came twice or out of order", tally.faults.repeated.to_string());
    row(
        "events that a filter should have kept out, messages that make no sense",
        tally.faults.strange.to_string(),
    );
    row("gaps told to clients that had stopped reading, each as large as told", tally.gaps.to_string());
    row("gaps told to others, or with a wrong count", tally.faults.gaps_wrong.to_string());
    row("clients cut, turned away or left waiting", tally.failed.to_string());
    row("changed configurations taken meanwhile", outcome.reloads.to_string());
    row("certificates changed meanwhile, under a client over TLS", outcome.certificates.to_string());
    row(
        "file descriptors before the first client and after the last",
        format!("{} and {}", before.descriptors, after.descriptors),
    );
    row("threads before and after", format!("{} and {}", before.threads, after.threads));
    if let Some((least, most)) = outcome.memory_kib {
        row("memory after warm-up", format!("{:.1} to {:.1} MiB", least / 1024.0, most / 1024.0));
    }
    if let Some(slope) = outcome.slope {
        let flat = if outcome.is_flat() { "flat" } else { "**it grows**" };
        row(
            &format!("its slope (flat: at most {FLAT_KIB_PER_MINUTE:.0} KiB/min beyond twice the error)"),
            format!(
                "{:+.1} ± {:.1} KiB/min over {} samples: {flat}",
                slope.kib_per_minute, slope.error, slope.samples
            ),
        );
    }
    row("processor time of the server", format!("{:.0} s", outcome.cpu_seconds));
    text
}

/// Puts the table into the page.
///
/// # Errors
/// When the page cannot be read or written, or has no place for it.
pub fn write_page(page: &Path, table: &str, command: &str) -> Result<()> {
    report::write_page(page, table, command)
}
