//! Many WebSocket clients at the price of a few threads.
//!
//! Clients that ask for the same are sent the same bytes, so a client is a socket and a position in the
//! bytes that it must get: each event once, in order, and nothing else.

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::websocket::Client;
use super::{DEADLINE, poll};

/// As many as the machine that CI has.
const THREADS: usize = 2;
const READ_BYTES: usize = 256 * 1024;

pub(crate) struct Crowd {
    positions: Arc<[AtomicUsize]>,
    threads: Vec<JoinHandle<Vec<Member>>>,
}

struct Member {
    number: usize,
    stream: TcpStream,
    /// What came after the expected bytes.
    rest: Vec<u8>,
    ended: bool,
}

impl Crowd {
    /// Connects so many clients, which must get exactly these bytes.
    pub(crate) fn connect(address: SocketAddr, count: usize, expected: Arc<[u8]>) -> Self {
        let mut groups: [Vec<Member>; THREADS] = Default::default();
        for number in 0..count {
            let stream = Client::connect(address, "/").into_stream();
            stream.set_nonblocking(true).expect("nonblocking");
            let stream = TcpStream::from_std(stream);
            groups[number % THREADS].push(Member { number, stream, rest: Vec::new(), ended: false });
        }
        let positions: Arc<[AtomicUsize]> = (0..count).map(|_| AtomicUsize::new(0)).collect();
        let threads = groups.map(|members| {
            let (positions, expected) = (Arc::clone(&positions), Arc::clone(&expected));
            std::thread::spawn(move || follow(members, &positions, &expected))
        });
        Self { positions, threads: threads.into() }
    }

    /// Waits until each client has got so many of the bytes.
    pub(crate) fn wait_for(&self, bytes: usize) {
        poll("the crowd", || {
            let dead = self.threads.iter().any(JoinHandle::is_finished);
            assert!(!dead || self.slowest() >= bytes, "a client was cut off or got something wrong");
            (self.slowest() >= bytes).then_some(())
        });
    }

    fn slowest(&self) -> usize {
        let positions = self.positions.iter().map(|position| position.load(Ordering::Acquire));
        positions.min().unwrap_or(usize::MAX)
    }

    /// What each client got after the expected bytes, when the server has ended all connections.
    pub(crate) fn rests(self) -> Vec<Vec<u8>> {
        let members = self.threads.into_iter().flat_map(|thread| thread.join().expect("a sound crowd"));
        members.map(|member| member.rest).collect()
    }
}

/// Reads until every connection has ended.
fn follow(mut members: Vec<Member>, positions: &[AtomicUsize], expected: &[u8]) -> Vec<Member> {
    let mut poll = Poll::new().expect("a poll");
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; READ_BYTES];
    for (index, member) in members.iter_mut().enumerate() {
        poll.registry().register(&mut member.stream, Token(index), Interest::READABLE).expect("registered");
    }
    let mut open = members.len();
    while open > 0 {
        poll.poll(&mut events, Some(DEADLINE)).expect("polled");
        assert!(!events.is_empty(), "nothing came for {DEADLINE:?}");
        for event in &events {
            let member = &mut members[event.token().0];
            if !member.ended {
                member.read(&mut buffer, &positions[member.number], expected);
                open -= usize::from(member.ended);
            }
        }
    }
    members
}

impl Member {
    fn read(&mut self, buffer: &mut [u8], position: &AtomicUsize, expected: &[u8]) {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => {
                    self.ended = true;
                    return;
                }
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => {
                    self.ended = true;
                    return;
                }
            };
            let start = position.load(Ordering::Relaxed);
            let due = count.min(expected.len() - start);
            assert!(
                buffer[..due] == expected[start..start + due],
                "client {} got something else than what follows byte {start}: {:?}",
                self.number,
                String::from_utf8_lossy(&buffer[..due.min(200)])
            );
            self.rest.extend_from_slice(&buffer[due..count]);
            position.store(start + due, Ordering::Release);
        }
    }
}
