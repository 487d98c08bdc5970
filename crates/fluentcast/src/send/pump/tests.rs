//! Against a receiver that plays a script.

use std::sync::{Arc, Mutex};

use fluentcast_event::EventTime;
use fluentcast_forward::{Decoder, Item, Limits, Message};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;
use crate::send::input::Input;

/// What a receiver does with one connection.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Acks so many chunks, then cuts.
    AckAndCut(usize),
    /// Takes everything to the end, with acks.
    Serve,
    /// Takes everything to the end and acks nothing.
    Silent,
}

/// Standard error of a test.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Told {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("UTF-8")
    }
}

impl io::Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Plays the script, one act a connection; the messages of each connection.
async fn receiver(script: Vec<Act>) -> (u16, JoinHandle<Vec<Vec<Message>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let played = tokio::spawn(async move {
        let mut connections = Vec::new();
        for act in script {
            let (stream, _) = listener.accept().await.expect("a connection");
            connections.push(play(stream, act).await);
        }
        connections
    });
    (port, played)
}

async fn play(mut stream: TcpStream, act: Act) -> Vec<Message> {
    let limits = Limits { message_bytes_max: 1 << 24, entries_max: 1 << 20, decompressed_bytes_max: 0 };
    let (mut decoder, mut messages, mut room) = (Decoder::new(limits), Vec::new(), [0; 4096]);
    loop {
        while let Some(item) = decoder.next(EventTime::now()).expect("sound bytes") {
            let Item::Message(message) = item else { panic!("{item:?}") };
            if let (Some(ack), Act::AckAndCut(_) | Act::Serve) = (&message.ack, act) {
                let mut answer = Vec::new();
                ack.encode(&mut answer);
                stream.write_all(&answer).await.expect("an ack");
            }
            messages.push(message);
            if matches!(act, Act::AckAndCut(count) if count == messages.len()) {
                return messages;
            }
        }
        match stream.read(&mut room).await {
            Ok(0) | Err(_) => return messages,
            Ok(count) => decoder.feed(&room[..count]),
        }
    }
}

/// A chunk of one record.
fn record(n: usize) -> Gathered {
    let mut gathered = Gathered::default();
    Input::json().push(format!("{{\"n\":{n}}}\n").as_bytes(), EventTime::now(), &mut gathered);
    gathered
}

struct Sent {
    outcome: anyhow::Result<u64>,
    told: String,
}

/// Sends so many chunks to the port.
async fn send(port: u16, chunks: Vec<Gathered>, ack: bool, patience: Duration) -> Sent {
    let (host, tag, dialer) = ("127.0.0.1".to_owned(), "t".to_owned(), Dialer::default());
    let to = Destination { host, port, dialer, tag, ack, patience };
    let told = Told::default();
    let backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(2));
    let pump = Pump::new(to, backoff, Progress::new(false, Instant::now()), told.clone());
    let (queue, input) = mpsc::channel(2);
    let feed = tokio::spawn(async move {
        for chunk in chunks {
            // The pump may have ended.
            if queue.send(chunk).await.is_err() {
                return;
            }
        }
    });
    let outcome = tokio::time::timeout(Duration::from_secs(60), pump.run(input)).await.expect("an end");
    feed.await.expect("no panic");
    Sent { outcome, told: told.text() }
}

const PATIENCE: Duration = Duration::from_secs(60);

/// The numbers of the records, connection by connection.
fn numbers(connections: &[Vec<Message>]) -> Vec<Vec<u64>> {
    let number = |record: &[u8]| match record {
        [0x81, 0xa1, b'n', n @ 0..=0x7f] => u64::from(*n),
        [0x81, 0xa1, b'n', 0xcc, n] => u64::from(*n),
        other => panic!("{other:?}"),
    };
    let of = |message: &Message| -> Vec<u64> {
        message.batch.events().map(|event| number(event.expect("an event").record)).collect()
    };
    connections.iter().map(|messages| messages.iter().flat_map(of).collect()).collect()
}

#[tokio::test]
async fn everything_arrives_in_order_with_and_without_acks() {
    for ack in [false, true] {
        let (port, played) = receiver(vec![Act::Serve]).await;
        let sent = send(port, (0..100).map(record).collect(), ack, PATIENCE).await;
        assert_eq!(sent.outcome.expect("sent"), 0);
        assert_eq!(sent.told, "");
        let messages = played.await.expect("played");
        assert_eq!(numbers(&messages), [(0..100).collect::<Vec<u64>>()]);
        assert!(messages[0].iter().all(|message| message.ack.is_some() == ack));
    }
}

