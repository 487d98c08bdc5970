//! `writeside`: what the write side costs, measured: epoll, tokio's tasks, io_uring.
//!
//! Each way is a server of its own that speaks the floor's protocol and shares all but the writing: the
//! same blocks, the same cursors, one write of all that is new when a client is woken. The bench's own
//! clients and publisher do the rest, so only the sender's processor time counts. All ways have their
//! turn in every round; what is compared is the ratio within a round.

mod chain;
mod epoll;
mod tasks;
mod uring;
mod wire;

use std::ffi::OsString;
use std::net::TcpListener;

use anyhow::{Context, Result, bail};
use fluentcast_bench::floor::listen;
use fluentcast_bench::measure::{self, Options, Seen};
use fluentcast_bench::report::median;
use fluentcast_bench::scenario::{self, Length};
use fluentcast_bench::server::{Kind, Programs};
use fluentcast_bench::{process, say};

/// The ways, the one that the others are compared with first.
const WAYS: [&str; 4] = ["epoll", "tokio-1", "tokio-2", "io_uring"];

const SCENARIOS: [&str; 9] = [
    "burst-1-json",
    "burst-100-json",
    "burst-1000-json",
    "burst-5000-json",
    "paced-1000-1-json",
    "paced-1000-100-json",
    "paced-1000-1000-json",
    "paced-1000-5000-json",
    "paced-100-1000-json",
];

/// Rounds, unless the command line says otherwise.
const ROUNDS: usize = 5;

const LENGTH: Length = Length::QUICK;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // As the floor is started: what follows is how much to replay.
        ["serve", way, ..] => serve(way),
        [] => compare(ROUNDS, ""),
        [rounds] => compare(rounds.parse()?, ""),
        [rounds, only] => compare(rounds.parse()?, only),
        _ => bail!("usage: writeside [ROUNDS [SCENARIO]]"),
    }
}

#[expect(clippy::print_stdout, reason = "the driver reads the addresses from here")]
fn serve(way: &str) -> Result<()> {
    let (websocket, publish): (TcpListener, TcpListener) = (listen()?, listen()?);
    println!("websocket {} publish {}", websocket.local_addr()?, publish.local_addr()?);
    websocket.set_nonblocking(true)?;
    publish.set_nonblocking(true)?;
    match way {
        "epoll" => epoll::serve(websocket, publish),
        "tokio-1" => tasks::serve(websocket, publish, 1),
        "tokio-2" => tasks::serve(websocket, publish, 2),
        "io_uring" => uring::serve(websocket, publish),
        _ => bail!("there is no way called {way}"),
    }
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn compare(rounds: usize, only: &str) -> Result<()> {
    let _ = process::raise_descriptor_limit();
    let own = std::env::current_exe()?;
    let mut table =
        "| scenario | way | M deliveries per CPU-s | of epoll | events per read | p99 ms | lost |\n\
                     |---|---|--:|--:|--:|--:|--:|\n"
            .to_owned();
    for name in SCENARIOS.into_iter().filter(|name| name.contains(only)) {
        let scenario = scenario::named(name)?;
        let mut seen: [Vec<Seen>; WAYS.len()] = Default::default();
        for round in 0..rounds {
            for turn in 0..WAYS.len() {
                let way = (round + turn) % WAYS.len();
                let floor: Vec<OsString> = vec![own.clone().into(), "serve".into(), WAYS[way].into()];
                let programs = Programs { fluentcast: "/".into(), floor };
                let options = Options { length: LENGTH, programs, perf: None };
                let one = measure::run(Kind::Floor, &scenario, &options).context(WAYS[way])?;
                say(&format!("{name} {}: {:.3}", WAYS[way], one.deliveries_per_cpu_second() / 1e6));
                seen[way].push(one);
            }
        }
        for (way, of_way) in WAYS.iter().zip(&seen) {
            table.push_str(&line(name, way, of_way, &seen[0]));
        }
    }
    println!("{table}");
    Ok(())
}

fn line(scenario: &str, way: &str, seen: &[Seen], epoll: &[Seen]) -> String {
    let mid = |value: fn(&Seen) -> f64| median(seen.iter().map(value).collect());
    let per_cpu = Seen::deliveries_per_cpu_second;
    let ratios = seen.iter().zip(epoll).map(|(one, epoll)| per_cpu(one) / per_cpu(epoll));
    format!(
        "| {scenario} | {way} | {:.3} | {:.2} | {:.1} | {:.2} | {} |\n",
        mid(per_cpu) / 1e6,
        median(ratios.collect()),
        mid(|seen| seen.events_per_read.unwrap_or(f64::NAN)),
        mid(Seen::p99_ms),
        seen.iter().map(|seen| seen.lost + seen.duplicated).sum::<u64>(),
    )
}
