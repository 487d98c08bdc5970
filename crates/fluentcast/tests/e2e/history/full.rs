//! A full disk. Not a small file system, which not every machine lets a test mount: the process may not make
//! its files larger, which to it is the same (a write fails, what is written stays, nothing else breaks).

use rustix::process::{Resource, Rlimit, Signal, prlimit};

use super::*;
use crate::support::http;
use crate::support::poll;
use crate::support::server::fluentcast;

/// The server, deaf to the signal that comes with the limit: on a disk that is full there is none.
fn start_deaf(folder: &Path) -> Server {
    let file = folder.join("fluentcast.conf");
    fs::write(&file, config(folder)).expect("the configuration is written");
    let plain = fluentcast();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(plain.get_program());
    Server::spawn(folder, shell.env_remove("FLUENT_CONF").env("TZ", "UTC").arg("-c").arg(file))
}

fn limit_files(server: &Server, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(server.pid()), Resource::Fsize, limit).expect("a child of ours may be limited");
}

fn post(server: &Server, n: usize) -> u16 {
    http::post(server.http(), "/t", "application/json", format!(r#"{{"n":{n}}}"#).as_bytes()).status
}

#[test]
fn a_full_disk_ends_acks_and_not_the_stream() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut server = start_deaf(folder.path());
    let mut client = server.client(0);
    let (bytes, id) = chunk(0, 100);
    server.sender().chunk(&bytes, &id);
    assert_eq!(http::get(server.websocket(0), "/readyz").status, 200);

    let segment = segments(folder.path()).pop().expect("a segment");
    limit_files(&server, Some(fs::metadata(&segment).expect("the segment").len()));
    let (bytes, id) = chunk(100, 50);
    let mut sender = server.sender();
    sender.send(&bytes);
    assert!(!sender.is_acked(&id), "acked what is not stored");
    assert_eq!(post(&server, 150), 500);
    let ready = http::get(server.websocket(0), "/readyz");
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("cannot be written"), "{}", ready.text());
    assert!(server.log.wait_for("the history cannot be written").is_some());
    let texts = client.texts_until(r#""n":150"#);
    assert_eq!(texts.len(), 150, "the stream goes on");
    assert!(server.metric("fluentcast_history_events_not_stored_total") >= 51);

    limit_files(&server, None);
    poll("the history to be written again", || (post(&server, 151) == 200).then_some(()));
    assert!(server.log.wait_for("the history is written again").is_some());
    let ready = http::get(server.websocket(0), "/readyz");
    assert_eq!((ready.status, ready.text()), (200, "ready\n"));

    // What is only in memory now is gone with the process.
    let (epoch, _) = Events::replay(server.websocket(0));
    server.signal(Signal::KILL);
    server.wait();
    let server = start(folder.path());
    let (now, lines) = Events::replay(server.websocket(0));
    let (events, gaps) = in_order(&lines);
    assert_eq!((now, gaps), (epoch, vec![(101, 151, "lost")]));
    let numbers: Vec<usize> = events.into_iter().map(|(_, n)| n).collect();
    assert!(numbers.iter().copied().eq((0..100).chain([151])), "{numbers:?}");
    assert!(server.log.wait_for("events are missing in a history").is_some());
}
