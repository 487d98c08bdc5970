//! The stop: whoever was promised something gets it, and nobody can hold it up.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_received_is_acked_and_in_the_file_and_at_the_clients() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("out");
    let server = bind(&format!(
        "{SOURCES}
<match **>
  @type copy
  <store>
    @type file
    path {}
    append true
    add_path_suffix false
    <buffer []>
      flush_interval 1h
    </buffer>
    <format>
      @type json
    </format>
  </store>
  <store>
    @type websocket
    host 127.0.0.1
    port 0
  </store>
</match>
",
        path.display()
    ));
    /// So many that the stop comes while they are being taken.
    const MESSAGES: u16 = 20_000;
    let running = Running::start(server, NO_BOUNDS);
    let client = running.watch().await;
    let mut sender = running.connect("forward").await;
    sender.write_all(&message(0)).await.unwrap();
    assert_eq!(read(&mut sender, ACK_BYTES).await, ack(0));
    let (mut acks, mut messages) = sender.into_split();
    let acks = tokio::spawn(async move {
        let mut bytes = Vec::new();
        acks.read_to_end(&mut bytes).await.unwrap();
        bytes
    });
    messages.write_all(&(1..MESSAGES).flat_map(message).collect::<Vec<_>>()).await.unwrap();
    running.stop.cancel();
    let metrics = Arc::clone(&running.metrics);
    assert!(running.ended().await);

    // All had been received, and none may be held back.
    assert!(acks.await.unwrap() == (1..MESSAGES).flat_map(ack).collect::<Vec<_>>());
    let (texts, code) = client.await.unwrap();
    assert_eq!(code, Some(1001));
    assert!(texts.into_iter().eq((0..MESSAGES).map(|n| format!(r#"["t",{{"n":{n}}}]"#))));
    let file = std::fs::read_to_string(&path).unwrap();
    assert!(file.lines().eq((0..MESSAGES).map(|n| format!(r#"{{"n":{n}}}"#))));
    let events = u64::from(MESSAGES);
    assert_eq!((metrics.websocket_events.get(), metrics.file_events.get()), (events, events));
    assert_eq!(metrics.forward_acks.get(), events);
    assert_eq!(metrics.websocket_dropped_bytes.get(), 0);
}

/// A batch of one event of a mebibyte.
fn mebibyte() -> Batch {
    let mut record = Vec::new();
    msgpack::write_map_head(&mut record, 1);
    msgpack::write_str(&mut record, "k");
    msgpack::write_str(&mut record, &"x".repeat(1 << 20));
    let time = EventTime::from_seconds(1);
    let mut builder = BatchBuilder::new("t".into(), time);
    builder.push(time, &record);
    builder.finish()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_reads_is_cut_and_what_it_missed_is_counted() {
    /// Far more than the kernel keeps for a connection.
    const EVENTS: u64 = 64;
    let bounds = StopBounds { clients: Duration::from_millis(100), ..NO_BOUNDS };
    let running = Running::start(bind(WEBSOCKET), bounds);
    let mut deaf = running.connect("websocket").await;
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    deaf.write_all(request.as_bytes()).await.unwrap();
    until(|| running.metrics.websocket_clients_accepted.get() == 1).await;
    let neighbour = running.watch().await;
    for _ in 0..EVENTS {
        running.root.emit(mebibyte()).await.unwrap();
    }
    let metrics = Arc::clone(&running.metrics);
    // The neighbour has everything, and the other one what the kernel took.
    until(|| metrics.websocket_sent_bytes.get() > EVENTS << 20).await;
    running.stop.cancel();
    assert!(running.ended().await);
    let (texts, code) = neighbour.await.unwrap();
    assert_eq!((texts.len() as u64, code), (EVENTS, Some(1001)));
    let (sent, dropped) = (metrics.websocket_sent_bytes.get(), metrics.websocket_dropped_bytes.get());
    // All but the rest of the frame that was being written, which is not dropped but cut.
    assert!(dropped > 0 && sent + dropped > (2 * EVENTS - 1) << 20, "sent {sent}, dropped {dropped}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_say_nothing_do_not_hold_it_up() {
    let running = Running::start(bind(&[SOURCES, WEBSOCKET].concat()), NO_BOUNDS);
    let mut idle = Vec::new();
    for kind in ["forward", "http", "websocket"] {
        // One that has never said anything, as browsers open them ahead, and one that has been answered.
        idle.push(running.connect(kind).await);
        let mut answered = running.connect(kind).await;
        let sent = if kind == "forward" { message(1) } else { b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec() };
        answered.write_all(&sent).await.unwrap();
        read(&mut answered, ACK_BYTES).await;
        idle.push(answered);
    }
    let metrics = Arc::clone(&running.metrics);
    let connections =
        [&metrics.forward_connections, &metrics.http_connections, &metrics.websocket_connections];
    until(|| connections.iter().all(|connections| connections.get() == 2)).await;
    running.stop.cancel();
    assert!(running.ended().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_new_is_let_in() {
    let running = Running::start(bind(&[SOURCES, WEBSOCKET].concat()), NO_BOUNDS);
    let addresses = running.addresses.clone();
    running.stop.cancel();
    assert!(running.ended().await);
    for Listening { address, .. } in addresses {
        assert!(TcpStream::connect(address).await.is_err());
    }
}

/// A pipeline with a bug.
struct Broken;

impl Emit for Broken {
    fn emit(&self, _batch: Batch) -> Emitted<'_> {
        panic!("a bug, for a test");
    }
}

#[tokio::test]
async fn a_source_that_ends_by_itself_ends_the_server() {
    let sample = "<source>\n  @type sample\n  tag t\n</source>\n";
    let mut server = bind(&[SOURCES, sample, WEBSOCKET].concat());
    let (_, emitter) = server.sources.last_mut().unwrap();
    *emitter = Arc::new(Broken);
    let running = Running::start(server, NO_BOUNDS);
    assert!(!running.ended().await);
}
