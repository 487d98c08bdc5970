//! Answers that are not taken.

use fluentcast_event::limits::ANSWER_WRITE_TIMEOUT;
use tokio_util::sync::CancellationToken;

use super::*;

#[tokio::test(start_paused = true)]
async fn who_asks_and_never_reads_does_not_hold_a_connection_for_ever() {
    let metrics = Arc::new(Metrics::default());
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let workers = Workers::start(1, &metrics).expect("workers");
    let (pool, counted) = (workers.pool(), Arc::clone(&metrics));
    let port = Arc::new(Port::new(Vec::new(), pool, Vec::new(), counted, Arc::new(registry), None));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket.connect(&listener.local_addr().expect("an address").into()).expect("connected");
    let mut asking = TcpStream::from(socket);
    // Far more than any socket holds, of answers.
    asking.write_all("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3000).as_bytes()).expect("sent");

    let (stream, peer) = listener.accept().await.expect("a connection");
    let begun = tokio::time::Instant::now();
    port.serve(stream, peer, CancellationToken::new()).await;
    // Clocks of tokio tick in milliseconds.
    let took = begun.elapsed();
    assert!(took >= ANSWER_WRITE_TIMEOUT && took < ANSWER_WRITE_TIMEOUT + Duration::from_secs(1), "{took:?}");
    assert_eq!(metrics.websocket_answers_not_taken.get(), 1);
    drop(asking);
    workers.drain(Instant::now());
}
