//! Changes what a connected client is sent: when it asks (`subscribe`), when it has another token
//! (`authenticate`), or when it is too slow for all of it (`slow_client sample`).

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use fluentcast_broadcast::close::CloseReason;
use fluentcast_broadcast::history::Position;
use fluentcast_broadcast::hub::{Hub, Start};
use fluentcast_broadcast::log::Skipped;
use fluentcast_broadcast::session::{Greeting, Session};
use fluentcast_broadcast::view::{ViewKey, Worker};
use fluentcast_config::settings::Secret;
use fluentcast_event::limits::{
    ANSWER_TEXT_BYTES_MAX, SAMPLE_CAUGHT_UP_BYTES, SAMPLE_RAISE_AFTER, SAMPLE_RATE_UNLIMITED,
};

use super::grants::{Granted, Grants};
use super::messages::{self, Heard, Said, WHERE};
use super::query::{Pairs, Query};
use crate::metrics::Metrics;

/// One client's way back to its hub.
#[derive(Debug)]
pub struct Resubscriber {
    hub: Arc<Hub>,
    worker: Worker,
    key: ViewKey,
    /// Who may have which rights.
    grants: Arc<Grants>,
    metrics: Arc<Metrics>,
    /// What it asked for last, token and position aside.
    pairs: Pairs,
    /// Whether live events come after what was.
    follows: bool,
    /// What it says.
    pub(super) heard: Heard,
    /// When it began to be sent all, or was too slow last.
    since: Instant,
    /// It is sent at most so many events per second, being slow.
    thinned: Option<NonZeroU32>,
}

impl Resubscriber {
    /// For a client that was subscribed with this key, having asked for this.
    #[must_use]
    pub fn new(
        (hub, worker): (Arc<Hub>, Worker),
        key: ViewKey,
        pairs: Pairs,
        grants: Arc<Grants>,
        metrics: Arc<Metrics>,
        now: Instant,
    ) -> Self {
        let is_lasting = |name: &str| !matches!(name, "token" | "$since" | "$last" | "$follow");
        // Without `$follow=false` it was asked to go on.
        let follows = Query::read(&pairs, None).is_ok_and(|query| !query.ends);
        let pairs = pairs.into_iter().filter(|(name, _)| is_lasting(name)).collect();
        let heard = Heard::default();
        Self { hub, worker, key, grants, metrics, pairs, follows, heard, since: now, thinned: None }
    }

    /// Answers the messages that have arrived. What the client may do is `granted`, and another when it has presented
    /// another token.
    pub(super) fn answer(&mut self, session: &mut Session, granted: &mut Granted) {
        for message in self.heard.take() {
            if session.closing().is_some() {
                return;
            }
            let done = match messages::read(&message) {
                Ok(Said::Subscribe(changes)) => self.subscribe(changes, session, granted),
                Ok(Said::Authenticate(token)) => {
                    self.renew(&token, session, granted);
                    Ok(())
                }
                Err(sentence) => Err(sentence),
            };
            if let Err(sentence) = done {
                session.refuse(&shortened(sentence));
            }
        }
    }

    fn subscribe(
        &mut self,
        changes: Vec<(String, Pairs)>,
        session: &mut Session,
        granted: &Granted,
    ) -> Result<(), String> {
        let mut pairs = self.pairs.clone();
        for (name, values) in changes {
            if name == WHERE {
                pairs.retain(|(known, _)| known.starts_with('$'));
            } else {
                pairs.retain(|(known, _)| *known != name);
            }
            pairs.extend(values);
        }
        let query = Query::read(&pairs, Some(self.hub.hello().epoch)).map_err(|error| error.to_string())?;
        let start = query.start;
        self.key = granted.rights.view(&self.key.shape, query);
        pairs.retain(|(name, _)| name != "$since" && name != "$last");
        self.pairs = pairs;
        self.thinned = None;
        self.follows = true;
        let key = self.key.clone();
        self.move_to(session, &key, start.unwrap_or(Start::Now), Greeting::Subscribed);
        Ok(())
    }

