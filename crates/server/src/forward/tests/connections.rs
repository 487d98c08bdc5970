//! What becomes of connections: limits, junk, probes, heartbeats.

use super::*;

#[tokio::test]
async fn junk_costs_only_its_own_connection() {
    let server = Server::start(settings());
    let mut neighbour = server.connect().await;
    let mut junk = server.connect().await;
    junk.write_all(b"\xc1").await.unwrap();
    assert_eq!(read_to_end(&mut junk).await, b"");
    neighbour.write_all(&with_chunk(b'n')).await.unwrap();
    assert_eq!(read(&mut neighbour, 7).await, ack(b'n'));
    assert_eq!(server.metrics.forward_connections_broken.get(), 1);
}

#[tokio::test]
async fn what_came_before_junk_is_acked() {
    let server = Server::start(settings());
    let mut stream = server.connect().await;
    stream.write_all(&[&with_chunk(b'1')[..], b"\xc1"].concat()).await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, ack(b'1'));
}

#[tokio::test]
async fn values_that_are_no_messages_are_counted_and_passed_over() {
    let server = Server::start(settings());
    let replies = server.exchange(&[b"\r\n\r\n", &with_chunk(b'1')[..]].concat()).await;
    assert_eq!(replies, ack(b'1'));
    assert_eq!(server.metrics.forward_messages_invalid.get(), 4);
}

#[tokio::test]
async fn what_a_page_of_a_browser_posts_is_no_message() {
    let server = Server::start(settings());
    let request = b"POST / HTTP/1.1\r\nHost: localhost:24224\r\nContent-Length: 100\r\n\r\n";
    let mut stream = server.connect().await;
    stream.write_all(&[request, &with_chunk(b'1')[..]].concat()).await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, b"");
    assert_eq!(server.metrics.forward_messages.get(), 0);
    assert_eq!(server.metrics.forward_connections_broken.get(), 1);
}

#[tokio::test]
async fn deny_keepalive_closes_after_the_ack() {
    let server = Server::start(ForwardSource { deny_keepalive: true, ..settings() });
    let mut stream = server.connect().await;
    stream.write_all(b"\xc0").await.unwrap();
    until(|| server.metrics.forward_heartbeats.get() == 1).await;
    stream.write_all(&with_chunk(b'1')).await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, ack(b'1'), "a heartbeat is no message");
}

#[tokio::test]
async fn one_connection_too_many_is_closed_at_once() {
    let server = Server::start(ForwardSource { connection_limit: 1, ..settings() });
    let mut first = server.connect().await;
    first.write_all(&with_chunk(b'1')).await.unwrap();
    assert_eq!(read(&mut first, 7).await, ack(b'1'));
    let mut second = server.connect().await;
    assert_eq!(read_to_end(&mut second).await, b"");
    assert_eq!(server.metrics.forward_connections_refused.get(), 1);
    first.write_all(&with_chunk(b'2')).await.unwrap();
    assert_eq!(read(&mut first, 7).await, ack(b'2'), "the first goes on");
}

#[tokio::test]
async fn connecting_and_closing_is_a_heartbeat() {
    let server = Server::start(settings());
    assert_eq!(server.exchange(b"").await, b"");
    assert_eq!(server.metrics.forward_heartbeats.get(), 1);
    assert_eq!(server.metrics.forward_messages_cut.get(), 0);
}

#[tokio::test]
async fn a_connection_that_ends_within_a_message_is_counted() {
    let server = Server::start(settings());
    assert_eq!(server.exchange(&MESSAGE[..10]).await, b"");
    assert_eq!(server.metrics.forward_messages_cut.get(), 1);
}

#[tokio::test]
async fn a_datagram_is_answered_with_a_zero_byte() {
    let server = Server::start(settings());
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(server.address).await.unwrap();
    for datagram in [&b"\0"[..], b"", &[b'x'; 500]] {
        socket.send(datagram).await.unwrap();
        let mut answer = [9; 10];
        assert_eq!(socket.recv(&mut answer).await.unwrap(), 1);
        assert_eq!(answer[0], 0);
    }
    assert_eq!(server.metrics.forward_heartbeats.get(), 3);
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_tells_tcp_from_udp() {
    // An address of its own: no other test may take the port while it is free.
    let mut again = settings();
    again.listen.host = "127.0.0.2".into();
    let taken = Bound::bind(&again).unwrap();
    again.listen.port = taken.local_addr().port();
    let error = Bound::bind(&again).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().starts_with("TCP: "), "{error}");
    let Bound { listener, heartbeats, .. } = taken;
    drop(listener);
    let error = Bound::bind(&again).unwrap_err();
    assert!(error.to_string().starts_with("UDP: "), "{error}");
    drop(heartbeats);
    Bound::bind(&again).unwrap();
}

#[tokio::test]
async fn socket_options_are_set() {
    for (send_keepalive_packet, linger_timeout) in
        [(false, None), (true, Some(Duration::ZERO)), (true, Some(Duration::from_secs(3)))]
    {
        let settings = ForwardSource { send_keepalive_packet, linger_timeout, ..settings() };
        let (connection, _sender) = pair(settings, &Arc::new(Recorder::with_permits(0))).await;
        connection.set_options().unwrap();
        let socket = connection.socket();
        assert_eq!(socket.keepalive().unwrap(), send_keepalive_packet);
        assert_eq!(socket.linger().unwrap(), linger_timeout);
    }
}

#[tokio::test]
async fn a_linger_time_does_not_keep_the_source_from_ending() {
    let server = Server::start(ForwardSource { linger_timeout: Some(Duration::from_secs(1)), ..settings() });
    assert_eq!(server.exchange(&with_chunk(b'1')).await, ack(b'1'));
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_reads_no_acks_does_not_hold_a_connection_for_ever() {
    let server = Server::start(ForwardSource { chunk_size_limit: ByteSize(1 << 20), ..settings() });
    let (mut reads, mut writes) = server.connect().await.into_split();
    // Each is acked with all of its chunk id; together they are more than sockets hold.
    let mut message = MESSAGE.to_vec();
    message[0] = 0x94;
    message.extend_from_slice(b"\x81\xa5chunk\xda\xff\xff");
    message.resize(message.len() + 0xffff, b'x');
    let sending = tokio::spawn(async move { while writes.write_all(&message).await.is_ok() {} });
    until(|| server.metrics.forward_acks_not_read.get() == 1).await;
    assert!(server.metrics.forward_acks.get() > 0);
    // What was written of them is still there, and then it is over.
    drop(reads.read_to_end(&mut Vec::new()).await);
    sending.await.unwrap();
}
