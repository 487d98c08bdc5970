//! The clients, all on one thread: whoever's life is over makes room for the next, until the end, when all that
//! listen stay until they have everything.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;

use super::client::{Client, End, Fate, Plan, Step};
use super::event::Want;
use super::judge::{Faults, Judge};
use super::random::Random;
use super::sources::Progress;
use super::wire::WAYS;

/// Bytes read at once. One buffer serves all clients.
const READ_BYTES: usize = 256 * 1024;

/// Clients taken from epoll at once.
const EVENTS_MAX: usize = 1024;

/// How often the thread looks whose time has come.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Connections opened before those that are open get their turn.
const CONNECTS_PER_TURN_MAX: usize = 16;

/// Things gone wrong that are kept for whoever has to find out.
const TROUBLES_MAX: usize = 20;

/// Longer than any soak.
const FOR_EVER: Duration = Duration::from_secs(365 * 86_400);

/// How long the end may take: everything that is due, at a slow machine's pace.
const END_TIMEOUT: Duration = Duration::from_secs(120);

/// What a crowd is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    pub(super) address: SocketAddr,
    /// At once.
    pub(super) clients: usize,
    /// A client lives so long on average.
    pub(super) life: Duration,
    pub(super) seed: u64,
}

/// What the thread tells while it runs, and is told.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) stop: AtomicBool,
    pub(super) events: AtomicU64,
    pub(super) lives: AtomicU64,
}

/// What became of all clients.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Clients that were answered.
    pub lives: u64,
    /// Events that were judged.
    pub events: u64,
    /// Gaps that were told to clients that did not read.
    pub gaps: u64,
    /// How lives ended.
    pub ends: BTreeMap<&'static str, u64>,
    /// What was wrong.
    pub faults: Faults,
    /// Clients that were turned away, cut, or waited in vain.
    pub failed: u64,
    /// The first of them in words.
    pub troubles: Vec<String>,
}

impl Tally {
    /// With one client more, whose judge this is, and what else was wrong with it.
    pub(super) fn and(mut self, (judge, trouble): (Judge, Option<String>)) -> Self {
        self.lives += 1;
        self.events += judge.events;
        self.gaps += judge.gaps;
        self.faults.add(judge.faults);
        self.failed += u64::from(trouble.is_some());
        let troubles = trouble.into_iter().chain(judge.first_fault);
        self.troubles.extend(troubles.map(|what| format!("over TLS: {what}")));
        self
    }
}

struct Thread<'a> {
    crowd: Crowd,
    shared: &'a Shared,
    progress: Arc<Progress>,
    epoll: OwnedFd,
    slots: Vec<Option<Client>>,
    /// Slots without a client, with what one of them has to go on with.
    empty: Vec<(usize, Option<Returning>)>,
    random: Random,
    tally: Tally,
}

/// A client that comes back.
struct Returning {
    plan: Plan,
    judge: Judge,
    position: String,
}

/// Runs until it is told to stop, and then until everybody has everything.
pub(super) fn run(crowd: Crowd, progress: Arc<Progress>, shared: &Shared) -> Result<Tally> {
    let mut thread = Thread {
        shared,
        progress,
        epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
        slots: std::iter::repeat_with(|| None).take(crowd.clients).collect(),
        empty: (0..crowd.clients).rev().map(|slot| (slot, None)).collect(),
        random: Random::new(crowd.seed),
        tally: Tally::default(),
        crowd,
    };
    thread.serve()?;
    Ok(thread.tally)
}

