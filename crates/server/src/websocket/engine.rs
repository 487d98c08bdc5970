//! What one worker thread does.
//!
//! It waits in one place (epoll) for three things: its inbox (through a waker), bytes from clients,
//! room in their sockets. It never blocks on a client, never allocates per event, and writes to a
//! client only what the client's session says.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fluentcast_broadcast::close::CloseReason;
use fluentcast_broadcast::view::{View, ViewId, Worker};
use fluentcast_event::limits::{
    CLIENT_READ_BUFFER_BYTES, GATHER_PART, GATHER_TIME_MAX, GATHER_TIME_MIN, LAGGARDS_NAMED_MAX,
    POLL_EVENTS_MAX, UNTOLD_WAIT,
};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::client::{Client, Turn};
use super::deadlines::Deadlines;
use super::later::{Later, Schedule};
use super::replayer::Replayer;
use super::worker::{ClientId, Command, Inbox, NewClient, WAKER};
use crate::metrics::Metrics;

/// One worker thread's state.
pub(super) struct Engine {
    worker: Worker,
    poll: Poll,
    inboxes: Arc<[Inbox]>,
    replayer: Replayer,
    metrics: Arc<Metrics>,
    /// Taken from the inbox and not yet done.
    commands: VecDeque<Command>,
    /// Boxed, so that what clients needed is given back one by one.
    clients: Slab<Box<Slot>>,
    /// The slots of each view's clients here.
    members: HashMap<ViewId, Vec<usize>>,
    /// Clients whose turn ended before they were done.
    unfinished: Vec<usize>,
    deadlines: Deadlines,
    /// What is to be done with views at a later time.
    schedule: Schedule,
    /// Clients there were.
    numbered: u64,
    /// News before this waits to become more.
    gather_until: Option<Instant>,
    buffer: Box<[u8]>,
    /// Set while draining.
    drain_by: Option<Instant>,
}

/// A slot may get a new client while an event or a turn of the old one is still to come: that costs the
/// new one a turn it did not need. Only what comes back for one client looks at the number.
struct Slot {
    client: Client,
    number: u64,
    /// Among the unfinished.
    queued: bool,
    /// The client's view, and its index among the view's members here.
    membership: Option<(ViewId, usize)>,
}

