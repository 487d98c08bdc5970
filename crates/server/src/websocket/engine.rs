//! What one worker thread does.
//!
//! It waits in one place (epoll) for three things: its inbox (through a waker), bytes from clients,
//! room in their sockets. It never blocks on a client, never allocates per event, and writes to a
//! client only what the client's session says.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use fluentcast_broadcast::close::CloseReason;
use fluentcast_broadcast::view::{View, ViewId, Worker};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::client::{Client, Turn};
use super::deadlines::{ClientKey, Deadlines};
use super::worker::{Command, Inbox, NewClient, WAKER};
use crate::metrics::Metrics;

/// Bytes read from a client at once. Clients of the classic stream have little to say; one buffer
/// serves all clients of a worker.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// Events taken from epoll at once.
const POLL_EVENTS_MAX: usize = 1024;

/// Clients named in the log when they are cut at the drain deadline.
const LAGGARDS_NAMED_MAX: usize = 10;

/// One worker thread's state.
pub(super) struct Engine {
    worker: Worker,
    poll: Poll,
    inboxes: Arc<[Inbox]>,
    metrics: Arc<Metrics>,
    clients: Slab<Slot>,
    /// The slots of each view's clients here.
    views: HashMap<ViewId, Vec<usize>>,
    /// Clients whose turn ended before they were done.
    unfinished: Vec<ClientKey>,
    deadlines: Deadlines,
    buffer: Box<[u8]>,
    /// Set while draining.
    drain_by: Option<Instant>,
    next_generation: u64,
}

struct Slot {
    client: Client,
    generation: u64,
    /// The client's view, and its index among the view's members here.
    membership: Option<(ViewId, usize)>,
}

impl Engine {
    pub(super) fn new(worker: Worker, poll: Poll, inboxes: Arc<[Inbox]>, metrics: Arc<Metrics>) -> Self {
        Self {
            worker,
            poll,
            inboxes,
            metrics,
            clients: Slab::new(),
            views: HashMap::new(),
            unfinished: Vec::new(),
            deadlines: Deadlines::default(),
            buffer: vec![0; READ_BUFFER_BYTES].into(),
            drain_by: None,
            next_generation: 0,
        }
    }

