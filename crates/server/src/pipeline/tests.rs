//! Configuration text in, events in, files out: the rules of routing as a person meets them.
//!
//! Every output is a file that is written when the test has sent everything.

use std::fs;
use std::time::Instant;

use fluentcast_config::check;
use fluentcast_config::load::{self, Environment};
use fluentcast_config::settings::Settings;
use fluentcast_event::{BatchBuilder, EventTime, from_json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::build::{self, Built};
use crate::websocket::worker::Workers;

use log::Log;

mod copy;
mod errors;
mod labels;
mod log;
mod outputs;
mod rules;
mod vectors;

/// The outputs of a configuration, fed by its sources, or else by the root.
struct Rig {
    settings: Settings,
    built: Built,
    workers: Workers,
    metrics: Arc<Metrics>,
    directory: TempDir,
}

/// A line `out NAME` makes the section a file output, a line `full NAME` one that refuses records of the
/// size of [`big`].
fn expand(config: &str, directory: &TempDir) -> String {
    let line = |line: &str| {
        let (name, limit) = match line.trim().split_once(' ') {
            Some(("out", name)) => (name, "64m"),
            Some(("full", name)) => (name, "1k"),
            _ => return format!("{line}\n"),
        };
        format!(
            "@type file\npath {}/{name}\nappend true\nadd_path_suffix false\n\
             <buffer []>\ntotal_limit_size {limit}\n</buffer>\n\
             <format>\n@type out_file\noutput_time false\n</format>\n",
            directory.path().display()
        )
    };
    config.lines().map(line).collect()
}

impl Rig {
    fn new(config: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let text = expand(config, &directory);
        let mut loaded = load::load_text("t.conf", &text, &Environment::default());
        let settings = check::check(&loaded.root, &loaded.sources, &mut loaded.diagnostics);
        assert!(!loaded.diagnostics.has_errors(), "{}", loaded.diagnostics.render(&loaded.sources));
        let settings = settings.unwrap();
        let metrics = Arc::new(Metrics::default());
        let workers = Workers::start(1, &metrics).unwrap();
        let built = build::build(&settings, "host", &workers.pool(), &metrics).unwrap();
        Self { settings, built, workers, metrics, directory }
    }

    /// Sends a batch to the root.
    async fn emit(&self, tag: &str, records: &[&str]) -> Result<(), EmitError> {
        self.built.pipeline.emitter(ScopeId::ROOT).emit(batch(tag, records)).await
    }

    /// Sends a batch as the configuration's source of that number.
    async fn emit_from(&self, source: usize, tag: &str, records: &[&str]) -> Result<(), EmitError> {
        self.built.pipeline.emitter(self.settings.sources[source].scope).emit(batch(tag, records)).await
    }

    /// Ends the outputs and returns every line written, as `FILE: TAG RECORD`.
    async fn lines(self) -> Vec<String> {
        let stopped = CancellationToken::new();
        stopped.cancel();
        for file in self.built.files {
            file.run(stopped.clone()).await;
        }
        self.workers.drain(Instant::now());
        let mut paths: Vec<_> =
            fs::read_dir(self.directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let mut lines = Vec::new();
        for path in paths {
            let name = path.file_name().unwrap().display().to_string();
            let text = fs::read_to_string(&path).unwrap().replace(&"x".repeat(PAD_BYTES), "...");
            lines.extend(text.lines().map(|line| format!("{name}: {}", line.replace('\t', " "))));
        }
        lines
    }
}

fn batch(tag: &str, records: &[&str]) -> Batch {
    let time = EventTime::from_seconds(1_500_000_000);
    let mut builder = BatchBuilder::new(tag.into(), time);
    for text in records {
        let mut record = Vec::new();
        from_json::append(&mut record, text.as_bytes()).unwrap();
        builder.push(time, &record);
    }
    builder.finish()
}

/// Bytes that a `full` output has no room for; written as `...` in [`Rig::lines`].
const PAD_BYTES: usize = 1024;

/// A record that a `full` output refuses.
fn big() -> String {
    format!(r#"{{"pad":"{}"}}"#, "x".repeat(PAD_BYTES))
}
