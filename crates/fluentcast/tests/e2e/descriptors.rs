//! A process that may open no more files goes on: it serves whom it has, and later whoever comes.

use std::net::TcpStream;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::server::Server;
use crate::support::{SOURCES, websocket_match};

/// Descriptors the server may have: enough to start with and for a few connections.
const DESCRIPTORS: usize = 64;

#[test]
fn a_listener_outlives_the_end_of_descriptors() {
    let folder = TempDir::new().expect("a temporary folder");
    let config = folder.path().join("fluentcast.conf");
    std::fs::write(&config, format!("{SOURCES}{}", websocket_match("**", ""))).expect("the configuration");
    let limited = format!("ulimit -n {DESCRIPTORS} && exec \"$0\" \"$@\"");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_fluentcast"), "-c"]).arg(&config);
    let server = Server::spawn(folder.path(), &mut command);
    let mut neighbour = server.client(0);
    let mut sender = server.sender();

    // One more than there can be for each listener: the kernel takes them, the server cannot.
    let crowd: Vec<TcpStream> = [server.forward(), server.http(), server.websocket(0)]
        .into_iter()
        .flat_map(|address| std::iter::repeat_n(address, DESCRIPTORS))
        .map(|address| TcpStream::connect(address).expect("the kernel's queue takes it"))
        .collect();
    assert!(server.log.wait_for("cannot accept connections").is_some(), "{}", server.log.text());
    sender.event("t", 1, r#"{"n":1}"#);
    assert_eq!(neighbour.text(), r#"["t",{"n":1}]"#);
    assert_idle(&server);

    drop(crowd);
    let mut late = server.client(0);
    let mut late_sender = server.sender();
    late_sender.event("t", 1, r#"{"n":2}"#);
    assert_eq!(neighbour.text(), r#"["t",{"n":2}]"#);
    assert_eq!(late.text(), r#"["t",{"n":2}]"#);
    assert!(server.metric("fluentcast_accept_errors_total") > 0);
}

/// What nobody can be done for is not tried without a pause: of this time the server takes less than half of one
/// processor.
fn assert_idle(server: &Server) {
    const TIME: Duration = Duration::from_secs(2);
    let before = server.processor_time();
    // Not for a state to come: what the server does meanwhile is looked at.
    std::thread::sleep(TIME);
    let used = server.processor_time() - before;
    assert!(used < TIME / 2, "{used:?} of processor time while there was nothing to do");
}
