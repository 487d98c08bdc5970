//! The servers that are compared, each started fresh for a run.

mod nchan;

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::block::{Block, frame_bytes, message_layout};
use crate::process::{Process, wait_for_line};
use crate::publisher::{self, Answer};
use crate::record::{Form, Layout};
use crate::scenario::{Audience, CHUNK_EVENTS, Ingest, Pace, REPLAY_EVENTS, Scenario};
pub use nchan::is_installed as nchan_is_installed;

/// How far a client may be behind where some never read: more than what may be on its way to one that
/// does (see [`AHEAD_BYTES_ONE`]).
const UNREAD_LAG_LIMIT: &str = "2m";

/// Blocks that may be unanswered in a burst.
const WINDOW: usize = 8;

/// Deliveries that may be on their way to all of nchan's clients together. It sends every message by
/// itself, so more would only make it longer to wait for.
const NCHAN_AHEAD_DELIVERIES: u64 = 100_000;

/// Messages that nchan may be sent in [`publisher::RATE_WINDOW`]. It numbers the messages of a channel within each
/// second of its clock with 15 bits; the 32,768th of a second, and whoever waits for it, are lost. Any
/// second holds parts of eleven windows at most: 31,900 messages.
const NCHAN_MESSAGES_MAX: u32 = 2900;

/// Messages that nchan keeps beyond those that may be on their way.
const NCHAN_SPARE_MESSAGES: u64 = 100;

/// Bytes that may be on their way to all clients together. The kernel holds them; beyond a part of its
/// memory for sockets it slows down.
const AHEAD_BYTES_ALL: u64 = 512 * 1024 * 1024;

/// Bytes that may be on their way to one client.
const AHEAD_BYTES_ONE: u64 = 1024 * 1024;

/// Events that may be on their way to one client with a filter. As many for each, or what a server may gather
/// for one write would depend on how rare its events are.
const AHEAD_EVENTS_FILTERED: u64 = 5;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The floor.
    Floor,
    /// Fluentcast.
    Fluentcast,
    /// nginx with nchan, one event in a message.
    Nchan,
    /// The same, ten events in a message.
    NchanTens,
}

impl Kind {
    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Fluentcast => "Fluentcast",
            Self::Nchan => "nchan",
            Self::NchanTens => "nchan, 10 a message",
        }
    }

    /// Whether it can do what the scenario wants.
    #[must_use]
    pub fn can(self, scenario: &Scenario) -> bool {
        match self {
            Self::Fluentcast => true,
            _ if scenario.audience == Audience::History => false,
            Self::Floor => scenario.is_plain() && scenario.clients > 0,
            Self::Nchan => {
                scenario.audience == Audience::Everything
                    && scenario.form == Form::Json
                    && scenario.clients > 0
            }
            Self::NchanTens => Self::Nchan.can(scenario) && scenario.pace == Pace::Burst,
        }
    }

    /// Events in one message to a client.
    #[must_use]
    pub fn message_events(self) -> usize {
        if self == Self::NchanTens { 10 } else { 1 }
    }

    /// Events that may be sent and not yet received by the slowest client, in a burst.
    #[must_use]
    pub fn ahead_events(self, scenario: &Scenario) -> u64 {
        let clients = (scenario.clients as u64).max(1);
        if !scenario.is_plain() {
            return AHEAD_EVENTS_FILTERED * scenario.shards() + CHUNK_EVENTS as u64;
        }
        let bytes = (AHEAD_BYTES_ALL / clients).min(AHEAD_BYTES_ONE);
        let events =
            (bytes / frame_bytes(scenario.form, scenario.record_bytes) as u64).max(CHUNK_EVENTS as u64);
        match self {
            Self::Floor | Self::Fluentcast => events,
            Self::Nchan => events.min((NCHAN_AHEAD_DELIVERIES / clients).max(64)),
            Self::NchanTens => events.min((10 * NCHAN_AHEAD_DELIVERIES / clients).max(64)),
        }
    }

    /// Messages that nchan has to keep for its clients.
    fn kept_messages(self, scenario: &Scenario) -> u64 {
        let ahead = self.ahead_events(scenario) / self.message_events() as u64;
        ahead + WINDOW as u64 + NCHAN_SPARE_MESSAGES
    }
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The binary `fluentcast`.
    pub fluentcast: PathBuf,
    /// The binary `floor`, or what speaks its protocol, with its first arguments.
    pub floor: Vec<OsString>,
}

