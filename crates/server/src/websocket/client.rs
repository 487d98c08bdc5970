//! One client's socket and session: reading, writing, and the time limits it is bound by.

use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use fluentcast_broadcast::close::CloseReason;
use fluentcast_broadcast::encode::Protocol;
use fluentcast_broadcast::session::Session;
use fluentcast_config::settings::SlowClient;
use fluentcast_event::limits::{
    BYTES_PER_TURN_MAX, BYTES_PER_WRITE_MAX, CLOSE_TIMEOUT, EXPIRY_LOOK_INTERVAL, READS_PER_TURN_MAX,
    REPLAY_BYTES_PER_TURN_MAX, SLICES_PER_WRITE_MAX,
};

use super::resubscribe::Resubscriber;
use super::socket::{Socket, Written};
use super::worker::{ClientLimits, ConnectedGuard, NewClient};
use crate::metrics::Metrics;

/// A connected client. What a sweep looks at lies together, at the session's end and behind it.
#[repr(C)]
pub(super) struct Client {
    pub(super) peer: SocketAddr,
    resubscriber: Option<Box<Resubscriber>>,
    liveness: Liveness,
    /// It sent something then, or took what had filled its socket.
    last_sign: Instant,
    /// Set when closing begins: the connection ends then, whatever the client does.
    close_by: Option<Instant>,
    /// When its token is worth nothing any more, and when the clock is asked about that next.
    expires: Option<(SystemTime, Instant)>,
    _counted: ConnectedGuard,
    pub(super) session: Session,
    pub(super) socket: Socket,
    /// The socket was full at the last write; epoll says when there is room.
    pub(super) blocked: bool,
    /// All is said and the write side shut: what still comes is read and dropped until the client has
    /// seen the close frame, as a reset might take the frame from it.
    lingering: bool,
    limits: ClientLimits,
}

/// Where the client stands with its pings.
#[derive(Clone, Copy, Debug)]
enum Liveness {
    /// The next ping goes out then; `None`: there are no pings.
    PingAt(Option<Instant>),
    /// A ping went out; a sign of life is due.
    Asked { since: Instant },
}

/// How a turn of a client ended. What matters more is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// Nothing more to do until something happens.
    Rest,
    /// There is more to do; others come first.
    More,
    /// The connection is over.
    Over,
}

impl Client {
    pub(super) fn new(new: NewClient, now: Instant) -> Self {
        let ping = new.limits.ping_interval;
        Self {
            socket: Socket::new(new.stream, new.tls),
            peer: new.peer,
            session: new.session,
            resubscriber: new.resubscriber,
            limits: new.limits,
            blocked: false,
            liveness: Liveness::PingAt((!ping.is_zero()).then(|| now + ping)),
            last_sign: now,
            close_by: None,
            lingering: false,
            expires: new.expires.map(|at| (at, now)),
            _counted: new.counted,
        }
    }

    /// Reads what a sweep will want to know, and forgets it: while the client before is written to, it comes
    /// from memory. With thousands of clients nothing of them is in a cache otherwise.
    pub(super) fn fetch(&self) {
        std::hint::black_box((self.blocked, self.session.closing(), self.session.is_live()));
    }

    /// Whether it is further behind than it may be, in a log that ends at `log_end`.
    pub(super) fn lags(&self, log_end: u64) -> bool {
        self.session.lags(log_end, self.limits.lag_bytes_max)
    }

    /// Begins to close without sending what is left for the client; counts that and returns it.
    pub(super) fn give_up(&mut self, reason: CloseReason, metrics: &Metrics) -> u64 {
        let dropped = self.session.close(reason);
        metrics.websocket_dropped_bytes.inc_by(dropped);
        dropped
    }

    /// It is further behind than it may be: does what its output wants done with slow clients.
    pub(super) fn on_lag(&mut self, now: Instant, metrics: &Metrics) {
        if self.limits.slow_client == SlowClient::Disconnect {
            self.give_up(CloseReason::Lagging, metrics);
            metrics.websocket_clients_lagging.inc();
            tracing::info!(peer = %self.peer, "client closed: further behind than client_lag_limit");
            return;
        }
        let skipped = self.session.skip();
        metrics.websocket_events_skipped.inc_by(skipped.events);
        metrics.websocket_dropped_bytes.inc_by(skipped.bytes);
        if self.limits.slow_client == SlowClient::Sample
            && let Some(resubscriber) = &mut self.resubscriber
        {
            resubscriber.thin(&mut self.session, skipped, now);
        }
    }

    /// There is room in its socket.
    pub(super) fn on_room(&mut self, now: Instant) {
        if std::mem::take(&mut self.blocked) {
            // Its side has acknowledged bytes: a ping behind megabytes may take its time.
            self.last_sign = now;
        }
    }

