//! The thread that owns the clients' sockets.

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use socket2::{Domain, Socket, Type};

use super::client::{CARRY_BYTES_MAX, Client, State};
use super::latency::Latencies;
use super::progress::Milestones;
use super::{ClientPlan, Outcome, PHASES, Phase, Plan, Shared};
use crate::record::now_ns;

/// Bytes read at once. One buffer serves all clients.
const READ_BYTES: usize = 256 * 1024;

/// Clients taken from epoll at once.
const EVENTS_MAX: usize = 1024;

/// How often the thread looks whether it is to stop.
const LOOK_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// Connections opened before those that are open get their turn.
const CONNECTS_PER_TURN_MAX: usize = 32;

/// How often one client may be turned away before the run fails.
const RETRIES_MAX: u64 = 100_000;

/// Receive buffer of a client that does not read, in bytes: the less the kernel takes for it, the sooner
/// it is the server's.
const UNREAD_BUFFER_BYTES: usize = 4096;

/// The clients after the end.
pub(super) struct Clients {
    clients: Vec<Option<Client>>,
    plans: Vec<ClientPlan>,
    message_events: u64,
    latencies: [Latencies; PHASES],
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} clients", self.clients.len())
    }
}

impl Clients {
    pub(super) fn outcome(self, last_seq: u64) -> Outcome {
        let mut outcome = Outcome { received_min: u64::MAX, ..Outcome::default() };
        for (client, _) in self.clients.iter().flatten().zip(&self.plans).filter(|(_, plan)| plan.reads) {
            outcome.lost += client.lost_of(last_seq, self.message_events);
            outcome.duplicated += client.duplicated * self.message_events;
            outcome.strange += client.strange;
            outcome.cut += u64::from(client.state == State::Over);
            outcome.received_min = outcome.received_min.min(client.received * self.message_events);
        }
        for phase in Phase::ALL {
            outcome.latencies[phase.index()].append(&self.latencies[phase.index()]);
        }
        outcome
    }
}

/// Runs until it is told to stop, then cuts all connections.
pub(super) fn run(plan: &Plan, shared: &Shared) -> Result<Clients> {
    let mut thread = Thread {
        plan,
        shared,
        epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        clients: std::iter::repeat_with(|| None).take(plan.clients.len()).collect(),
        to_connect: (0..plan.clients.len()).rev().collect(),
        handshaking: 0,
        milestones: Milestones::new(plan.clients.iter().filter(|client| client.reads).count()),
        latencies: Default::default(),
        buffer: vec![0; CARRY_BYTES_MAX + READ_BYTES].into(),
    };
    thread.serve()?;
    let Thread { clients, latencies, .. } = thread;
    Ok(Clients { clients, plans: plan.clients.clone(), message_events: plan.message_events, latencies })
}

struct Thread<'a> {
    plan: &'a Plan,
    shared: &'a Shared,
    epoll: OwnedFd,
    clients: Vec<Option<Client>>,
    to_connect: Vec<usize>,
    handshaking: usize,
    milestones: Milestones,
    latencies: [Latencies; PHASES],
    buffer: Box<[u8]>,
}

