//! What is published and what clients ask for: both follow from an event's number alone, so whoever sees a
//! number knows which events had to come before it.

use fluentcast_event::{EventTime, msgpack};

/// Who publishes: each numbers its events from 0 and sends them in order.
pub(super) const SOURCES: usize = 2;

/// Events that go out together, under one tag.
pub(super) const CHUNK_EVENTS: u64 = 50;

const LEVELS: [&str; 4] = ["debug", "info", "warn", "error"];
const USERS: u64 = 100;

/// Text that makes records as large as those of a real service.
const PADDING: &str = "GET /account/orders?page=2 took 31 ms and found 25 rows in the cache of the region";

fn level(n: u64) -> &'static str {
    LEVELS[usize::try_from(n % 4).unwrap_or(0)]
}

fn user(n: u64) -> u64 {
    n % USERS
}

/// Every third chunk is about the database.
pub(super) fn is_database(n: u64) -> bool {
    (n / CHUNK_EVENTS).is_multiple_of(3)
}

/// The record as JSON.
pub(super) fn json(source: usize, n: u64) -> String {
    let (level, user) = (level(n), user(n));
    format!(r#"{{"s":{source},"n":{n},"level":"{level}","user":{user},"text":"{PADDING}"}}"#)
}

/// An entry of a Forward chunk: its time and the record.
pub(super) fn append_entry(out: &mut Vec<u8>, source: usize, n: u64) {
    msgpack::write_array_head(out, 2);
    msgpack::write_event_time(out, EventTime::now());
    msgpack::write_map_head(out, 5);
    for (name, value) in [("s", source as u64), ("n", n)] {
        msgpack::write_str(out, name);
        msgpack::write_uint(out, value);
    }
    msgpack::write_str(out, "level");
    msgpack::write_str(out, level(n));
    msgpack::write_str(out, "user");
    msgpack::write_uint(out, user(n));
    msgpack::write_str(out, "text");
    msgpack::write_str(out, PADDING);
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Everything,
    /// A quarter, by the value of a field.
    Errors,
    /// A third, by tag.
    Database,
    /// A few of a hundred, by expression.
    NewUsers,
    /// One of a hundred, by the value of a field.
    User(u64),
    /// The same of two thirds, and only what is looked at.
    WebUser(u64),
}

impl Want {
    /// As it stands in a URL.
    pub(super) fn query(self) -> String {
        match self {
            Self::Everything => String::new(),
            Self::Errors => "level=error".to_owned(),
            Self::Database => "$tag=soak.db".to_owned(),
            Self::NewUsers => {
                "$filter=record.user%20%3E%3D%2095%20%26%26%20record.level%20!%3D%20%22debug%22".to_owned()
            }
            Self::User(user) => format!("user={user}"),
            Self::WebUser(user) => format!("$tag=soak.*&$tag=!soak.db&user={user}&$fields=s,n"),
        }
    }

    /// Whether an event with this number is to come.
    pub(super) fn takes(self, n: u64) -> bool {
        match self {
            Self::Everything => true,
            Self::Errors => level(n) == "error",
            Self::Database => is_database(n),
            Self::NewUsers => user(n) >= 95 && level(n) != "debug",
            Self::User(wanted) => user(n) == wanted,
            Self::WebUser(wanted) => user(n) == wanted && !is_database(n),
        }
    }

    /// How many of these numbers are to come.
    pub(super) fn count(self, numbers: std::ops::Range<u64>) -> u64 {
        numbers.filter(|n| self.takes(*n)).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_say_what_the_filters_ask_for() {
        for n in 0..500 {
            let text = json(1, n);
            let record: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!((&record["s"], &record["n"]), (&1.into(), &n.into()));
            assert_eq!(record["level"] == "error", Want::Errors.takes(n), "{text}");
            assert_eq!(record["user"] == 7, Want::User(7).takes(n), "{text}");
            let mut entry = Vec::new();
            append_entry(&mut entry, 1, n);
            let packed = rmpv::decode::read_value(&mut &entry[..]).expect("MessagePack");
            let mut as_json = Vec::new();
            let mut reader = msgpack::Reader::new(&entry[1..]);
            reader.skip().expect("a time");
            fluentcast_event::json::write_value(&mut as_json, reader.skip().expect("a record"))
                .expect("sound");
            assert_eq!(String::from_utf8_lossy(&as_json), text, "{packed}");
        }
        assert_eq!(Want::Errors.count(0..100), 25);
        assert_eq!(Want::NewUsers.count(0..100), 4);
    }
}
