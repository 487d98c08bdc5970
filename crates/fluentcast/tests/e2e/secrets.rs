//! Nothing that is printed, logged or answered shows a secret.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::server::{Server, fluentcast};
use crate::support::websocket::Client;
use crate::support::{DEADLINE, SOURCES, poll};

/// Part of each secret, and of nothing else.
const MARK: &str = "hunter2";

fn config(folder: &std::path::Path) -> String {
    let senders = "<source>\n@type forward\nbind 127.0.0.1\nport 0\n<security>\nself_hostname s\nuser_auth true\n\
                   shared_key hunter2-key\n<user>\nusername u\npassword hunter2-password\n</user>\n\
                   <client>\nnetwork 127.0.0.0/8\nshared_key hunter2-client\n</client>\n</security>\n</source>\n";
    format!(
        "<system>\nlog_level trace\nmetrics_token hunter2-metrics\n</system>\n{SOURCES}{senders}\
         <match **>\n@type websocket\nhost 127.0.0.1\nport 0\ntoken hunter2-old\nbuffered_messages 5\n\
         <token>\nname named\ntoken hunter2-named\nredact password\n</token>\n\
         <token>\nname filed\ntoken_file {}\nconnection_limit 1\n</token>\n\
         <jwt>\nname signed\nsecret hunter2-hunter2-hunter2-hunter2-hunter2\n</jwt>\n</match>\n",
        folder.join("token").display()
    )
}

/// The whole answer; of a stream, what came until it was silent for a while is its beginning.
fn ask(address: SocketAddr, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the port answers");
    stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_server_full_of_secrets_says_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("token"), "hunter2-filed\n").expect("written");
    let mut server = Server::start_in(folder.path(), &config(folder.path()));
    let address = server.websocket(0);
    let mut answers = Vec::new();
    for (path, headers) in [
        ("/", ""),
        ("/events?token=hunter2-wrong", ""),
        ("/events?$token=hunter2-old", ""),
        ("/events?$last=x&token=hunter2-old", ""),
        ("/nothing?token=hunter2-old", ""),
        ("/events?token=hunter2-named&$filter=record.password%20==", ""),
        ("/events?$last=5&$follow=false&token=hunter2-named", ""),
        ("/events?$last=5&$follow=false", "Authorization: Bearer hunter2-filed\r\n"),
        ("/events?token=hunter2-old", "Origin: https://evil.example\r\n"),
        ("/metrics?token=hunter2-old", ""),
        ("/metrics", "Authorization: Bearer hunter2-metrics\r\n"),
        ("/?token=hunter2-old", "Upgrade: websocket\r\nAuthorization: Bearer hunter2-old\r\n"),
        ("/events?token=hunter2-head.hunter2-claims.hunter2-signature", ""),
    ] {
        answers.push(ask(address, path, headers));
    }
    let status = |answer: &String| answer.split(' ').nth(1).unwrap_or_default().to_owned();
    let statuses: Vec<_> = answers.iter().map(status).collect();
    assert_eq!(
        statuses,
        ["200", "401", "401", "400", "404", "400", "200", "200", "403", "401", "200", "400", "401"]
    );
    assert!(answers[10].contains("fluentcast_websocket_clients "), "{}", answers[10]);

    let mut stranger = TcpStream::connect(server.address("forward", 1)).expect("the port answers");
    stranger.write_all(b"\x96\xa4PING\xa1a\xa1b\xa1c\xa1u\xa1d").expect("sent");
    let mut told = Vec::new();
    stranger.read_to_end(&mut told).expect("an answer");
    answers.push(String::from_utf8_lossy(&told).into_owned());
    let told = answers.last().expect("an answer");
    assert!(told.contains("shared_key mismatch"), "{told}");

    let mut client = Client::connect(address, "/?token=hunter2-named");
    let _only = Client::connect(address, "/?token=hunter2-filed");
    let refused = Client::try_connect(address, "/?token=hunter2-filed").err().expect("one at once");
    assert_eq!(refused.status(), 503);
    answers.push(String::from_utf8_lossy(refused.body().as_deref().unwrap_or_default()).into_owned());
    server.sender().event("t", 1, r#"{"n":1,"password":"hunter2-event"}"#);
    let text = client.text();
    assert_eq!(text, r#"["t",{"n":1}]"#);
    answers.push(text);
    server.stop();
    poll("the log to end", || server.log.text().contains("fluentcast has stopped").then_some(()));
    answers.extend([server.log.text(), server.errors.read_to_end()]);
    for said in answers {
        assert!(!said.contains(MARK), "{said}");
    }
}

#[test]
fn no_mistake_of_a_configuration_is_shown_with_a_secret() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("fluentcast.conf");
    for (text, told) in [
        ("<match **>\n@type websocket\ntokn hunter2-a\n</match>", "tokn"),
        ("<match **>\n@type websocket\ntoken=hunter2-a\n</match>", "is not used"),
        ("<match **>\n@type websocket token hunter2-a\n</match>", "unknown-type"),
        ("<match **>\n@type websocket\ntoken \"hunter2-a\n</match>", "error"),
        ("<match **>\n@type websocket\ntoken \"hunter2-a\" b\n</match>", "error"),
        ("<match **>\n@type websocket\n<token>\nname x\nsha256 hunter2-a\n</token>\n</match>", "no SHA-256"),
        (
            "<match **>\n@type websocket\n<token>\nname x\ntoken_file /hunter\n</token>\n</match>",
            "not-encrypted",
        ),
        (
            "<match **>\n@type websocket\n<jwt>\nname x\nsecret hunter2-a\n</jwt>\n</match>",
            "less than 32 bytes",
        ),
        (
            "<match **>\n@type websocket\n<jwt>\nname x\nsecrt hunter2-a\n</jwt>\n</match>",
            "how a token is signed",
        ),
        ("<system>\nmetrics_tokens hunter2-a\n</system>", "metrics_tokens"),
        ("<source>\n@type forward\n<security>\nshared_kye hunter2-a\n</security>\n</source>", "shared_kye"),
        (
            "<source>\n@type forward\n<security>\nself_hostname s\nshared_key \"hunter2-a\n</security>\n</source>",
            "error",
        ),
        (
            "<source>\n@type forward\n<security>\n<user>\npass hunter2-a\n</user>\n</security>\n</source>",
            "pass",
        ),
        (
            "<source>\n@type http\n<transport tls>\nprivate_key_passphrse hunter2-a\n</transport>\n</source>",
            "passphrse",
        ),
    ] {
        std::fs::write(&file, text).expect("written");
        let output = fluentcast().arg("check").arg(&file).output().expect("the binary starts");
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(said.contains(told), "{text}: {said}");
        assert!(!said.contains(MARK), "{text}: {said}");
    }
}
