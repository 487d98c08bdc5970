//! What breaks around the server: the link, the clock, the disk, memory, peers. In each case somebody else, who
//! has nothing to do with it, must lose nothing; and whoever is hit is told, or finds it counted.
//!
//! Most of this needs root, as whoever makes a network, mounts a disk or limits a process does. Without it these
//! tests fail and say so; they are not left out.

mod clock;
mod disk;
mod link;
mod memory;
mod peers;

use std::process::Command;

use crate::support::forward::{Sender, entries, pack_json, packed_forward};

/// Fails with what to do, unless this is root.
fn require_root(what: &str) {
    let is_root = rustix::process::getuid().is_root();
    assert!(
        is_root,
        "{what} needs root: run the end-to-end tests as root, in a container or a virtual machine"
    );
}

/// Runs a program of the system to a good end.
fn system(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status();
    let status = status.unwrap_or_else(|error| panic!("{program}: {error}: run `cargo xtask tools` first"));
    assert!(status.success(), "{program} {arguments:?}: {status}");
}

/// Sends events with these numbers in their records, and waits for the ack.
fn send(sender: &mut Sender, numbers: std::ops::Range<u64>) {
    let id = numbers.start.to_string();
    sender.chunk(&chunk(numbers, ""), &id);
}

/// A chunk of such events, named by its first number.
fn chunk(numbers: std::ops::Range<u64>, text: &str) -> Vec<u8> {
    let id = numbers.start.to_string();
    let record = |n: u64| (1_700_000_000, pack_json(&format!(r#"{{"n":{n},"text":"{text}"}}"#)));
    packed_forward("t", &entries(numbers.map(record)), &id)
}