#[tokio::test]
async fn what_was_not_acked_is_sent_again_and_nothing_else() {
    let (port, played) = receiver(vec![Act::AckAndCut(3), Act::AckAndCut(2), Act::Serve]).await;
    let sent = send(port, (0..20).map(record).collect(), true, PATIENCE).await;
    assert_eq!(sent.outcome.expect("sent"), 0);
    let connections = numbers(&played.await.expect("played"));
    assert_eq!(connections[0], [0, 1, 2]);
    // A cut may swallow acks, so chunks may come twice; none is missing, and each connection goes on in order.
    for connection in &connections {
        assert!(connection.windows(2).all(|pair| pair[1] == pair[0] + 1), "{connections:?}");
    }
    let mut all: Vec<u64> = connections.concat();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, (0..20).collect::<Vec<_>>());
    assert!(sent.told.contains("lost: ") && sent.told.contains("connected again"), "{}", sent.told);
}

#[tokio::test]
async fn acks_that_do_not_come_are_an_error_that_counts() {
    let (port, played) = receiver(vec![Act::Silent]).await;
    let chunks = SEND_UNACKED_CHUNKS_MAX + 10;
    let sent = send(port, (0..chunks).map(record).collect(), true, Duration::from_millis(50)).await;
    let told = format!("{:#}", sent.outcome.expect_err("no ack"));
    assert!(told.contains("no ack came") && told.contains("32 records were not acked, 0 were"), "{told}");
    // The window is the bound.
    assert_eq!(played.await.expect("played")[0].len(), SEND_UNACKED_CHUNKS_MAX);
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up() {
    let (port, played) = receiver(vec![Act::AckAndCut(1)]).await;
    let sent = send(port, (0..5).map(record).collect(), true, Duration::from_millis(50)).await;
    let told = format!("{:#}", sent.outcome.expect_err("nobody there"));
    assert!(told.contains("is given up") && told.contains("were not acked"), "{told}");
    played.await.expect("played");
}

#[tokio::test]
async fn without_acks_a_connection_that_breaks_is_an_error() {
    let (port, played) = receiver(vec![Act::AckAndCut(1)]).await;
    // More input than the cut lets pass: the end of the connection is noticed before that of the input.
    let sent = send(port, (0..100_000).map(|n| record(n % 200)).collect(), false, PATIENCE).await;
    let told = format!("{:#}", sent.outcome.expect_err("cut"));
    assert!(told.contains("broke after") && told.contains("--ack"), "{told}");
    played.await.expect("played");
}

#[tokio::test]
async fn another_protocol_is_no_ack() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("sent");
        // To the end, so that no reset takes the answer away.
        stream.read_to_end(&mut Vec::new()).await.ok();
    });
    let sent = send(port, vec![record(1)], false, PATIENCE).await;
    let told = format!("{:#}", sent.outcome.expect_err("no Forward"));
    assert!(told.contains("no ack of the Forward protocol"), "{told}");
    served.await.expect("served");
}

#[tokio::test]
async fn faults_are_told_up_to_a_bound_and_counted() {
    let (port, played) = receiver(vec![Act::Serve]).await;
    let mut bad = Gathered::default();
    Input::json().push("nonsense\u{1b}\n".repeat(30).as_bytes(), EventTime::now(), &mut bad);
    let sent = send(port, vec![bad, record(1)], true, PATIENCE).await;
    assert_eq!(sent.outcome.expect("the others are sent"), 30);
    assert_eq!(sent.told.matches("this is no JSON").count(), 20, "{}", sent.told);
    assert!(sent.told.contains("line 20: ") && sent.told.contains("30 were no records"), "{}", sent.told);
    assert!(!sent.told.contains('\u{1b}'));
    assert_eq!(numbers(&played.await.expect("played")), [[1]]);
}

#[test]
fn a_tag_must_be_one() {
    assert!(check_tag("app.web").is_ok());
    assert!(check_tag("").is_err() && check_tag(&"a".repeat(5000)).is_err());
}