    /// Runs until it is drained.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(POLL_EVENTS_MAX);
        loop {
            let now = Instant::now();
            if self.is_drained(now) {
                return;
            }
            let timeout = self.next_look().map(|at| at.saturating_duration_since(now));
            let timeout = if self.unfinished.is_empty() { timeout } else { Some(std::time::Duration::ZERO) };
            if let Err(error) = self.poll.poll(&mut events, timeout)
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "a websocket worker cannot wait for events any more");
                return;
            }
            let now = Instant::now();
            for event in &events {
                if event.token() == WAKER {
                    self.take_commands(now);
                } else {
                    self.on_socket(event, now);
                }
            }
            for key in std::mem::take(&mut self.unfinished) {
                if self.slot(key).is_some() {
                    self.take_turn(key.slot, now, true);
                }
            }
            while let Some(key) = self.deadlines.pop_passed(now) {
                self.on_deadline(key, now);
            }
        }
    }

    fn next_look(&self) -> Option<Instant> {
        self.deadlines.next().into_iter().chain(self.drain_by).min()
    }

    fn slot(&mut self, key: ClientKey) -> Option<&mut Slot> {
        self.clients.get_mut(key.slot).filter(|slot| slot.generation == key.generation)
    }

    fn take_commands(&mut self, now: Instant) {
        for command in self.inboxes[self.worker.0].take() {
            match command {
                Command::Join(client) => self.join(*client, now),
                Command::News(view) => self.sweep(&view, now),
                Command::Drain(deadline) => self.drain(deadline, now),
            }
        }
    }

    fn join(&mut self, mut new: NewClient, now: Instant) {
        let mut read_already = std::mem::take(&mut new.read_already);
        let mut client = Client::new(new, now);
        let slot = self.clients.vacant_entry().key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut client.stream, Token(slot), interest) {
            tracing::warn!(%error, peer = %client.peer, "cannot watch a client's socket; it is closed");
            return;
        }
        let membership = client.session.subscription().map(|subscription| {
            let members = self.views.entry(subscription.view().id()).or_default();
            members.push(slot);
            (subscription.view().id(), members.len() - 1)
        });
        let generation = self.next_generation;
        self.next_generation += 1;
        if let Some(at) = client.deadline() {
            self.deadlines.add(at, ClientKey { slot, generation });
        }
        tracing::debug!(peer = %client.peer, "websocket client connected");
        client.received(&mut read_already, now);
        if self.drain_by.is_some() {
            client.session.close_at_end(CloseReason::GoingAway);
        }
        self.clients.insert(Slot { client, generation, membership });
        self.take_turn(slot, now, true);
    }

    /// Offers what is new in a view to each of its clients here.
    fn sweep(&mut self, view: &Arc<View>, now: Instant) {
        let end = view.start_sweep(self.worker);
        let slots = self.views.get_mut(&view.id()).map(std::mem::take).unwrap_or_default();
        let mut written = 0;
        let mut attention = Vec::new();
        for &slot in &slots {
            let client = &mut self.clients[slot].client;
            let turn = if client.blocked { Turn::Rest } else { client.write(&mut written) };
            if client.lags(end) {
                let dropped = client.session.close(CloseReason::Lagging);
                self.metrics.websocket_clients_lagging.inc();
                self.metrics.websocket_dropped_bytes.inc_by(dropped);
                tracing::info!(peer = %client.peer, "websocket client closed: further behind than client_lag_limit");
            }
            if turn != Turn::Rest || client.session.closing().is_some() {
                attention.push((slot, turn));
            }
        }
        if let Some(members) = self.views.get_mut(&view.id()) {
            *members = slots;
        }
        self.metrics.websocket_sent_bytes.inc_by(written);
        view.finish_sweep(self.worker, end);
        for (slot, turn) in attention {
            self.after_turn(slot, turn, now);
        }
    }

    fn on_socket(&mut self, event: &mio::event::Event, now: Instant) {
        let slot = event.token().0;
        if !self.clients.contains(slot) {
            return;
        }
        if event.is_writable() {
            self.clients[slot].client.blocked = false;
        }
        let readable = event.is_readable() || event.is_read_closed() || event.is_error();
        self.take_turn(slot, now, readable);
    }

    /// Reads if there may be something, and writes if there is room.
    fn take_turn(&mut self, slot: usize, now: Instant, readable: bool) {
        let client = &mut self.clients[slot].client;
        let read = if readable { client.read(&mut self.buffer, now) } else { Turn::Rest };
        let mut written = 0;
        let wrote = match read {
            Turn::Over => Turn::Over,
            _ if client.blocked => Turn::Rest,
            _ => client.write(&mut written),
        };
        self.metrics.websocket_sent_bytes.inc_by(written);
        let turn = if read == Turn::More && wrote == Turn::Rest { Turn::More } else { wrote };
        self.after_turn(slot, turn, now);
    }

    /// Books what a turn led to.
    fn after_turn(&mut self, slot: usize, turn: Turn, now: Instant) {
        let Slot { client, generation, .. } = &mut self.clients[slot];
        let key = ClientKey { slot, generation: *generation };
        let closing_by = client.start_closing(now);
        let is_closing = client.session.closing().is_some();
        if is_closing {
            self.leave_view(slot);
        }
        match turn {
            Turn::Over => return self.end(slot),
            Turn::More => self.unfinished.push(key),
            // The close frame may go out at once.
            Turn::Rest if closing_by.is_some() => self.unfinished.push(key),
            Turn::Rest => {}
        }
        if let Some(at) = closing_by {
            self.deadlines.add(at, key);
        }
    }

    fn on_deadline(&mut self, key: ClientKey, now: Instant) {
        let Some(slot) = self.slot(key) else { return };
        let turn = slot.client.on_deadline(now);
        let next = slot.client.deadline().filter(|at| *at > now);
        match turn {
            Turn::Over => self.after_turn(key.slot, Turn::Over, now),
            Turn::More => self.take_turn(key.slot, now, false),
            Turn::Rest => {}
        }
        // A client that is being closed has its own entry already.
        if let Some(at) = next
            && self.slot(key).is_some_and(|slot| slot.client.session.closing().is_none())
        {
            self.deadlines.add(at, key);
        }
    }

    /// Takes the client off its view's members here. Its place in the hub went with its subscription.
    fn leave_view(&mut self, slot: usize) {
        let Some((view, index)) = self.clients[slot].membership.take() else { return };
        let Some(members) = self.views.get_mut(&view) else { return };
        members.swap_remove(index);
        if let Some(moved) = members.get(index)
            && let Some((_, its_index)) = &mut self.clients[*moved].membership
        {
            *its_index = index;
        }
        if members.is_empty() {
            self.views.remove(&view);
        }
    }

    /// Ends the connection.
    fn end(&mut self, slot: usize) {
        self.leave_view(slot);
        let Slot { mut client, .. } = self.clients.remove(slot);
        let reason = client.session.closing().unwrap_or(CloseReason::Lost);
        match reason {
            CloseReason::PongTimeout => self.metrics.websocket_clients_timed_out.inc(),
            CloseReason::Protocol(_) | CloseReason::InvalidUtf8 | CloseReason::TooBig => {
                self.metrics.websocket_clients_violating.inc()
            }
            CloseReason::ClosedByClient(_) | CloseReason::Lost => self.metrics.websocket_clients_left.inc(),
            // Counted when it was decided.
            CloseReason::Lagging => 0,
            CloseReason::GoingAway => 0,
        };
        tracing::debug!(peer = %client.peer, ?reason, "websocket client gone");
        if let Err(error) = self.poll.registry().deregister(&mut client.stream) {
            tracing::debug!(%error, "cannot stop watching a client's socket");
        }
    }

    /// Begins to end: everybody is sent what is still to come, then closed with 1001.
    fn drain(&mut self, deadline: Instant, now: Instant) {
        self.drain_by = Some(deadline);
        let views: Vec<_> = self
            .clients
            .iter()
            .filter_map(|(_, slot)| {
                slot.client.session.subscription().map(|subscription| Arc::clone(subscription.view()))
            })
            .collect();
        for view in views {
            self.sweep(&view, now);
        }
        let slots: Vec<_> = self.clients.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.clients[slot].client.session.close_at_end(CloseReason::GoingAway);
            self.take_turn(slot, now, false);
        }
    }

    /// Whether draining is over. At the deadline whoever is left is named and cut.
    fn is_drained(&mut self, now: Instant) -> bool {
        let Some(deadline) = self.drain_by else { return false };
        if self.clients.is_empty() {
            return true;
        }
        if now < deadline {
            return false;
        }
        let (mut named, mut dropped) = (Vec::new(), 0);
        for (_, slot) in &mut self.clients {
            if named.len() < LAGGARDS_NAMED_MAX {
                named.push(slot.client.peer.to_string());
            }
            dropped += slot.client.session.close(CloseReason::GoingAway);
        }
        self.metrics.websocket_dropped_bytes.inc_by(dropped);
        tracing::warn!(
            clients = self.clients.len(),
            bytes = dropped,
            peers = named.join(" "),
            "stopped before these websocket clients had read everything"
        );
        true
    }
}