/// A server that serves.
#[derive(Debug)]
pub struct Server {
    process: Process,
    kind: Kind,
    websocket: SocketAddr,
    publish: SocketAddr,
    /// Its configuration and log.
    folder: TempDir,
}

impl Server {
    /// Starts one for the scenario and waits until it serves.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(kind: Kind, scenario: &Scenario, programs: &Programs) -> Result<Self> {
        let folder = TempDir::new()?;
        let started = match kind {
            Kind::Fluentcast => fluentcast(scenario, &programs.fluentcast, folder.path()),
            Kind::Floor => floor(scenario, &programs.floor, folder.path()),
            Kind::Nchan | Kind::NchanTens => nchan::start(folder.path(), kind.kept_messages(scenario)),
        };
        let (process, websocket, publish) =
            started.with_context(|| format!("{} for {}", kind.name(), scenario.name))?;
        Ok(Self { process, kind, websocket, publish, folder })
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where clients connect.
    #[must_use]
    pub fn websocket(&self) -> SocketAddr {
        self.websocket
    }

    /// The path clients ask for.
    #[must_use]
    pub fn path(&self) -> &'static str {
        match self.kind {
            Kind::Fluentcast | Kind::Floor => "/",
            Kind::Nchan | Kind::NchanTens => "/sub",
        }
    }

    /// Where clients find what they check.
    #[must_use]
    pub fn layout(&self, scenario: &Scenario) -> Layout {
        message_layout(scenario.form, scenario.record_bytes, self.kind.message_events() as u64)
    }

    /// How events are published to it.
    #[must_use]
    pub fn publisher(&self, scenario: &Scenario) -> publisher::Plan {
        let (bytes, shards, form) = (scenario.record_bytes, scenario.shards(), scenario.form);
        let is_burst = scenario.pace == Pace::Burst;
        let (block, answer) = match (self.kind, scenario.ingest) {
            (Kind::Fluentcast, Ingest::Http) => (Block::post_records(bytes, 1, shards), Answer::Http),
            (Kind::Fluentcast, Ingest::Forward) if is_burst => {
                (Block::packed_forward(bytes, CHUNK_EVENTS, shards), Answer::ForwardAck)
            }
            (Kind::Fluentcast, Ingest::Forward) => (Block::forward_message(bytes, shards), Answer::None),
            (Kind::Floor, _) if is_burst => {
                (Block::frames(form, bytes, CHUNK_EVENTS, shards, true), Answer::Byte)
            }
            (Kind::Floor, _) => (Block::frames(form, bytes, 1, shards, false), Answer::None),
            (Kind::Nchan | Kind::NchanTens, _) => {
                (Block::post_messages(bytes, self.kind.message_events(), "/pub"), Answer::Http)
            }
        };
        let is_nchan = matches!(self.kind, Kind::Nchan | Kind::NchanTens);
        let rate_max = is_nchan.then_some(NCHAN_MESSAGES_MAX);
        publisher::Plan { address: self.publish, block, answer, window: WINDOW, rate_max }
    }

    /// Ends Fluentcast and starts it again in its folder; how long it took from the start until it served.
    ///
    /// # Errors
    /// When it had ended before, or does not serve.
    pub fn restart(&mut self, scenario: &Scenario, programs: &Programs) -> Result<Duration> {
        self.process.end(Signal::TERM)?;
        // Its log would tell the ports of the life before.
        fs::remove_file(self.folder.path().join("log"))?;
        let start = Instant::now();
        (self.process, self.websocket, self.publish) =
            fluentcast(scenario, &programs.fluentcast, self.folder.path())?;
        Ok(start.elapsed())
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it had ended before.
    pub fn stop(mut self) -> Result<()> {
        self.process.check_alive().context("the server did not live to the end of the run")?;
        self.process.end(if self.kind == Kind::Floor { Signal::KILL } else { Signal::TERM })
    }
}

