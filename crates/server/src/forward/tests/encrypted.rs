//! The same over TLS.

use tokio_rustls::client::TlsStream;

use super::*;
use crate::tls::tests as certificates;

fn encrypted() -> ForwardSource {
    ForwardSource { tls: Some(Box::new(certificates::server())), ..settings() }
}

async fn connect(server: &Server) -> TlsStream<TcpStream> {
    certificates::connect(&certificates::any(), server.address).await.unwrap()
}

async fn say(stream: &mut TlsStream<TcpStream>, bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    stream.flush().await.unwrap();
}

async fn hear(stream: &mut TlsStream<TcpStream>, bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    stream.read_exact(&mut out).await.unwrap();
    out
}

#[tokio::test]
async fn messages_of_any_size_are_taken_and_acked() {
    let server = Server::start(ForwardSource { chunk_size_limit: ByteSize(1 << 20), ..encrypted() });
    let mut stream = connect(&server).await;
    // Many records of TLS.
    let mut large = b"\x94\xa7app.log\xce\x59\x68\x2f\x00\x81\xa1k\xc6\x00\x07\xa1\x20".to_vec();
    large.extend(vec![b'x'; 500_000]);
    large.extend(b"\x81\xa5chunk\xa1L");
    say(&mut stream, &large).await;
    assert_eq!(hear(&mut stream, 7).await, ack(b'L'));
    for id in [b'1', b'2'] {
        say(&mut stream, &with_chunk(id)).await;
        assert_eq!(hear(&mut stream, 7).await, ack(id));
    }
    assert_eq!(server.events().len(), 3);
}

#[tokio::test]
async fn a_handshake_and_no_more_is_a_heartbeat() {
    let server = Server::start(encrypted());
    // With and without a word of leave.
    connect(&server).await.shutdown().await.unwrap();
    drop(connect(&server).await.into_inner());
    until(|| server.metrics.forward_heartbeats.get() == 2).await;
    assert_eq!(server.metrics.tls_handshakes_failed.get(), 0);
}

#[tokio::test]
async fn who_speaks_no_tls_is_not_heard() {
    let server = Server::start(encrypted());
    server.exchange(MESSAGE).await;
    assert_eq!(server.metrics.tls_handshakes_failed.get(), 1);
    assert_eq!(server.events(), [""; 0]);
}

#[tokio::test]
async fn what_was_received_before_the_stop_is_acked() {
    let server = Server::start(encrypted());
    let mut stream = connect(&server).await;
    say(&mut stream, &with_chunk(b'1')).await;
    assert_eq!(hear(&mut stream, 7).await, ack(b'1'));
    say(&mut stream, &[with_chunk(b'2'), with_chunk(b'3'), MESSAGE[..9].to_vec()].concat()).await;
    server.shutdown.cancel();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, [ack(b'2'), ack(b'3')].concat(), "and the end is told");
    assert_eq!(server.stop().await.forward_messages_cut.get(), 1);
}
