//! A clock that is set while the server runs, by months, back and forth. What waits, waits by another clock;
//! what was received keeps its numbers; what has an end has it by the new time.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::send;
use crate::support::events::{Events, Line};
use crate::support::numbered::{FORMS, Form, Item, Numbered};
use crate::support::server::{Server, fluentcast};
use crate::support::{SOURCES, http, poll, websocket_match};

/// What stands between the server and the system's clock. It is Debian's package `libfaketime`.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("/usr/lib").flatten().map(|entry| entry.path());
    let candidates = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    let found = candidates.into_iter().find(|path| path.is_file());
    found.expect("libfaketime is missing: run `cargo xtask tools` first")
}

/// A server whose clock is as far from the system's as a file says.
fn start(folder: &Path, config: &str) -> Server {
    let (file, clock) = (folder.join("fluentcast.conf"), folder.join("clock"));
    fs::write(&file, config).expect("the configuration is written");
    set(folder, "+0");
    let mut command = fluentcast();
    command
        .env("LD_PRELOAD", library())
        .env("FAKETIME_TIMESTAMP_FILE", clock)
        .env("FAKETIME_NO_CACHE", "1")
        // A clock that only ever goes on is what the system promises besides; nobody can set that.
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .arg("-c")
        .arg(file);
    Server::spawn(folder, &mut command)
}

/// In one step, as whoever sets a clock does.
fn set(folder: &Path, offset: &str) {
    fs::write(folder.join("clock.new"), offset).expect("written");
    fs::rename(folder.join("clock.new"), folder.join("clock")).expect("renamed");
}

fn assert_next(stream: &mut Numbered, numbers: std::ops::Range<u64>, what: &str) {
    for n in numbers {
        match stream.next() {
            Item::Event { n: got, .. } => assert_eq!(got, n, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

fn numbers(lines: &[Line]) -> Vec<u64> {
    let number = |line: &Line| if let Line::Event { seq, .. } = line { Some(*seq) } else { None };
    lines.iter().filter_map(number).collect()
}

#[test]
fn a_clock_that_is_set_costs_nobody_an_event() {
    let folder = TempDir::new().expect("a temporary folder");
    let pings = "ping_interval 1\nping_timeout 10\n";
    let history =
        format!("<history>\npath {}\nevents 10000\n</history>", folder.path().join("history").display());
    let server =
        start(folder.path(), &format!("{SOURCES}{}", websocket_match("**", &(pings.to_owned() + &history))));
    let mut streams: Vec<(Form, Numbered)> =
        FORMS.map(|form| (form, Numbered::open(server.websocket(0), form, "", None, false))).into();
    let (mut sender, mut sent) = (server.sender(), 0);
    for offset in ["+0", "+40d", "-40d", "+10y", "-3s", "+0"] {
        set(folder.path(), offset);
        send(&mut sender, sent..sent + 20);
        for (form, stream) in &mut streams {
            assert_next(stream, sent..sent + 20, &format!("{form:?} at {offset}"));
        }
        sent += 20;
        // Whoever comes now finds all of it, whatever time it was when it came.
        let (_, lines) = Events::replay(server.websocket(0));
        let seqs = numbers(&lines);
        assert!(seqs.iter().copied().eq(1..=sent) && lines.len() as u64 == sent, "at {offset}: {lines:?}");
        let ago = http::get(server.websocket(0), "/events?$since=1h&$follow=false");
        assert_eq!(ago.status, 200, "at {offset}");
    }
    assert_eq!(server.metric("fluentcast_websocket_clients_timed_out_total"), 0);
    assert_eq!(server.metric("fluentcast_websocket_clients"), streams.len() as u64);
}

#[test]
fn what_has_an_end_has_it_by_the_clock_as_it_is() {
    let folder = TempDir::new().expect("a temporary folder");
    let token = "<token>\nname guest\ntoken open-sesame\nexpires 2090-01-01T00:00:00Z\n</token>\n";
    let aged = format!("<history>\nage 1h\npath {}\n</history>", folder.path().join("history").display());
    let config = [SOURCES, &websocket_match("none.**", token), &websocket_match("**", &aged)].concat();
    let server = start(folder.path(), &config);
    let status = || http::get(server.websocket(0), "/events?token=open-sesame&$follow=false").status;
    let kept = || numbers(&Events::replay(server.websocket(1)).1).len();
    let mut sender = server.sender();
    send(&mut sender, 0..20);
    assert_eq!((status(), kept()), (200, 20));

    set(folder.path(), "-40d");
    send(&mut sender, 20..30);
    // What came in what is the future now is not older than anything.
    assert_eq!((status(), kept()), (200, 30));

    set(folder.path(), "+100y");
    assert_eq!(status(), 401);
    poll("the history to be an hour old", || (kept() == 0).then_some(()));
    send(&mut sender, 30..40);
    assert_eq!(kept(), 10);

    set(folder.path(), "+0");
    assert_eq!((status(), kept()), (200, 10));
}
