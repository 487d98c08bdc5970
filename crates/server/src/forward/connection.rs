//! The life of one Forward connection.

use std::fmt;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;

use fluentcast_event::limits::{
    FORWARD_ACK_WRITE_TIMEOUT, FORWARD_DRAIN_BYTES_MAX, FORWARD_READ_BYTES, TLS_DRAIN_SILENCE, TLS_READ_BYTES,
};
use fluentcast_event::{Batch, EventTime};
use fluentcast_forward::handshake::Refusal;
use fluentcast_forward::{DecodeError, Decoder, Item};
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::Source;
use super::fields::{self, Field};
use super::retag::Retag;
use crate::emit::EmitError;
use crate::ratelimit::Gate;
use crate::tls::Stream;

/// A sender that does not read.
fn unread() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

/// One connection.
pub(super) struct Connection {
    pub(super) source: Arc<Source>,
    pub(super) stream: Stream,
    pub(super) peer: SocketAddr,
    pub(super) decoder: Decoder,
    /// Something was received.
    pub(super) heard: bool,
    retag: Retag,
    /// The fields to set in every record, once the first message has come: a heartbeat is not worth
    /// looking up a name.
    fields: Option<Vec<Field>>,
    /// Replies that are due.
    acks: Vec<u8>,
    /// How many they are.
    acks_due: u64,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("the sender closed the connection")]
    Closed,
    #[error("the connection failed: {0}")]
    Failed(io::Error),
    #[error("connection closed without an ack: {0}")]
    Broken(DecodeError),
    #[error("connection closed without an ack: the events were not accepted: {0}")]
    NotAccepted(EmitError),
    #[error("connection closed after the first message (deny_keepalive)")]
    OneMessage,
    #[error("a sender was refused: {0}")]
    Refused(Refusal),
    #[error("a sender left within its ping message")]
    NoPing,
    #[error("connection closed: its acks were not read within {} s", FORWARD_ACK_WRITE_TIMEOUT.as_secs())]
    Unread,
    #[error("connection closed because of the stop")]
    Stopped,
}

impl Connection {
    pub(super) fn new(source: Arc<Source>, stream: Stream, peer: SocketAddr) -> Self {
        Self {
            decoder: Decoder::new(source.limits()),
            retag: Retag::new(&source.settings),
            heard: false,
            fields: None,
            acks: Vec::new(),
            acks_due: 0,
            source,
            stream,
            peer,
        }
    }

