//! The soak, from a terminal: `cargo xtask soak`.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use fluentcast_bench::soak::{Plan, run, table, write_page};
use fluentcast_bench::{process, say};

/// Lets clients come and go for a long time, and looks whether anything is lost or left lying about.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask soak")]
struct Args {
    /// How long.
    #[arg(long, value_name = "N", default_value_t = Plan::FULL.time.as_secs_f64() / 60.0)]
    minutes: f64,

    /// How many clients at once.
    #[arg(long, value_name = "N", default_value_t = Plan::FULL.clients)]
    clients: usize,

    /// Events a second.
    #[arg(long, value_name = "N", default_value_t = Plan::FULL.rate)]
    rate: u64,

    /// Change the configuration every 20 seconds (true, false). Unless told: if the server can.
    #[arg(long, value_name = "BOOL")]
    reload: Option<bool>,

    /// Another course of the same.
    #[arg(long, value_name = "N", default_value_t = Plan::FULL.seed)]
    seed: u64,

    /// Put the table into docs/reliability.md.
    #[arg(long)]
    write: bool,
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() -> Result<()> {
    let args = Args::parse();
    let _ = process::raise_descriptor_limit();
    let own = std::env::current_exe()?;
    let program = own.parent().context("a program lies in a folder")?.join("fluentcast");
    let time = Duration::try_from_secs_f64(args.minutes * 60.0).context("no time")?;
    let Args { clients, rate, reload, seed, .. } = args;
    let outcome = run(&program, Plan { time, clients, rate, reload, seed, ..Plan::FULL })?;
    let table = table(&outcome);
    println!("{table}");
    if args.write {
        let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
        write_page("docs/reliability.md".as_ref(), &table, format!("cargo xtask soak {command}").trim())?;
    }
    let faults = outcome.faults();
    faults.iter().for_each(|fault| say(fault));
    ensure!(faults.is_empty(), "something was lost or went wrong: see above");
    ensure!(outcome.is_flat(), "the server's memory grows");
    Ok(())
}
