//! The command line: flags, environment, output and exit codes.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};

use crate::support::server::{Server, fluentcast};
use crate::support::{SOURCES, poll, websocket_match};

fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    (
        status.code(),
        String::from_utf8_lossy(&stdout).into_owned(),
        String::from_utf8_lossy(&stderr).into_owned(),
    )
}

/// A file with the text, in a folder that lives as long as the test wants.
fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("my.conf");
    std::fs::write(&path, text).expect("written");
    (folder, path)
}

fn good() -> String {
    format!("{SOURCES}{}", websocket_match("**", ""))
}

const BAD: &str =
    "<match **>\n  @type websokcet\n</match>\n<source>\n  @type http\n  port 70000\n</source>\n";

#[test]
fn version() {
    let (code, stdout, _) = run(fluentcast().arg("--version"));
    assert_eq!(code, Some(0));
    assert_eq!(stdout, concat!("fluentcast ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn an_unknown_flag_is_an_error() {
    let (code, _, stderr) = run(fluentcast().arg("--no-such-flag"));
    assert_eq!(code, Some(1));
    assert!(stderr.contains("--no-such-flag"), "{stderr}");
}

#[test]
fn a_dry_run_checks_and_starts_nothing() {
    let (_folder, path) = file(&good());
    let (code, stdout, stderr) = run(fluentcast().args(["--dry-run", "-c"]).arg(&path));
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert!(!stdout.contains("now running"), "{stdout}");

    let (_folder, path) = file(BAD);
    let (code, stdout, stderr) = run(fluentcast().args(["--dry-run", "-c"]).arg(&path));
    assert_eq!(code, Some(1), "{stdout}{stderr}");
}

#[test]
fn check_shows_all_mistakes_on_stderr() {
    let (_folder, path) = file(&good());
    let (code, stdout, stderr) = run(fluentcast().arg("check").arg(&path));
    assert_eq!(code, Some(0), "{stdout}{stderr}");

    let (_folder, path) = file(BAD);
    let (code, _, stderr) = run(fluentcast().arg("check").arg(&path));
    assert_eq!(code, Some(1), "{stderr}");
    for part in ["my.conf:2", "websokcet", "websocket", "my.conf:6", "70000", "^"] {
        assert!(stderr.contains(part), "no {part:?} in:\n{stderr}");
    }
}

#[test]
fn check_says_that_the_own_log_is_not_an_event() {
    let (_folder, path) =
        file(&format!("{}<label @FLUENT_LOG>\n<match **>\n@type stdout\n</match>\n</label>\n", good()));
    let (code, _, stderr) = run(fluentcast().arg("check").arg(&path));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("FLUENT_LOG"), "{stderr}");
}

#[test]
fn reference_lists_every_parameter() {
    let (code, stdout, stderr) = run(fluentcast().arg("reference"));
    assert_eq!(code, Some(0), "{stderr}");
    for name in
        ["use_msgpack", "add_time", "buffered_messages", "client_lag_limit", "chunk_size_limit", "timekey"]
    {
        assert!(stdout.contains(name), "no {name} in the reference");
    }
}

#[test]
fn a_missing_file_is_named() {
    for command in
        [fluentcast().args(["-c", "/no/such/file.conf"]), fluentcast().args(["check", "/no/such/file.conf"])]
    {
        let (code, stdout, stderr) = run(command);
        assert_eq!(code, Some(1), "{stdout}{stderr}");
        assert!(stderr.contains("/no/such/file.conf"), "{stderr}");
    }
}

#[test]
fn inline_text_is_added_to_the_file() {
    let (folder, path) = file(SOURCES);
    let inline = websocket_match("**", "").replace('\n', "\\n");
    let server = Server::spawn(folder.path(), fluentcast().arg("-c").arg(&path).arg("-i").arg(inline));
    let mut client = server.client(0);
    server.sender().event("t", 1, "{}");
    assert_eq!(client.text(), r#"["t",{}]"#);
}

#[test]
fn the_environment_names_the_file_and_the_flag_beats_it() {
    let (folder, path) = file(&good());
    let server = Server::spawn(folder.path(), fluentcast().env("FLUENT_CONF", &path));
    server.client(0);
    drop(server);
    let mut command = fluentcast();
    command.env("FLUENT_CONF", "/no/such/file.conf").arg("-c").arg(&path);
    Server::spawn(folder.path(), &mut command).client(0);
}

#[test]
fn the_level_follows_q_and_v() {
    let (folder, path) = file(&good());
    let usual = Server::spawn(folder.path(), fluentcast().arg("-c").arg(&path));
    usual.client(0);
    assert!(!usual.log.text().to_lowercase().contains("debug"), "{}", usual.log.text());

    let verbose = Server::spawn(folder.path(), fluentcast().arg("-v").arg("-c").arg(&path));
    verbose.client(0);
    assert!(
        verbose.log.wait_for("websocket client connected").is_some(),
        "-v does not show what a client does"
    );
}

#[test]
fn quiet_says_nothing_of_a_good_life() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let (_folder, path) = file(&websocket_match("**", "").replace("port 0", &format!("port {port}")));
    let mut command = fluentcast();
    let child = command.arg("-q").arg("-c").arg(&path).stdout(std::process::Stdio::piped()).spawn();
    let child = child.expect("the binary starts");
    poll("the port", || TcpStream::connect(("127.0.0.1", port)).ok());
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .expect("the process lives");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", output.status);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn the_log_goes_to_the_file_that_o_names() {
    let (folder, path) = file(&good());
    let log = folder.path().join("my.log");
    let mut child = fluentcast()
        .arg("-o")
        .arg(&log)
        .arg("-c")
        .arg(&path)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary starts");
    poll("the log file", || {
        std::fs::read_to_string(&log).ok().filter(|text| text.contains("fluentcast is now running"))
    });
    child.kill().expect("the process lives");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn the_default_configuration_says_what_listens_and_how_to_try_it() {
    // These ports are the promise; another program on this machine may be using them for a moment.
    for port in [24224, 8888, 8080] {
        poll("the default ports to be free", || TcpListener::bind(("127.0.0.1", port)).ok());
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::spawn(folder.path(), &mut fluentcast());
    for (kind, address) in
        [("forward", "127.0.0.1:24224"), ("http", "127.0.0.1:8888"), ("websocket", "127.0.0.1:8080")]
    {
        assert_eq!(server.address(kind, 0).to_string(), address);
    }
    let text = server.log.text();
    for part in [
        r#"curl -X POST -d 'json={"action":"login","user":6}' http://"#,
        ":8888/foo/bar",
        "open http://127.0.0.1:8080/ in a browser",
    ] {
        assert!(text.contains(part), "the log does not show {part}:\n{text}");
    }

    let mut client = server.client(0);
    server.sender().event("any.tag", 1, "{}");
    assert_eq!(client.text(), r#"["any.tag",{}]"#);
    // Forward heartbeats over UDP come to the same port.
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(crate::support::DEADLINE)).expect("a deadline");
    socket.send_to(&[0], server.forward()).expect("sent");
    let mut answer = [1; 8];
    assert_eq!(socket.recv(&mut answer).expect("an answer"), 1);
    assert_eq!(answer[0], 0);
    // buffered_messages is on.
    assert_eq!(server.client(0).text(), r#"["any.tag",{}]"#);
}
