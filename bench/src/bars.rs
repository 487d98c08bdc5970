//! The bars that Fluentcast must clear, and whether it did.

use std::fmt::Write as _;

use crate::measure::{Seen, SeenHistory};
use crate::report::{Report, median, median_ratio};
use crate::server::Kind::{Floor, Fluentcast};

/// One bar.
struct Bar {
    what: String,
    /// What was measured; not a number where the scenarios did not run.
    measured: f64,
    bound: Bound,
}

enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// The bars whose scenarios ran, in Markdown.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut table = "| bar | wanted | measured | holds |\n|---|--:|--:|---|\n".to_owned();
    for Bar { what, measured, bound } in all(report).into_iter().filter(|bar| bar.measured.is_finite()) {
        let (wanted, holds) = match bound {
            Bound::AtLeast(least) => (format!("at least {least}"), measured >= least),
            Bound::AtMost(most) => (format!("at most {most}"), measured <= most),
        };
        let holds = if holds { "yes" } else { "NO" };
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| {what} | {wanted} | {measured:.2} | {holds} |");
    }
    table
}

fn all(report: &Report) -> Vec<Bar> {
    let at_least =
        |what: &str, least, measured| Bar { what: what.to_owned(), measured, bound: Bound::AtLeast(least) };
    let at_most =
        |what: &str, most, measured| Bar { what: what.to_owned(), measured, bound: Bound::AtMost(most) };
    let ours = |name: &str| report.seen(name, Fluentcast);
    let per_cpu = Seen::deliveries_per_cpu_second;
    let mid = |name: &str, value: fn(&Seen) -> f64| median(ours(name).iter().map(value).collect());
    let of_floor =
        |name: &str, value: fn(&Seen) -> f64| median_ratio(ours(name), report.seen(name, Floor), value);
    let against =
        |name: &str, base: &str, value: fn(&Seen) -> f64| median_ratio(ours(name), ours(base), value);

    let mut bars = Vec::new();
    for clients in [100, 1000, 5000] {
        let name = format!("burst-{clients}-json");
        let ratio = of_floor(&name, per_cpu);
        bars.push(at_least(&format!("{name}: deliveries per CPU-second, of the floor"), 0.8, ratio));
    }
    let millions = |seen: &Seen| seen.deliveries_per_cpu_second() / 1e6;
    bars.push(at_least("burst-1-json: M events per CPU-second", 2.5, mid("burst-1-json", millions)));
    for rate in [100, 1000] {
        let name = format!("paced-{rate}-1000-json");
        let ratio = of_floor(&name, per_cpu);
        bars.push(at_least(&format!("{name}: deliveries per CPU-second, of the floor"), 0.9, ratio));
        bars.push(at_most(&format!("{name}: p99, of the floor's"), 1.5, of_floor(&name, Seen::p99_ms)));
    }
    bars.push(at_least("ingest-0: M events per CPU-second", 5.0, mid("ingest-0", millions)));
    bars.push(at_most("idle-10000: bytes of RSS each", 2048.0, mid("idle-10000", Seen::memory_each)));
    for (clients, least) in [(1000, 0.5), (10_000, 0.4)] {
        let name = format!("filter-own-{clients}");
        let ratio = against(&name, "filter-shared-1000", per_cpu);
        bars.push(at_least(&format!("{name}: events per CPU-second, of one shared filter's"), least, ratio));
    }
    let ratio = against("unread-paced-1000", "paced-1000-1000-json", Seen::p99_ms);
    bars.push(at_most("unread-paced-1000: p99, of that without", 1.3, ratio));
    let disturbed = |seen: &Seen| seen.p99_ms() / seen.latency_before_ms.map_or(f64::NAN, |[_, p99, _]| p99);
    bars.push(at_most("storm-5000: p99 of the others, of that before", 3.0, mid("storm-5000", disturbed)));
    let ratio = of_floor("storm-5000", Seen::p99_ms);
    bars.push(at_most("storm-5000: p99 of the others, of the floor's", 1.5, ratio));
    let history = |value: fn(&SeenHistory) -> f64| {
        median(ours("history").iter().filter_map(|seen| seen.history.as_ref()).map(value).collect())
    };
    bars.push(at_most("history: start-up, in seconds", 2.0, history(|seen| seen.start_up)));
    bars.push(at_most("history: first event of a time, in ms", 50.0, history(|seen| seen.since_time_ms)));
    bars.push(at_least("history: replay as lines, MB/s", 200.0, history(|seen| seen.lines_rate)));
    bars.push(at_least("history: replay as WebSocket, MB/s", 200.0, history(|seen| seen.resumable_rate)));
    bars.push(at_most(
        "history: p99 of the others, of that without a replay",
        1.5,
        mid("history", disturbed),
    ));
    let beside_neighbour =
        |seen: &Seen| seen.p99_ms() / seen.latency_neighbour_ms.map_or(f64::NAN, |[_, p99, _]| p99);
    bars.push(at_most(
        "history: p99 of the others, of that beside the replay of another server",
        1.5,
        mid("history", beside_neighbour),
    ));
    if let Some((name, worst)) = worst_memory(report) {
        let what = format!("memory after all clients left, of that before; worst: {name}");
        bars.push(at_most(&what, 1.1, worst));
    }
    let losses: u64 = report.seen_of(Fluentcast).map(|(_, seen)| seen.lost + seen.duplicated).sum();
    bars.push(at_most("events lost or repeated, all scenarios", 0.0, losses as f64));
    bars
}

fn worst_memory(report: &Report) -> Option<(&str, f64)> {
    // Where a history is read, what stays is what was read with.
    let kept = report
        .seen_of(Fluentcast)
        .filter(|(_, seen)| seen.history.is_none())
        .map(|(name, seen)| (name, seen.memory_after as f64 / seen.memory_before as f64));
    kept.max_by(|one, other| one.1.total_cmp(&other.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ran_is_judged() {
        let seen = |deliveries, p99| Seen {
            deliveries,
            server_cpu_seconds: 1.0,
            latency_ms: Some([0.0, p99, 0.0]),
            memory_before: 100,
            memory_after: 105,
            ..Seen::default()
        };
        let mut report = Report::default();
        report.add("paced-100-1000-json", Floor, seen(1000, 2.0));
        report.add("paced-100-1000-json", Fluentcast, seen(950, 4.0));
        let table = table(&report);
        assert!(table.contains("of the floor | at least 0.9 | 0.95 | yes |"), "{table}");
        assert!(table.contains("p99, of the floor's | at most 1.5 | 2.00 | NO |"), "{table}");
        assert!(table.contains("at most 1.1 | 1.05 | yes |"), "{table}");
        assert!(!table.contains("burst"), "{table}");
    }
}