impl Engine {
    pub(super) fn new(
        worker: Worker,
        poll: Poll,
        inboxes: Arc<[Inbox]>,
        replayer: Replayer,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            worker,
            poll,
            inboxes,
            replayer,
            metrics,
            commands: VecDeque::new(),
            clients: Slab::new(),
            members: HashMap::new(),
            unfinished: Vec::new(),
            deadlines: Deadlines::default(),
            schedule: Schedule::default(),
            numbered: 0,
            gather_until: None,
            buffer: vec![0; CLIENT_READ_BUFFER_BYTES].into(),
            drain_by: None,
        }
    }

    /// Runs until it is drained. A panic is a bug of ours: it costs the clients here their connection, and
    /// nobody else anything.
    pub(super) fn run(mut self) {
        let inboxes = Arc::clone(&self.inboxes);
        let inbox = &inboxes[self.worker.0];
        while std::panic::catch_unwind(AssertUnwindSafe(|| self.work())).is_err() {
            tracing::error!(clients = self.clients.len(), "a websocket worker panicked; its clients are cut");
            self.metrics.websocket_clients_left.inc_by(self.clients.len() as u64);
            let Self { worker, poll, inboxes, replayer, metrics, commands, drain_by, numbered, .. } = self;
            let fresh = Self::new(worker, poll, inboxes, replayer, metrics);
            self = Self { commands, drain_by, numbered, ..fresh };
        }
        // First its own clients, or a publisher would find them and no worker.
        drop(self);
        inbox.close();
    }

    fn work(&mut self) {
        let mut events = Events::with_capacity(POLL_EVENTS_MAX);
        self.take_commands();
        self.do_commands(Instant::now());
        loop {
            let now = Instant::now();
            if self.is_drained(now) {
                return;
            }
            let timeout = self.next_look().map(|at| at.saturating_duration_since(now));
            let timeout = if self.unfinished.is_empty() { timeout } else { Some(Duration::ZERO) };
            if let Err(error) = self.poll.poll(&mut events, timeout)
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "a websocket worker cannot wait for events any more");
                return;
            }
            let mut now = Instant::now();
            for event in &events {
                if event.token() == WAKER {
                    now = self.gather(now);
                    self.do_commands(now);
                } else {
                    self.on_socket(event, now);
                }
            }
            for slot in std::mem::take(&mut self.unfinished) {
                if let Some(client) = self.clients.get_mut(slot) {
                    client.queued = false;
                    self.take_turn(slot, now, true);
                }
            }
            while let Some(slot) = self.deadlines.pop_passed(now) {
                self.on_deadline(slot, now);
            }
            while let Some((view, what)) = self.schedule.pop_passed(now) {
                match what {
                    Later::Sweep => self.sweep(&view, now),
                    Later::Tell => {
                        view.tell();
                        self.sweep(&view, now);
                    }
                }
            }
        }
    }

    /// Takes what came. News on the heels of other news is given a moment to become more; returns when that
    /// is over. Whatever else came does not wait, and nobody waits for it: live events may come meanwhile.
    fn gather(&mut self, now: Instant) -> Instant {
        self.take_commands();
        let rest = self.gather_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        if rest.is_zero() || !self.commands.iter().any(|command| matches!(command, Command::News(_))) {
            return now;
        }
        std::thread::sleep(rest);
        self.take_commands();
        Instant::now()
    }

    fn next_look(&self) -> Option<Instant> {
        self.deadlines.next().into_iter().chain(self.schedule.next()).chain(self.drain_by).min()
    }

    fn take_commands(&mut self) {
        self.commands.extend(self.inboxes[self.worker.0].take());
    }

    fn do_commands(&mut self, now: Instant) {
        while let Some(command) = self.commands.pop_front() {
            match command {
                Command::Join(client) => self.join(*client, now),
                Command::News(views) => {
                    let begun = Instant::now();
                    views.iter().for_each(|view| self.on_news(view, now));
                    let done = Instant::now();
                    let part = done.duration_since(begun) / GATHER_PART;
                    self.gather_until = Some(done + part.clamp(GATHER_TIME_MIN, GATHER_TIME_MAX));
                }
                Command::Replayed(id, mut replay, _on_its_way) if self.is_there(id) => {
                    self.metrics.websocket_filters_given_up.inc_by(replay.take_given_up());
                    self.clients[id.slot].client.session.replayed(replay);
                    // Its turn comes behind the live news that may be among the commands.
                    self.queue(id.slot);
                }
                Command::Fail(id) if self.is_there(id) => {
                    self.clients[id.slot].client.give_up(CloseReason::Failed, &self.metrics);
                    self.take_turn(id.slot, now, false);
                }
                Command::Replayed(..) | Command::Fail(_) => {}
                Command::Drain(deadline) => self.drain(deadline, now),
            }
        }
    }

    fn join(&mut self, mut new: NewClient, now: Instant) {
        let mut read_already = std::mem::take(&mut new.read_already);
        let mut client = Client::new(new, now);
        let slot = self.clients.vacant_entry().key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(client.socket.tcp(), Token(slot), interest) {
            tracing::warn!(%error, peer = %client.peer, "cannot watch a client's socket; it is closed");
            return;
        }
        tracing::debug!(peer = %client.peer, "websocket client connected");
        client.received(&mut read_already, now);
        if self.drain_by.is_some() {
            client.session.close_at_end(CloseReason::GoingAway);
        }
        self.numbered += 1;
        let slot_of_it = Slot { client, number: self.numbered, queued: false, membership: None };
        self.clients.insert(Box::new(slot_of_it));
        self.take_turn(slot, now, true);
    }

    fn is_there(&self, id: ClientId) -> bool {
        self.clients.get(id.slot).is_some_and(|slot| slot.number == id.number)
    }

    /// A view has something new: offers it now, or when its output's `flush_interval` is over.
    fn on_news(&mut self, view: &Arc<View>, now: Instant) {
        let interval = view.flush_interval();
        if interval.is_zero() || view.is_waited_for() {
            return self.sweep(view, now);
        }
        match self.schedule.last_sweep(view.id()).map(|last| last + interval).filter(|at| *at > now) {
            None => self.sweep(view, now),
            Some(at) => self.schedule.add(view, Later::Sweep, at),
        }
    }

    /// Offers what is new in a view to each of its clients here.
    fn sweep(&mut self, view: &Arc<View>, now: Instant) {
        let end = view.start_sweep(self.worker);
        if !view.flush_interval().is_zero() {
            self.schedule.swept(view.id(), now);
        }
        if view.has_untold() {
            self.schedule.add(view, Later::Tell, now + UNTOLD_WAIT);
        }
        let mut written = 0;
        let mut attention = Vec::new();
        let members = self.members.get(&view.id()).map_or(&[][..], Vec::as_slice);
        for (index, &slot) in members.iter().enumerate() {
            if let Some(&next) = members.get(index + 1) {
                self.clients[next].client.fetch();
            }
            let client = &mut self.clients[slot].client;
            // Nobody is given up untried: the socket may have room that epoll has not told of yet.
            let skip = client.blocked && !client.lags(end);
            let turn = if skip { Turn::Rest } else { client.write(&mut written) };
            let lags = client.lags(end);
            if lags {
                client.on_lag(now, &self.metrics);
            }
            if turn != Turn::Rest || lags || client.session.closing().is_some() {
                attention.push((slot, turn));
            }
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
            self.clients[slot].client.on_room(now);
        }
        let readable = event.is_readable() || event.is_read_closed() || event.is_error();
        self.take_turn(slot, now, readable);
    }

    /// Reads if there may be something, and writes if there is room.
    fn take_turn(&mut self, slot: usize, now: Instant, readable: bool) {
        let client = &mut self.clients[slot].client;
        let read = if readable { client.read(&mut self.buffer, now) } else { Turn::Rest };
        let mut written = 0;
        // Also when it has ended its side: it may still read the answer to its close frame.
        let wrote = if client.blocked { Turn::Rest } else { client.write(&mut written) };
        self.metrics.websocket_sent_bytes.inc_by(written);
        self.after_turn(slot, read.max(wrote), now);
    }

    /// Books what a turn led to.
    fn after_turn(&mut self, slot: usize, turn: Turn, now: Instant) {
        if turn == Turn::Over {
            return self.end(slot);
        }
        let Slot { client, number, .. } = &mut *self.clients[slot];
        let closing_begins = client.start_closing(now);
        if let Some(replay) = client.session.next_step() {
            self.replayer.step(ClientId { slot, number: *number }, replay);
        }
        // A close frame that was just queued may go out at once.
        let deadline = client.deadline();
        if turn == Turn::More || closing_begins {
            self.queue(slot);
        }
        self.deadlines.set(slot, deadline);
        self.update_membership(slot);
    }

    /// Gives the client a turn when what is at hand is done.
    fn queue(&mut self, slot: usize) {
        if !std::mem::replace(&mut self.clients[slot].queued, true) {
            self.unfinished.push(slot);
        }
    }

    /// Puts the client among the members of the view that it is on now.
    fn update_membership(&mut self, slot: usize) {
        let Slot { client, membership, .. } = &*self.clients[slot];
        let view = client.session.subscription().map(|subscription| subscription.view().id());
        if membership.map(|(view, _)| view) == view {
            return;
        }
        self.leave_view(slot);
        if let Some(view) = view {
            let members = self.members.entry(view).or_default();
            members.push(slot);
            self.clients[slot].membership = Some((view, members.len() - 1));
        }
    }

    fn on_deadline(&mut self, slot: usize, now: Instant) {
        match self.clients[slot].client.on_deadline(now, &self.metrics) {
            Turn::More => self.take_turn(slot, now, false),
            turn => self.after_turn(slot, turn, now),
        }
    }

    /// Takes the client off its view's members here. Its place in the hub went with its subscription.
    fn leave_view(&mut self, slot: usize) {
        let Some((view, index)) = self.clients[slot].membership.take() else { return };
        let Some(members) = self.members.get_mut(&view) else { return };
        members.swap_remove(index);
        if let Some(moved) = members.get(index)
            && let Some((_, its_index)) = &mut self.clients[*moved].membership
        {
            *its_index = index;
        }
        if members.is_empty() {
            self.members.remove(&view);
            self.schedule.forget(view);
        }
    }

    /// Ends the connection.
    fn end(&mut self, slot: usize) {
        self.leave_view(slot);
        self.deadlines.set(slot, None);
        let Slot { mut client, .. } = *self.clients.remove(slot);
        let reason = client.session.closing().unwrap_or(CloseReason::Lost);
        match reason {
            CloseReason::PongTimeout => self.metrics.websocket_clients_timed_out.inc(),
            CloseReason::Expired => self.metrics.websocket_clients_expired.inc(),
            CloseReason::Protocol(_)
            | CloseReason::InvalidUtf8
            | CloseReason::InvalidDeflate
            | CloseReason::TooBig
            | CloseReason::Flooding => self.metrics.websocket_clients_violating.inc(),
            CloseReason::ClosedByClient(_)
            | CloseReason::Lost
            | CloseReason::Complete
            | CloseReason::Failed => self.metrics.websocket_clients_left.inc(),
            // Lag was counted when it was decided; a stop is not counted.
            CloseReason::Lagging | CloseReason::GoingAway => 0,
        };
        tracing::debug!(peer = %client.peer, ?reason, "websocket client gone");
        if let Err(error) = self.poll.registry().deregister(client.socket.tcp()) {
            tracing::debug!(%error, "cannot stop watching a client's socket");
        }
        if self.clients.is_empty() {
            self.release_tables();
        }
    }

    /// Gives back what a crowd that has gone needed: a table keeps its room, however little is in it.
    fn release_tables(&mut self) {
        self.clients = Slab::new();
        self.members = HashMap::new();
        self.unfinished = Vec::new();
        self.deadlines = Deadlines::default();
        self.commands.shrink_to_fit();
    }

    /// Begins to end: everybody is sent what is still to come, then closed with 1001. What was published
    /// before is readable: its news came first.
    fn drain(&mut self, deadline: Instant, now: Instant) {
        self.drain_by = Some(deadline);
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
            dropped += slot.client.give_up(CloseReason::GoingAway, &self.metrics);
        }
        tracing::warn!(
            clients = self.clients.len(),
            bytes = dropped,
            peers = named.join(" "),
            "stopped before these websocket clients had read everything"
        );
        true
    }
}
