//! The connection to a Forward port: chunks out, acks in.

use std::io;
use std::time::Duration;

use fluentcast_event::limits::{SEND_ACK_BYTES_MAX, SEND_CLOSE_TIMEOUT};
use fluentcast_forward::read_ack;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::dial::{Connection, Dialer};

/// An open connection.
pub(super) struct Link {
    stream: Box<dyn Connection>,
    /// What has come and is no whole ack yet.
    answer: Vec<u8>,
}

impl Link {
    pub(super) async fn open(dialer: &Dialer, host: &str, port: u16) -> io::Result<Self> {
        Ok(Self { stream: dialer.dial(host, port).await?, answer: Vec::new() })
    }

    /// Writes all of it, unless the server takes nothing for so long.
    pub(super) async fn write(&mut self, mut bytes: &[u8], patience: Duration) -> io::Result<()> {
        let slow = |_| {
            let told = format!("it has taken nothing for {} s", patience.as_secs());
            io::Error::new(io::ErrorKind::TimedOut, told)
        };
        while !bytes.is_empty() {
            let count = timeout(patience, self.stream.write(bytes)).await.map_err(slow)??;
            bytes = &bytes[count..];
        }
        // What is encrypted may not have been sent.
        timeout(patience, self.stream.flush()).await.map_err(slow)?
    }

    /// Waits for the next ack and returns its chunk id. Cancelled, it loses nothing.
    ///
    /// # Errors
    /// That the server has closed the connection, too: a server that is sent to has no reason.
    pub(super) async fn ack(&mut self) -> io::Result<Vec<u8>> {
        loop {
            match read_ack(&self.answer) {
                Ok(Some((id, used))) => {
                    let id = id.to_vec();
                    self.answer.drain(..used);
                    return Ok(id);
                }
                Ok(None) if self.answer.len() < SEND_ACK_BYTES_MAX => {}
                Ok(None) => return Err(io::Error::new(io::ErrorKind::InvalidData, "its ack does not end")),
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
            let mut room = [0; SEND_ACK_BYTES_MAX];
            match self.stream.read(&mut room).await? {
                0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server has closed it")),
                count => self.answer.extend_from_slice(&room[..count]),
            }
        }
    }

    /// Says that nothing more comes, and waits a while for the server to have read it all.
    pub(super) async fn close(mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let to_the_end = async {
            loop {
                match self.ack().await {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        };
        // A server may well keep its side open; what was written is the system's to deliver.
        timeout(SEND_CLOSE_TIMEOUT, to_the_end).await.unwrap_or(Ok(()))
    }
}
