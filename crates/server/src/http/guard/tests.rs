use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::time::sleep;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn guard(socket: tokio::io::DuplexStream, unread: bool) -> Guard<tokio::io::DuplexStream> {
    Guard::new(socket, PATIENCE, Arc::new(AtomicBool::new(unread)))
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up() {
    let (ours, _theirs) = duplex(64);
    let start = Instant::now();
    let error = guard(ours, false).read_u8().await.expect_err("silent");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn every_byte_starts_the_time_anew() {
    let (ours, mut theirs) = duplex(64);
    let drip = tokio::spawn(async move {
        for byte in 0..5 {
            sleep(Duration::from_secs(9)).await;
            theirs.write_u8(byte).await.expect("room");
        }
        theirs
    });
    let mut guard = guard(ours, false);
    for byte in 0..5 {
        assert_eq!(guard.read_u8().await.expect("in time"), byte);
    }
    let start = Instant::now();
    guard.read_u8().await.expect_err("silent");
    assert_eq!(start.elapsed().as_secs(), 10);
    drop(drip.await);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_given_up_after_the_wait_began() {
    let (ours, _theirs) = duplex(4);
    let mut guard = guard(ours, false);
    guard.write_all(b"four").await.expect("room");
    // Our own work takes longer than the patience: that is not the peer's fault.
    sleep(PATIENCE * 3).await;
    let start = Instant::now();
    let error = guard.write_all(b"more").await.expect_err("blocked");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn closing_reads_on_only_when_the_peer_may_still_write() {
    let (ours, _theirs) = duplex(8);
    let start = Instant::now();
    guard(ours, false).shutdown().await.expect("closes");
    assert_eq!(start.elapsed(), Duration::ZERO);

    let (ours, mut writer) = duplex(8);
    let writing = tokio::spawn(async move {
        writer.write_all(&[0; 100_000]).await.expect("is read");
        drop(writer);
    });
    guard(ours, true).shutdown().await.expect("closes");
    writing.await.expect("wrote it all");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn reading_on_is_bounded_in_time_and_bytes() {
    let (ours, _silent) = duplex(8);
    let start = Instant::now();
    guard(ours, true).shutdown().await.expect("closes");
    assert_eq!(start.elapsed().as_secs(), HTTP_LINGER_TIMEOUT.as_secs());

    let (ours, mut endless) = duplex(1 << 20);
    let flood = tokio::spawn(async move {
        let piece = vec![0; 1 << 20];
        let mut written = 0;
        while endless.write_all(&piece).await.is_ok() {
            written += piece.len();
        }
        written
    });
    guard(ours, true).shutdown().await.expect("closes");
    let written = flood.await.expect("ends");
    assert!((HTTP_LINGER_BYTES_MAX..2 * HTTP_LINGER_BYTES_MAX).contains(&written), "{written}");
}

/// Takes bytes, and has never room for them: as TLS when the socket is full.
struct Hoarding;

impl AsyncRead for Hoarding {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Hoarding {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_encrypted_and_is_not_taken_is_given_up_too() {
    let mut guard = Guard::new(Hoarding, PATIENCE, Arc::new(AtomicBool::new(false)));
    guard.write_all(b"answer").await.expect("taken");
    sleep(PATIENCE * 3).await;
    for at_the_end in [false, true] {
        let start = Instant::now();
        let outcome = if at_the_end { guard.shutdown().await } else { guard.flush().await };
        assert_eq!(outcome.expect_err("no room").kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() <= PATIENCE, "{at_the_end}");
    }
    let mut fresh = Guard::new(Hoarding, PATIENCE, Arc::new(AtomicBool::new(false)));
    let start = Instant::now();
    fresh.shutdown().await.expect_err("no room");
    assert_eq!(start.elapsed().as_secs(), 10);
}
