//! The table of the page's files: what is not listed is not served, and a test looks for what is missing.

use std::sync::OnceLock;

use super::File;

/// The folder of the page's sources.
macro_rules! ui {
    ($name:literal) => {
        include_bytes!(concat!("../../../../../ui/", $name))
    };
}

/// A file at `/ui/NAME`.
macro_rules! asset {
    ($name:literal, $content_type:expr) => {
        file(concat!("/ui/", $name), $content_type, ui!($name))
    };
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Every file there is.
pub(super) static FILES: [File; 46] = [
    file("/", "text/html; charset=utf-8", ui!("index.html")),
    file("/fluentcast.js", SCRIPT, include_bytes!("../../../../../clients/js/fluentcast.js")),
    asset!("icon.svg", "image/svg+xml"),
    asset!("actions.js", SCRIPT),
    asset!("address.js", SCRIPT),
    asset!("app.js", SCRIPT),
    asset!("columns.js", SCRIPT),
    asset!("complete.js", SCRIPT),
    asset!("controls.js", SCRIPT),
    asset!("csv.js", SCRIPT),
    asset!("dom.js", SCRIPT),
    asset!("download.js", SCRIPT),
    asset!("empty.js", SCRIPT),
    asset!("expression.js", SCRIPT),
    asset!("fetcher.js", SCRIPT),
    asset!("fields.js", SCRIPT),
    asset!("filter.js", SCRIPT),
    asset!("governor.js", SCRIPT),
    asset!("graph.js", SCRIPT),
    asset!("highlight.js", SCRIPT),
    asset!("keyboard.js", SCRIPT),
    asset!("limits.js", SCRIPT),
    asset!("list.js", SCRIPT),
    asset!("match-worker.js", SCRIPT),
    asset!("matcher.js", SCRIPT),
    asset!("menu.js", SCRIPT),
    asset!("rates.js", SCRIPT),
    asset!("reading.js", SCRIPT),
    asset!("row.js", SCRIPT),
    asset!("state.js", SCRIPT),
    asset!("store.js", SCRIPT),
    asset!("stream.js", SCRIPT),
    asset!("summary.js", SCRIPT),
    asset!("tags.js", SCRIPT),
    asset!("tagtree.js", SCRIPT),
    asset!("text.js", SCRIPT),
    asset!("time.js", SCRIPT),
    asset!("token.js", SCRIPT),
    asset!("tree.js", SCRIPT),
    asset!("weigh.js", SCRIPT),
    asset!("base.css", STYLE),
    asset!("list.css", STYLE),
    asset!("panels.css", STYLE),
    asset!("vendor/uPlot.js", SCRIPT),
    asset!("vendor/uPlot.css", STYLE),
    asset!("vendor/uPlot-LICENSE.txt", TEXT),
];

const fn file(path: &'static str, content_type: &'static str, bytes: &'static [u8]) -> File {
    File { path, content_type, bytes, prepared: OnceLock::new() }
}
