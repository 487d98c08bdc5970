//! `fluentcast send` against the real server, and where there is none.

use std::io::Write;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::events::{Events, Line};
use crate::support::forward::pack_json;
use crate::support::process::{self, Tool, lasting_port, wait};
use crate::support::pty::Pty;
use crate::support::server::{Server, fluentcast};
use crate::support::{SOURCES, poll, websocket_match};

fn start() -> Server {
    Server::start(&format!("{SOURCES}{}", websocket_match("**", "buffered_messages 1000")))
}

fn send(port: u16, flags: &[&str]) -> Command {
    let mut command = fluentcast();
    command.args(["send", "--port", &port.to_string()]).args(flags).stdin(Stdio::piped());
    command
}

/// Runs with this input: exit code and standard error. It never prints anything.
fn run(command: &mut Command, input: &[u8]) -> (Option<i32>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    // A tool that gives up does not read to the end.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn records_arrive_with_and_without_acks() {
    let server = start();
    let mut client = server.client(0);
    for (flags, ack) in [(&["app.web"][..], false), (&["app.web", "--ack", "--json"], true)] {
        let (code, errors) =
            run(&mut send(server.forward().port(), flags), b"{\"a\":1}\n\n{\"b\":\"\\u00fc\"}");
        assert_eq!((code, errors.as_str()), (Some(0), ""), "ack: {ack}");
        assert_eq!(client.text(), r#"["app.web",{"a":1}]"#);
        assert_eq!(client.text(), r#"["app.web",{"b":"ü"}]"#);
    }
    let packed = [pack_json(r#"{"m":[1,null]}"#), b"\x92\x05".to_vec(), pack_json("{}")].concat();
    let (code, errors) = run(&mut send(server.forward().port(), &["t", "--msgpack"]), &packed);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(client.text(), r#"["t",{"m":[1,null]}]"#);
    assert_eq!(client.text(), r#"["t",{}]"#);
}

#[test]
fn a_bad_line_is_told_and_the_others_are_sent() {
    let server = start();
    let mut client = server.client(0);
    let input = b"{\"n\":1}\n[2]\n{\"n\":\n{\"n\":4}\n";
    let (code, errors) = run(&mut send(server.forward().port(), &["t", "--ack"]), input);
    assert_eq!(code, Some(1));
    assert_eq!(
        errors,
        "fluentcast send: line 2: a record must be an object, { ... }\n\
         fluentcast send: line 3: this is no JSON: EOF while parsing a value at line 1 column 5\n"
    );
    assert_eq!(client.text(), r#"["t",{"n":1}]"#);
    assert_eq!(client.text(), r#"["t",{"n":4}]"#);
}

#[test]
fn a_line_is_sent_while_the_input_stays_open() {
    let server = start();
    let mut client = server.client(0);
    for flags in [&["t"][..], &["t", "--ack"]] {
        let mut tool = Tool::start(&mut send(server.forward().port(), flags));
        let mut input = tool.child.stdin.take().expect("a pipe");
        for n in 0..3 {
            writeln!(input, r#"{{"n":{n}}}"#).expect("taken");
            assert_eq!(client.text(), format!(r#"["t",{{"n":{n}}}]"#));
        }
        drop(input);
        assert_eq!(tool.wait().code(), Some(0));
    }
}

#[test]
fn what_tail_prints_can_be_sent() {
    let server = start();
    server.sender().event("t", 1, r#"{"n":1,"list":[{}]}"#);
    let mut client = server.client(0);
    let binary = fluentcast();
    let mut shell = Command::new("bash");
    let script = r#""$0" tail "$1" --no-follow --format json | "$0" send copy --port "$2" --ack"#;
    shell.args(["-o", "pipefail", "-c", script]).arg(binary.get_program());
    shell.arg(server.websocket(0).to_string()).arg(server.forward().port().to_string());
    assert_eq!(process::run(&mut shell), (Some(0), String::new(), String::new()));
    // The first event comes first, out of the history.
    assert_eq!(client.text(), r#"["t",{"n":1,"list":[{}]}]"#);
    assert_eq!(client.text(), r#"["copy",{"n":1,"list":[{}]}]"#);
}

#[test]
fn nobody_listens() {
    let port = lasting_port();
    for flags in [&["t"][..], &["t", "--ack"]] {
        let (code, errors) = run(&mut send(port, flags), b"{}\n");
        assert_eq!(code, Some(1));
        let due = format!(
            "fluentcast: send: cannot connect to 127.0.0.1:{port}: Connection refused (os error 111)\n"
        );
        assert_eq!(errors, due);
    }
    let (code, errors) = run(&mut send(port, &[""]), b"");
    assert_eq!((code, errors.contains("the tag is empty")), (Some(1), true), "{errors}");
}

#[test]
fn acks_that_do_not_come_are_counted() {
    // A listener that nobody accepts from takes connections and bytes, and never answers.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = deaf.local_addr().expect("an address").port();
    let (code, errors) = run(&mut send(port, &["t", "--ack", "--timeout", "1"]), b"{}\n{}\n{}\n");
    assert_eq!(code, Some(1));
    let due = format!(
        "fluentcast: send: 127.0.0.1:{port} is given up after 1 s: no ack came; 3 records were not acked, 0 were, and \
         nothing more is sent\n"
    );
    assert_eq!(errors, due);
}

#[test]
fn what_is_acked_survives_a_server_that_is_killed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let port = lasting_port();
    let history = format!("<history>\npath {}\n</history>", folder.path().join("history").display());
    let config = format!("{SOURCES}{}", websocket_match("**", &history));
    let config = config.replacen("port 0", &format!("port {port}"), 1);
    let mut server = Server::start_in(folder.path(), &config);
    let mut tool = Tool::start(&mut send(port, &["t", "--ack"]));
    let mut input = tool.child.stdin.take().expect("a pipe");
    const LIVES: u64 = 3;
    const RECORDS: u64 = 2000;
    for life in 0..LIVES {
        for n in life * RECORDS..(life + 1) * RECORDS {
            writeln!(input, r#"{{"n":{n}}}"#).expect("taken");
        }
        poll("some of them", || (server.metric("fluentcast_websocket_events_total") > 0).then_some(()));
        server.signal(Signal::KILL);
        server.wait();
        server = Server::start_in(folder.path(), &config);
    }
    drop(input);
    assert_eq!(tool.wait().code(), Some(0), "{}", tool.errors.text());
    let (_, stored) = Events::replay(server.websocket(0));
    let mut numbers: Vec<u64> = stored
        .iter()
        .map(|line| match line {
            Line::Event { record, .. } => record["n"].as_u64().expect("a number"),
            gap @ Line::Gap { .. } => panic!("{gap:?}"),
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert!(numbers.iter().copied().eq(0..LIVES * RECORDS), "{} of {}", numbers.len(), LIVES * RECORDS);
}

#[test]
fn progress_is_shown_to_who_watches() {
    let server = start();
    let terminal = Pty::open();
    let mut command = send(server.forward().port(), &["t"]);
    let mut child = command.stderr(terminal.stream()).spawn().expect("it starts");
    drop(command);
    let mut input = child.stdin.take().expect("a pipe");
    let mut sent = 0;
    poll("progress on the terminal", || {
        sent += 1;
        writeln!(input, "{{}}").expect("taken");
        terminal.text().contains(" records sent, ").then_some(())
    });
    writeln!(input, "bad").expect("taken");
    drop(input);
    assert_eq!(wait(&mut child).code(), Some(1));
    let shown = terminal.wait_for(" bad\n");
    let last = shown.lines().last().expect("a line").rsplit("\u{1b}[K").next().expect("text");
    assert!(last.starts_with(&format!("{sent} records sent, ")), "{last:?} of {sent}");
    assert!(
        shown.contains(&format!("\r\u{1b}[Kfluentcast send: line {}: this is no JSON", sent + 1)),
        "{shown:?}"
    );
}
