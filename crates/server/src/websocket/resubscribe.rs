//! Changes what a connected client is sent: when it asks (`subscribe`), or when it is too slow for all of
//! it (`slow_client sample`).

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use fluentcast_broadcast::hub::{Hub, Start};
use fluentcast_broadcast::log::Skipped;
use fluentcast_broadcast::session::{Greeting, Session};
use fluentcast_broadcast::view::{ViewKey, Worker};
use fluentcast_event::limits::{
    ANSWER_TEXT_BYTES_MAX, SAMPLE_CAUGHT_UP_BYTES, SAMPLE_RAISE_AFTER, SAMPLE_RATE_UNLIMITED,
};

use super::query::{Pairs, Query};
use super::rights::Rights;

/// One client's way back to its hub.
#[derive(Debug)]
pub struct Resubscriber {
    hub: Arc<Hub>,
    worker: Worker,
    key: ViewKey,
    /// What it may see: all it asks for passes through this.
    rights: Arc<Rights>,
    /// What it asked for last, token and position aside.
    pairs: Pairs,
    /// The message that is arriving, and those that have arrived.
    message: Vec<u8>,
    messages: Vec<Vec<u8>>,
    /// When it began to be sent all, or was too slow last.
    since: Instant,
    /// It is sent at most so many events per second, being slow.
    thinned: Option<NonZeroU32>,
}

impl Resubscriber {
    /// For a client that was subscribed with this key, having asked for this.
    #[must_use]
    pub fn new(
        hub: Arc<Hub>,
        worker: Worker,
        key: ViewKey,
        pairs: Pairs,
        rights: Arc<Rights>,
        now: Instant,
    ) -> Self {
        let is_lasting = |name: &str| !matches!(name, "token" | "$since" | "$last" | "$follow");
        let pairs = pairs.into_iter().filter(|(name, _)| is_lasting(name)).collect();
        let (message, messages) = (Vec::new(), Vec::new());
        Self { hub, worker, key, rights, pairs, message, messages, since: now, thinned: None }
    }

    /// Takes a part of a message; the connection bounds its length.
    pub(super) fn hear(&mut self, part: &[u8], last: bool) {
        self.message.extend_from_slice(part);
        if last {
            self.messages.push(std::mem::take(&mut self.message));
        }
    }

    /// Answers the messages that have arrived.
    pub(super) fn answer(&mut self, session: &mut Session) {
        for message in std::mem::take(&mut self.messages) {
            if let Err(sentence) = self.subscribe(&message, session) {
                session.refuse(&shortened(sentence));
            }
        }
    }

    fn subscribe(&mut self, message: &[u8], session: &mut Session) -> Result<(), String> {
        let changes = changes(message)?;
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
        self.key = self.rights.view(&self.key.shape, query);
        pairs.retain(|(name, _)| name != "$since" && name != "$last");
        self.pairs = pairs;
        self.thinned = None;
        let key = self.key.clone();
        self.move_to(session, &key, start.unwrap_or(Start::Now), Greeting::Subscribed);
        Ok(())
    }

