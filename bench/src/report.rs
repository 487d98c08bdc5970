//! From what was seen to one table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::measure::Seen;
use crate::server::Kind;

/// Everything that was seen, in the order of scenarios.
#[derive(Debug, Default)]
pub struct Report {
    scenarios: Vec<Rows>,
}

/// One scenario: what was seen of each server, round by round.
#[derive(Debug)]
struct Rows {
    name: String,
    servers: BTreeMap<Kind, Vec<Seen>>,
    /// Servers whose run was worth nothing, and why.
    left_out: BTreeMap<Kind, String>,
}

impl Rows {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), servers: BTreeMap::new(), left_out: BTreeMap::new() }
    }
}

const HEAD: &str = "\
| scenario | server | M deliveries per CPU-s | of the floor | events/s | M deliveries/s | events per read | p50 / p99 / p99.9 ms | RSS MiB cold / before / peak / after | lost | twice | client CPU | |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|
";

/// Its columns.
const HEAD_CELLS: usize = 13;

impl Report {
    /// Adds what was seen of one server in one round of a scenario.
    pub fn add(&mut self, scenario: &str, kind: Kind, seen: Seen) {
        self.rows(scenario).servers.entry(kind).or_default().push(seen);
    }

    /// Adds that a round of a scenario is worth nothing, and why.
    pub fn leave_out(&mut self, scenario: &str, kind: Kind, why: &str) {
        self.rows(scenario).left_out.insert(kind, why.to_owned());
    }

    fn rows(&mut self, scenario: &str) -> &mut Rows {
        let known = self.scenarios.iter().position(|rows| rows.name == scenario);
        let index = known.unwrap_or(self.scenarios.len());
        if known.is_none() {
            self.scenarios.push(Rows::new(scenario));
        }
        &mut self.scenarios[index]
    }

    /// What was seen of a server in a scenario, round by round.
    #[must_use]
    pub fn seen(&self, scenario: &str, kind: Kind) -> &[Seen] {
        let rows = self.scenarios.iter().find(|rows| rows.name == scenario);
        rows.and_then(|rows| rows.servers.get(&kind)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Everything that was seen of a server.
    pub fn seen_of(&self, kind: Kind) -> impl Iterator<Item = (&str, &Seen)> {
        self.scenarios.iter().flat_map(move |rows| {
            rows.servers.get(&kind).into_iter().flatten().map(|seen| (rows.name.as_str(), seen))
        })
    }

    /// The table, in Markdown.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = HEAD.to_owned();
        for rows in &self.scenarios {
            for (kind, seen) in &rows.servers {
                table.push_str(&rows.line(*kind, seen));
            }
            for (kind, why) in &rows.left_out {
                let cells = " |".repeat(HEAD_CELLS - 3);
                // Writing to a string cannot fail.
                let _ =
                    writeln!(table, "| {} | {} |{cells} a round left out: {why} |", rows.name, kind.name());
            }
        }
        table
    }

    /// Whether anything was lost or came twice.
    #[must_use]
    pub fn has_losses(&self) -> bool {
        self.scenarios
            .iter()
            .flat_map(|rows| rows.servers.values().flatten())
            .any(|seen| seen.lost + seen.duplicated > 0)
    }
}

impl Rows {
    fn line(&self, kind: Kind, seen: &[Seen]) -> String {
        let mid = |value: &dyn Fn(&Seen) -> f64| median(seen.iter().map(value).collect());
        let floor = self.servers.get(&Kind::Floor).filter(|_| kind != Kind::Floor);
        let ratio = floor.map_or(String::new(), |floor| {
            let pairs = seen.iter().zip(floor);
            let ratios = pairs
                .map(|(ours, floor)| ours.deliveries_per_cpu_second() / floor.deliveries_per_cpu_second());
            format!("{:.2}", median(ratios.collect()))
        });
        let latency = [0, 1, 2].map(|index| {
            format!("{:.2}", mid(&|seen| seen.latency_ms.map_or(f64::NAN, |latency| latency[index])))
        });
        let mebibytes = [
            mid(&|seen| seen.memory_cold as f64),
            mid(&|seen| seen.memory_before as f64),
            mid(&|seen| seen.memory_peak as f64),
            mid(&|seen| seen.memory_after as f64),
        ]
        .map(|bytes| format!("{:.1}", bytes / 1_048_576.0));
        let sum = |value: fn(&Seen) -> u64| seen.iter().map(value).sum::<u64>();
        format!(
            "| {} | {} | {:.3} | {ratio} | {:.0} | {:.3} | {:.1} | {} | {} | {} | {} | {:.2} | {} |\n",
            self.name,
            kind.name(),
            mid(&Seen::deliveries_per_cpu_second) / 1e6,
            mid(&|seen| seen.events as f64 / seen.seconds),
            mid(&|seen| seen.deliveries as f64 / seen.seconds) / 1e6,
            mid(&|seen| seen.events_per_read.unwrap_or(f64::NAN)),
            latency.join(" / "),
            mebibytes.join(" / "),
            sum(|seen| seen.lost),
            sum(|seen| seen.duplicated),
            mid(&|seen| seen.client_cpu_seconds / seen.seconds),
            seen.last().map(|seen| seen.remarks.join("; ")).unwrap_or_default(),
        )
        .replace("NaN / NaN / NaN", "")
        .replace("NaN", "")
    }
}

/// The ratio of a value within each round, and of those the median: what is done side by side suffers
/// from the same neighbours.
pub(crate) fn median_ratio(ours: &[Seen], theirs: &[Seen], value: impl Fn(&Seen) -> f64) -> f64 {
    median(ours.iter().zip(theirs).map(|(ours, theirs)| value(ours) / value(theirs)).collect())
}

/// The middle one; of an even number the mean of the two.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len(), values.get(values.len() / 2)) {
        (_, None) => f64::NAN,
        (len, Some(upper)) if len.is_multiple_of(2) => f64::midpoint(values[len / 2 - 1], *upper),
        (_, Some(middle)) => *middle,
    }
}