type Started = (Process, SocketAddr, SocketAddr);

fn fluentcast(scenario: &Scenario, program: &Path, folder: &Path) -> Result<Started> {
    let mut output = String::new();
    if scenario.form == Form::Msgpack {
        output.push_str("  use_msgpack true\n");
    }
    match scenario.audience {
        Audience::Storm(_) => output.push_str(&format!("  buffered_messages {REPLAY_EVENTS}\n")),
        Audience::Unread(_) => output.push_str(&format!("  client_lag_limit {UNREAD_LAG_LIMIT}\n")),
        Audience::History => {
            let path = folder.join("history");
            output
                .push_str(&format!("  <history>\n    path {}\n    size 4g\n  </history>\n", path.display()));
        }
        Audience::Everything | Audience::OneFilter(_) | Audience::OwnFilter => {}
    }
    let (file, log) = (folder.join("fluentcast.conf"), folder.join("log"));
    let config = format!(
        "<source>\n  @type forward\n  bind 127.0.0.1\n  port 0\n</source>\n\
         <source>\n  @type http\n  bind 127.0.0.1\n  port 0\n</source>\n\
         <match **>\n  @type websocket\n  host 127.0.0.1\n  port 0\n{output}</match>\n"
    );
    fs::write(&file, config)?;
    let mut command = Command::new(program);
    command.env_remove("FLUENT_CONF").arg("-c").arg(&file).arg("-o").arg(&log);
    let mut process = Process::start(&mut command)?;
    let source = if scenario.ingest == Ingest::Http { "http" } else { "forward" };
    let found = wait_for_line(&mut process, &log, |text| {
        text.contains("fluentcast is now running").then(|| text.to_owned())
    })?;
    let address =
        |kind: &str| listening(&found, kind).with_context(|| format!("no {kind} port in:\n{found}"));
    let (websocket, publish) = (address("websocket")?, address(source)?);
    Ok((process, websocket, publish))
}

/// The address in a line `... listening kind=forward address=127.0.0.1:41234 ...`.
pub(crate) fn listening(log: &str, kind: &str) -> Option<SocketAddr> {
    let kind = format!("kind={kind}");
    let line = log.lines().find(|line| line.contains("listening ") && line.contains(&kind))?;
    line.split_whitespace().find_map(|word| word.strip_prefix("address="))?.parse().ok()
}

fn floor(scenario: &Scenario, command: &[OsString], folder: &Path) -> Result<Started> {
    let output = folder.join("output");
    let replay_events = if matches!(scenario.audience, Audience::Storm(_)) { REPLAY_EVENTS } else { 0 };
    let replay_bytes = replay_events * frame_bytes(scenario.form, scenario.record_bytes) as u64;
    let (program, arguments) = command.split_first().context("the floor has no program")?;
    let mut command = Command::new(program);
    command.args(arguments);
    command.arg(replay_bytes.to_string()).stdout(fs::File::create(&output)?);
    let mut process = Process::start(&mut command)?;
    let (websocket, publish) = wait_for_line(&mut process, &output, |text| {
        let words: Vec<&str> = text.strip_suffix('\n')?.split_whitespace().collect();
        match words[..] {
            ["websocket", websocket, "publish", publish] => {
                Some((websocket.parse().ok()?, publish.parse().ok()?))
            }
            _ => None,
        }
    })?;
    Ok((process, websocket, publish))
}
