//! Peers of the process itself that stop: who reads its log, and the disk.

use std::fs::OpenOptions;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::forward::{message, pack_json};
use crate::support::server::{Server, fluentcast};
use crate::support::{SOURCES, poll, websocket_match};

fn make_fifo(path: &std::path::Path) {
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo");
    assert!(made.success(), "{made}");
}

fn terminate(child: &Child) {
    kill_process(Pid::from_child(child), Signal::TERM).expect("the process lives");
}

#[test]
fn a_write_that_hangs_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("hangs");
    make_fifo(&path);
    // It can be opened, and takes what fits into its buffer: 64 KiB.
    let _reader = OpenOptions::new().read(true).write(true).open(&path).expect("the fifo");
    let mut server = Server::start_in(
        folder.path(),
        &format!(
            "{SOURCES}<match **>\n@type file\npath {}\nappend true\nadd_path_suffix false\n\
             <buffer []>\nflush_interval 0\n</buffer>\n</match>\n",
            path.display()
        ),
    );
    let record = pack_json(&format!(r#"{{"text":"{}"}}"#, "x".repeat(256 * 1024)));
    server.sender().chunk(&message("t", 1, &record, "1"), "1");
    let status = server.stop();
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(server.log.wait_for("gave up events").is_some(), "it does not say what is lost");
}

/// A server whose log goes where the test says, and what it needs to be found.
fn start(stdout: Stdio, stderr: Stdio) -> Child {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let config = websocket_match("**", "").replace("port 0", &format!("port {port}"));
    let child = fluentcast().arg("-i").arg(config).stdout(stdout).stderr(stderr).spawn();
    let child = child.expect("the binary starts");
    poll("the port", || TcpStream::connect(("127.0.0.1", port)).ok());
    child
}

#[test]
fn a_log_that_nobody_reads_any_more_ends_nothing() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let stderr = writer.try_clone().expect("a descriptor");
    let mut child = start(writer.into(), stderr.into());
    terminate(&child);
    let status = poll("the end", || child.try_wait().expect("a child of ours"));
    assert_eq!(status.code(), Some(0), "{status}");
}

#[test]
fn a_log_whose_reader_pauses_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("full");
    make_fifo(&path);
    let log = OpenOptions::new().read(true).write(true).open(&path).expect("the fifo");
    fill(&log);
    let mut child = start(log.try_clone().expect("a descriptor").into(), Stdio::null());
    terminate(&child);
    let status = poll("the end", || child.try_wait().expect("a child of ours"));
    assert_eq!(status.code(), Some(0), "{status}");
}

/// Writes until nothing more fits.
fn fill(mut pipe: &std::fs::File) {
    use std::io::Write as _;
    rustix::io::ioctl_fionbio(pipe, true).expect("it can be non-blocking");
    while pipe.write(&[b'\n'; 4096]).is_ok() {}
    while pipe.write(b"\n").is_ok() {}
    rustix::io::ioctl_fionbio(pipe, false).expect("it can be blocking");
}
