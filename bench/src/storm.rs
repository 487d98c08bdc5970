//! The storm: thousands of clients connect at once and are sent the last events first, while others go
//! on living.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::crowd::{ClientPlan, MILESTONE_EVENTS, Phase};
use crate::measure::{Counts, Run, Seen, Window};
use crate::publisher::Publisher;
use crate::scenario::REPLAY_EVENTS;

/// How long a storm may last.
const STORM_TIMEOUT: Duration = Duration::from_secs(60);

/// What is published in one piece while the storm is watched.
const WATCH: Duration = Duration::from_millis(100);

/// Runs it: first the clients that live alone, then with the storm.
pub(crate) fn run(run: &Run<'_>, storm_clients: usize, seen: &mut Seen) -> Result<()> {
    let clients = run.clients();
    let live = run.connect(clients.clone(), clients.len())?;
    live.wait_connected()?;
    let descriptors = run.note_connected(seen)?;
    let mut publisher = run.publisher()?;
    fill_history(&mut publisher)?;
    run.settle(&mut publisher, &live, &clients)?;
    live.enter(Phase::Measured);
    run.publish(&mut publisher, &live, run.options.length.paced)?;
    run.settle(&mut publisher, &live, &clients)?;

    live.enter(Phase::Disturbed);
    let window = Window::open(run.server.id(), Counts::of(&publisher, &[&live]))?;
    let start = Instant::now();
    let newcomer = ClientPlan { first_seq: None, ..ClientPlan::of_everything(run.server.path()) };
    let storm = run.connect(vec![newcomer; storm_clients], storm_clients)?;
    while storm.received() < REPLAY_EVENTS * storm_clients as u64 {
        if start.elapsed() > STORM_TIMEOUT {
            bail!("{} events of the storm came in {} s", storm.received(), STORM_TIMEOUT.as_secs());
        }
        run.publish(&mut publisher, &live, WATCH)?;
    }
    let replayed = start.elapsed();
    // The last event must be one at which progress is told, for everybody to be seen to have it.
    while !publisher.last_seq.is_multiple_of(MILESTONE_EVENTS) {
        publisher.send()?;
    }
    run.settle(&mut publisher, &live, &clients)?;
    storm.wait_all_have(publisher.last_seq)?;
    window.close(run.server.id(), Counts::of(&publisher, &[&live, &storm]), seen)?;

    let retried = storm.retried();
    let newcomers = storm.finish(publisher.last_seq)?;
    let old = live.finish(publisher.last_seq)?;
    seen.note(&newcomers, newcomers.latencies(Phase::WarmUp));
    seen.note(&old, old.latencies(Phase::Disturbed));
    seen.lost += REPLAY_EVENTS.saturating_sub(newcomers.received_min);
    seen.latency_before_ms = old.latencies(Phase::Measured).quantiles_ms();
    if let Some([_, p99, _]) = seen.latency_before_ms {
        seen.remarks.push(format!("p99 before the storm {p99:.2} ms"));
    }
    seen.remarks.push(format!("all replayed after {:.2} s", replayed.as_secs_f64()));
    if retried > 0 {
        seen.remarks.push(format!("{retried} handshakes were cut and tried again"));
    }
    drop(publisher);
    run.note_released(seen, descriptors)
}

/// More than a new client is sent first.
fn fill_history(publisher: &mut Publisher) -> Result<()> {
    for _ in 0..2 * REPLAY_EVENTS {
        publisher.send()?;
    }
    publisher.flush()
}
