//! The stop: what was received is taken and acked, nothing is waited for.

use std::mem::MaybeUninit;

use super::connection::End;
use super::*;

#[tokio::test]
async fn what_was_received_before_the_stop_is_acked() {
    let server = Server::start_with(settings(), 0);
    let mut stream = server.connect().await;
    stream.write_all(&with_chunk(b'1')).await.unwrap();
    until(|| server.metrics.batches_received.get() == 1).await;
    // The pipeline holds the first; the second waits in the kernel, with a third that is not whole.
    stream.write_all(&[&with_chunk(b'2')[..], &with_chunk(b'3')[..20]].concat()).await.unwrap();
    let permits = Arc::clone(&server.recorder);
    let reader = tokio::spawn(async move { read_to_end(&mut stream).await });
    server.shutdown.cancel();
    permits.permits.add_permits(2);
    let metrics = server.stop().await;
    assert_eq!(reader.await.unwrap(), [ack(b'1'), ack(b'2')].concat());
    assert_eq!(metrics.forward_messages_cut.get(), 1);
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_stop() {
    let server = Server::start(settings());
    let mut stream = server.connect().await;
    stream.write_all(&with_chunk(b'1')).await.unwrap();
    assert_eq!(read(&mut stream, 7).await, ack(b'1'));
    let metrics = server.stop().await;
    assert_eq!(read_to_end(&mut stream).await, b"");
    assert_eq!(metrics.forward_messages_cut.get(), 0);
}

#[tokio::test]
async fn neither_does_a_sender_that_never_pauses() {
    let recorder = Arc::new(Recorder::with_permits(10));
    let (mut connection, mut sender) = pair(settings(), &recorder).await;
    sender.write_all(&MESSAGE.repeat(10)).await.unwrap();
    let mut peeked = [MaybeUninit::uninit(); 10 * MESSAGE.len()];
    until(|| connection.socket().peek(&mut peeked).is_ok_and(|bytes| bytes == 10 * MESSAGE.len())).await;
    let end = connection.drain(3 * MESSAGE.len()).await;
    assert!(matches!(end, End::Stopped), "{end}");
    assert_eq!(recorder.batches.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn nobody_can_connect_after_the_stop() {
    let server = Server::start(settings());
    let address = server.address;
    server.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn at_the_deadline_the_caller_cuts_off_what_is_left() {
    let server = Server::start_with(settings(), 0);
    let mut stream = server.connect().await;
    stream.write_all(&with_chunk(b'1')).await.unwrap();
    until(|| server.metrics.batches_received.get() == 1).await;
    server.shutdown.cancel();
    server.task.abort();
    assert_eq!(read_to_end(&mut stream).await, b"", "no ack for what was never accepted");
}
