//! Fluentcast: Fluentd events in, every WebSocket client sees them.
//!
//! The only place that knows argv, the environment, signals and exit codes. `main` is the life of the
//! process: arguments, configuration, log, sockets, serving, stop.

mod args;
mod configuration;
mod escape;
mod lines;
mod logging;
mod manual;
mod retry;
mod send;
mod signals;
mod tail;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use fluentcast_config::reference;
use fluentcast_config::settings::Settings;
use fluentcast_server::server::Server;
use fluentcast_server::tls::Renewal;
use tikv_jemalloc_ctl::{Access as _, AsName as _, background_thread};
use tikv_jemallocator::Jemalloc;

use crate::args::{Args, Command};
use crate::configuration::Configuration;
use crate::logging::LogWriter;

/// The allocator that gives memory back: see `docs/decisions/0014-jemalloc.md`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// How long freed memory is kept for use again. Long enough for the segments of a burst, short enough
/// that what thousands of clients needed is gone soon after them.
const FREED_MEMORY_KEPT: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    if let Err(error) = give_memory_back() {
        complain(&format!("fluentcast: memory stays with the process when clients leave: {error}\n"));
    }
    let args = match Args::read() {
        Ok(args) => args,
        Err(code) => return code,
    };
    let done = match &args.command {
        Some(Command::Check { file, config_file_type }) => configuration::check(file, *config_file_type),
        Some(Command::Reference { markdown }) => {
            print(&if *markdown { reference::render_markdown() } else { reference::render_text() })
        }
        Some(Command::Tail(args)) => tail::run(args),
        Some(Command::Send(args)) => send::run(args),
        Some(Command::Completions { shell }) => print(&manual::completions(*shell)),
        Some(Command::Man { folder: None }) => print(&manual::page()),
        Some(Command::Man { folder: Some(folder) }) => manual::write_pages(folder),
        None => run(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("fluentcast: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Reads the configuration and serves until a signal says stop.
fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let configuration = Configuration::read(args)?;
    let Some(settings) = configuration.report() else { return Ok(ExitCode::FAILURE) };
    let log = logging::start(args, settings)?;
    let done = if args.dry_run {
        tracing::info!("finished dry run mode");
        Ok(ExitCode::SUCCESS)
    } else {
        start(settings, &configuration, &log)
    };
    log.finish();
    done
}

fn start(settings: &Settings, configuration: &Configuration, log: &LogWriter) -> anyhow::Result<ExitCode> {
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_start(cache_freed_memory)
        .build()
        .context("cannot start the runtime")?;
    let orderly = runtime.block_on(serve(settings, configuration, log));
    // Whatever still hangs in a system call (a dead network disk) has had its time and was named.
    runtime.shutdown_background();
    Ok(if orderly? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn serve(settings: &Settings, configuration: &Configuration, log: &LogWriter) -> anyhow::Result<bool> {
    let renewal = Renewal::default();
    let stop = signals::stop_on_signal(log.clone(), renewal.clone()).context("cannot watch for signals")?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        configuration = configuration.name(),
        "starting fluentcast"
    );
    let server = Server::bind(settings, configuration.hostname())?;
    for listening in server.listening() {
        tracing::info!(kind = %listening.kind, address = %listening.address, "listening");
    }
    if configuration.is_embedded() {
        tracing::info!(
            r#"try it: curl -X POST -d 'json={{"action":"login","user":6}}' http://localhost:8888/foo/bar"#
        );
        tracing::info!("watch:  open http://127.0.0.1:8080/ in a browser   (in a terminal: fluentcast tail)");
    }
    tracing::info!("fluentcast is now running");
    let orderly = server.renewed_by(renewal).run(stop).await;
    tracing::info!("fluentcast has stopped");
    Ok(orderly)
}

/// Lets freed memory return to the system, also while nothing happens. To be called before there is a
/// second thread, which would have an arena of its own.
fn give_memory_back() -> tikv_jemalloc_ctl::Result<()> {
    let kept = isize::try_from(FREED_MEMORY_KEPT.as_millis()).unwrap_or(isize::MAX);
    for name in [
        // The arena there is, and those to come.
        &b"arena.0.dirty_decay_ms\0"[..],
        b"arena.0.muzzy_decay_ms\0",
        b"arenas.dirty_decay_ms\0",
        b"arenas.muzzy_decay_ms\0",
    ] {
        name.name().write(kept)?;
    }
    background_thread::write(true)
}

/// Gives this thread a cache of freed memory, which takes half the time of an HTTP request. Others have none
/// (`.cargo/config.toml`): what clients needed would stay in it while the thread sleeps.
fn cache_freed_memory() {
    if let Err(error) = b"thread.tcache.enabled\0".name().write(true) {
        tracing::debug!(%error, "this thread allocates without a cache");
    }
}

/// Every client is a file descriptor: takes all that the system allows.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%error, ?current, "cannot raise the limit of open files");
    }
}

/// Prints to standard output; a reader that left early is no failure.
fn print(text: &str) -> anyhow::Result<ExitCode> {
    match std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Says something on standard error; if that is gone, there is nobody to tell.
fn complain(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allocator_takes_what_it_is_told() {
        give_memory_back().expect("it knows these names");
        let kept = [&b"arenas.dirty_decay_ms\0"[..], b"arena.0.dirty_decay_ms\0"].map(|name| {
            let kept: isize = name.name().read().expect("it knows these names");
            kept
        });
        assert_eq!((kept, background_thread::read()), ([100, 100], Ok(true)));
    }

    /// As `.cargo/config.toml` has it built.
    #[test]
    fn only_threads_that_ask_for_it_keep_what_they_free() {
        let has_cache = || -> bool { b"thread.tcache.enabled\0".name().read().expect("it knows this name") };
        let of_thread = |start: fn()| {
            let thread = std::thread::spawn(move || {
                start();
                has_cache()
            });
            thread.join().expect("no panic")
        };
        assert_eq!((of_thread(|| ()), of_thread(cache_freed_memory)), (false, true));
    }
}
