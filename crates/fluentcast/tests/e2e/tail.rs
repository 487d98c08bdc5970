//! `fluentcast tail` against the real server: in a pipe, on a terminal, interrupted, cut off.

use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::events::{Events, Line};
use crate::support::forward::{entries, pack_json, packed_forward};
use crate::support::process::{Tool, lasting_port, run, wait};
use crate::support::pty::Pty;
use crate::support::server::{Server, fluentcast};
use crate::support::{SOURCES, poll, websocket_match};

fn start() -> Server {
    Server::start(&format!("{SOURCES}{}", websocket_match("**", "buffered_messages 100")))
}

/// A tail of the first output.
fn tail(server: &Server, flags: &[&str]) -> Command {
    let mut command = fluentcast();
    command.arg("tail").arg(format!("ws://{}/", server.websocket(0))).args(flags);
    command.env_remove("NO_COLOR").env_remove("FLUENTCAST_TOKEN");
    command
}

/// Waits until so many clients watch.
fn watched(server: &Server, clients: u64) {
    poll("the client", || (server.metric("fluentcast_websocket_clients") == clients).then_some(()));
}

/// What comes in the golden tests: an ordinary event, one with a level, a hostile one.
fn send_examples(server: &Server) {
    let mut sender = server.sender();
    sender.event("app.web", 1_700_000_000, r#"{"action":"login","user":6}"#);
    sender.event("app.db", 1_700_000_001, r#"{"level":"error","message":"disk full","code":500}"#);
    sender.event("app.web", 1_700_000_002, "{\"message\":\"\\u001b[2J\u{9b}0m\u{202e}evil\"}");
}

#[test]
fn every_form_in_a_pipe() {
    let server = start();
    send_examples(&server);
    let printed = |format: &str| {
        let flags = ["--no-follow", "--last", "100", "--format", format];
        let (code, output, errors) = run(&mut tail(&server, &flags));
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{format}");
        output
    };
    assert_eq!(
        printed("pretty"),
        "2023-11-14 22:13:20.000 app.web action=login user=6\n\
         2023-11-14 22:13:21.000 app.db ERROR disk full code=500\n\
         2023-11-14 22:13:22.000 app.web \\u001B[2J\\u009B0m\\u202Eevil\n"
    );
    assert_eq!(
        printed("json"),
        "{\"action\":\"login\",\"user\":6}\n{\"level\":\"error\",\"message\":\"disk full\",\"code\":500}\n\
         {\"message\":\"\\u001B[2J\u{9b}0m\u{202e}evil\"}\n"
    );
    assert_eq!(
        printed("ndjson").lines().next(),
        Some(r#"{"seq":1,"tag":"app.web","time":1700000000,"record":{"action":"login","user":6}}"#)
    );
    let flags = ["--no-follow", "--last", "100", "--format", "msgpack"];
    let output = tail(&server, &flags).output().expect("the binary starts");
    let mut rest = &output.stdout[..];
    let mut read = || rmpv::decode::read_value(&mut rest).expect("MessagePack").to_string();
    assert!(read().starts_with(r#"[1, "app.web", "#));
    assert!(read().ends_with(r#"{"level": "error", "message": "disk full", "code": 500}]"#));
    read();
    assert!(rest.is_empty());
}

#[test]
fn filters_fields_and_where_to_begin() {
    let server = start();
    send_examples(&server);
    for (flags, due) in [
        (&["--tag", "app.db", "--fields", "code"][..], "{\"code\":500}\n"),
        (&["--filter", "record.user > 5", "--fields", "user"], "{\"user\":6}\n"),
        (&["--where", "level=error", "--fields", "level"], "{\"level\":\"error\"}\n"),
        (&["--where", "message", "--fields", "user"], "{\"user\":6}\n"),
        (&["--since", "2023-11-14T22:13:21Z", "--fields", "code"], "{\"code\":500}\n{}\n"),
        (&["--last", "2", "--fields", "code"], "{\"code\":500}\n{}\n"),
    ] {
        let flags = [flags, &["--no-follow", "--format", "json"]].concat();
        let (code, output, errors) = run(&mut tail(&server, &flags));
        assert_eq!((code, output.as_str(), errors.as_str()), (Some(0), due, ""), "{flags:?}");
    }
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let server = start();
    send_examples(&server);
    let flags = ["--no-follow", "--last", "100"];
    let on_terminal = |change: &dyn Fn(&mut Command)| {
        let terminal = Pty::open();
        let mut command = terminal.in_front(&tail(&server, &flags));
        change(&mut command);
        let mut child = command.spawn().expect("the binary starts");
        drop(command);
        assert!(wait(&mut child).success());
        terminal.read_to_end()
    };
    let coloured = on_terminal(&|_| {});
    let lines: Vec<&str> = coloured.lines().collect();
    assert_eq!(lines.len(), 3, "{coloured:?}");
    assert!(lines[1].contains("\u{1b}[31mERROR\u{1b}[0m disk full"), "{:?}", lines[1]);
    assert!(lines[0].starts_with("\u{1b}[2m2023-11-14 22:13:20.000\u{1b}[0m "), "{:?}", lines[0]);
    assert!(lines[2].ends_with(r"\u001B[2J\u009B0m\u202Eevil"), "{:?}", lines[2]);

    let (_, plain, _) = run(&mut tail(&server, &flags));
    assert!(!plain.contains('\u{1b}'));
    assert_eq!(on_terminal(&|command| _ = command.env("NO_COLOR", "1")), plain);
    assert_eq!(on_terminal(&|command| _ = command.env("TERM", "dumb")), plain);
    assert_eq!(on_terminal(&|command| _ = command.args(["--color", "never"])), plain);
    let json = on_terminal(&|command| _ = command.args(["--format", "json"]));
    assert!(json.ends_with("{\"message\":\"\\u001B[2J\\u009B0m\\u202Eevil\"}\n"), "{json:?}");
    let (_, always, _) = run(&mut tail(&server, &[&flags[..], &["--color", "always"]].concat()));
    assert_eq!(always, coloured);
}

#[test]
fn messagepack_is_not_shown_on_a_terminal() {
    let server = start();
    let terminal = Pty::open();
    let mut child = terminal.in_front(&tail(&server, &["--format", "msgpack"])).spawn().expect("it starts");
    assert_eq!(wait(&mut child).code(), Some(1));
    terminal.wait_for("MessagePack is nothing for a terminal");
}

#[test]
fn ctrl_c_on_the_terminal_is_a_clean_end() {
    let server = start();
    let mut terminal = Pty::open();
    let mut child = terminal.in_front(&tail(&server, &[])).spawn().expect("it starts");
    watched(&server, 1);
    server.sender().event("t", 1, r#"{"n":1}"#);
    terminal.wait_for("n=\u{1b}[0m1\n");
    terminal.press(b"\x03");
    assert_eq!(wait(&mut child).code(), Some(0));
    assert!(!terminal.text().contains("fluentcast"), "{}", terminal.text());
}

#[test]
fn signals_end_it_with_everything_written() {
    let server = start();
    for signal in [Signal::INT, Signal::TERM] {
        let mut tool = Tool::start(&mut tail(&server, &["--last", "0", "--format", "json"]));
        watched(&server, 1);
        server.sender().event("t", 1, r#"{"n":1}"#);
        assert_eq!(tool.output.wait_for("n").as_deref(), Some(r#"{"n":1}"#));
        tool.signal(signal);
        assert_eq!(tool.wait().code(), Some(0), "{signal:?}");
        assert_eq!(
            (tool.output.read_to_end().as_str(), tool.errors.read_to_end().as_str()),
            (r#"{"n":1}"#, "")
        );
        watched(&server, 0);
    }
}

#[test]
fn an_interrupt_ends_it_though_nobody_reads() {
    let server = start();
    let mut child = tail(&server, &["--last", "0"]).stdout(Stdio::piped()).spawn().expect("it starts");
    watched(&server, 1);
    let (mut sender, record) = (server.sender(), format!(r#"{{"text":"{}"}}"#, "x".repeat(1000)));
    // More than the pipe holds.
    for _ in 0..1000 {
        sender.event("t", 1, &record);
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::INT).expect("it lives");
    assert_eq!(wait(&mut child).code(), Some(0));
}

#[test]
fn a_closed_pipe_is_a_clean_end() {
    let server = start();
    send_examples(&server);
    // `head` leaves after a line; nothing is sent any more that could tell.
    let inner = tail(&server, &["--format", "json", "--last", "3"]);
    let mut shell = Command::new("bash");
    shell
        .args(["-o", "pipefail", "-c", r#""$0" "$@" | head -1"#])
        .arg(inner.get_program())
        .args(inner.get_args());
    assert_eq!(run(&mut shell), (Some(0), "{\"action\":\"login\",\"user\":6}\n".to_owned(), String::new()));
}

#[test]
fn what_the_server_refuses_is_said_in_its_words() {
    let server =
        Server::start(&format!("{SOURCES}{}", websocket_match("**", "token s3cret\n  buffered_messages 10")));
    server.sender().event("t", 1, r#"{"n":1}"#);
    let flags = ["--no-follow", "--format", "json"];
    let (code, output, errors) = run(&mut tail(&server, &flags));
    assert_eq!((code, output.as_str()), (Some(1), ""));
    let address = server.websocket(0);
    assert!(
        errors.starts_with(&format!("fluentcast: tail: {address} refuses: 401 Unauthorized: ")),
        "{errors}"
    );
    assert_eq!(errors.lines().count(), 1, "{errors}");

    let (code, output, errors) = run(tail(&server, &flags).env("FLUENTCAST_TOKEN", "s3cret"));
    assert_eq!((code, output.as_str(), errors.as_str()), (Some(0), "{\"n\":1}\n", ""));
    let (code, _, errors) = run(&mut tail(&server, &["--token", "s3cret", "--filter", "levl == 1"]));
    assert_eq!(code, Some(1));
    assert!(errors.contains("400 Bad Request: ") && errors.contains("unknown name `levl`"), "{errors}");
}

#[test]
fn left_out_events_are_told() {
    let server = start();
    let mut tool = Tool::start(&mut tail(&server, &["--max-rate", "1", "--last", "0", "--format", "ndjson"]));
    watched(&server, 1);
    let record = |n: u32| (1_700_000_000, pack_json(&format!(r#"{{"n":{n}}}"#)));
    server.sender().chunk(&packed_forward("t", &entries((0..50).map(record)), "c"), "c");
    let told = tool.errors.wait_for("left out by the maximal rate").expect("it goes on");
    assert!(told.starts_with("fluentcast tail: "), "{told}");
    tool.signal(Signal::INT);
    assert!(tool.wait().success());
}

/// A server with this history, always on the same ports.
fn start_again(folder: &std::path::Path, port: u16, history: &str) -> Server {
    let output = websocket_match("**", history).replace("port 0", &format!("port {port}"));
    Server::start_in(folder, &format!("{SOURCES}{output}"))
}

#[test]
fn a_server_that_is_killed_and_comes_back_costs_no_event() {
    const LIVES: u32 = 4;
    const CHUNKS: u32 = 20;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let history = format!("<history>\npath {}\n</history>", folder.path().join("history").display());
    let port = lasting_port();
    let mut server = start_again(folder.path(), port, &history);
    let mut tool = Tool::start(&mut tail(&server, &["--last", "0", "--format", "ndjson"]));
    for life in 0..LIVES {
        watched(&server, 1);
        let mut sender = server.sender();
        for chunk in 0..CHUNKS {
            let record = |n: u32| (1_700_000_000, pack_json(&format!(r#"{{"n":{n},"life":{life}}}"#)));
            let message = packed_forward("t", &entries((0..50).map(record)), "c");
            sender.send(&message);
            // The last ones of a life may or may not have been taken.
            if chunk < CHUNKS - 5 {
                sender.expect_ack("c");
            }
        }
        server.signal(Signal::KILL);
        server.wait();
        server = start_again(folder.path(), port, &history);
    }
    watched(&server, 1);
    server.sender().event("t", 1, r#"{"n":"last"}"#);
    tool.output.wait_for(r#""n":"last""#).expect("it goes on");
    tool.signal(Signal::INT);
    assert!(tool.wait().success());

    let (_, stored) = Events::replay(server.websocket(0));
    let stored: Vec<(u64, Value)> = stored
        .into_iter()
        .map(|line| match line {
            Line::Event { seq, record } => (seq, record),
            gap @ Line::Gap { .. } => panic!("{gap:?}"),
        })
        .collect();
    assert!(stored.len() > usize::try_from(LIVES * (CHUNKS - 5) * 50).expect("small"));
    let printed: Vec<(u64, Value)> = tool
        .output
        .read_to_end()
        .lines()
        .map(|line| {
            let mut event: Value = serde_json::from_str(line).expect("JSON");
            (event["seq"].as_u64().expect("a number"), event["record"].take())
        })
        .collect();
    assert!(printed == stored, "printed {} events, stored {}", printed.len(), stored.len());
    let told = tool.errors.read_to_end();
    assert_eq!(told.matches("connected again").count(), usize::try_from(LIVES).expect("small"), "{told}");
    assert!(!told.contains("missing"), "{told}");
}

#[test]
fn a_history_that_was_lost_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let port = lasting_port();
    let mut server = start_again(folder.path(), port, "buffered_messages 100");
    let mut tool = Tool::start(&mut tail(&server, &["--last", "0", "--format", "json"]));
    watched(&server, 1);
    server.sender().event("t", 1, r#"{"n":1}"#);
    tool.output.wait_for(r#"{"n":1}"#).expect("it goes on");
    assert!(server.stop().success());
    drop(server);
    let server = start_again(folder.path(), port, "buffered_messages 100");
    server.sender().event("t", 1, r#"{"n":2}"#);
    tool.output.wait_for(r#"{"n":2}"#).expect("it goes on");
    tool.signal(Signal::INT);
    assert!(tool.wait().success());
    assert_eq!(tool.output.read_to_end(), "{\"n\":1}\n{\"n\":2}");
    let told = tool.errors.read_to_end();
    assert!(told.contains("the server has ended the stream; trying again in "), "{told}");
    assert!(told.contains("the server's numbers have begun anew: events from 2 on of "), "{told}");
}