    /// The client has presented another token: its rights count from now on. Who presents a wrong one is closed,
    /// whatever it had.
    fn renew(&mut self, token: &Secret, session: &mut Session, granted: &mut Granted) {
        let now = SystemTime::now();
        let renewed = match self.grants.grant(Some(token), granted.place.as_ref(), now, &self.metrics) {
            Ok(renewed) => renewed,
            Err((status, sentence)) => {
                session.refuse(&sentence);
                session.close(close_reason(status));
                return;
            }
        };
        self.metrics.websocket_tokens_renewed.inc();
        *granted = renewed;
        session.renewed(granted.seconds_left(now));
        // It was understood before.
        let Ok(query) = Query::read(&self.pairs, None) else { return };
        let key = granted.rights.view(&self.key.shape, query);
        if key == self.key {
            return;
        }
        self.key = key;
        self.thinned = None;
        let start = session
            .replayed_through()
            .map_or(Start::Now, |seq| Start::After(Position { epoch: self.hub.hello().epoch, seq }));
        let key = self.key.clone();
        self.move_to(session, &key, start, Greeting::None);
    }

    /// Ends the present stream and begins another.
    fn move_to(&self, session: &mut Session, key: &ViewKey, start: Start, greeting: Greeting) {
        let leaves = session.subscription().map(|subscription| Arc::clone(subscription.view()));
        session.begin(self.hub.subscribe(key, self.worker, start, self.follows, leaves.as_deref()), greeting);
    }

    /// The client was too slow and has been passed over these events: sends it fewer from now on. One that
    /// is still being sent the past gets what it asked for first.
    pub(super) fn thin(&mut self, session: &mut Session, skipped: Skipped, now: Instant) {
        if !session.is_live() {
            return;
        }
        let rate = match self.thinned {
            Some(rate) => rate.get() / 2,
            None => {
                let elapsed = now.duration_since(self.since).min(SAMPLE_RAISE_AFTER);
                // What it could not take was that much too much; half of it is a first guess.
                u32::try_from(skipped.events / elapsed.as_secs().max(1) / 2).unwrap_or(u32::MAX)
            }
        };
        let rate = NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN);
        let rate = self.key.max_rate.map_or(rate, |asked| asked.min(rate));
        self.thinned = Some(rate);
        self.since = now;
        let key = ViewKey { max_rate: self.thinned, ..self.key.clone() };
        self.move_to(session, &key, Start::Now, Greeting::None);
    }

    /// When [`Resubscriber::raise`] wants to be called.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.thinned.map(|_| self.since + SAMPLE_RAISE_AFTER)
    }

    /// The client has kept up for a while: sends it twice as much, in the end all it asked for. One that
    /// has not read what it was sent gets another while.
    pub(super) fn raise(&mut self, session: &mut Session, now: Instant) {
        self.since = now;
        let end = session.subscription().map_or(0, |subscription| subscription.view().end());
        if session.lags(end, SAMPLE_CAUGHT_UP_BYTES) {
            return;
        }
        let doubled = self.thinned.and_then(|rate| rate.checked_mul(NonZeroU32::MIN.saturating_add(1)));
        self.thinned = doubled
            .filter(|rate| rate.get() < SAMPLE_RATE_UNLIMITED)
            .filter(|rate| self.key.max_rate.is_none_or(|asked| *rate < asked));
        let key = ViewKey { max_rate: self.thinned.or(self.key.max_rate), ..self.key.clone() };
        self.move_to(session, &key, Start::Now, Greeting::None);
    }
}

/// How a client that is connected is turned away.
pub(super) fn close_reason(status: hyper::StatusCode) -> CloseReason {
    match status {
        hyper::StatusCode::UNAUTHORIZED => CloseReason::WrongToken,
        hyper::StatusCode::SERVICE_UNAVAILABLE => CloseReason::Full,
        _ => CloseReason::BadRequest,
    }
}

/// A sentence that may quote a client at length, cut to a length that can be read.
pub(super) fn shortened(mut sentence: String) -> String {
    if sentence.len() > ANSWER_TEXT_BYTES_MAX {
        sentence.truncate(sentence.floor_char_boundary(ANSWER_TEXT_BYTES_MAX));
        sentence.push('…');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_does_not_grow_with_the_question() {
        assert_eq!(shortened("short".to_owned()), "short");
        let long = shortened("aé".repeat(ANSWER_TEXT_BYTES_MAX));
        assert!(
            long.len() <= ANSWER_TEXT_BYTES_MAX + '…'.len_utf8() && long.ends_with('…'),
            "{}",
            long.len()
        );
    }
}
