//! `fluentcast tail`: a stream's events on the terminal, or in a pipe.
//!
//! It speaks `GET /events` (lines of JSON over HTTP), the simplest of the streams that resume; nothing here
//! knows WebSocket. Must never show a stranger's bytes to a terminal as they are, never hold more than a line
//! and two pages, and never leave something out without saying so on standard error.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use fluentcast_event::limits::TAIL_STOP_TIMEOUT;
use jiff::tz::TimeZone;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::timeout;

mod args;
mod connection;
mod fields;
mod follow;
mod form;
mod message;
mod output;
mod place;
mod pretty;
mod target;

pub(crate) use args::TailArgs;
use args::{FormatName, When};
use follow::{End, Follow, LeftOut};
use form::Form;
use output::Output;
use place::Place;
use pretty::Pretty;
use target::Target;

use crate::dial::Dialer;
use crate::retry::Backoff;

/// Watches until somebody or something ends it.
pub(crate) fn run(args: &TailArgs) -> anyhow::Result<ExitCode> {
    let (target, start, ends) = Target::read(args)?;
    let dialer =
        if target.is_secure { Dialer::secure(&args.trust).context("tail")? } else { Dialer::default() };
    let form = form(args, io::stdout().is_terminal())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let done = runtime.block_on(async {
        let Output { pages, ended } =
            Output::start(io::stdout(), io::stderr()).context("cannot start the thread that writes")?;
        let place = Place::new(start);
        let backoff = Backoff::default();
        let follow =
            Follow { target, dialer, place, ends, form, backoff, pages, left_out: LeftOut::default() };
        until_the_end(follow, ended).await
    });
    // The writer may hang in a write to a reader that takes nothing.
    runtime.shutdown_background();
    done
}

/// Follows the stream until it ends, a signal comes, or nobody reads any more.
async fn until_the_end(
    follow: Follow,
    mut written: oneshot::Receiver<io::Result<()>>,
) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch for signals")?;
    let mut stop = std::pin::pin!(async {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    });
    let reader_left = output::reader_left(io::stdout()).context("cannot watch who reads")?;
    // A watch that gave up tells nothing.
    let reader_left = async {
        if reader_left.await.is_err() {
            std::future::pending::<()>().await
        }
    };
    // First whoever wants the end.
    let outcome = tokio::select! {
        biased;
        () = &mut stop => {
            // The pages of what came before are on their way, and nothing follows them.
            let _ = timeout(TAIL_STOP_TIMEOUT, written).await;
            return Ok(ExitCode::SUCCESS);
        }
        () = reader_left => return Ok(ExitCode::SUCCESS),
        result = &mut written => return end_of_writing(result),
        outcome = follow.run() => outcome,
    };
    // What has come is written, however long its reader takes; only a signal cuts that short.
    let result = tokio::select! {
        biased;
        () = &mut stop => return Ok(ExitCode::SUCCESS),
        result = &mut written => result,
    };
    match outcome {
        Ok(End::Complete | End::Unread) => end_of_writing(result),
        Err(why) => bail!("tail: {why}"),
    }
}

/// A reader that has had enough is no failure.
fn end_of_writing(result: Result<io::Result<()>, oneshot::error::RecvError>) -> anyhow::Result<ExitCode> {
    match result.context("the thread that writes is gone")? {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The form that the flags, the environment and the place where it goes ask for.
fn form(args: &TailArgs, terminal: bool) -> anyhow::Result<Form> {
    Ok(match args.format {
        FormatName::Pretty => {
            let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            let colors = match args.color {
                When::Always => true,
                When::Never => false,
                When::Auto => terminal && !dumb && !set("NO_COLOR"),
            };
            Form::Pretty(Pretty::new(TimeZone::system(), colors))
        }
        FormatName::Json => Form::Json(terminal),
        FormatName::Ndjson => Form::Ndjson(terminal),
        FormatName::Msgpack if terminal => {
            bail!("tail: MessagePack is nothing for a terminal: redirect it into a file or a program")
        }
        FormatName::Msgpack => Form::Msgpack,
    })
}
