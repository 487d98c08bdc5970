//! Other people's senders: every event arrives exactly once, and every ack they wait for comes.

use std::process::Command;

use serde_json::Value;

use crate::support::server::Server;
use crate::support::{SOURCES, tools, websocket_match};

/// Runs a sender that prints `[tag, seconds, record]` for each event it sends, and checks that a client
/// gets just these. A sender that waits for an ack fails when none comes.
fn all_arrive(sender: Command) {
    let server = Server::start(&format!("{SOURCES}{}", websocket_match("**", "add_time true")));
    let mut client = server.client(0);
    let mut sent: Vec<Value> = tools::run(sender, server.forward()).iter().map(|line| parse(line)).collect();
    assert!(!sent.is_empty(), "the sender sent nothing");

    let mut received: Vec<Value> = (0..sent.len()).map(|_| parse(&client.text())).collect();
    // Senders use several connections, so the order is not theirs to promise.
    sent.sort_by_key(key);
    received.sort_by_key(key);
    assert_eq!(received, sent);

    // Nothing came twice: the next is the next.
    server.sender().event("end", 1, "{}");
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
