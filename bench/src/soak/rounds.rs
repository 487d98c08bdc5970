//! What is done to the server, and looked at, every so often while clients come and go.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Result;

use super::Plan;
use super::crowd::Shared;
use super::memory::Samples;
use super::server::Server;

/// How often memory is looked at.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(2);

/// How often the configuration is changed, and between that the certificate.
const CHANGE_INTERVAL: Duration = Duration::from_secs(20);

/// How often somebody who watches is told how it goes.
const TELL_INTERVAL: Duration = Duration::from_secs(60);

/// When each is due again.
#[derive(Debug)]
pub(super) struct Rounds {
    sample: Duration,
    reload: Option<Duration>,
    renew: Duration,
    tell: Duration,
    pub(super) samples: Samples,
}

impl Rounds {
    /// Memory is looked at after a fifth of the time: by then every kind of client was there many times over.
    pub(super) fn new(plan: &Plan, reload: bool) -> Self {
        Self {
            sample: plan.time / 5,
            reload: reload.then_some(CHANGE_INTERVAL),
            renew: CHANGE_INTERVAL / 2,
            tell: TELL_INTERVAL,
            samples: Samples::default(),
        }
    }

    /// Does what is due so long after the beginning.
    pub(super) fn go(&mut self, now: Duration, server: &mut Server, shared: &Shared) -> Result<()> {
        server.check_alive()?;
        if now >= self.sample {
            self.sample += SAMPLE_INTERVAL;
            self.samples.add(now.as_secs_f64(), server.memory()?);
        }
        if let Some(reload) = self.reload.as_mut().filter(|due| now >= **due) {
            *reload += CHANGE_INTERVAL;
            server.reload()?;
        }
        if now >= self.renew {
            self.renew += CHANGE_INTERVAL;
            server.renew_certificate()?;
        }
        if now >= self.tell {
            self.tell += TELL_INTERVAL;
            let [lives, events] = [&shared.lives, &shared.events].map(|count| count.load(Ordering::Relaxed));
            let (minutes, kib) = (now.as_secs() / 60, server.memory()? / 1024);
            crate::say(&format!("{minutes} min: {lives} lives, {events} events judged, {kib} KiB"));
        }
        Ok(())
    }
}
