//! TLS on every listener, to clients that are not ours.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::forward::{Sender, entries, pack_json, packed_forward};
use crate::support::log::Log;
use crate::support::secure::{self, file, ordinary};
use crate::support::server::{Server, fluentcast};
use crate::support::websocket::End;
use crate::support::{poll, tools};

/// A forward source in the clear, and one, an http source and a websocket output that are not.
fn config(transport: &str, websocket: &str) -> String {
    let source = |kind: &str, inner: &str| {
        format!("<source>\n@type {kind}\nbind 127.0.0.1\nport 0\n{inner}</source>\n")
    };
    let plain = source("forward", "");
    let encrypted = [source("forward", transport), source("http", transport)].concat();
    let output = format!("@type websocket\nhost 127.0.0.1\nport 0\n{websocket}\n{transport}");
    // In the clear, for the metrics.
    let beside = "<match beside>\n@type websocket\nhost 127.0.0.1\nport 0\n</match>\n";
    format!("{plain}{encrypted}{beside}<match **>\n{output}</match>\n")
}

/// curl that trusts the CA of the tests.
fn curl(arguments: &[&str]) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--max-time", "60", "--cacert"])
        .arg(file("authority.pem"))
        .args(arguments);
    curl
}

fn encrypted(server: &Server) -> SocketAddr {
    server.websocket(1)
}

