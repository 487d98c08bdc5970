//! One thread, one mio poll, and after each read of the publisher one write for each client: what
//! Fluentcast's workers do.

use std::io::{self, ErrorKind, Read, Write};
use std::net;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::chain::{Chain, Cursor};
use crate::wire::{READ_BYTES, SWITCH, Unpacker, is_whole};

const WEBSOCKET: Token = Token(usize::MAX);
const PUBLISH: Token = Token(usize::MAX - 1);
const PUBLISHER: Token = Token(usize::MAX - 2);

struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    /// `None` before its handshake.
    cursor: Option<Cursor>,
    /// Its socket was full; epoll says when there is room.
    blocked: bool,
}

pub(crate) fn serve(websocket: net::TcpListener, publish: net::TcpListener) -> Result<()> {
    let mut poll = Poll::new()?;
    let (mut websocket, mut publish) = (TcpListener::from_std(websocket), TcpListener::from_std(publish));
    poll.registry().register(&mut websocket, WEBSOCKET, Interest::READABLE)?;
    poll.registry().register(&mut publish, PUBLISH, Interest::READABLE)?;
    let chain = Chain::new();
    let mut clients: Vec<Option<Client>> = Vec::new();
    let mut publisher: Option<(TcpStream, Unpacker)> = None;
    let mut readable = false;
    let mut buffer = vec![0; READ_BYTES];
    let mut events = Events::with_capacity(1024);
    loop {
        poll.poll(&mut events, readable.then_some(Duration::ZERO))?;
        for event in &events {
            match event.token() {
                WEBSOCKET => accept(&websocket, &poll, &mut clients)?,
                PUBLISH => {
                    let mut stream = publish.accept()?.0;
                    stream.set_nodelay(true)?;
                    poll.registry().register(&mut stream, PUBLISHER, Interest::READABLE)?;
                    publisher = Some((stream, Unpacker::default()));
                }
                PUBLISHER => readable = true,
                Token(index) => {
                    if let Some(client) = &mut clients[index]
                        && client.on_event(event, &chain).is_err()
                    {
                        clients[index] = None;
                    }
                }
            }
        }
        if readable && let Some((stream, unpacker)) = &mut publisher {
            match stream.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => readable = false,
                Err(_) | Ok(0) => (publisher, readable) = (None, false),
                Ok(read) => {
                    let (frames, acks) = unpacker.unpack(&buffer[..read]);
                    chain.append(frames);
                    stream.write_all(&acks)?;
                    for slot in &mut clients {
                        if let Some(client) = slot
                            && !client.blocked
                            && client.send().is_err()
                        {
                            *slot = None;
                        }
                    }
                    readable = read == READ_BYTES;
                }
            }
        }
    }
}

fn accept(listener: &TcpListener, poll: &Poll, clients: &mut Vec<Option<Client>>) -> Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        stream.set_nodelay(true)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(clients.len()), interest)?;
        clients.push(Some(Client { stream, request: Vec::new(), cursor: None, blocked: false }));
    }
}

impl Client {
    fn on_event(&mut self, event: &mio::event::Event, chain: &Arc<Chain>) -> io::Result<()> {
        if event.is_readable() || event.is_read_closed() {
            self.read(chain)?;
        }
        if self.blocked && event.is_writable() {
            self.send()?;
        }
        Ok(())
    }

    fn read(&mut self, chain: &Arc<Chain>) -> io::Result<()> {
        let mut buffer = [0; 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) if self.cursor.is_none() => {
                    self.request.extend_from_slice(&buffer[..read]);
                    if is_whole(&self.request) {
                        self.request = Vec::new();
                        self.cursor = Some(chain.cursor());
                        self.stream.write_all(SWITCH)?;
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends all that is new for it.
    fn send(&mut self) -> io::Result<()> {
        self.blocked = false;
        let Some(cursor) = &mut self.cursor else { return Ok(()) };
        loop {
            let slices = cursor.slices();
            let offered: usize = slices.iter().map(|slice| slice.len()).sum();
            let sent = match &slices[..] {
                [] => return Ok(()),
                [one] => self.stream.write(one),
                _ => self.stream.write_vectored(&slices),
            };
            let sent = match sent {
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                sent => sent?,
            };
            cursor.advance(sent);
            if sent < offered {
                self.blocked = true;
                return Ok(());
            }
        }
    }
}
