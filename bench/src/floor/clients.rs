//! The floor's clients: a socket and a cursor each.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::event::epoll::EventFlags;

use super::ring::Ring;

/// How long a full socket may stay full before its client is taken for one that does not read.
const STALL_MAX: Duration = Duration::from_secs(1);

const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// One client.
pub(super) struct Client {
    stream: TcpStream,
    /// Where it stands in the ring; `None` before its handshake.
    cursor: Option<u64>,
    /// Since when its socket is full.
    full_since: Option<Instant>,
    /// The last bytes of a handshake that is not whole.
    request: Vec<u8>,
}

impl Client {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, cursor: None, full_since: None, request: Vec::new() }
    }

    /// Sends all that is new for it. False: it has gone.
    fn send(&mut self, ring: &Ring) -> bool {
        let Some(cursor) = &mut self.cursor else { return true };
        loop {
            let news = ring.since(*cursor);
            if news.is_empty() {
                self.full_since = None;
                return true;
            }
            match self.stream.write(news) {
                Ok(sent) => {
                    *cursor += sent as u64;
                    if sent < news.len() {
                        self.full_since = Some(Instant::now());
                        return true;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.full_since.get_or_insert_with(Instant::now);
                    return true;
                }
                Err(_) => return false,
            }
        }
    }

    /// Reads what it has to say: a handshake, then nothing of interest. False: it has gone.
    fn read(&mut self, ring: &Ring) -> bool {
        let mut buffer = [0; 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(read) if self.cursor.is_none() => {
                    self.request.extend_from_slice(&buffer[..read]);
                    if self.request.ends_with(b"\r\n\r\n") {
                        self.request = Vec::new();
                        if self.stream.write_all(SWITCH).is_err() {
                            return false;
                        }
                        self.cursor = Some(ring.start());
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
        }
    }
}

/// All clients. Their index is their name in epoll and never used again.
#[derive(Default)]
pub(super) struct Clients {
    clients: Vec<Option<Client>>,
    full: bool,
}

impl Clients {
    pub(super) fn next_index(&self) -> usize {
        self.clients.len()
    }

    pub(super) fn insert(&mut self, client: Client) {
        self.clients.push(Some(client));
    }

    pub(super) fn on_event(&mut self, index: usize, flags: EventFlags, ring: &Ring) {
        let Some(slot) = self.clients.get_mut(index) else { return };
        let Some(client) = slot else { return };
        let mut lives = true;
        if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            let begins = client.cursor.is_none();
            lives = client.read(ring);
            if lives && begins {
                lives = client.send(ring);
            }
        }
        if lives && client.full_since.is_some() && flags.contains(EventFlags::OUT) {
            lives = client.send(ring);
        }
        if !lives {
            *slot = None;
        }
    }

    /// One send of all that is new to everyone whose socket is not full.
    pub(super) fn send_news(&mut self, ring: &Ring) {
        for slot in &mut self.clients {
            if let Some(client) = slot
                && client.full_since.is_none()
                && !client.send(ring)
            {
                *slot = None;
            }
        }
        self.full = self.clients.iter().flatten().any(|client| client.full_since.is_some());
    }

    /// Cuts off who does not read.
    pub(super) fn drop_stalled(&mut self, ring: &Ring) {
        if !std::mem::take(&mut self.full) {
            return;
        }
        for slot in &mut self.clients {
            if let Some(client) = slot
                && let Some(since) = client.full_since
                && client.cursor.is_some_and(|cursor| cursor < ring.end())
            {
                if since.elapsed() > STALL_MAX {
                    *slot = None;
                } else {
                    self.full = true;
                }
            }
        }
    }

    /// Where the slowest stands.
    pub(super) fn slowest(&self, ring: &Ring) -> u64 {
        let cursors = self.clients.iter().flatten().filter_map(|client| client.cursor);
        cursors.min().unwrap_or(ring.end())
    }
}
