//! The defects of the original plugin, by the requests that showed them: whoever is a neighbour of the
//! trouble keeps receiving.

use std::net::TcpListener;
use std::process::Command;

use crate::support::forward::{entries, message, pack_json, packed_forward};
use crate::support::server::{Server, fluentcast};
use crate::support::websocket::{Client, End};
use crate::support::{SOURCES, http, poll, websocket_match};

#[test]
fn odd_queries_hurt_nobody() {
    let server = Server::start(&format!("{SOURCES}{}", websocket_match("**", "")));
    let mut neighbour = server.client(0);
    let mut odd = Vec::new();
    for query in ["a&&b", "&", "=", "?", "%", "%zz", "a=%ff%fe", "&&&=&&", "a=b=c", "%00=%00", "a&a&a"] {
        // Whether such a client is served or told that it is wrong: both are fine.
        odd.extend(Client::try_connect(server.websocket(0), &format!("/?{query}")).ok());
    }
    server.sender().event("t", 1, r#"{"n":1}"#);
    assert_eq!(neighbour.text(), r#"["t",{"n":1}]"#);
    let mut next = server.client(0);
    server.sender().event("t", 1, r#"{"n":2}"#);
    assert_eq!(next.text(), r#"["t",{"n":2}]"#);
}

#[test]
fn invalid_utf8_is_replaced_in_json_and_kept_in_messagepack() {
    let config = format!(
        "{SOURCES}<match **>\n@type copy\n<store>\n@type websocket\nhost 127.0.0.1\nport 0\n</store>\n\
         <store>\n@type websocket\nhost 127.0.0.1\nport 0\nuse_msgpack true\n</store>\n</match>\n"
    );
    let server = Server::start(&config);
    let (mut json, mut msgpack) = (server.client(0), server.client(1));
    let record = b"\x81\xa1k\xa3a\xffb";
    let mut sender = server.sender();
    sender.chunk(&message("t", 1, record, "bad"), "bad");
    sender.event("t", 1, r#"{"n":2}"#);
    assert_eq!(json.text(), "[\"t\",{\"k\":\"a\u{fffd}b\"}]");
    assert_eq!(json.text(), r#"["t",{"n":2}]"#);
    assert_eq!(msgpack.bytes(), [b"\x92\xa1t".as_slice(), record].concat());
    assert_eq!(msgpack.bytes(), [b"\x92\xa1t".as_slice(), &pack_json(r#"{"n":2}"#)].concat());
}

#[test]
fn a_number_that_json_cannot_say_costs_nothing_else() {
    let server = Server::start(&format!("{SOURCES}{}", websocket_match("**", "")));
    let mut client = server.client(0);
    let nan = b"\x81\xa1n\xcb\x7f\xf8\0\0\0\0\0\0".to_vec();
    let batch = entries([(1, pack_json(r#"{"n":1}"#)), (1, nan), (1, pack_json(r#"{"n":3}"#))]);
    server.sender().chunk(&packed_forward("t", &batch, "c"), "c");
    for expected in ["1", "null", "3"] {
        assert_eq!(client.text(), format!(r#"["t",{{"n":{expected}}}]"#));
    }
}

#[test]
fn a_reader_that_stops_and_then_resets_hurts_nobody() {
    let server = Server::start(&format!("{SOURCES}{}", websocket_match("**", "")));
    let (stuck, mut neighbour) = (server.client(0), server.client(0));
    let mut sender = server.sender();
    let text = "x".repeat(64 * 1024);
    // More than the sockets hold, so that a write to the stuck one is waiting when it resets.
    let count = 256;
    for number in 0..count {
        sender.event("t", 1, &format!(r#"{{"n":{number},"text":"{text}"}}"#));
        assert!(neighbour.text().starts_with(&format!(r#"["t",{{"n":{number},"#)));
    }
    stuck.reset();
    poll("the server to notice", || (server.metric("fluentcast_websocket_clients") == 1).then_some(()));
    sender.event("t", 1, r#"{"last":true}"#);
    assert_eq!(neighbour.text(), r#"["t",{"last":true}]"#);
}

#[test]
fn json_and_messagepack_live_in_one_process_and_each_match_is_its_own_world() {
    let config = format!(
        "{SOURCES}{}{}{}",
        websocket_match("a.**", ""),
        websocket_match("b.**", "use_msgpack true"),
        websocket_match("secret.**", "token to ken")
    );
    let server = Server::start(&config.replace("token to ken", "token \"to ken\""));
    let (mut a, mut b) = (server.client(0), server.client(1));
    let mut secret = Client::connect(server.websocket(2), "/?token=to%20ken");
    let mut sender = server.sender();
    for number in 0..3 {
        for tag in ["secret.x", "b.x", "a.x", "nobody"] {
            sender.event(tag, 1, &format!(r#"{{"n":{number}}}"#));
        }
    }
    for number in 0..3 {
        let record = format!(r#"{{"n":{number}}}"#);
        assert_eq!(a.text(), format!(r#"["a.x",{record}]"#));
        assert_eq!(b.bytes(), [b"\x92\xa3b.x".as_slice(), &pack_json(&record)].concat());
        assert_eq!(secret.text(), format!(r#"["secret.x",{record}]"#));
    }
    // The right token on the port that asks for none opens nothing.
    let mut guess = Client::connect(server.websocket(0), "/?token=to%20ken");
    sender.event("secret.x", 1, "{}");
    sender.event("a.x", 1, "{}");
    assert_eq!(guess.text(), r#"["a.x",{}]"#);
}

#[test]
fn without_the_token_there_is_no_upgrade() {
    let server =
        Server::start(&format!("{SOURCES}{}", websocket_match("**", "token s3cret\n  buffered_messages 5")));
    server.sender().event("t", 1, "{}");
    for query in
        ["", "?token=", "?token=wrong", "?token=s3cre", "?token=s3cret2", "?TOKEN=s3cret", "?token=S3CRET"]
    {
        match Client::try_connect(server.websocket(0), &format!("/{query}")) {
            Ok(_) => panic!("{query:?} is let in"),
            Err(response) => assert_eq!(response.status(), 401, "{query:?}"),
        }
    }
    assert_eq!(Client::connect(server.websocket(0), "/?token=s3cret").text(), r#"["t",{}]"#);
    assert!(!server.log.text().contains("s3cret"), "the log shows the token");
}

/// Runs a configuration that must be refused; everything it says.
fn refused(config: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("fluentcast.conf");
    std::fs::write(&file, config).expect("written");
    failure(fluentcast().arg("-c").arg(&file))
}

fn failure(command: &mut Command) -> String {
    let output = command.output().expect("the binary starts");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "it did not fail:\n{text}");
    assert_eq!(output.status.code(), Some(1), "{text}");
    text
}

#[test]
fn a_port_in_use_is_named_with_its_line_and_nothing_is_served() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    for (kind, line) in [("websocket", 4), ("forward", 4), ("http", 4)] {
        let section = match kind {
            "websocket" => format!("<match **>\n@type websocket\nhost 127.0.0.1\nport {port}\n</match>\n"),
            _ => format!("<source>\n@type {kind}\nbind 127.0.0.1\nport {port}\n</source>\n"),
        };
        let text = refused(&format!("{section}{SOURCES}"));
        assert!(text.contains(&port.to_string()), "{kind}: the port is not named:\n{text}");
        assert!(text.contains(&format!("fluentcast.conf:{line}")), "{kind}: the line is not named:\n{text}");
        assert!(!text.contains("now running"), "{kind}: it says that it runs:\n{text}");
    }
}

#[test]
fn a_port_above_65535_is_an_error() {
    let text = refused(&format!("{SOURCES}<match **>\n@type websocket\nport 70000\n</match>\n"));
    let line = SOURCES.lines().count() + 3;
    assert!(text.contains("70000"), "{text}");
    assert!(text.contains(&format!("fluentcast.conf:{line}")), "{text}");
}

#[test]
fn a_store_that_fails_costs_no_other_store() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // A disk that is always full.
    std::os::unix::fs::symlink("/dev/full", folder.path().join("full.log")).expect("a link");
    let config = format!(
        "{SOURCES}<match **>\n@type copy\n\
         <store>\n@type file\npath {0}/full\nappend true\n<buffer []>\nflush_mode interval\nflush_interval 1s\n</buffer>\n</store>\n\
         <store>\n@type websocket\nhost 127.0.0.1\nport 0\n</store>\n\
         <store>\n@type file\npath {0}/good\nappend true\n<buffer []>\n</buffer>\n</store>\n</match>\n",
        folder.path().display()
    );
    let mut server = Server::start_in(folder.path(), &config);
    let mut client = server.client(0);
    let mut sender = server.sender();
    sender.event("t", 1, r#"{"n":1}"#);
    assert_eq!(client.text(), r#"["t",{"n":1}]"#);
    poll("the failure to be counted", || {
        (server.metric("fluentcast_file_write_errors_total") > 0).then_some(())
    });
    sender.event("t", 1, r#"{"n":2}"#);
    http::post_json(server.http(), "/t", r#"{"n":3}"#);
    assert_eq!(client.text(), r#"["t",{"n":2}]"#);
    assert_eq!(client.text(), r#"["t",{"n":3}]"#);

    server.stop();
    assert_eq!(client.read_to_end(), (Vec::new(), End::Close(1001)));
    let good = std::fs::read_to_string(folder.path().join("good.log")).expect("the file");
    let numbers: Vec<&str> = good.lines().filter_map(|line| line.rsplit('\t').next()).collect();
    assert_eq!(numbers, [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#]);
}
