//! `fluentcast send`: records from standard input to a Forward port.
//!
//! Must never hold more than a window of chunks, never wait with what has been read, and never call sent
//! what was not.

use std::io::{self, IsTerminal as _, Read};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fluentcast_event::EventTime;
use fluentcast_event::limits::{SEND_CHUNKS_WAITING_MAX, SEND_READ_BYTES};
use tokio::sync::mpsc;

mod args;
mod input;
mod link;
mod progress;
mod pump;

pub(crate) use args::SendArgs;
use input::{Gathered, Input};
use progress::Progress;
use pump::{Destination, Pump};

use crate::dial::Dialer;
use crate::retry::Backoff;

/// Sends until the input ends.
pub(crate) fn run(args: &SendArgs) -> anyhow::Result<ExitCode> {
    pump::check_tag(&args.tag)?;
    let input = if args.msgpack { Input::msgpack() } else { Input::json() };
    if args.trust.is_set() && !args.tls {
        anyhow::bail!("send: --ca-file means nothing without --tls");
    }
    let dialer = if args.tls { Dialer::secure(&args.trust).context("send")? } else { Dialer::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let (gathered, queue) = mpsc::channel(SEND_CHUNKS_WAITING_MAX);
    let reader = thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || read(io::stdin(), input, &gathered))
        .context("cannot start the thread that reads")?;
    let to = Destination {
        host: args.host.clone(),
        port: args.port,
        dialer,
        tag: args.tag.clone(),
        ack: args.ack,
        patience: Duration::from_secs(args.timeout.into()),
    };
    // Who types the records sees them; a line that rewrites itself would be in the way.
    let watched = io::stderr().is_terminal() && !io::stdin().is_terminal();
    let progress = Progress::new(watched, Instant::now());
    let faults = runtime.block_on(Pump::new(to, Backoff::default(), progress, io::stderr()).run(queue));
    // A look-up of a name may hang.
    runtime.shutdown_background();
    let faults = faults?;
    // The queue has ended, so the reader has.
    match reader.join() {
        Ok(read) => read.context("send: cannot read standard input")?,
        Err(_) => anyhow::bail!("send: the thread that reads is gone"),
    }
    Ok(if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads to the end; each read becomes a chunk. Waits while the queue is full.
fn read(mut from: impl Read, mut input: Input, queue: &mpsc::Sender<Gathered>) -> io::Result<()> {
    let mut buffer = vec![0; SEND_READ_BYTES];
    loop {
        let mut gathered = Gathered::default();
        let count = match from.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let goes_on = if count == 0 {
            input.finish(EventTime::now(), &mut gathered);
            false
        } else {
            input.push(&buffer[..count], EventTime::now(), &mut gathered)
        };
        let something = gathered.records > 0 || !gathered.faults.is_empty();
        // Without somebody who takes it the end is near, and told there.
        if something && queue.blocking_send(gathered).is_err() || !goes_on {
            return Ok(());
        }
    }
}
