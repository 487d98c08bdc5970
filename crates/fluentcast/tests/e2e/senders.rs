//! Other people's senders: every event arrives exactly once, and every ack they wait for comes.

use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::forward::Sender;
use crate::support::server::Server;
use crate::support::websocket::End;
use crate::support::{SOURCES, tools, websocket_match};

/// Runs a sender that prints `[tag, seconds, record]` for each event it sends, and checks that a client
/// gets just these. A sender that waits for an ack fails when none comes.
fn all_arrive(sender: Command) {
    all_arrive_through("", sender);
}

/// Likewise, at a forward source with these sections.
fn all_arrive_through(sections: &str, sender: Command) {
    let source = format!("<source>\n@type forward\nbind 127.0.0.1\nport 0\n{sections}</source>\n");
    let config = format!("{source}{SOURCES}{}", websocket_match("**", "add_time true"));
    let server = Server::start(&config);
    let mut client = server.client(0);
    let mut sent: Vec<Value> = tools::run(sender, server.forward()).iter().map(|line| parse(line)).collect();
    assert!(!sent.is_empty(), "the sender sent nothing");

    let mut received: Vec<Value> = (0..sent.len()).map(|_| parse(&client.text())).collect();
    // Senders use several connections, so the order is not theirs to promise.
    sent.sort_by_key(key);
    received.sort_by_key(key);
    assert_eq!(received, sent);

    // Nothing came twice: the next is the next.
    Sender::connect(server.address("forward", 1)).event("end", 1, "{}");
    assert_eq!(client.text(), r#"["end",1,{}]"#);
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn key(event: &Value) -> (String, Option<i64>) {
    (event[0].to_string(), event[1].as_i64())
}

#[test]
fn python_fluent_logger() {
    all_arrive(tools::python("python_sender.py"));
}

#[test]
fn npm_fluent_logger() {
    all_arrive(tools::node("fluent_logger.js"));
}

#[test]
fn npm_fluent_org_logger() {
    all_arrive(tools::node("fluent_org_logger.js"));
}

#[test]
fn debian_go_client() {
    all_arrive(tools::go_sender());
}

/// Senders must know a key and be somebody.
const SECURITY: &str = "<security>
  self_hostname server.example
  shared_key s3cr3t
  user_auth true
  <user>
    username alice
    password wonder
  </user>
</security>
";

/// A node sender that knows this.
fn knowing(script: &str, shared_key: &str, password: &str) -> Command {
    let mut sender = tools::node(script);
    let security = serde_json::json!({
        "clientHostname": "client.example",
        "sharedKey": shared_key,
        "username": "alice",
        "password": password,
    });
    sender.env("SENDER_OPTIONS", serde_json::json!({ "security": security }).to_string());
    sender
}

#[test]
fn npm_fluent_logger_with_security() {
    all_arrive_through(SECURITY, knowing("fluent_logger.js", "s3cr3t", "wonder"));
}

#[test]
fn npm_fluent_org_logger_with_security() {
    all_arrive_through(SECURITY, knowing("fluent_org_logger.js", "s3cr3t", "wonder"));
}

#[test]
fn who_does_not_know_the_secrets_is_told_and_secrets_stay_secret() {
    let source = format!("<source>\n@type forward\nbind 127.0.0.1\nport 0\n{SECURITY}</source>\n");
    let mut server = Server::start(&format!("{source}{}", websocket_match("**", "")));
    let mut client = server.client(0);
    for (key, password, reason) in
        [("guess", "wonder", "shared_key mismatch"), ("s3cr3t", "guess", "username/password mismatch")]
    {
        let said = tools::fail(knowing("fluent_logger.js", key, password), server.forward());
        assert!(said.contains(reason), "{said}");
    }
    assert!(server.metric("fluentcast_forward_handshakes_refused_total") >= 2);
    server.log.wait_for("a sender was refused: ").expect("it is logged");
    server.signal(Signal::TERM);
    assert_eq!(client.read_to_end(), (Vec::new(), End::Close(1001)), "no event came");
    drop(client);
    assert!(server.wait().success());
    let said = format!("{}{}", server.log.text(), server.errors.text());
    for secret in ["s3cr3t", "wonder"] {
        assert!(!said.contains(secret), "{said}");
    }
}