fn end_status(mut command: Command) -> (Option<i32>, String) {
    let output = command.output().expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn curl_sends_and_watches_over_https() {
    let server = Server::start(&config(&ordinary(), "buffered_messages 10"));
    let send = format!("https://localhost:{}/app.log", server.http().port());
    tools::succeed(curl(&["--json", r#"{"n":1}"#, &send]));
    let watch = format!("https://localhost:{}/events?$last=1&$follow=false", encrypted(&server).port());
    let lines = tools::succeed(curl(&[&watch]));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(r#""record":{"n":1}"#), "{lines:?}");

    // In the clear there is no answer, only a counter.
    let (code, _) = end_status(curl(&[&watch.replace("https", "http")]));
    assert_ne!(code, Some(0));
    assert_eq!(server.metric("fluentcast_tls_handshakes_failed_total"), 1);
    assert_eq!(server.metric("fluentcast_tls_handshakes_total"), 2);
}

#[test]
fn whatever_a_websocket_port_answers_it_answers_over_tls() {
    let server = Server::start(&config(&ordinary(), "path /with-page"));
    let get = |path: &str| {
        let url = format!("https://localhost:{}{path}", encrypted(&server).port());
        tools::succeed(curl(&["--http1.1", &url])).join("\n")
    };
    let page = get("/");
    assert!(page.contains("wss://localhost:") && page.contains("curl -sN 'https://localhost:"), "{page}");
    assert!(get("/with-page/").contains("<title>Fluentcast</title>"));
    assert!(get("/with-page/ui/app.js").contains("import "));
    assert_eq!((get("/healthz"), get("/readyz")), ("ok".to_owned(), "ready".to_owned()));
    assert!(get("/metrics").contains("fluentcast_tls_handshakes_total 6"));
}

#[test]
fn a_websocket_client_of_node_watches() {
    let server = Server::start(&config(&ordinary(), ""));
    let url = format!("wss://localhost:{}/", encrypted(&server).port());
    let mut child = Command::new("node")
        .args(["--no-warnings", "--experimental-websocket"])
        .arg(tools::repository("tests/tools/node/websocket_client.js"))
        .args([&url, "200"])
        .env("NODE_EXTRA_CA_CERTS", file("authority.pem"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let said = Log::follow(child.stdout.take().expect("a pipe"));
    said.wait_for("open").expect("it connects");
    let mut sender = server.sender();
    for number in 0..200 {
        sender.event("app.log", 1, &format!(r#"{{"n":{number}}}"#));
    }
    assert!(child.wait().expect("a child").success(), "{}", said.text());
    let expected: Vec<_> = (0..200).map(|number| format!(r#"["app.log",{{"n":{number}}}]"#)).collect();
    assert_eq!(said.read_to_end().lines().skip(1).collect::<Vec<_>>(), expected);
}

#[test]
fn who_reads_late_gets_everything_and_who_never_reads_is_closed() {
    let server = Server::start(&config(&ordinary(), "client_lag_limit 24m"));
    let (mut late, _never) = (secure::client(encrypted(&server)), secure::client(encrypted(&server)));
    let filler = "x".repeat(2000);
    let record = |number: u32| pack_json(&format!(r#"{{"n":{number},"filler":"{filler}"}}"#));
    let mut sender = server.sender();
    // Far more than any socket holds, and less than the limit.
    for batch in 0..10 {
        let batch_of = (batch * 1000..(batch + 1) * 1000).map(|number| (1, record(number)));
        sender.chunk(&packed_forward("app.log", &entries(batch_of), "c"), "c");
    }
    for number in 0..10_000 {
        let text = late.text();
        assert!(text.starts_with(&format!(r#"["app.log",{{"n":{number},"#)), "{}", &text[..40]);
    }
    while server.metric("fluentcast_websocket_clients_lagging_total") == 0 {
        sender.event("app.log", 1, &format!(r#"{{"filler":"{filler}"}}"#));
        late.text();
    }
    server.signal(Signal::TERM);
    assert_eq!(late.read_to_end().1, End::Close(1001));
}

#[test]
fn only_versions_that_are_set_are_spoken() {
    let (pem, key) = (file("server.pem"), file("server.key"));
    let only = |min: &str, max: &str| {
        let lines = format!("min_version {min}\nmax_version {max}");
        secure::transport(&pem.display().to_string(), &key.display().to_string(), &lines)
    };
    for (transport, spoken, refused) in [
        (only("TLSv1_3", "TLSv1_3"), ["--tlsv1.3", "--tls-max", "1.3"], ["--tlsv1.2", "--tls-max", "1.2"]),
        (only("TLSv1_2", "TLSv1_2"), ["--tlsv1.2", "--tls-max", "1.2"], ["--tlsv1.3", "--tls-max", "1.3"]),
    ] {
        let server = Server::start(&config(&transport, ""));
        let url = format!("https://localhost:{}/healthz", encrypted(&server).port());
        let with = |arguments: [&str; 3]| end_status(curl(&[&arguments[..], &[url.as_str()][..]].concat()));
        let (code, said) = with(spoken);
        assert_eq!(code, Some(0), "{said}");
        let (code, said) = with(refused);
        assert_eq!(code, Some(35), "{said}");
        let line = server.log.wait_for("a TLS handshake failed: ").expect("it is logged");
        assert!(line.contains("suppressed=0"), "{line}");
    }
}

#[test]
fn clients_show_a_certificate_where_it_is_asked_for() {
    let lines = format!("client_cert_auth true\nca_path {}", file("authority.pem").display());
    let [pem, key] = ["server.pem", "server.key"].map(|name| file(name).display().to_string());
    let server = Server::start(&config(&secure::transport(&pem, &key, &lines), ""));
    let urls = [server.http(), encrypted(&server)].map(|at| format!("https://localhost:{}/", at.port()));
    let [sending, watching] = &urls;
    let with = |name: &str, rest: &[&str]| {
        let [pem, key] = ["pem", "key"].map(|kind| file(&format!("{name}.{kind}")).display().to_string());
        end_status(curl(&[&["--cert", &pem, "--key", &key], rest].concat()))
    };
    assert_eq!(with("client", &["--json", "{}", &format!("{sending}t")]).0, Some(0));
    assert_eq!(with("client", &[watching]).0, Some(0));
    for (code, said) in [with("intruder", &[watching]), end_status(curl(&[watching]))] {
        assert!(matches!(code, Some(35 | 56)), "{code:?}: {said}");
    }
    assert_eq!(server.metric("fluentcast_tls_handshakes_failed_total"), 2);
}

/// Puts certificate and key of that name where the configuration looks for them.
fn put(folder: &Path, name: &str) {
    for kind in ["pem", "key"] {
        let fresh = folder.join("fresh");
        fs::copy(file(&format!("{name}.{kind}")), &fresh).expect("copied");
        fs::rename(fresh, folder.join(kind)).expect("renamed");
    }
}

#[test]
fn certificates_change_while_clients_watch() {
    let folder = TempDir::new().expect("a folder");
    put(folder.path(), "server");
    let server = Server::start_in(folder.path(), &config(&secure::transport("pem", "key", ""), ""));
    let (address, mut sender) = (encrypted(&server), server.sender());
    let (mut client, mut sent) = (secure::client(address), 0);
    let mut watch = |client: &mut crate::support::websocket::Client<secure::Stream>| {
        sent += 1;
        sender.event("app.log", 1, &format!(r#"{{"n":{sent}}}"#));
        assert_eq!(client.text(), format!(r#"["app.log",{{"n":{sent}}}]"#));
    };
    watch(&mut client);
    assert_eq!(secure::shown(address), secure::certificate("server"));

    put(folder.path(), "renewed");
    poll("the new certificate", || {
        watch(&mut client);
        (secure::shown(address) == secure::certificate("renewed")).then_some(())
    });

    fs::write(folder.path().join("pem"), "nothing").expect("written");
    let told = server.log.wait_for("certificate not renewed").expect("it is logged");
    assert!(told.contains("fluentcast.conf:"), "{told}");
    assert!(told.contains("cert_path pem: there is no certificate in it"), "{told}");
    assert_eq!(secure::shown(address), secure::certificate("renewed"));
    watch(&mut client);

    put(folder.path(), "server");
    server.signal(Signal::HUP);
    poll("the first certificate", || {
        watch(&mut client);
        (secure::shown(address) == secure::certificate("server")).then_some(())
    });
    let mut newer = secure::client(address);
    watch(&mut client);
    newer.text();
    // Each listener has its own look at the files, so the others may have missed what came and went.
    assert!(server.metric("fluentcast_tls_reloads_total") >= 2);
    assert!(server.metric("fluentcast_tls_reload_errors_total") >= 1);
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_before_anything_listens() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("fluentcast.conf");
    let certificate = file("server.pem").display().to_string();
    let text = config(&secure::transport(&certificate, "none.key", ""), "");
    fs::write(&path, text).expect("written");
    let output = fluentcast().arg("-c").arg(&path).current_dir(folder.path()).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("fluentcast.conf:12:18: private_key_path none.key: No such file"), "{said}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("listening"), "{said}");
}

#[test]
fn handshakes_that_do_not_come_hold_up_nobody() {
    let mut server = Server::start(&config(&ordinary(), ""));
    let addresses = [server.address("forward", 1), server.http(), encrypted(&server)];
    let silent: Vec<_> = addresses
        .iter()
        .flat_map(|address| (0..50).map(|_| TcpStream::connect(*address).expect("the port answers")))
        .collect();
    let mut client = secure::client(encrypted(&server));
    server.sender().event("app.log", 1, "{}");
    assert_eq!(client.text(), r#"["app.log",{}]"#);
    server.signal(Signal::TERM);
    assert_eq!(client.read_to_end().1, End::Close(1001));
    drop(client);
    assert!(server.wait().success());
    assert!(!server.log.text().contains("cut off"), "the stop waited for nobody");
    drop(silent);
}

/// What node senders need to trust the server.
fn trusting(script: &str) -> Command {
    let authority = fs::read_to_string(file("authority.pem")).expect("a CA");
    let options = serde_json::json!({
        "tls": { "ca": authority },
        "security": { "clientHostname": "client.example", "sharedKey": "s3cr3t" },
    });
    let mut sender = tools::node(script);
    sender.env("SENDER_OPTIONS", options.to_string());
    sender
}

/// What node senders send over TLS, behind the handshake with a shared key, comes in the same form as without.
fn all_arrive(script: &str) {
    let security = "<security>\nself_hostname server.example\nshared_key s3cr3t\n</security>\n";
    let source =
        format!("<source>\n@type forward\nbind 127.0.0.1\nport 0\n{}{security}</source>\n", ordinary());
    let output = "<match **>\n@type websocket\nhost 127.0.0.1\nport 0\n</match>\n";
    let plain = "<source>\n@type forward\nbind 127.0.0.1\nport 0\n</source>\n";
    let server = Server::start(&format!("{source}{plain}{output}"));
    let mut client = server.client(0);
    let sent = tools::run(trusting(script), server.forward());
    assert!(!sent.is_empty());
    Sender::connect(server.address("forward", 1)).event("end", 1, "{}");
    let received = client.texts_until(r#"["end",{}]"#);
    assert_eq!(received.len(), sent.len());
    assert!(server.metric("fluentcast_tls_handshakes_total") > 0);
    assert_eq!(
        server.metric("fluentcast_forward_handshakes_total"),
        server.metric("fluentcast_tls_handshakes_total")
    );
}

#[test]
fn npm_fluent_logger_over_tls() {
    all_arrive("fluent_logger.js");
}

#[test]
fn npm_fluent_org_logger_over_tls() {
    all_arrive("fluent_org_logger.js");
}