impl Thread<'_> {
    fn serve(&mut self) -> Result<()> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        while !self.shared.stop.load(Ordering::Acquire) {
            self.connect_some()?;
            let timeout = if self.may_connect() { Timespec { tv_sec: 0, tv_nsec: 0 } } else { LOOK_INTERVAL };
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error).context("the clients cannot wait"),
            }
            let (mut received, mut reads) = (0, 0);
            let phase = self.shared.phase.load(Ordering::Acquire);
            for event in events.drain(..) {
                let index = usize::try_from(event.data.u64())?;
                let messages = self.on_readable(index, phase)?;
                received += messages * self.plan.message_events;
                reads += u64::from(messages > 0);
            }
            if received > 0 {
                self.shared.reads.fetch_add(reads, Ordering::Release);
                self.shared.received.fetch_add(received, Ordering::Release);
            }
            self.milestones.publish(&self.shared.progress);
        }
        Ok(())
    }

    fn may_connect(&self) -> bool {
        !self.to_connect.is_empty() && self.handshaking < self.plan.handshakes_max
    }

    fn connect_some(&mut self) -> Result<()> {
        for _ in 0..CONNECTS_PER_TURN_MAX {
            if !self.may_connect() {
                break;
            }
            let Some(index) = self.to_connect.pop() else { break };
            let plan = &self.plan.clients[index];
            let opened = connect(self.plan.address, plan.reads)
                .and_then(|stream| Client::open(stream, &plan.target, plan.first_seq, plan.step));
            match opened {
                Ok(client) => {
                    let data = epoll::EventData::new_u64(index as u64);
                    epoll::add(&self.epoll, &client.stream, data, epoll::EventFlags::IN)?;
                    self.clients[index] = Some(client);
                    self.handshaking += 1;
                }
                Err(error) => self.retry(index, &error)?,
            }
        }
        Ok(())
    }

    fn retry(&mut self, index: usize, error: &io::Error) -> Result<()> {
        if self.shared.retried.fetch_add(1, Ordering::Relaxed) >= RETRIES_MAX {
            bail!("a client cannot connect: {error}");
        }
        self.to_connect.push(index);
        Ok(())
    }

    /// Reads once; returns the messages that became complete.
    fn on_readable(&mut self, index: usize, phase: usize) -> Result<u64> {
        let Some(client) = &mut self.clients[index] else { return Ok(0) };
        if client.state == State::Handshaking {
            match client.read_answer() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
                Err(error) => {
                    self.handshaking -= 1;
                    self.clients[index] = None;
                    self.retry(index, &error)?;
                    return Ok(0);
                }
                Ok(()) if client.state == State::Handshaking => return Ok(0),
                Ok(()) => self.opened(index)?,
            }
            return Ok(self.take(index, phase, 0));
        }
        let read = (&client.stream).read(&mut self.buffer[CARRY_BYTES_MAX..]);
        match read {
            Ok(0) => client.state = State::Over,
            Ok(read) => return Ok(self.take(index, phase, read)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => client.state = State::Over,
        }
        self.forget_if_over(index);
        Ok(0)
    }

    fn opened(&mut self, index: usize) -> Result<()> {
        self.handshaking -= 1;
        if let Some(client) = &self.clients[index]
            && !self.plan.clients[index].reads
        {
            epoll::delete(&self.epoll, &client.stream)?;
        }
        self.shared.connected.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Gives the client what it had carried over and the `read` bytes in the buffer.
    fn take(&mut self, index: usize, phase: usize, read: usize) -> u64 {
        let Some(client) = &mut self.clients[index] else { return 0 };
        // What came with the handshake's answer may be more than is carried over otherwise.
        let whole: Vec<u8>;
        let bytes = if client.carry.len() <= CARRY_BYTES_MAX {
            let start = CARRY_BYTES_MAX - client.carry.len();
            self.buffer[start..CARRY_BYTES_MAX].copy_from_slice(&client.carry);
            &self.buffer[start..CARRY_BYTES_MAX + read]
        } else {
            whole = [&client.carry, &self.buffer[CARRY_BYTES_MAX..CARRY_BYTES_MAX + read]].concat();
            &whole
        };
        let latencies = &mut self.latencies[phase];
        let layout = &self.plan.layout;
        let mut now = None;
        let messages = client.take(bytes, layout, |message| {
            if phase != Phase::WarmUp.index()
                && latencies.is_due()
                && let Some(sent) = layout.sent(message)
            {
                let now = *now.get_or_insert_with(now_ns);
                latencies.add(now.saturating_sub(sent));
            }
        });
        client.received += messages;
        if self.plan.clients[index].reads {
            client.next_milestone = self.milestones.pass(client.next_milestone, client.has());
        }
        self.forget_if_over(index);
        messages
    }

    /// Stops watching a client that was cut.
    fn forget_if_over(&mut self, index: usize) {
        let Some(client) = &self.clients[index] else { return };
        if client.state == State::Over && self.plan.clients[index].reads {
            self.milestones.leave(client.next_milestone);
            self.shared.cut.fetch_add(1, Ordering::Release);
            if let Err(error) = epoll::delete(&self.epoll, &client.stream) {
                crate::say(&format!("cannot stop watching a client: {error}"));
            }
        }
    }
}

fn connect(address: SocketAddr, reads: bool) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if !reads {
        socket.set_recv_buffer_size(UNREAD_BUFFER_BYTES)?;
    }
    socket.connect_timeout(&address.into(), Duration::from_secs(10))?;
    socket.set_nonblocking(false)?;
    Ok(socket.into())
}
