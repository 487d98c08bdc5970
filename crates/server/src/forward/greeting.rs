//! The handshake of a connection whose source has `<security>`: HELO, PING, PONG on its socket.

use fluentcast_event::limits::{FORWARD_HANDSHAKE_TIMEOUT, FORWARD_PING_BYTES_MAX};
use fluentcast_forward::Decoder;
use fluentcast_forward::handshake::{Refusal, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, End};
use super::door::Door;

/// Bytes read at once: a PING of any legal size, and a few of what may come behind it.
const READ_BYTES: usize = 8 * 1024;

const _: () = assert!(READ_BYTES as u64 > FORWARD_PING_BYTES_MAX);

impl Connection {
    /// Lets the sender prove who it is; what it sent behind that is left to the decoder.
    ///
    /// # Errors
    /// The end of the connection: it was refused (and told why), it has gone, or the server stops.
    pub(super) async fn greet(&mut self, door: &Door, stop: &CancellationToken) -> Result<(), End> {
        let asked = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(End::Stopped),
            asked = tokio::time::timeout(FORWARD_HANDSHAKE_TIMEOUT, self.ask(door)) => asked,
        };
        let Verdict { pong, outcome, rest } = match asked {
            Ok(verdict) => verdict?,
            Err(_) => Verdict::from(Refusal::TooLate),
        };
        // Whoever does not even read this has filled nothing yet: it goes into the socket's buffer.
        self.send(&pong).await?;
        outcome.map_err(End::Refused)?;
        self.source.metrics.forward_handshakes.inc();
        self.decoder = Decoder::of_messagepack(self.source.limits());
        self.decoder.feed(&rest);
        Ok(())
    }

    async fn ask(&mut self, door: &Door) -> Result<Verdict, End> {
        let mut handshake = Door::handshake().map_err(End::Failed)?;
        let hello = handshake.hello(!self.source.settings.deny_keepalive);
        self.send(&hello).await?;
        let terms = door.terms(self.peer.ip());
        let mut bytes = [0; READ_BYTES];
        loop {
            let read = self.stream.read(&mut bytes).await.map_err(End::Failed)?;
            if read == 0 {
                return Err(if handshake.is_idle() { End::Closed } else { End::NoPing });
            }
            self.heard = true;
            if let Some(verdict) = handshake.receive(&bytes[..read], &terms) {
                return Ok(verdict);
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.stream.write_all(bytes).await.map_err(End::Failed)?;
        self.stream.flush().await.map_err(End::Failed)
    }
}
