//! What is measured: the table of scenarios.

use std::time::Duration;

use anyhow::Context;

use crate::record::{Form, LARGE_RECORD_BYTES, RECORD_BYTES};

/// One scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is called on the command line and in the table.
    pub name: String,
    /// How many WebSocket clients.
    pub clients: usize,
    /// What they are sent.
    pub form: Form,
    /// Bytes of a record's JSON.
    pub record_bytes: usize,
    /// How fast events come.
    pub pace: Pace,
    /// What is special about the clients.
    pub audience: Audience,
    /// How events come to Fluentcast.
    pub ingest: Ingest,
}

/// How fast events come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// In chunks of a hundred, as fast as they are acknowledged and the slowest client follows.
    Burst,
    /// One by one, so many a second, whatever the server does.
    PerSecond(u32),
}

/// What is special about the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Nothing: all of them get everything.
    Everything,
    /// All have the same filter, which passes one event in so many.
    OneFilter(u32),
    /// Each has a filter of its own, which passes one event in as many as there are clients.
    OwnFilter,
    /// So many of them never read.
    Unread(usize),
    /// So many more come at once, each of which is sent the last events first, while the others go on.
    Storm(usize),
}

/// How events come to Fluentcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingest {
    /// Forward: PackedForward with acks in bursts, Message without when paced.
    Forward,
    /// HTTP POST, one event each.
    Http,
}

/// Events that a client of a storm is sent first.
pub const REPLAY_EVENTS: u64 = 1000;

/// Events in a chunk of a burst.
pub const CHUNK_EVENTS: usize = 100;

/// How long a run measures.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// Not measured, first.
    pub warm_up: Duration,
    /// Measured, of bursts.
    pub burst: Duration,
    /// Measured, of what is paced: at a hundred events a second a percentile needs its time.
    pub paced: Duration,
}

impl Length {
    /// For a run whose numbers are to be kept.
    pub const FULL: Self = Self {
        warm_up: Duration::from_millis(500),
        burst: Duration::from_millis(2500),
        paced: Duration::from_secs(4),
    };
    /// For a test, which measures nothing.
    pub const TEST: Self = Self {
        warm_up: Duration::from_millis(10),
        burst: Duration::from_millis(50),
        paced: Duration::from_millis(50),
    };
    /// For a look.
    pub const QUICK: Self = Self {
        warm_up: Duration::from_millis(150),
        burst: Duration::from_millis(700),
        paced: Duration::from_millis(700),
    };

    /// What is measured at that pace.
    #[must_use]
    pub fn measured(&self, pace: Pace) -> Duration {
        if pace == Pace::Burst { self.burst } else { self.paced }
    }
}

impl Scenario {
    fn new(name: impl Into<String>, clients: usize, pace: Pace) -> Self {
        Self {
            name: name.into(),
            clients,
            form: Form::Json,
            record_bytes: RECORD_BYTES,
            pace,
            audience: Audience::Everything,
            ingest: Ingest::Forward,
        }
    }

    /// Whether what it measures means anything for a server that only passes messages on.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !matches!(self.audience, Audience::OneFilter(_) | Audience::OwnFilter)
    }

    /// The events that a client with a filter gets: one in so many.
    #[must_use]
    pub fn shards(&self) -> u64 {
        match self.audience {
            Audience::OneFilter(one_in) => one_in.into(),
            Audience::OwnFilter => self.clients as u64,
            Audience::Everything | Audience::Unread(_) | Audience::Storm(_) => 1,
        }
    }
}

/// The scenario of that name.
///
/// # Errors
/// When there is none.
pub fn named(name: &str) -> anyhow::Result<Scenario> {
    let found = all().into_iter().find(|scenario| scenario.name == name);
    found.with_context(|| format!("no scenario is called {name}"))
}

/// All scenarios.
#[must_use]
pub fn all() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for clients in [1, 100, 1000, 5000] {
        for form in [Form::Json, Form::Msgpack] {
            let name = format!("burst-{clients}-{}", form.name());
            scenarios.push(Scenario { form, ..Scenario::new(name, clients, Pace::Burst) });
        }
    }
    for rate in [1000, 100] {
        for clients in [1, 100, 1000, 5000] {
            for form in [Form::Json, Form::Msgpack] {
                let name = format!("paced-{rate}-{clients}-{}", form.name());
                scenarios.push(Scenario { form, ..Scenario::new(name, clients, Pace::PerSecond(rate)) });
            }
        }
    }
    scenarios.push(Scenario::new("idle-10000", 10_000, Pace::PerSecond(10)));
    scenarios.push(Scenario::new("ingest-0", 0, Pace::Burst));
    scenarios.push(Scenario { ingest: Ingest::Http, ..Scenario::new("ingest-http-0", 0, Pace::Burst) });
    let filtered =
        |name, clients, audience| Scenario { audience, ..Scenario::new(name, clients, Pace::Burst) };
    scenarios.push(filtered("filter-shared-1000", 1000, Audience::OneFilter(1000)));
    scenarios.push(filtered("filter-own-1000", 1000, Audience::OwnFilter));
    scenarios.push(filtered("filter-own-10000", 10_000, Audience::OwnFilter));
    scenarios.push(filtered("unread-burst", 1000, Audience::Unread(100)));
    scenarios.push(Scenario {
        audience: Audience::Unread(100),
        ..Scenario::new("unread-paced-1000", 1000, Pace::PerSecond(1000))
    });
    scenarios.push(Scenario {
        audience: Audience::Storm(5000),
        ..Scenario::new("storm-5000", 100, Pace::PerSecond(100))
    });
    for clients in [1, 100, 1000] {
        let name = format!("large-{clients}-json");
        let large = Scenario::new(name, clients, Pace::Burst);
        scenarios.push(Scenario { record_bytes: LARGE_RECORD_BYTES, ..large });
    }
    scenarios
}