    /// Writes what the session has to say, until there is nothing more, the socket is full, or others
    /// deserve a turn. Adds the bytes to `written`.
    pub(super) fn write(&mut self, written: &mut u64) -> Turn {
        let mut this_turn = 0;
        self.blocked = false;
        if let Err(error) = self.socket.flush() {
            return self.no_room(&error);
        }
        while !self.lingering {
            let mut slices = [IoSlice::new(&[]); SLICES_PER_WRITE_MAX];
            let past = self.session.is_in_the_past();
            let bytes_max = if past { REPLAY_BYTES_PER_TURN_MAX } else { BYTES_PER_WRITE_MAX };
            let used = self.session.gather(&mut slices, bytes_max);
            let slices = &slices[..used];
            let offered: usize = slices.iter().map(|slice| slice.len()).sum();
            if offered == 0 {
                break;
            }
            match self.socket.write(slices) {
                Ok(Written { taken, full }) => {
                    self.session.written(taken);
                    *written += taken as u64;
                    this_turn += taken;
                    if full {
                        self.blocked = true;
                        return Turn::Rest;
                    }
                    if past || this_turn >= BYTES_PER_TURN_MAX {
                        return Turn::More;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return self.no_room(&error),
            }
        }
        self.turn_when_finished()
    }

    /// Waits for room in the socket, or finds that it is gone.
    fn no_room(&mut self, error: &io::Error) -> Turn {
        if error.kind() == ErrorKind::WouldBlock {
            self.blocked = true;
            return Turn::Rest;
        }
        self.session.close(CloseReason::Lost);
        Turn::Over
    }

    fn turn_when_finished(&mut self) -> Turn {
        if !self.session.is_finished() {
            return Turn::Rest;
        }
        if let Err(error) = self.socket.say_end() {
            return self.no_room(&error);
        }
        let at_fault = matches!(
            self.session.closing(),
            Some(
                CloseReason::Protocol(_)
                    | CloseReason::InvalidUtf8
                    | CloseReason::InvalidDeflate
                    | CloseReason::TooBig
                    | CloseReason::Flooding
            )
        );
        if !at_fault {
            return Turn::Over;
        }
        if !self.lingering {
            self.lingering = true;
            if self.socket.shutdown_write().is_err() {
                return Turn::Over;
            }
        }
        Turn::Rest
    }

    /// Reads what the client has sent.
    pub(super) fn read(&mut self, buffer: &mut [u8], now: Instant) -> Turn {
        for _ in 0..READS_PER_TURN_MAX {
            match self.socket.read(buffer) {
                Ok(0) => {
                    self.session.close(CloseReason::Lost);
                    return Turn::Over;
                }
                Ok(_) if self.lingering => {}
                Ok(read) => self.received(&mut buffer[..read], now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Turn::Rest,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.session.close(CloseReason::Lost);
                    return Turn::Over;
                }
            }
        }
        Turn::More
    }

    /// Takes bytes the client has sent. What a classic client says means nothing.
    pub(super) fn received(&mut self, bytes: &mut [u8], now: Instant) {
        self.last_sign = now;
        let Self { session, resubscriber, .. } = self;
        let may_ask = session.shape().protocol == Protocol::Resumable;
        let Some(resubscriber) = resubscriber.as_mut().filter(|_| may_ask) else {
            return session.received(bytes, |_, _, _, _| {});
        };
        session.received(bytes, |_, part, last, _| resubscriber.hear(part, last));
        resubscriber.answer(session);
        if session.is_flooding() {
            session.close(CloseReason::Flooding);
        }
    }

    /// When [`Client::on_deadline`] wants to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let raise = self.resubscriber.as_ref().and_then(|resubscriber| resubscriber.deadline());
        let look = self.expires.map(|(_, look)| look);
        let liveness = match self.liveness {
            Liveness::PingAt(at) => at,
            Liveness::Asked { since } => Some(since + self.limits.ping_timeout),
        };
        self.close_by.or_else(|| liveness.into_iter().chain(raise).chain(look).min())
    }

    /// Whether closing has begun since the last call; if so, its end is set.
    pub(super) fn start_closing(&mut self, now: Instant) -> bool {
        let begins = self.close_by.is_none() && self.session.closing().is_some();
        if begins {
            self.close_by = Some(now + CLOSE_TIMEOUT);
        }
        begins
    }

    /// Does what time demands: pings, gives up on who does not answer, ends a close that takes too
    /// long.
    pub(super) fn on_deadline(&mut self, now: Instant, metrics: &Metrics) -> Turn {
        if self.deadline().is_none_or(|at| at > now) {
            return Turn::Rest;
        }
        if self.close_by.is_some() {
            return Turn::Over;
        }
        if let Some((at, look)) = self.expires.filter(|(_, look)| *look <= now) {
            return self.on_expiry_look(at, look, metrics);
        }
        if let Some(resubscriber) = &mut self.resubscriber
            && resubscriber.deadline().is_some_and(|at| at <= now)
        {
            resubscriber.raise(&mut self.session, now);
            return Turn::More;
        }
        if let Liveness::Asked { since } = self.liveness {
            if self.last_sign < since {
                self.give_up(CloseReason::PongTimeout, metrics);
                return Turn::Over;
            }
            let next = (since + self.limits.ping_interval).max(now);
            self.liveness = Liveness::PingAt(Some(next));
            if next > now {
                return Turn::Rest;
            }
        }
        self.session.ping();
        self.liveness = if self.session.shape().protocol.is_websocket() {
            Liveness::Asked { since: now }
        } else {
            Liveness::PingAt(Some(now + self.limits.ping_interval))
        };
        Turn::More
    }
}

impl Client {
    /// Looks at the clock, which may have been set, whether its token is still worth something.
    fn on_expiry_look(&mut self, at: SystemTime, look: Instant, metrics: &Metrics) -> Turn {
        match at.duration_since(SystemTime::now()) {
            Ok(left) if !left.is_zero() => {
                self.expires = Some((at, look + left.min(EXPIRY_LOOK_INTERVAL)));
                Turn::Rest
            }
            _ => {
                self.give_up(CloseReason::Expired, metrics);
                tracing::info!(peer = %self.peer, "client closed: its token has expired");
                Turn::More
            }
        }
    }
}
