//! The log, in Fluentd's form: `2026-11-24 07:11:49 +0000 [info]: message key="text" n=5`, to standard
//! output or a file.

use std::fmt::{self, Write as _};
use std::fs::OpenOptions;
use std::io;

use anyhow::Context as _;
use fluentcast_config::settings::{LogLevel, Settings};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::args::Args;

mod writer;

pub(crate) use writer::LogWriter;

/// Starts the log. The command line beats `<system> log_level`.
pub(crate) fn start(args: &Args, settings: &Settings) -> anyhow::Result<LogWriter> {
    let writer = match args.log.as_deref().filter(|path| path.as_os_str() != "-") {
        None => LogWriter::start(io::stdout()),
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            LogWriter::start(file.with_context(|| format!("cannot open the log file {}", path.display()))?)
        }
    };
    let writer = writer.context("cannot start the log's thread")?;
    let line_writer = writer.clone();
    tracing_subscriber::fmt()
        .with_max_level(level(args, settings.system.log_level))
        .event_format(FluentdForm)
        .with_writer(move || line_writer.clone())
        .init();
    Ok(writer)
}

/// Fluentd's levels in order; `fatal` has no lines of its own here.
const LEVELS: [LevelFilter; 5] =
    [LevelFilter::TRACE, LevelFilter::DEBUG, LevelFilter::INFO, LevelFilter::WARN, LevelFilter::ERROR];

fn level(args: &Args, configured: LogLevel) -> LevelFilter {
    let (verbose, quiet) = (i32::from(args.verbose), i32::from(args.quiet));
    let index = if verbose + quiet == 0 {
        match configured {
            LogLevel::Trace => 0,
            LogLevel::Debug => 1,
            LogLevel::Info => 2,
            LogLevel::Warn => 3,
            LogLevel::Error | LogLevel::Fatal => 4,
        }
    } else {
        (2 + quiet - verbose).clamp(0, 4)
    };
    LEVELS[usize::try_from(index).unwrap_or(2)]
}

/// The time as a line begins with it.
fn now() -> impl fmt::Display {
    jiff::ZonedDateTime::now().strftime("%Y-%m-%d %H:%M:%S %z").to_string()
}

struct FluentdForm;

impl<S, N> FormatEvent<S, N> for FluentdForm
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let level = match *event.metadata().level() {
            Level::TRACE => "trace",
            Level::DEBUG => "debug",
            Level::INFO => "info",
            Level::WARN => "warn",
            Level::ERROR => "error",
        };
        let mut line = Line::default();
        event.record(&mut line);
        writeln!(writer, "{} [{level}]: {}{}", now(), line.message, line.fields)
    }
}

/// Gathers a line's message and fields. Nothing that a peer chose may break the line or pass for
/// another one.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn push(&mut self, field: &Field, text: &str, quote: bool) {
        if field.name() == "message" {
            for character in text.chars() {
                match character {
                    control if control.is_control() => self.message.extend(control.escape_default()),
                    other => self.message.push(other),
                }
            }
            return;
        }
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'=' | b'\\');
        // Writing into a String cannot fail.
        let _ = if quote || text.is_empty() || !text.bytes().all(plain) {
            write!(self.fields, " {}={text:?}", field.name())
        } else {
            write!(self.fields, " {}={text}", field.name())
        };
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, value, true);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, &format!("{value:?}"), false);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use clap::Parser as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Captured(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_in_fluentds_form_and_cannot_be_broken_by_what_a_peer_sent() {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber =
            tracing_subscriber::fmt().event_format(FluentdForm).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || {
            let tag = "a\n2026-01-01 [error]: forged";
            tracing::warn!(%tag, kind = "forward", n = 5, address = %"127.0.0.1:1", "no patterns {}", "x\ny");
        });
        let line = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
        assert_eq!(line.lines().count(), 1);
        let (time, rest) = line.split_at("2026-11-24 07:11:49 +0000".len());
        assert!(time.starts_with("20") && time.ends_with("00"), "{time}");
        assert_eq!(
            rest,
            " [warn]: no patterns x\\ny tag=\"a\\n2026-01-01 [error]: forged\" kind=\"forward\" n=5 address=127.0.0.1:1\n"
        );
    }

    #[test]
    fn each_v_and_q_is_a_step_from_info_and_beats_the_configuration() {
        let level_of = |flags: &[&str], configured| {
            let args = Args::try_parse_from(["fluentcast"].iter().chain(flags)).unwrap();
            level(&args, configured)
        };
        // More than fit into the counter.
        let many = format!("-{}", "v".repeat(300));
        for (flags, expected) in [
            (&["-v"][..], LevelFilter::DEBUG),
            (&["-vv"], LevelFilter::TRACE),
            (&["-v", "-v", "--verbose"], LevelFilter::TRACE),
            (&["-q"], LevelFilter::WARN),
            (&["-qq"], LevelFilter::ERROR),
            (&["-qqq"], LevelFilter::ERROR),
            (&["-v", "-q"], LevelFilter::INFO),
            (&[&many, "-qq"], LevelFilter::TRACE),
        ] {
            assert_eq!(level_of(flags, LogLevel::Error), expected, "{flags:?}");
        }
        for (configured, expected) in [
            (LogLevel::Trace, LevelFilter::TRACE),
            (LogLevel::Debug, LevelFilter::DEBUG),
            (LogLevel::Info, LevelFilter::INFO),
            (LogLevel::Warn, LevelFilter::WARN),
            (LogLevel::Error, LevelFilter::ERROR),
            (LogLevel::Fatal, LevelFilter::ERROR),
        ] {
            assert_eq!(level_of(&[], configured), expected);
        }
    }
}
