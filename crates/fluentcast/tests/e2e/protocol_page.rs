//! The client on the page about the protocol, as it stands there: cut again and again, it loses nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::support::forward::{entries, pack_json, packed_forward};
use crate::support::random::Random;
use crate::support::server::Server;
use crate::support::tools::repository;
use crate::support::{SOURCES, poll, websocket_match};

const EVENTS: u64 = 3_000;
const CUTS: usize = 20;

/// Killed in any case: it would go on for ever.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The program on the page, for another server and with less patience.
fn program(address: SocketAddr) -> String {
    let page = std::fs::read_to_string(repository("docs/protocol.md")).expect("the page");
    let (_, after) = page.split_once("```python\n").expect("a program");
    let (program, _) = after.split_once("```").expect("its end");
    let replaced = |text: String, from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
        text.replace(from, to)
    };
    let program =
        replaced(program.to_owned(), "\"localhost\", 8080", &format!("\"127.0.0.1\", {}", address.port()));
    let program = replaced(program, "time.sleep(1)", "time.sleep(0.01)");
    replaced(
        program,
        "print(message[\"record\"])",
        "print(\"event\", message[\"record\"][\"n\"], flush=True)",
    )
}

/// Lets one connection after the other through to the server, and cuts most of them.
fn cut_connections(listener: &TcpListener, server: SocketAddr) {
    let mut random = Random::new(0x90_5e_ed);
    for connection in 0..=CUTS {
        let Ok((mut client, _)) = listener.accept() else { return };
        let mut to_server = TcpStream::connect(server).expect("the server answers");
        let mut from_server = to_server.try_clone().expect("a socket");
        let mut from_client = client.try_clone().expect("a socket");
        thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
        // The first time not before it has its position.
        let bytes = if connection < CUTS { 1_000 + random.below(10_000) as u64 } else { u64::MAX };
        let mut buffer = [0; 500];
        let mut passed = 0;
        while passed < bytes
            && let Ok(count @ 1..) = from_server.read(&mut buffer)
            && client.write_all(&buffer[..count]).is_ok()
        {
            passed += count as u64;
        }
        client.shutdown(Shutdown::Both).ok();
        from_server.shutdown(Shutdown::Both).ok();
    }
}

#[test]
fn the_client_on_the_page_loses_nothing() {
    let history = "<history>\n  events 10000\n  </history>";
    let server = Server::start(&format!("{SOURCES}{}", websocket_match("**", history)));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let between = listener.local_addr().expect("an address");
    let address = server.websocket(0);
    thread::spawn(move || cut_connections(&listener, address));

    let child = Command::new("python3").arg("-c").arg(program(between)).stdout(Stdio::piped()).spawn();
    let mut running = Running(child.expect("python3 is installed"));
    poll("the client to connect", || (server.metric("fluentcast_websocket_clients") == 1).then_some(()));
    let mut sender = server.sender();
    for first in (0..EVENTS).step_by(10) {
        let record = |n: u64| (1_700_000_000, pack_json(&format!(r#"{{"n":{n}}}"#)));
        let chunk = first.to_string();
        sender.chunk(&packed_forward("t", &entries((first..first + 10).map(record)), &chunk), &chunk);
    }
    let lines =
        BufReader::new(running.0.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    let mut next = 0;
    for line in lines {
        assert!(!line.starts_with("missing"), "{line}");
        if let Some(n) = line.strip_prefix("event ") {
            assert_eq!(n.parse(), Ok(next));
            next += 1;
        }
        if next == EVENTS {
            break;
        }
    }
    assert_eq!(next, EVENTS);
    assert!(server.metric("fluentcast_websocket_clients_accepted_total") > CUTS as u64 / 2);
}