impl Thread<'_> {
    fn serve(&mut self) -> Result<()> {
        let (mut events, mut buffer) = (Vec::with_capacity(EVENTS_MAX), vec![0; READ_BYTES]);
        let (mut looked, mut stopping) = (Instant::now(), None);
        loop {
            if stopping.is_none() {
                self.connect_some()?;
            }
            let wait =
                if stopping.is_none() && !self.empty.is_empty() { Duration::ZERO } else { LOOK_INTERVAL };
            let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error).context("the clients cannot wait"),
            }
            for event in events.drain(..) {
                let slot = usize::try_from(event.data.u64())?;
                let Some(client) = &mut self.slots[slot] else { continue };
                let step = client.read(&mut buffer, &self.progress);
                self.act(slot, step)?;
            }
            if looked.elapsed() >= LOOK_INTERVAL {
                looked = Instant::now();
                self.wake_some()?;
                self.shared.events.store(self.tally.events, Ordering::Relaxed);
                self.shared.lives.store(self.tally.lives, Ordering::Relaxed);
            }
            match stopping {
                None if self.shared.stop.load(Ordering::SeqCst) => {
                    self.hurry()?;
                    stopping = Some(Instant::now());
                }
                Some(_) if self.slots.iter().all(Option::is_none) => return Ok(()),
                Some(since) if since.elapsed() > END_TIMEOUT => bail!("the clients do not come to an end"),
                // Those that were in their handshake.
                Some(_) => self.hurry()?,
                None => {}
            }
        }
    }

    fn connect_some(&mut self) -> Result<()> {
        for _ in 0..CONNECTS_PER_TURN_MAX {
            let Some((slot, returning)) = self.empty.pop() else { break };
            let plan = returning.as_ref().map_or_else(|| self.plan(slot), |returning| returning.plan);
            let had = returning.map(|Returning { judge, position, .. }| (judge, position));
            let client = Client::open(self.crowd.address, plan, had)?;
            let data = epoll::EventData::new_u64(slot as u64);
            epoll::add(&self.epoll, &client.stream, data, epoll::EventFlags::IN)?;
            self.slots[slot] = Some(client);
            self.tally.lives += 1;
        }
        Ok(())
    }

    fn wake_some(&mut self) -> Result<()> {
        let now = Instant::now();
        for slot in 0..self.slots.len() {
            if let Some(client) = &mut self.slots[slot] {
                let step = client.tick(now, &self.progress);
                self.act(slot, step)?;
            }
        }
        Ok(())
    }

    fn hurry(&mut self) -> Result<()> {
        for slot in 0..self.slots.len() {
            if let Some(client) = &mut self.slots[slot] {
                let step = client.hurry(&self.progress);
                self.act(slot, step)?;
            }
        }
        Ok(())
    }

    fn act(&mut self, slot: usize, step: Step) -> Result<()> {
        match (step, &self.slots[slot]) {
            (Step::Stay, _) | (_, None) => Ok(()),
            (Step::Listen(listen), Some(client)) => {
                let flags = if listen { epoll::EventFlags::IN } else { epoll::EventFlags::empty() };
                Ok(epoll::modify(&self.epoll, &client.stream, epoll::EventData::new_u64(slot as u64), flags)?)
            }
            (Step::Over(end, position), Some(_)) => {
                if let Some(client) = self.slots[slot].take() {
                    let returning = self.count(client, end, position);
                    self.empty.push((slot, returning));
                }
                Ok(())
            }
        }
    }

    /// Notes what became of it; what it comes back with, if it does. Dropping it ends its connection.
    fn count(&mut self, client: Client, end: End, position: Option<String>) -> Option<Returning> {
        let Client { plan, judge, trouble, .. } = client;
        let how = match (end, plan.fate) {
            (End::Failed, _) => "failed",
            (End::Lagged, _) => "closed for lag",
            (End::Wanted, Fate::Leave) => "left with everything",
            (End::Wanted, Fate::Reset) => "reset",
            (End::Wanted, Fate::Resume) => "reset, came back",
            (End::Wanted, Fate::Deafen(_)) => "deaf for a while, left with everything or a gap",
            (End::Wanted, Fate::Abandon(_)) => "deaf, then reset",
            (End::Wanted, Fate::HalfClose) => "half closed",
        };
        *self.tally.ends.entry(how).or_default() += 1;
        self.tally.failed += u64::from(end == End::Failed);
        let mut fault = None;
        let judge = judge.map(|mut judge| {
            self.tally.faults.add(std::mem::take(&mut judge.faults));
            self.tally.events += std::mem::take(&mut judge.events);
            self.tally.gaps += std::mem::take(&mut judge.gaps);
            fault = judge.first_fault.take();
            judge
        });
        for what in trouble.into_iter().chain(fault) {
            if self.tally.troubles.len() < TROUBLES_MAX {
                self.tally.troubles.push(format!("{:?}, {:?}, {:?}: {what}", plan.way, plan.want, plan.fate));
            }
        }
        Some(Returning { plan: self.returning(plan), judge: judge?, position: position? })
    }

    /// Who has come back once leaves in order.
    fn returning(&mut self, plan: Plan) -> Plan {
        let fate = if self.random.below(3) == 0 { Fate::Leave } else { Fate::Resume };
        Plan { fate, life: self.life(), ..plan }
    }

    /// From a tenth of the average to about twice as long.
    fn life(&mut self) -> Duration {
        self.crowd.life / 10 + self.crowd.life * u32::try_from(self.random.below(1000)).unwrap_or(0) / 500
    }

    fn plan(&mut self, slot: usize) -> Plan {
        let way = WAYS[slot % WAYS.len()];
        if slot < WAYS.len() {
            // One of each way sees everything, and stays to the end.
            return Plan { way, want: Want::Everything, life: FOR_EVER, fate: Fate::Leave };
        }
        let life = self.life();
        // Long enough for the system's buffers to be full, and short enough for a ping to be answered in time.
        let pause = self.crowd.life / 2 + self.life() / 4;
        let fate = match self.random.below(100) {
            0..40 => Fate::Leave,
            40..60 => Fate::Reset,
            60..75 if way.is_numbered() => Fate::Resume,
            60..80 => Fate::HalfClose,
            80..92 => Fate::Deafen(pause),
            _ => Fate::Abandon(pause),
        };
        let user = self.random.below(100);
        let is_slow = matches!(fate, Fate::Deafen(_) | Fate::Abandon(_));
        let want = match self.random.below(100) {
            // Whoever is to lag needs something to lag behind.
            0..2 => Want::Everything,
            _ if is_slow && user < 10 => Want::Everything,
            2..6 => Want::Database,
            6..12 => Want::Errors,
            12..30 => Want::NewUsers,
            30..50 => Want::WebUser(user),
            _ => Want::User(user),
        };
        Plan { way, want, life, fate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_has_a_witness_that_sees_everything_to_the_end() {
        let shared = Shared::default();
        let crowd = Crowd {
            address: SocketAddr::from(([127, 0, 0, 1], 1)),
            clients: 10,
            life: Duration::from_secs(20),
            seed: 1,
        };
        let mut thread = Thread {
            crowd,
            shared: &shared,
            progress: Arc::default(),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).expect("epoll"),
            slots: Vec::new(),
            empty: Vec::new(),
            random: Random::new(1),
            tally: Tally::default(),
        };
        let ways: Vec<_> = (0..WAYS.len())
            .map(|slot| thread.plan(slot))
            .filter(|plan| plan.want == Want::Everything && plan.fate == Fate::Leave)
            .map(|plan| plan.way)
            .collect();
        assert_eq!(ways, WAYS);
        let plans: Vec<Plan> = (6..1000).map(|slot| thread.plan(slot)).collect();
        assert!(plans.iter().all(|plan| plan.life >= crowd.life / 10 && plan.life <= 3 * crowd.life));
        assert!(plans.iter().all(|plan| plan.fate != Fate::Resume || plan.way.is_numbered()));
    }
}
