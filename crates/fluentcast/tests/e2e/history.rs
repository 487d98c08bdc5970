//! The history on disk from outside: kills, damaged files, a disk that is full.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::events::{Events, Line};
use crate::support::forward::{entries, pack_json, packed_forward};
use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::{SOURCES, websocket_match};

mod damage;
mod full;
mod kill;

/// Small files, so that a few hundred kilobytes are several.
const BOUNDS: &str = "size 1m";

/// A history with `sync always` below the folder.
fn config(folder: &Path) -> String {
    let history =
        format!("<history>\n{BOUNDS}\npath {}\nsync always\n</history>", directory(folder).display());
    format!("{SOURCES}{}", websocket_match("**", &history))
}

fn directory(folder: &Path) -> PathBuf {
    folder.join("history")
}

fn start(folder: &Path) -> Server {
    Server::start_in(folder, &config(folder))
}

/// A chunk of events numbered in their records, about 120 bytes each.
fn chunk(first: usize, count: usize) -> (Vec<u8>, String) {
    let record = |n: usize| format!(r#"{{"n":{n},"text":"{}"}}"#, "history ".repeat(12));
    let entries = entries((first..first + count).map(|n| (1_700_000_000, pack_json(&record(n)))));
    let id = first.to_string();
    (packed_forward("t", &entries, &id), id)
}

/// The segment files, oldest first.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let files =
        fs::read_dir(directory(folder)).expect("the history").map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect();
    files.sort();
    files
}

/// The number in the record of an event.
fn n(record: &serde_json::Value) -> usize {
    record["n"].as_u64().and_then(|n| usize::try_from(n).ok()).expect("a number")
}

/// First and last number, and the reason.
type GapLine<'a> = (u64, u64, &'a str);

/// Checks that numbers follow one another from 1 on, gaps included, and returns number and record of each
/// event, and the gaps.
fn in_order(lines: &[Line]) -> (Vec<(u64, usize)>, Vec<GapLine<'_>>) {
    let (mut events, mut gaps, mut next) = (Vec::new(), Vec::new(), 1);
    for line in lines {
        match line {
            Line::Event { seq, record } => {
                assert_eq!(*seq, next, "the next event");
                events.push((*seq, n(record)));
                next = seq + 1;
            }
            Line::Gap { from, to, reason } => {
                assert_eq!(*from, next, "where a gap begins: {line:?}");
                gaps.push((*from, *to, reason.as_str()));
                next = to + 1;
            }
        }
    }
    (events, gaps)
}