/// Where the results stand in the page.
/// The rest of the line says by what.
const BEGIN: &str = "<!-- results: written by ";
const END: &str = "<!-- end of results -->\n";

/// Puts the table into the page, with when, where, what and how.
///
/// # Errors
/// When the page has no place for it.
pub fn write_page(page: &Path, table: &str, command: &str) -> Result<()> {
    let text = std::fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let (before, rest) = text.split_once(BEGIN).context("the page has no mark where results begin")?;
    let (by, rest) = rest.split_once('\n').context("the mark where results begin does not end")?;
    let (_, after) = rest.split_once(END).context("the page has no mark where results end")?;
    let text = format!("{before}{BEGIN}{by}\n\n{}\n{table}\n{END}{after}", facts(command));
    std::fs::write(page, text).with_context(|| format!("cannot write {}", page.display()))
}

/// When, on what and by which command.
fn facts(command: &str) -> String {
    let mut facts = String::new();
    let mut fact = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(facts, "- {name}: {}", value.trim());
    };
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let unknown = || "unknown".to_owned();
    fact("date", &said("date", &["-u", "+%Y-%m-%d"]).unwrap_or_else(unknown));
    fact("machine", &machine().unwrap_or_else(unknown));
    fact("kernel", &said("uname", &["-sr"]).unwrap_or_else(unknown));
    let dirty =
        said("git", &["status", "--porcelain", "--untracked-files=no"]).is_some_and(|it| !it.is_empty());
    let commit = said("git", &["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(unknown);
    fact("commit", &format!("{commit}{}", if dirty { ", with changes" } else { "" }));
    fact("command", &format!("`{command}`"));
    facts
}

fn machine() -> Option<String> {
    let cpus = std::thread::available_parallelism().ok()?;
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "))?.1;
    Some(format!("{model}, {cpus} CPUs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(deliveries: u64) -> Seen {
        Seen { deliveries, seconds: 1.0, server_cpu_seconds: 1.0, ..Seen::default() }
    }

    #[test]
    fn the_ratio_is_the_median_of_pairs() {
        let mut report = Report::default();
        for (floor, ours) in [(10_000_000, 5_000_000), (1_000_000, 900_000), (4_000_000, 3_200_000)] {
            report.add("burst", Kind::Floor, seen(floor));
            report.add("burst", Kind::Fluentcast, seen(ours));
        }
        let table = report.table();
        assert!(table.contains("| burst | Fluentcast | 3.200 | 0.80 |"), "{table}");
        assert!(table.contains("| burst | floor | 4.000 |  |"), "{table}");
        assert!(!report.has_losses());
    }

    #[test]
    fn every_row_has_as_many_cells_as_the_head() {
        let mut report = Report::default();
        report.add("burst", Kind::Floor, seen(1));
        report.leave_out("burst", Kind::Nchan, "it fell over");
        let table = report.table();
        assert!(table.contains("it fell over"), "{table}");
        for line in table.lines() {
            assert_eq!(line.matches('|').count(), HEAD_CELLS + 1, "{line}");
        }
    }

    #[test]
    fn the_page_keeps_what_is_around_the_results() {
        let folder = tempfile::tempdir().expect("a folder");
        let page = folder.path().join("page.md");
        std::fs::write(&page, format!("before\n{BEGIN}somebody -->\nold\n{END}after\n")).expect("written");
        write_page(&page, "| new |\n", "cargo xtask bench").expect("written");
        let text = std::fs::read_to_string(&page).expect("read");
        assert!(text.starts_with("before\n") && text.ends_with("after\n"), "{text}");
        assert!(
            text.contains("by somebody -->\n\n- date") && text.contains("| new |") && !text.contains("old"),
            "{text}"
        );
    }
}