    /// Serves the connection to its end.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let end = match self.set_options() {
            Ok(()) => self.serve(&shutdown).await,
            Err(error) => End::Failed(error),
        };
        self.account(&end);
        self.close().await;
    }

    pub(super) fn set_options(&self) -> io::Result<()> {
        let socket = self.socket();
        if self.source.settings.send_keepalive_packet {
            socket.set_keepalive(true)?;
        }
        socket.set_linger(self.source.settings.linger_timeout)
    }

    pub(super) fn socket(&self) -> SockRef<'_> {
        SockRef::from(self.stream.socket())
    }

    async fn serve(&mut self, shutdown: &CancellationToken) -> End {
        let source = Arc::clone(&self.source);
        if let Some(door) = &source.door {
            let greeted = self.greet(door, shutdown).await;
            // What came right behind the PING is at hand.
            let greeted = match greeted {
                Ok(()) => self.take_messages().await,
                Err(end) => Err(end),
            };
            if let Err(end) = greeted {
                return end;
            }
        }
        loop {
            // The stop comes first: a busy connection is always readable.
            let read = tokio::select! {
                biased;
                () = shutdown.cancelled() => return self.drain(FORWARD_DRAIN_BYTES_MAX).await,
                read = receive(&mut self.stream, &mut self.decoder) => read,
            };
            match read {
                Ok(0) => return End::Closed,
                Ok(_) => self.heard = true,
                Err(error) => return End::Failed(error),
            }
            if let Err(end) = self.take_messages().await {
                return end;
            }
        }
    }

    /// Takes what the kernel has already received, up to `bytes_max`, and waits for no more. Asks the
    /// kernel itself: the runtime may not have heard yet that there is something to read.
    pub(super) async fn drain(&mut self, bytes_max: usize) -> End {
        let mut chunk = vec![0; FORWARD_READ_BYTES];
        let mut left = bytes_max;
        while left > 0 {
            let room = left.min(FORWARD_READ_BYTES);
            let read = match &mut self.stream {
                Stream::Plain(_) => {
                    let read = (&*self.socket()).read(&mut chunk[..room]);
                    read.inspect(|bytes| self.decoder.feed(&chunk[..*bytes]))
                }
                // What has been received is to be decrypted first, which nobody tells the end of.
                stream @ Stream::Tls(_) => {
                    let read = tokio::time::timeout(TLS_DRAIN_SILENCE, receive(stream, &mut self.decoder));
                    read.await.unwrap_or_else(|_| Err(io::ErrorKind::WouldBlock.into()))
                }
            };
            match read {
                Ok(0) => return End::Closed,
                Ok(bytes) => {
                    self.heard = true;
                    left = left.saturating_sub(bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return End::Failed(error),
            }
            if let Err(end) = self.take_messages().await {
                return end;
            }
        }
        End::Stopped
    }

    /// Handles every whole message at hand, then writes the acks that are due, in one go. What was
    /// accepted is acked whatever came behind it.
    async fn take_messages(&mut self) -> Result<(), End> {
        let handled = self.handle_messages().await;
        let written = self.write_acks().await;
        let any_handled = handled?;
        written.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => End::Unread,
            _ => End::Failed(error),
        })?;
        if any_handled && self.source.settings.deny_keepalive { Err(End::OneMessage) } else { Ok(()) }
    }

    /// True when there was a message, heartbeats aside.
    async fn handle_messages(&mut self) -> Result<bool, End> {
        let now = EventTime::now();
        let mut any = false;
        while let Some(item) = self.decoder.next(now).map_err(End::Broken)? {
            any |= !matches!(item, Item::Heartbeat);
            self.handle(item).await.map_err(End::NotAccepted)?;
        }
        Ok(any)
    }

    async fn handle(&mut self, item: Item) -> Result<(), EmitError> {
        let metrics = Arc::clone(&self.source.metrics);
        let ack = match item {
            Item::Heartbeat => {
                metrics.forward_heartbeats.inc();
                None
            }
            Item::Invalid { reason, ack } => {
                metrics.forward_messages_invalid.inc();
                self.warn(&self.source.logs.invalid, &format_args!("a message was dropped: {reason}"));
                ack
            }
            Item::Oversize { bytes } => {
                metrics.forward_messages_oversize.inc();
                self.warn(
                    &self.source.logs.oversize,
                    &format_args!("a message of {bytes} bytes was dropped: chunk_size_limit or entry_limit"),
                );
                None
            }
            Item::Telemetry { ack } => {
                metrics.forward_messages_telemetry.inc();
                ack
            }
            Item::Message(message) => {
                metrics.forward_messages.inc();
                self.warn_if_large(message.bytes);
                self.emit(message.batch).await?;
                message.ack
            }
        };
        if let Some(ack) = ack {
            ack.encode(&mut self.acks);
            self.acks_due += 1;
        }
        Ok(())
    }

    fn warn_if_large(&self, bytes: u64) {
        if self.source.settings.chunk_size_warn_limit.is_some_and(|limit| bytes > limit.0) {
            let what = format_args!("a message of {bytes} bytes is above chunk_size_warn_limit");
            self.warn(&self.source.logs.large, &what);
        }
    }

    async fn emit(&mut self, mut batch: Batch) -> Result<(), EmitError> {
        batch.tag = self.retag.apply(batch.tag);
        let batch = self.with_fields(batch).await;
        if batch.entries.is_empty() {
            return Ok(());
        }
        self.source.metrics.batches_received.inc();
        self.source.emitter.emit(batch).await
    }

    async fn with_fields(&mut self, batch: Batch) -> Batch {
        if self.fields.is_none() {
            self.fields = Some(fields::of_peer(&self.source.settings, self.peer.ip()).await);
        }
        match self.fields.as_deref() {
            None | Some([]) => batch,
            Some(fields) => fields::set(&batch, fields, |error| {
                self.source.metrics.entries_invalid.inc();
                self.warn(&self.source.logs.entries, &format_args!("an entry was dropped: {error}"));
            }),
        }
    }

    async fn write_acks(&mut self) -> io::Result<()> {
        if self.acks_due > 0 {
            let write = async {
                self.stream.write_all(&self.acks).await?;
                self.stream.flush().await
            };
            tokio::time::timeout(FORWARD_ACK_WRITE_TIMEOUT, write).await.unwrap_or_else(|_| Err(unread()))?;
            self.source.metrics.forward_acks.inc_by(self.acks_due);
            self.acks.clear();
            self.acks_due = 0;
        }
        Ok(())
    }

    /// Counts how the connection ended, and says so where somebody should look.
    fn account(&self, end: &End) {
        let Source { metrics, logs, .. } = &*self.source;
        match end {
            End::Closed | End::Failed(_) if !self.heard => {
                metrics.forward_heartbeats.inc();
            }
            End::Broken(_) => {
                metrics.forward_connections_broken.inc();
                self.warn(&logs.broken, end);
            }
            End::Unread => {
                metrics.forward_acks_not_read.inc();
                self.warn(&logs.broken, end);
            }
            End::NotAccepted(_) => self.warn(&logs.not_accepted, end),
            End::Refused(_) | End::NoPing => {
                metrics.forward_handshakes_refused.inc();
                self.warn(&logs.refused, end);
            }
            End::Closed | End::Failed(_) | End::OneMessage | End::Stopped if !self.decoder.is_idle() => {
                metrics.forward_messages_cut.inc();
                self.warn(
                    &logs.cut,
                    &format_args!("{end}; it had not sent all of a message, which was dropped"),
                );
            }
            End::Closed | End::Failed(_) | End::OneMessage | End::Stopped => {}
        }
        tracing::debug!(listener = self.source.name, peer = %self.peer, "{end}");
    }

    fn warn(&self, gate: &Gate, what: &dyn fmt::Display) {
        if let Some(suppressed) = gate.pass() {
            tracing::warn!(listener = self.source.name, peer = %self.peer, suppressed, "{what}");
        }
    }

    /// Ends our side after the last ack. With a linger time the system call blocks, so it gets a thread
    /// where it may.
    async fn close(mut self) {
        // What can fail here has no consequence: the connection is gone either way. What is encrypted may find no
        // room.
        drop(tokio::time::timeout(FORWARD_ACK_WRITE_TIMEOUT, self.stream.shutdown()).await);
        if self.source.settings.linger_timeout.is_some_and(|linger| !linger.is_zero()) {
            drop(tokio::task::spawn_blocking(move || drop(self.stream)).await);
        }
    }
}

/// Waits for bytes and hands them to the decoder; how many, 0 at the end. May be dropped while it waits
/// without losing any. A connection in the clear that waits holds no buffer.
async fn receive(stream: &mut Stream, decoder: &mut Decoder) -> io::Result<usize> {
    match stream {
        Stream::Plain(stream) => loop {
            stream.readable().await?;
            match stream.try_read_buf(&mut decoder.space(FORWARD_READ_BYTES)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        },
        Stream::Tls(stream) => match stream.read_buf(&mut decoder.space(TLS_READ_BYTES)).await {
            // Messages say themselves where they end: nobody can cut one unseen.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            read => read,
        },
    }
}
