//! The driver: every scenario against every server that is there, in turn, and one table.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use fluentcast_bench::measure::{self, Options};
use fluentcast_bench::report::{Report, write_page};
use fluentcast_bench::scenario::{self, Length, Scenario};
use fluentcast_bench::server::{Kind, Programs, nchan_is_installed};
use fluentcast_bench::{bars, process, say};

/// Measures Fluentcast against the floor and, where installed, nchan.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Args {
    /// Only scenarios whose name contains this; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// Only these servers: floor, fluentcast, nchan; may be repeated.
    #[arg(long, value_name = "NAME")]
    server: Vec<String>,

    /// One short round: to see that it works, not to keep numbers.
    #[arg(long)]
    quick: bool,

    /// Rounds; in each every server has its turn.
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,

    /// Put the table into docs/performance.md.
    #[arg(long)]
    write: bool,

    /// Record each server with `perf` while it is measured, into this folder.
    #[arg(long, value_name = "FOLDER")]
    perf: Option<PathBuf>,

    /// Name the scenarios and end.
    #[arg(long)]
    list: bool,
}

/// Rounds of a run whose numbers are to be kept.
const ROUNDS: usize = 3;

/// File descriptors beyond the clients' own that a run needs.
const SPARE_DESCRIPTORS: usize = 200;

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() -> Result<()> {
    let args = Args::parse();
    let scenarios = chosen(&args)?;
    if args.list {
        for scenario in &scenarios {
            println!("{}", scenario.name);
        }
        return Ok(());
    }
    let kinds = kinds(&args)?;
    let descriptors = process::raise_descriptor_limit();
    let options = Options {
        length: if args.quick { Length::QUICK } else { Length::FULL },
        programs: programs()?,
        perf: args.perf.clone(),
    };
    let rounds = args.rounds.unwrap_or(if args.quick { 1 } else { ROUNDS });
    let mut report = Report::default();
    let start = Instant::now();
    for round in 0..rounds {
        for (index, scenario) in scenarios.iter().enumerate() {
            let (done, all) = (round * scenarios.len() + index, rounds * scenarios.len());
            let seconds = start.elapsed().as_secs();
            say(&format!(
                "[{}/{all}, after {}:{:02}] {}",
                done + 1,
                seconds / 60,
                seconds % 60,
                scenario.name
            ));
            if ((scenario.clients + SPARE_DESCRIPTORS) as u64) > descriptors {
                say(&format!("{}: skipped, as a process may open {descriptors} files only", scenario.name));
                continue;
            }
            measure_in_turn(scenario, &kinds, round, &options, &mut report)?;
        }
    }
    let table = format!("{}\n{}", bars::table(&report), report.table());
    println!("{table}");
    if args.write {
        let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
        let command = format!("cargo xtask bench {command}");
        write_page("docs/performance.md".as_ref(), &table, command.trim())?;
    }
    ensure!(!report.has_losses(), "events were lost or came twice: see the table");
    Ok(())
}

/// Every server has its turn; who is first changes from round to round.
fn measure_in_turn(
    scenario: &Scenario,
    kinds: &[Kind],
    round: usize,
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    let mut able: Vec<Kind> = kinds.iter().copied().filter(|kind| kind.can(scenario)).collect();
    let first = round % able.len().max(1);
    able.rotate_left(first);
    for kind in able {
        let seen = match measure::run(kind, scenario, options) {
            // What another program cannot do is its row, not the end of ours.
            Err(error) if matches!(kind, Kind::Nchan | Kind::NchanTens) => {
                say(&format!("  {}: left out: {error:#}", kind.name()));
                report.leave_out(&scenario.name, kind, &format!("{:#}", error.root_cause()));
                continue;
            }
            seen => seen?,
        };
        say(&format!(
            "  {}: {:.3} M deliveries per CPU-second, {} lost",
            kind.name(),
            seen.deliveries_per_cpu_second() / 1e6,
            seen.lost
        ));
        report.add(&scenario.name, kind, seen);
    }
    Ok(())
}

fn chosen(args: &Args) -> Result<Vec<Scenario>> {
    let mut scenarios = scenario::all();
    if !args.only.is_empty() {
        scenarios.retain(|scenario| args.only.iter().any(|name| scenario.name.contains(name.as_str())));
        ensure!(!scenarios.is_empty(), "no scenario is called so; `--list` names all");
    }
    Ok(scenarios)
}

fn kinds(args: &Args) -> Result<Vec<Kind>> {
    let mut kinds = Vec::new();
    let names = ["floor", "fluentcast", "nchan"].map(str::to_owned);
    for name in if args.server.is_empty() { &names[..] } else { &args.server } {
        match name.as_str() {
            "floor" => kinds.push(Kind::Floor),
            "fluentcast" => kinds.push(Kind::Fluentcast),
            "nchan" if nchan_is_installed() => kinds.extend([Kind::Nchan, Kind::NchanTens]),
            "nchan" => say("nchan is not installed (apt-get install nginx libnginx-mod-nchan): left out"),
            other => bail!("no server is called {other}: there are floor, fluentcast and nchan"),
        }
    }
    Ok(kinds)
}

/// The programs lie beside this one.
fn programs() -> Result<Programs> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("a program lies in a folder")?;
    Ok(Programs { fluentcast: folder.join("fluentcast"), floor: vec![folder.join("floor").into()] })
}
