//! Senders that must prove who they are.

use fluentcast_config::settings::{Account, Secret, Security};
use fluentcast_event::limits::{FORWARD_HANDSHAKE_TIMEOUT, FORWARD_PING_BYTES_MAX};
use fluentcast_event::msgpack::{self, Reader, Value};
use sha2::{Digest, Sha512};

use super::*;

const SALT: &str = "0123456789abcdef";

fn secured() -> ForwardSource {
    let secret = |text: &str| Secret::new(text.into());
    let security = Security {
        self_hostname: "server.example".into(),
        shared_key: secret("s3cr3t"),
        users: Some(vec![Account { name: "alice".into(), password: secret("wonder") }]),
        allow_anonymous_source: true,
        clients: Vec::new(),
    };
    ForwardSource { security: Some(security), ..settings() }
}

fn digest(parts: &[&[u8]]) -> String {
    Sha512::digest(parts.concat()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the server said first: HELO.
struct Hello {
    nonce: Vec<u8>,
    auth: Vec<u8>,
    keepalive: bool,
}

const HELLO_BYTES: usize = 65;

async fn hello(stream: &mut TcpStream) -> Hello {
    let bytes = read(stream, HELLO_BYTES).await;
    let mut reader = Reader::new(&bytes);
    let mut next = || reader.read().unwrap();
    assert_eq!([next(), next(), next()], [Value::Array(2), Value::Str(b"HELO"), Value::Map(3)]);
    let (Value::Str(b"nonce"), Value::Bin(nonce)) = (next(), next()) else { panic!("{bytes:?}") };
    let (Value::Str(b"auth"), Value::Bin(auth)) = (next(), next()) else { panic!("{bytes:?}") };
    let (Value::Str(b"keepalive"), Value::Bool(keepalive)) = (next(), next()) else { panic!("{bytes:?}") };
    Hello { nonce: nonce.into(), auth: auth.into(), keepalive }
}

fn ping(hello: &Hello, key: &str, name: &str, password: &str) -> Vec<u8> {
    let mut ping = Vec::new();
    msgpack::write_array_head(&mut ping, 6);
    let proof = digest(&[SALT.as_bytes(), b"client.example", &hello.nonce, key.as_bytes()]);
    let user = digest(&[&hello.auth, name.as_bytes(), password.as_bytes()]);
    for text in ["PING", "client.example", SALT, &proof, name, &user] {
        msgpack::write_str(&mut ping, text);
    }
    ping
}

fn pong(accepted: bool, reason: &str, hostname: &str, proof: &str) -> Vec<u8> {
    let mut pong = vec![0x95];
    msgpack::write_str(&mut pong, "PONG");
    msgpack::write_bool(&mut pong, accepted);
    for text in [reason, hostname, proof] {
        msgpack::write_str(&mut pong, text);
    }
    pong
}

fn welcome(hello: &Hello) -> Vec<u8> {
    let proof = digest(&[SALT.as_bytes(), b"server.example", &hello.nonce, b"s3cr3t"]);
    pong(true, "", "server.example", &proof)
}

#[tokio::test]
async fn who_knows_the_key_and_a_password_may_send() {
    let server = Server::start(secured());
    let mut stream = server.connect().await;
    let hello = hello(&mut stream).await;
    assert!(hello.keepalive && hello.nonce != hello.auth);
    stream.write_all(&ping(&hello, "s3cr3t", "alice", "wonder")).await.unwrap();
    let expected = welcome(&hello);
    assert_eq!(read(&mut stream, expected.len()).await, expected);
    for id in [b'1', b'2'] {
        stream.write_all(&with_chunk(id)).await.unwrap();
        assert_eq!(read(&mut stream, 7).await, ack(id));
    }
    assert_eq!(server.events().len(), 2);
    assert_eq!(server.metrics.forward_handshakes.get(), 1);
    assert_eq!(server.metrics.forward_handshakes_refused.get(), 0);
}

#[tokio::test]
async fn what_comes_right_behind_the_ping_is_not_lost() {
    let server = Server::start(secured());
    let mut stream = server.connect().await;
    let hello = hello(&mut stream).await;
    let all = [ping(&hello, "s3cr3t", "alice", "wonder"), with_chunk(b'1'), MESSAGE[..9].to_vec()].concat();
    stream.write_all(&all).await.unwrap();
    let expected = [welcome(&hello), ack(b'1')].concat();
    assert_eq!(read(&mut stream, expected.len()).await, expected);
    stream.write_all(&MESSAGE[9..]).await.unwrap();
    until(|| server.events().len() == 2).await;
}

/// Says something instead of what is asked for, and is told this.
async fn is_refused(server: &Server, say: impl FnOnce(&Hello) -> Vec<u8>, reason: &str) {
    let before = server.metrics.forward_handshakes_refused.get();
    let mut stream = server.connect().await;
    let said = say(&hello(&mut stream).await);
    stream.write_all(&said).await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, pong(false, reason, "", ""), "{reason}");
    assert_eq!(server.metrics.forward_handshakes_refused.get(), before + 1, "{reason}");
}

#[tokio::test]
async fn who_does_not_is_told_why_and_sends_nothing() {
    let server = Server::start(secured());
    let then = |mut ping: Vec<u8>| {
        ping.extend(MESSAGE);
        ping
    };
    is_refused(&server, |hello| then(ping(hello, "s3cret", "alice", "wonder")), "shared_key mismatch").await;
    is_refused(&server, |hello| ping(hello, "s3cr3t", "alice", "wunder"), "username/password mismatch").await;
    is_refused(&server, |hello| ping(hello, "s3cr3t", "bob", "wonder"), "username/password mismatch").await;
    // Digests of another connection prove nothing.
    let mut other = server.connect().await;
    let other = hello(&mut other).await;
    is_refused(&server, |_| ping(&other, "s3cr3t", "alice", "wonder"), "shared_key mismatch").await;
    // Whoever knows nothing of a handshake.
    is_refused(&server, |_| MESSAGE.to_vec(), "invalid ping message").await;
    is_refused(&server, |_| b"[\"app.log\",1,{}]".to_vec(), "invalid ping message").await;
    is_refused(&server, |_| b"GET / HTTP/1.0\r\n\r\n".to_vec(), "invalid ping message").await;
    assert_eq!(server.events(), [""; 0]);
    assert_eq!(server.metrics.forward_handshakes.get(), 0);
}

#[tokio::test]
async fn who_is_not_expected_there_is_told_so() {
    let mut settings = secured();
    settings.security.as_mut().unwrap().allow_anonymous_source = false;
    let server = Server::start(settings);
    let reason = "anonymous source host '127.0.0.1' denied";
    is_refused(&server, |hello| ping(hello, "s3cr3t", "alice", "wonder"), reason).await;
}

#[tokio::test]
async fn a_ping_that_is_too_large_is_not_waited_for() {
    let server = Server::start(secured());
    let mut large = b"\x96\xdb".to_vec();
    large.extend(u32::try_from(FORWARD_PING_BYTES_MAX).unwrap().to_be_bytes());
    is_refused(&server, |_| large, "invalid ping message").await;
}

#[tokio::test(start_paused = true)]
async fn nobody_takes_longer_than_he_may() {
    for said in [&b""[..], b"\x96\xa4PING"] {
        let server = Server::start(secured());
        let begun = tokio::time::Instant::now();
        is_refused(&server, |_| said.to_vec(), "no ping message in time").await;
        assert!(begun.elapsed() >= FORWARD_HANDSHAKE_TIMEOUT);
    }
}

#[tokio::test]
async fn hearing_the_hello_and_closing_is_a_heartbeat() {
    let server = Server::start(secured());
    assert_eq!(server.exchange(b"").await.len(), HELLO_BYTES);
    assert_eq!(server.metrics.forward_heartbeats.get(), 1);
    assert_eq!(server.metrics.forward_handshakes_refused.get(), 0);
    assert_eq!(server.exchange(b"\x96\xa4PING").await.len(), HELLO_BYTES);
    assert_eq!(server.metrics.forward_handshakes_refused.get(), 1);
    assert_eq!(server.metrics.forward_heartbeats.get(), 1);
}

#[tokio::test]
async fn the_hello_says_whether_connections_may_stay() {
    let server = Server::start(ForwardSource { deny_keepalive: true, ..secured() });
    let mut stream = server.connect().await;
    let hello = hello(&mut stream).await;
    assert!(!hello.keepalive);
    let all = [ping(&hello, "s3cr3t", "alice", "wonder"), with_chunk(b'1')].concat();
    stream.write_all(&all).await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, [welcome(&hello), ack(b'1')].concat());
}

#[tokio::test]
async fn a_handshake_does_not_hold_up_the_stop() {
    let server = Server::start(secured());
    let mut stream = server.connect().await;
    hello(&mut stream).await;
    let metrics = server.stop().await;
    assert_eq!(read_to_end(&mut stream).await, b"");
    assert_eq!(metrics.forward_handshakes_refused.get(), 0);
}
