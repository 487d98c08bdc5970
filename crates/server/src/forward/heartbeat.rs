//! UDP heartbeats: `out_forward` with `heartbeat_type udp` asks once a second whether anybody is there.

use std::sync::Arc;

use fluentcast_event::limits::{ACCEPT_PAUSE_MIN, HEARTBEAT_BYTES_MAX};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// The answer to any datagram.
const ANSWER: &[u8] = &[0];

/// Answers every datagram until the shutdown token is cancelled. An answer is never larger than what it
/// answers, so nobody gains by lying about his address.
pub(super) async fn answer(socket: UdpSocket, metrics: Arc<Metrics>, shutdown: CancellationToken) {
    let mut datagram = [0; HEARTBEAT_BYTES_MAX];
    loop {
        let received = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            received = socket.recv_from(&mut datagram) => received,
        };
        let answered = match received {
            Ok((_, sender)) => {
                metrics.forward_heartbeats.inc();
                socket.send_to(ANSWER, sender).await
            }
            Err(error) => {
                tokio::time::sleep(ACCEPT_PAUSE_MIN).await;
                Err(error)
            }
        };
        // Nothing is lost: the sender asks again.
        if let Err(error) = answered {
            tracing::debug!(%error, "a UDP heartbeat failed");
        }
    }
}
