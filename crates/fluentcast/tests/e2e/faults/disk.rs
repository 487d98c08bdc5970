//! A disk that is full, and one that can only be read any more: a file system of a megabyte, as containers and
//! small machines have them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{chunk, require_root, send, system};
use crate::support::server::Server;
use crate::support::websocket::Client;
use crate::support::{SOURCES, http, poll, websocket_match};

/// A file system in memory, mounted for as long as this lives.
struct Disk {
    folder: TempDir,
}

impl Disk {
    fn new() -> Self {
        require_root("a disk of its own");
        let disk = Self { folder: TempDir::new().expect("a temporary folder") };
        system("mount", &["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk.path()]);
        disk
    }

    fn path(&self) -> &str {
        self.folder.path().to_str().expect("UTF-8")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Takes all room there is.
    fn fill(&self) {
        let mut file = fs::File::create(self.file("filler")).expect("a file");
        for bytes in [4096, 1] {
            while file.write(&vec![0; bytes]).is_ok_and(|written| written > 0) {}
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whatever still holds a file open there does not keep it.
        system("umount", &["--lazy", self.path()]);
    }
}

/// Two outputs: one keeps its history on the disk, the other has nothing to do with it.
fn config(disk: &Disk) -> String {
    let history =
        format!("<history>\npath {}\nsize 512k\nsync always\n</history>", disk.file("history").display());
    [SOURCES, &websocket_match("t", &history), &websocket_match("neighbour", "")].concat()
}

fn post(server: &Server, tag: &str, n: u64) -> u16 {
    let body = format!(r#"{{"n":{n}}}"#);
    http::post(server.http(), &format!("/{tag}"), "application/json", body.as_bytes()).status
}

fn assert_next(client: &mut Client, n: u64) {
    assert_eq!(client.text(), format!(r#"["neighbour",{{"n":{n}}}]"#));
}

/// What must hold while the disk takes nothing: no ack that cannot be kept, no event that is not sent live, and
/// nothing at all for others.
fn assert_only_acks_stop(server: &Server, neighbour: &mut Client, n: u64) {
    let mut live = server.client(0);
    let mut sender = server.sender();
    sender.send(&chunk(n..n + 200, &"x".repeat(400)));
    assert!(!sender.is_acked(&n.to_string()), "acked what is not stored");
    live.texts_until(&format!(r#""n":{},"#, n + 199));
    assert_eq!(http::get(server.websocket(0), "/readyz").status, 503);
    assert_eq!(post(server, "neighbour", n), 200);
    assert_next(neighbour, n);
    assert!(server.log.wait_for("the history cannot be written").is_some());
    assert!(server.metric("fluentcast_history_events_not_stored_total") > 0);
}

fn assert_goes_on(server: &Server, folder: &Path) {
    poll("the history to be written again", || (post(server, "t", 1) == 200).then_some(()));
    assert!(server.log.wait_for("the history is written again").is_some());
    assert_eq!(http::get(server.websocket(0), "/readyz").status, 200);
    send(&mut server.sender(), 10_000..10_010);
    assert!(fs::read_dir(folder).expect("the history").count() > 1);
}

#[test]
fn a_full_disk_stops_acks_until_there_is_room_and_nothing_else() {
    let disk = Disk::new();
    let folder = TempDir::new().expect("a temporary folder");
    let mut server = Server::start_in(folder.path(), &config(&disk));
    let mut neighbour = server.client(1);
    send(&mut server.sender(), 0..10);
    disk.fill();
    assert_only_acks_stop(&server, &mut neighbour, 1000);
    fs::remove_file(disk.file("filler")).expect("room");
    assert_goes_on(&server, &disk.file("history"));
    assert!(server.stop().success());
}

#[test]
fn a_disk_that_can_only_be_read_stops_acks_and_nothing_else() {
    let disk = Disk::new();
    let folder = TempDir::new().expect("a temporary folder");
    let mut server = Server::start_in(folder.path(), &config(&disk));
    let mut neighbour = server.client(1);
    send(&mut server.sender(), 0..10);
    // A mount on itself can be made read-only while files are open; those go on, and no new one can be made.
    system("mount", &["--bind", disk.path(), disk.path()]);
    system("mount", &["-o", "remount,bind,ro", disk.path()]);
    // The segment that is open is full before long.
    let mut sender = server.sender();
    let mut n = 1000;
    poll("the open file to be full", || {
        sender.send(&chunk(n..n + 200, &"x".repeat(400)));
        let acked = sender.is_acked(&n.to_string());
        n += 200;
        (!acked).then_some(())
    });
    assert_only_acks_stop(&server, &mut neighbour, n);
    system("mount", &["-o", "remount,bind,rw", disk.path()]);
    assert_goes_on(&server, &disk.file("history"));
    assert!(server.stop().success());
    system("umount", &["--lazy", disk.path()]);
}

#[test]
fn what_cannot_be_written_at_the_start_is_told_before_anything_is_served() {
    let disk = Disk::new();
    let folder = TempDir::new().expect("a temporary folder");
    system("mount", &["-o", "remount,ro", disk.path()]);
    let file = folder.path().join("fluentcast.conf");
    fs::write(&file, config(&disk)).expect("the configuration is written");
    let output =
        crate::support::server::fluentcast().arg("-c").arg(&file).output().expect("the binary starts");
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(disk.path()) && told.contains("or choose another `path`"), "{told}");
}
