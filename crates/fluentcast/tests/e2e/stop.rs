//! Stopping: what was acknowledged is where it was promised to be.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;

use crate::support::forward::{entries, message, pack_json, packed_forward};
use crate::support::server::Server;
use crate::support::websocket::{Client, End};
use crate::support::{SOURCES, poll, websocket_match};

const SENDERS: usize = 3;
const CLIENTS: usize = 4;
const EVENTS_PER_CHUNK: usize = 50;

fn copy_to_file_and_websocket(folder: &Path) -> String {
    format!(
        "{SOURCES}<match **>\n@type copy\n<store>\n@type file\npath {}/out\n</store>\n\
         <store>\n@type websocket\nhost 127.0.0.1\nport 0\n</store>\n</match>\n",
        folder.display()
    )
}

fn record(sender: usize, number: usize) -> String {
    format!(r#"{{"sender":{sender},"n":{number}}}"#)
}

/// Chunk after chunk, each acknowledged, until the server ends the connection. What was acknowledged.
fn send_until_the_end(server: &Server, sender: usize, acked: &AtomicUsize) -> Vec<String> {
    let mut connection = server.sender();
    let mut safe = Vec::new();
    for chunk in 0.. {
        let numbers = chunk * EVENTS_PER_CHUNK..(chunk + 1) * EVENTS_PER_CHUNK;
        let records: Vec<String> = numbers.map(|number| record(sender, number)).collect();
        let entries = entries(records.iter().map(|record| (1, pack_json(record))));
        let id = chunk.to_string();
        let sent = connection.try_send(&packed_forward("t", &entries, &id));
        if sent.is_err() || !connection.is_acked(&id) {
            break;
        }
        safe.extend(records);
        acked.fetch_add(EVENTS_PER_CHUNK, Ordering::Relaxed);
    }
    safe
}

/// Each sender's events must come in its order and once.
fn assert_in_order(records: &[String]) {
    let mut next = [0; SENDERS];
    for text in records {
        let value: serde_json::Value = serde_json::from_str(text).expect("a record");
        let field =
            |name: &str| usize::try_from(value[name].as_u64().expect("a number")).expect("a small number");
        let (sender, number) = (field("sender"), field("n"));
        assert_eq!(number, next[sender], "the next event of sender {sender}");
        next[sender] += 1;
    }
}

fn assert_holds(what: &str, records: &[String], acked: &[String]) {
    assert_in_order(records);
    let records: HashSet<&String> = records.iter().collect();
    let lost: Vec<&String> = acked.iter().filter(|record| !records.contains(record)).collect();
    assert!(
        lost.is_empty(),
        "{what} lost {} acknowledged events: {:?}",
        lost.len(),
        &lost[..lost.len().min(5)]
    );
}

#[test]
fn what_was_acked_is_delivered_and_in_the_file() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut server = Server::start_in(folder.path(), &copy_to_file_and_websocket(folder.path()));
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.client(0)).collect();
        let acked = AtomicUsize::new(0);

        let (safe, received) = std::thread::scope(|scope| {
            let senders: Vec<_> = (0..SENDERS)
                .map(|sender| {
                    let (server, acked) = (&server, &acked);
                    scope.spawn(move || send_until_the_end(server, sender, acked))
                })
                .collect();
            let clients: Vec<_> =
                clients.iter_mut().map(|client| scope.spawn(|| client.read_to_end())).collect();
            poll("the load", || (acked.load(Ordering::Relaxed) > 2_000).then_some(()));
            server.signal(signal);
            let safe: Vec<String> =
                senders.into_iter().flat_map(|sender| sender.join().expect("a sound sender")).collect();
            let received: Vec<_> =
                clients.into_iter().map(|client| client.join().expect("a sound client")).collect();
            (safe, received)
        });
        let status = server.wait();
        assert_eq!(status.code(), Some(0), "{signal:?}: {status}");

        for (texts, end) in received {
            assert_eq!(end, End::Close(1001), "{signal:?}");
            let strip = |text: &String| text.strip_prefix("[\"t\",")?.strip_suffix(']').map(str::to_owned);
            let records: Vec<String> = texts.iter().map(|text| strip(text).expect("a message")).collect();
            assert_holds("a client", &records, &safe);
        }
        assert_holds("the file", &file_records(folder.path()), &safe);
    }
}

/// The records in the files of the output, in the order of their names' numbers.
fn file_records(folder: &Path) -> Vec<String> {
    let mut files: Vec<(usize, std::path::PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
        if let Some(stem) = name.strip_prefix("out.").and_then(|name| name.strip_suffix(".log")) {
            let (_, number) = stem.rsplit_once('_').expect("a numbered file");
            files.push((number.parse().expect("a number"), path));
        }
    }
    files.sort();
    let texts = files.iter().map(|(_, path)| std::fs::read_to_string(path).expect("the file"));
    let lines = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.map(|line| line.rsplit('\t').next().expect("a record").to_owned()).collect()
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut server = Server::start(&format!("{SOURCES}{}", websocket_match("**", "client_lag_limit 64m")));
    // A client that never reads holds the drain up to its deadline.
    let _stuck = server.client(0);
    let mut sender = server.sender();
    let record = pack_json(&format!(r#"{{"text":"{}"}}"#, "x".repeat(1024 * 1024)));
    for number in 0..32 {
        let id = number.to_string();
        sender.chunk(&message("t", 1, &record, &id), &id);
    }
    server.signal(Signal::TERM);
    assert!(server.log.wait_for("stopping").is_some(), "it does not say that it stops");
    server.signal(Signal::TERM);
    // Cutting the drain short is no clean end.
    let status = server.wait();
    assert!(!status.success(), "{status}");
}
