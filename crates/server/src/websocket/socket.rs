//! A client's socket, in the clear or encrypted, driven without waiting.
//!
//! What is encrypted and has found no room in the socket waits here, [`TLS_BUFFER_BYTES_MAX`] at most:
//! whatever is beyond stays in the log that all clients share, and counts as this client's lag.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;

use fluentcast_event::limits::TLS_BUFFER_BYTES_MAX;
use mio::net::TcpStream;
use rustls::ServerConnection;

/// A client's socket.
pub(super) struct Socket {
    tcp: TcpStream,
    tls: Option<Box<ServerConnection>>,
}

/// What came of a write.
pub(super) struct Written {
    /// Bytes that need not be offered again.
    pub(super) taken: usize,
    /// There is no room for more until epoll says so.
    pub(super) full: bool,
}

impl Socket {
    /// A non-blocking socket, with its TLS session behind its handshake.
    pub(super) fn new(tcp: std::net::TcpStream, mut tls: Option<Box<ServerConnection>>) -> Self {
        if let Some(tls) = &mut tls {
            tls.set_buffer_limit(Some(TLS_BUFFER_BYTES_MAX));
        }
        Self { tcp: TcpStream::from_std(tcp), tls }
    }

    /// The socket itself, to be watched.
    pub(super) fn tcp(&mut self) -> &mut TcpStream {
        &mut self.tcp
    }

    /// Writes as much as there is room for; at least one byte, or it is `WouldBlock`.
    pub(super) fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        let Some(tls) = &mut self.tls else {
            let offered: usize = slices.iter().map(|slice| slice.len()).sum();
            let taken = match slices {
                [one] => self.tcp.write(one),
                many => self.tcp.write_vectored(many),
            }?;
            return Ok(Written { taken, full: taken < offered });
        };
        flush(tls, &mut self.tcp)?;
        let taken = tls.writer().write_vectored(slices)?;
        let full = match flush(tls, &mut self.tcp) {
            Ok(()) => false,
            Err(error) if error.kind() == ErrorKind::WouldBlock => true,
            Err(error) => return Err(error),
        };
        Ok(Written { taken, full })
    }

    /// Writes what waits here; `WouldBlock` when some of it still does.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => flush(tls, &mut self.tcp),
            None => Ok(()),
        }
    }

    /// Says that nothing more comes, in the words of TLS; `WouldBlock` as for [`Socket::flush`]. May be
    /// called again.
    pub(super) fn say_end(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
        }
        self.flush()
    }

    /// Ends the side that writes.
    pub(super) fn shutdown_write(&mut self) -> io::Result<()> {
        self.tcp.shutdown(Shutdown::Write)
    }

    /// Reads what has come; 0 at its end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.tcp.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if tls.read_tls(&mut self.tcp)? == 0 {
                // Whoever leaves without a word has left.
                return Ok(0);
            }
            if let Err(error) = tls.process_new_packets() {
                // The alert that says so; there is nobody to tell if it does not go out.
                drop(flush(tls, &mut self.tcp));
                return Err(io::Error::new(ErrorKind::InvalidData, error));
            }
        }
    }
}

/// Moves ciphertext to the socket until there is none, or no room.
fn flush(tls: &mut ServerConnection, tcp: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match tls.write_tls(tcp) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
