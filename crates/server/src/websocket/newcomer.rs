//! A client that has a WebSocket and no token yet: it is asked for one, and sent nothing else.
//!
//! It is on no view, holds no place among the clients of its output, and nothing that it asked for in its URL has
//! been read. What it costs is a socket and one message, for a bounded time and a bounded number of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Instant, SystemTime};

use fluentcast_broadcast::close::CloseReason;
use fluentcast_broadcast::hub;
use fluentcast_broadcast::session::{Greeting, Session};
use fluentcast_broadcast::view::Worker;
use fluentcast_event::limits::AUTHENTICATE_BYTES_MAX;

use super::admit::{Entered, Refusal, Site, Wire};
use super::messages::{self, Heard, Said};
use super::query::Pairs;
use super::resubscribe::{close_reason, shortened};
use crate::metrics::Metrics;

/// Until it has presented a token.
#[derive(Debug)]
pub struct Newcomer {
    pub(super) site: Arc<Site>,
    pub(super) worker: Worker,
    pub(super) wire: Wire,
    /// What it asked for.
    pub(super) pairs: Pairs,
    /// It is closed then.
    pub(super) by: Instant,
    pub(super) metrics: Arc<Metrics>,
    pub(super) heard: Heard,
    /// Counts it among the newcomers of its output.
    pub(super) _counted: Counted,
}

/// Counts a client as one without a token, until it has presented one or is gone.
#[derive(Debug)]
pub(super) struct Counted {
    metrics: Arc<Metrics>,
    newcomers: Arc<AtomicU32>,
}

impl Counted {
    /// One more, if that stays within the limit.
    pub(super) fn admit(metrics: &Arc<Metrics>, newcomers: &Arc<AtomicU32>, limit: u32) -> Option<Self> {
        let more = |now: u32| (now < limit).then_some(now + 1);
        newcomers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()?;
        metrics.websocket_clients_unauthenticated.inc();
        Some(Self { metrics: Arc::clone(metrics), newcomers: Arc::clone(newcomers) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.newcomers.fetch_sub(1, Ordering::SeqCst);
        self.metrics.websocket_clients_unauthenticated.dec();
    }
}

/// A newcomer that has a token now, and what begins with that.
pub(super) struct Welcome {
    pub(super) entered: Entered,
    /// What it said behind its token.
    pub(super) rest: Vec<Vec<u8>>,
}

impl Newcomer {
    /// Answers the messages that have arrived; the first must be its token.
    pub(super) fn answer(&mut self, session: &mut Session) -> Option<Welcome> {
        if self.heard.longest() > AUTHENTICATE_BYTES_MAX {
            session.close(CloseReason::TooBig);
        }
        let mut messages = self.heard.take().into_iter();
        while session.closing().is_none()
            && let Some(message) = messages.next()
        {
            match self.enter(&message) {
                Ok((opening, entered)) => {
                    session.expire_in(entered.granted.seconds_left(SystemTime::now()));
                    session.begin(opening, Greeting::Hello);
                    return Some(Welcome { entered, rest: messages.collect() });
                }
                Err(Turned::Away((status, sentence))) => {
                    session.refuse(&shortened(sentence));
                    session.close(close_reason(status));
                }
                Err(Turned::Back(sentence)) => session.refuse(&shortened(sentence)),
            }
        }
        None
    }

    fn enter(&self, message: &[u8]) -> Result<((hub::Hello, hub::Stream), Entered), Turned> {
        match messages::read(message) {
            Ok(Said::Authenticate(token)) => {
                let granted = self
                    .site
                    .grants
                    .grant(Some(&token), None, SystemTime::now(), &self.metrics)
                    .map_err(Turned::Away)?;
                self.site
                    .enter(granted, self.wire, self.pairs.clone(), self.worker, &self.metrics)
                    .map_err(Turned::Away)
            }
            Ok(Said::Subscribe(_)) => Err(Turned::Back(
                "A token is needed first: {\"authenticate\":{\"token\":\"...\"}}.".to_owned(),
            )),
            Err(sentence) => Err(Turned::Back(sentence)),
        }
    }
}

/// What becomes of a message that is no token that counts.
enum Turned {
    /// The client is closed.
    Away(Refusal),
    /// It may send another, in the same time.
    Back(String),
}
