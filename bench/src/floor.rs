//! The floor: the least a server can do that sends the same frames to everybody and loses none.
//!
//! One thread, one epoll, one contiguous buffer that all clients share, a cursor per client, and one send
//! of all that is new. It decodes nothing, routes nothing and parses no handshake: frames come
//! ready-made. What Fluentcast costs beyond it is what Fluentcast is for. It must never do less than
//! its clients can see: it pushes back on its publisher so that nothing is lost.
//!
//! A publisher sends blobs: four bytes of length (big endian; the highest bit asks for an ack), then
//! frames. The ack is one byte.

mod clients;
mod ring;

use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use anyhow::{Context, Result};
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::{AsFd, OwnedFd};
use socket2::{Domain, Socket, Type};

use crate::block::BLOB_WANTS_ACK;
use clients::{Client, Clients};
use ring::Ring;

/// How far, in bytes, the slowest client may be behind before the publisher has to wait.
const BACKLOG_BYTES_MAX: u64 = 1024 * 1024;

/// Bytes read from the publisher at once.
const READ_BYTES: usize = 256 * 1024;

/// Taken from epoll at once.
const EVENTS_MAX: usize = 1024;

/// How often clients that do not move are looked for.
const LOOK_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

const WEBSOCKET: u64 = u64::MAX;
const PUBLISH: u64 = u64::MAX - 1;
const PUBLISHER: u64 = u64::MAX - 2;

/// Connections the kernel may hold waiting to be accepted; the standard library's 128 would make a
/// storm of clients wait for seconds.
const ACCEPT_BACKLOG: i32 = 4096;

/// Listens on a free loopback port.
///
/// # Errors
/// When there is none.
pub fn listen() -> Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(ACCEPT_BACKLOG)?;
    Ok(socket.into())
}

/// Serves until the process ends. New clients begin `replay_bytes` before the newest whole blob.
///
/// # Errors
/// When the kernel refuses something.
pub fn serve(websocket: &TcpListener, publish: &TcpListener, replay_bytes: u64) -> Result<()> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (listener, name) in [(websocket, WEBSOCKET), (publish, PUBLISH)] {
        listener.set_nonblocking(true)?;
        epoll::add(&epoll, listener, EventData::new_u64(name), EventFlags::IN)?;
    }
    let mut floor =
        Floor { epoll, ring: Ring::new(replay_bytes), clients: Clients::default(), publisher: None };
    floor.run(websocket, publish)
}

struct Floor {
    epoll: OwnedFd,
    ring: Ring,
    clients: Clients,
    publisher: Option<Publisher>,
}

struct Publisher {
    stream: TcpStream,
    /// What of the next blob's length has come.
    head: Vec<u8>,
    /// Bytes of the blob still to come.
    rest: usize,
    wants_ack: bool,
    /// It is not read from until the clients have caught up.
    paused: bool,
}

impl Floor {
    fn run(&mut self, websocket: &TcpListener, publish: &TcpListener) -> Result<()> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        loop {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&LOOK_INTERVAL)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error).context("the floor cannot wait"),
            }
            for event in events.drain(..) {
                match event.data.u64() {
                    WEBSOCKET => self.accept_clients(websocket)?,
                    PUBLISH => self.accept_publisher(publish)?,
                    PUBLISHER => self.read_publisher()?,
                    client => self.clients.on_event(usize::try_from(client)?, event.flags, &self.ring),
                }
            }
            self.clients.drop_stalled(&self.ring);
            self.resume_publisher()?;
        }
    }

    fn accept_clients(&mut self, listener: &TcpListener) -> Result<()> {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The client has gone already.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error).context("the floor cannot accept a client"),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let index = self.clients.next_index();
            let flags = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
            epoll::add(&self.epoll, &stream, EventData::new_u64(index as u64), flags)?;
            self.clients.insert(Client::new(stream));
        }
    }

    fn accept_publisher(&mut self, listener: &TcpListener) -> Result<()> {
        let (stream, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        epoll::add(&self.epoll, stream.as_fd(), EventData::new_u64(PUBLISHER), EventFlags::IN)?;
        self.publisher =
            Some(Publisher { stream, head: Vec::new(), rest: 0, wants_ack: false, paused: false });
        Ok(())
    }

    /// Reads once, then offers all that is new to every client.
    fn read_publisher(&mut self) -> Result<()> {
        let Some(publisher) = &mut self.publisher else { return Ok(()) };
        let mut budget = READ_BYTES;
        while budget > 0 {
            match publisher.read(&mut self.ring, budget) {
                Ok(read) => budget -= read.min(budget),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.publisher = None;
                    break;
                }
            }
        }
        self.clients.send_news(&self.ring);
        let slowest = self.clients.slowest(&self.ring);
        self.ring.release_before(slowest);
        if let Some(publisher) = &mut self.publisher
            && self.ring.end() - slowest > BACKLOG_BYTES_MAX
        {
            publisher.paused = true;
            let nothing = EventFlags::empty();
            epoll::modify(&self.epoll, &publisher.stream, EventData::new_u64(PUBLISHER), nothing)?;
        }
        Ok(())
    }

    fn resume_publisher(&mut self) -> Result<()> {
        if let Some(publisher) = &mut self.publisher
            && publisher.paused
            && self.ring.end() - self.clients.slowest(&self.ring) <= BACKLOG_BYTES_MAX
        {
            publisher.paused = false;
            epoll::modify(&self.epoll, &publisher.stream, EventData::new_u64(PUBLISHER), EventFlags::IN)?;
        }
        Ok(())
    }
}

impl Publisher {
    /// Reads up to `budget` bytes of frames into the ring, and the length of the next blob with them; acks
    /// a blob that is whole.
    fn read(&mut self, ring: &mut Ring, budget: usize) -> io::Result<usize> {
        let frames_max = self.rest.min(budget);
        let mut next_head = [0; 4];
        let head_room = if frames_max == self.rest { 4 - self.head.len() } else { 0 };
        let read = ring.read_from(&mut self.stream, frames_max, &mut next_head[..head_room])?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let frames = read.min(frames_max);
        self.rest -= frames;
        if frames > 0 && self.rest == 0 {
            ring.note_boundary();
            if self.wants_ack {
                self.stream.write_all(b"a")?;
            }
        }
        self.head.extend_from_slice(&next_head[..read - frames]);
        if let Ok(head) = <[u8; 4]>::try_from(self.head.as_slice()) {
            let head = u32::from_be_bytes(head);
            self.head.clear();
            self.wants_ack = head & BLOB_WANTS_ACK != 0;
            self.rest = usize::try_from(head & !BLOB_WANTS_ACK).unwrap_or(usize::MAX);
        }
        Ok(read)
    }
}
