//! No memory left. A process cannot go on in the middle of what it was doing, so it ends at once, as if killed;
//! what it had acked is in the history on disk, and the next one goes on with it.

use std::os::unix::process::ExitStatusExt;

use rustix::process::{Resource, Rlimit, Signal, prlimit};
use tempfile::TempDir;

use super::chunk;
use crate::support::events::{Events, Line};
use crate::support::server::Server;
use crate::support::{SOURCES, websocket_match};

/// What the server may take beyond what it has at the start.
const ROOM_BYTES: u64 = 64 * 1024 * 1024;

/// More events than there is room for.
const CHUNKS: u64 = 2_000;
const CHUNK_EVENTS: u64 = 50;

fn address_space(server: &Server) -> u64 {
    let path = format!("/proc/{}/status", server.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(path).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("VmSize");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[test]
fn a_server_without_memory_ends_at_once_and_has_kept_what_it_acked() {
    let folder = TempDir::new().expect("a temporary folder");
    let history = format!("<history>\npath {}\nsize 1g\n</history>", folder.path().join("history").display());
    // A client that never reads keeps all of it in memory.
    let config = [SOURCES, &websocket_match("**", &format!("client_lag_limit 4g\n{history}"))].concat();
    let mut server = Server::start_in(folder.path(), &config);
    let _unread = server.client(0);
    let mut sender = server.sender();
    let limit = Some(address_space(&server) + ROOM_BYTES);
    prlimit(Some(server.pid()), Resource::As, Rlimit { current: limit, maximum: limit })
        .expect("a child of ours may be limited");
    let mut acked = 0;
    for first in (0..CHUNKS).map(|chunk| chunk * CHUNK_EVENTS) {
        if sender.try_send(&chunk(first..first + CHUNK_EVENTS, &"x".repeat(2000))).is_err()
            || !sender.is_acked(&first.to_string())
        {
            break;
        }
        acked = first + CHUNK_EVENTS;
    }
    assert!(acked < CHUNKS * CHUNK_EVENTS, "it never ran out of memory");
    let status = server.wait();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{status}\n{}", server.errors.text());
    assert!(server.errors.text().contains("memory allocation"), "{}", server.errors.text());

    let server = Server::start_in(folder.path(), &config);
    let (_, lines) = Events::replay(server.websocket(0));
    let numbers: Vec<u64> = lines
        .iter()
        .map(|line| match line {
            Line::Event { record, .. } => record["n"].as_u64().expect("a number"),
            Line::Gap { .. } => panic!("{line:?}"),
        })
        .collect();
    assert!(numbers.len() as u64 >= acked, "{acked} were acked, and {} are there", numbers.len());
    assert!(numbers.iter().copied().eq(0..numbers.len() as u64));
}