    /// Ends the present stream and begins another.
    fn move_to(&self, session: &mut Session, key: &ViewKey, start: Start, greeting: Greeting) {
        let leaves = session.subscription().map(|subscription| Arc::clone(subscription.view()));
        session.begin(self.hub.subscribe(key, self.worker, start, true, leaves.as_deref()), greeting);
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

/// A sentence that may quote a client at length, cut to a length that can be read.
fn shortened(mut sentence: String) -> String {
    if sentence.len() > ANSWER_TEXT_BYTES_MAX {
        sentence.truncate(sentence.floor_char_boundary(ANSWER_TEXT_BYTES_MAX));
        sentence.push('…');
    }
    sentence
}

/// The member of `subscribe` that holds conditions on fields.
const WHERE: &str = "where";

/// Reads a `subscribe` message, JSON or MessagePack, into the parameters it replaces: each by its name in
/// a URL (or [`WHERE`] for all fields) with what is to stand there.
fn changes(message: &[u8]) -> Result<Vec<(String, Pairs)>, String> {
    const USAGE: &str = "A message must be {\"subscribe\":{...}} with any of tag, filter, where, fields, since, last and max_rate.";
    let parsed = match message.first() {
        Some(0x80..=0x8f | 0xde | 0xdf) => rmp_serde::from_slice(message).ok(),
        _ => serde_json::from_slice(message).ok(),
    };
    let parsed: Option<serde_json::Value> = parsed;
    let outer = parsed
        .as_ref()
        .and_then(serde_json::Value::as_object)
        .filter(|outer| outer.len() == 1)
        .ok_or(USAGE)?;
    let asked = outer.get("subscribe").and_then(serde_json::Value::as_object).ok_or(USAGE)?;
    let mut changes = Vec::new();
    for (name, value) in asked {
        let many = match value {
            serde_json::Value::Array(many) => many.as_slice(),
            serde_json::Value::Null => &[],
            one => std::slice::from_ref(one),
        };
        let (name, pairs) = match (name.as_str(), value) {
            (WHERE, serde_json::Value::Object(fields)) => (WHERE.to_owned(), conditions(fields)?),
            (WHERE, serde_json::Value::Null) => (WHERE.to_owned(), Vec::new()),
            ("fields", serde_json::Value::Array(names)) => {
                let names = names.iter().map(scalar).collect::<Result<Vec<_>, _>>()?;
                ("$fields".to_owned(), vec![("$fields".to_owned(), Some(names.join(",")))])
            }
            ("tag" | "filter" | "fields" | "since" | "last" | "max_rate", _) => {
                let name = format!("${name}");
                let texts = many.iter().map(|value| Ok((name.clone(), Some(scalar(value)?))));
                let texts = texts.collect::<Result<Pairs, String>>()?;
                (name, texts)
            }
            _ => return Err(format!("`{name}` cannot be subscribed to. {USAGE}")),
        };
        changes.push((name, pairs));
    }
    Ok(changes)
}

fn conditions(fields: &serde_json::Map<String, serde_json::Value>) -> Result<Pairs, String> {
    let mut pairs = Vec::new();
    for (field, value) in fields {
        if field.starts_with('$') || field == "token" {
            return Err(format!("`{field}` is no field that `where` can ask for."));
        }
        let any_of = match value {
            serde_json::Value::Array(any_of) => any_of.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in any_of {
            let text = if value.is_null() { None } else { Some(scalar(value)?) };
            pairs.push((field.clone(), text));
        }
    }
    Ok(pairs)
}

/// Text, number or truth as it would stand in a URL.
fn scalar(value: &serde_json::Value) -> Result<String, String> {
    match value {
        serde_json::Value::String(text) => Ok(text.clone()),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        serde_json::Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(format!("{value} stands where a text or a number is needed.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscribe_replaces_what_it_names() {
        let message = br#"{"subscribe":{"tag":["a.*","!a.b"],"where":{"level":["x",5],"gone":null},"since":17,"max_rate":null}}"#;
        let pair = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
        let expected = vec![
            ("$tag".to_owned(), vec![pair("$tag", "a.*"), pair("$tag", "!a.b")]),
            (WHERE.to_owned(), vec![pair("level", "x"), pair("level", "5"), ("gone".to_owned(), None)]),
            ("$since".to_owned(), vec![pair("$since", "17")]),
            ("$max_rate".to_owned(), vec![]),
        ];
        assert_eq!(changes(message).as_ref(), Ok(&expected));
        let value: serde_json::Value = serde_json::from_slice(message).unwrap();
        assert_eq!(changes(&rmp_serde::to_vec(&value).unwrap()), Ok(expected));
    }

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

    #[test]
    fn what_is_no_subscribe_is_told_what_one_is() {
        for message in [
            "",
            "{",
            "[]",
            "5",
            "{}",
            r#"{"subscribe":1}"#,
            r#"{"subscribe":{},"x":1}"#,
            r#"{"subscribe":{"tags":"a"}}"#,
            r#"{"subscribe":{"tag":{}}}"#,
            r#"{"subscribe":{"where":[]}}"#,
            r#"{"subscribe":{"where":{"$tag":"x"}}}"#,
            r#"{"subscribe":{"since":[[1]]}}"#,
        ] {
            assert!(changes(message.as_bytes()).is_err(), "{message}");
        }
    }
}
