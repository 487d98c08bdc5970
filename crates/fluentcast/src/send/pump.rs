//! From what was read to what the server has: chunks, the window of those not acked, connections that break.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use fluentcast_event::limits::{SEND_FAULTS_TOLD_MAX, SEND_UNACKED_BYTES_MAX, SEND_UNACKED_CHUNKS_MAX};
use fluentcast_forward::write_chunk;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::input::Gathered;
use super::link::Link;
use super::progress::Progress;
use crate::dial::Dialer;
use crate::escape;
use crate::retry::Backoff;

/// Where and how to send.
#[derive(Clone)]
pub(super) struct Destination {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) dialer: Dialer,
    pub(super) tag: String,
    pub(super) ack: bool,
    /// How long the server may take or ack nothing.
    pub(super) patience: Duration,
}

/// A chunk on its way.
struct Chunk {
    id: String,
    message: Vec<u8>,
    records: u64,
}

/// All that outlives a connection.
pub(super) struct Pump<W> {
    to: Destination,
    backoff: Backoff,
    /// Sent and not acked, oldest first.
    unacked: VecDeque<Chunk>,
    unacked_bytes: usize,
    /// When the oldest of them was sent, or the one before it acked.
    moved: Instant,
    /// Records written, or with acks acked.
    records: u64,
    bytes: u64,
    /// Lines and values that were no records.
    faults: u64,
    progress: Progress,
    /// Standard error.
    told: W,
}

/// A connection that does not work any more.
struct Broken(io::Error);

impl<W: io::Write> Pump<W> {
    pub(super) fn new(to: Destination, backoff: Backoff, progress: Progress, told: W) -> Self {
        Self {
            to,
            backoff,
            unacked: VecDeque::new(),
            unacked_bytes: 0,
            moved: Instant::now(),
            records: 0,
            bytes: 0,
            faults: 0,
            progress,
            told,
        }
    }

    /// Sends everything that comes; how much of it was no record.
    ///
    /// # Errors
    /// When the server cannot be reached, or not everything has arrived there.
    pub(super) async fn run(mut self, mut input: mpsc::Receiver<Gathered>) -> anyhow::Result<u64> {
        let place = format!("{}:{}", self.to.host, self.to.port);
        let mut link = Link::open(&self.to.dialer, &self.to.host, self.to.port)
            .await
            .with_context(|| format!("send: cannot connect to {place}"))?;
        let outcome = loop {
            match self.feed(&mut link, &mut input).await {
                Ok(done) => break done.map(|()| link),
                Err(Broken(error)) if self.to.ack => match self.reconnect(error).await {
                    Ok(again) => link = again,
                    Err(error) => break Err(error),
                },
                Err(Broken(error)) => {
                    let records = self.records;
                    break Err(anyhow::Error::from(error).context(format!(
                        "send: the connection to {place} broke after {records} records, the last of which may be \
                         lost (--ack sends such again)"
                    )));
                }
            }
        };
        let closed = match outcome {
            Ok(link) => link
                .close()
                .await
                .with_context(|| format!("send: {place} broke off at the end: the last records may be lost")),
            Err(error) => Err(error),
        };
        let last = self.progress.finish(Instant::now(), self.records, self.bytes, self.faults);
        self.print(&last);
        if self.faults > SEND_FAULTS_TOLD_MAX {
            self.tell(&format!("{} were no records and not sent", self.faults));
        }
        match closed {
            // All were acked: how it ends does not matter.
            Err(_) if self.to.ack && self.unacked.is_empty() && self.records > 0 => Ok(self.faults),
            closed => closed.map(|()| self.faults),
        }
    }

    /// One connection, until everything is done or it breaks. The inner error is final.
    async fn feed(
        &mut self,
        link: &mut Link,
        input: &mut mpsc::Receiver<Gathered>,
    ) -> Result<anyhow::Result<()>, Broken> {
        for chunk in &self.unacked {
            link.write(&chunk.message, self.to.patience).await.map_err(Broken)?;
        }
        let mut ended = false;
        loop {
            if ended && self.unacked.is_empty() {
                return Ok(Ok(()));
            }
            let room =
                self.unacked.len() < SEND_UNACKED_CHUNKS_MAX && self.unacked_bytes < SEND_UNACKED_BYTES_MAX;
            // What has been acked makes room, so it is looked at first.
            tokio::select! {
                biased;
                id = link.ack() => self.acked(&id.map_err(Broken)?),
                () = sleep_until((self.moved + self.to.patience).into()), if !self.unacked.is_empty() => {
                    return Ok(Err(self.gives_up("no ack came")));
                }
                gathered = input.recv(), if room && !ended => match gathered {
                    Some(gathered) => {
                        self.note_faults(&gathered);
                        self.send(link, gathered).await?;
                    }
                    None => ended = true,
                },
            }
        }
    }

