//! `<system>`.

use super::context::Context;
use super::reader::Reader;
use crate::parameters::system::SYSTEM;
use crate::settings::{LogLevel, System};
use crate::tree::Element;
use crate::values::Strictness;

/// Reads `<system>` (an empty one, when there is none); says also how many workers there are.
pub(super) fn read<'a>(ctx: &mut Context<'a>, element: &'a Element) -> (System, u32) {
    let mut system = Reader::new(ctx, &SYSTEM, element);
    // First of all: it decides how the rest is read.
    if system.get("strict_config_value") {
        system.ctx.strictness = Strictness::Strict;
    }
    let workers = system.get("workers");
    if workers > 1 {
        let span = system.place("workers").unwrap_or(system.span());
        system
            .ctx
            .warning("one-process", span, format!("{workers} workers: one process serves them all"))
            .help("remove `workers`; one process uses every core");
    }
    let settings = System {
        log_level_set: system.place("log_level").is_some(),
        log_level: log_level(&system.get::<String>("log_level")),
        suppress_config_dump: system.get("suppress_config_dump"),
        metrics_token: system.secret("metrics_token"),
        file_permission: system.get("file_permission"),
        dir_permission: system.get("dir_permission"),
    };
    system.ctx.file_modes = (settings.file_permission, settings.dir_permission);
    system.ctx.without_source = system.get("without_source");
    system.finish();
    (settings, workers)
}

fn log_level(name: &str) -> LogLevel {
    match name {
        "trace" => LogLevel::Trace,
        "debug" => LogLevel::Debug,
        "warn" => LogLevel::Warn,
        "error" => LogLevel::Error,
        "fatal" => LogLevel::Fatal,
        _ => LogLevel::Info,
    }
}