    async fn send(&mut self, link: &mut Link, gathered: Gathered) -> Result<(), Broken> {
        let Gathered { entries, records, .. } = gathered;
        if records == 0 {
            return Ok(());
        }
        let id = format!("{:032x}", fastrand::u128(..));
        let mut message = Vec::with_capacity(entries.len() + self.to.tag.len() + 100);
        let chunk = self.to.ack.then_some(id.as_str());
        write_chunk(&mut message, &self.to.tag, &entries, records, chunk)
            .map_err(|error| Broken(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        if self.to.ack {
            if self.unacked.is_empty() {
                self.moved = Instant::now();
            }
            self.unacked_bytes += message.len();
            // Before it is written: a connection that breaks within it does not lose it.
            self.unacked.push_back(Chunk { id, message, records });
            let message = self.unacked.back().map_or(&[][..], |chunk| &chunk.message);
            link.write(message, self.to.patience).await.map_err(Broken)?;
        } else {
            link.write(&message, self.to.patience).await.map_err(Broken)?;
            self.arrived(records, message.len());
        }
        Ok(())
    }

    /// An ack; one for a chunk that was acked already says nothing new.
    fn acked(&mut self, id: &[u8]) {
        let Some(index) = self.unacked.iter().position(|chunk| chunk.id.as_bytes() == id) else { return };
        if let Some(chunk) = self.unacked.remove(index) {
            self.moved = Instant::now();
            self.backoff.reset();
            self.unacked_bytes -= chunk.message.len();
            self.arrived(chunk.records, chunk.message.len());
        }
    }

    fn arrived(&mut self, records: u64, bytes: usize) {
        self.records += records;
        self.bytes += bytes as u64;
        if let Some(line) = self.progress.update(Instant::now(), self.records, self.bytes, self.faults) {
            self.print(&line);
        }
    }

    /// Tries until there is a connection again, or the server has had its time.
    async fn reconnect(&mut self, error: io::Error) -> anyhow::Result<Link> {
        let mut why = error;
        if self.unacked.is_empty() {
            // Nothing was owed while it still worked.
            self.moved = Instant::now();
        }
        loop {
            let pause = self.backoff.pause();
            if Instant::now() + pause >= self.moved + self.to.patience {
                return Err(self.gives_up(&why.to_string()));
            }
            let Destination { host, port, .. } = &self.to;
            self.tell(&format!(
                "connection to {host}:{port} lost: {why}; trying again in {:.1} s",
                pause.as_secs_f64()
            ));
            tokio::time::sleep(pause).await;
            match Link::open(&self.to.dialer, &self.to.host, self.to.port).await {
                Ok(link) => {
                    let chunks = self.unacked.len();
                    self.tell(&format!("connected again; chunks sent again: {chunks}"));
                    return Ok(link);
                }
                Err(error) => why = error,
            }
        }
    }

    fn gives_up(&self, why: &str) -> anyhow::Error {
        let Destination { host, port, patience, .. } = &self.to;
        let left: u64 = self.unacked.iter().map(|chunk| chunk.records).sum();
        anyhow::anyhow!(
            "send: {host}:{port} is given up after {} s: {why}; {left} records were not acked, {} were, and \
             nothing more is sent",
            patience.as_secs(),
            self.records
        )
    }

    fn note_faults(&mut self, gathered: &Gathered) {
        for fault in &gathered.faults {
            self.faults += 1;
            if self.faults <= SEND_FAULTS_TOLD_MAX {
                self.tell(&fault.to_string());
            }
            if self.faults == SEND_FAULTS_TOLD_MAX {
                self.tell("further ones are only counted");
            }
        }
    }

    fn tell(&mut self, text: &str) {
        let clear = self.progress.clear();
        self.print(&format!("{clear}fluentcast send: {}\n", escape::plain(text)));
    }

    fn print(&mut self, text: &str) {
        // If standard error is gone, there is nobody to tell.
        let _ = self.told.write_all(text.as_bytes()).and_then(|()| self.told.flush());
    }
}

/// A tag that every receiver takes.
pub(super) fn check_tag(tag: &str) -> anyhow::Result<()> {
    use fluentcast_event::limits::TAG_BYTES_MAX;
    if tag.is_empty() {
        bail!("send: the tag is empty: give one such as `app.web`");
    }
    if tag.len() > TAG_BYTES_MAX {
        bail!("send: the tag has {} bytes; {TAG_BYTES_MAX} are allowed", tag.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
