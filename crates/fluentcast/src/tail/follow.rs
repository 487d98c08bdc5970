//! The life of a `tail`: ask, pass on what comes, and when that breaks off ask again from where it was.

use std::time::Instant;

use fluentcast_event::limits::{TAIL_LEFT_OUT_INTERVAL, TAIL_LINE_BYTES_MAX, TAIL_NO_FOLLOW_FAILURES_MAX};
use tokio::sync::mpsc;

use super::connection::{Answer, Failure};
use super::form::Form;
use super::message::Message;
use super::output::Page;
use super::place::Place;
use super::target::Target;
use crate::dial::Dialer;
use crate::escape;
use crate::lines::{Line, Lines};
use crate::retry::Backoff;

/// Everything that outlives a connection.
pub(super) struct Follow {
    pub(super) target: Target,
    pub(super) dialer: Dialer,
    pub(super) place: Place,
    /// End after what there is.
    pub(super) ends: bool,
    pub(super) form: Form,
    pub(super) backoff: Backoff,
    pub(super) pages: mpsc::Sender<Page>,
    pub(super) left_out: LeftOut,
}

/// Why it is over without a mistake.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// That was all there is.
    Complete,
    /// Nobody takes pages any more.
    Unread,
}

impl Follow {
    /// Goes on until there is no more, nobody reads, or the server refuses.
    ///
    /// # Errors
    /// What the server says, or why it cannot be reached.
    pub(super) async fn run(mut self) -> Result<End, String> {
        let mut lost = false;
        loop {
            let why = match self.connection(&mut lost).await {
                Ok(None) => return Ok(End::Unread),
                Ok(Some(Ended)) if self.ends => {
                    self.tell_left_out(true).await;
                    return Ok(End::Complete);
                }
                Ok(Some(Ended)) => "the server has ended the stream".to_owned(),
                Err(Failure::Final(why)) => return Err(why),
                Err(Failure::Passing(why)) => why,
            };
            let pause = self.backoff.pause();
            if self.ends && self.backoff.failures() >= TAIL_NO_FOLLOW_FAILURES_MAX {
                return Err(why);
            }
            lost = true;
            self.tell_left_out(true).await;
            let told = format!("{why}; trying again in {:.1} s", pause.as_secs_f64());
            if self.pages.send(Page::Told(told)).await.is_err() {
                return Ok(End::Unread);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One connection to its end; `None` when nobody takes pages any more. `lost`: the one before was.
    async fn connection(&mut self, lost: &mut bool) -> Result<Option<Ended>, Failure> {
        let (name, value) = self.place.parameter(Instant::now());
        let mut answer =
            Answer::ask(&self.dialer, &self.target, &self.target.path_and_query(name, &value)).await?;
        self.place.answered(&answer.hello, Instant::now());
        self.backoff.reset();
        if std::mem::take(lost) && self.pages.send(Page::Told("connected again".to_owned())).await.is_err() {
            return Ok(None);
        }
        let mut lines = Lines::new(TAIL_LINE_BYTES_MAX);
        while let Some(piece) = answer.next().await? {
            let mut pages = Pages::default();
            lines.push(&piece, |line| self.take(line, &mut pages));
            for page in pages.finish() {
                if self.pages.send(page).await.is_err() {
                    return Ok(None);
                }
            }
            if !self.tell_left_out(false).await {
                return Ok(None);
            }
        }
        Ok(Some(Ended))
    }

    /// Puts what a line says onto the pages.
    fn take(&mut self, line: Line<'_>, pages: &mut Pages) {
        let Line::Whole(line) = line else {
            pages.tell(format!("an event of more than {} MiB is left out", TAIL_LINE_BYTES_MAX >> 20));
            return;
        };
        match Message::read(line) {
            Ok(Message::Event(event)) => {
                self.place.reached(event.seq);
                if let Err(error) = self.form.append(&mut pages.events, &event) {
                    pages.tell(format!("event {} is left out: {error}", event.seq));
                }
            }
            Ok(Message::Gap(gap)) => {
                self.place.missed(&gap);
                pages.tell(escape::plain(&gap.sentence()));
            }
            Ok(Message::LeftOut(count)) => self.left_out.count += count,
            Ok(Message::Other) => {}
            Err(error) => pages.tell(format!("a line of the stream makes no sense: {error}")),
        }
    }

    /// Says how many events were left out, if that is due; whether anybody listens.
    async fn tell_left_out(&mut self, now: bool) -> bool {
        match self.left_out.due(Instant::now(), now) {
            Some(count) => {
                let told = format!("{count} events were left out by the maximal rate");
                self.pages.send(Page::Told(told)).await.is_ok()
            }
            None => true,
        }
    }
}

/// The answer has ended as it should.
struct Ended;

/// Events left out and not told yet.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    count: u64,
    told: Option<Instant>,
}

impl LeftOut {
    fn due(&mut self, now: Instant, at_once: bool) -> Option<u64> {
        let rests =
            self.told.is_some_and(|told| now.saturating_duration_since(told) < TAIL_LEFT_OUT_INTERVAL);
        if self.count == 0 || (rests && !at_once) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.count))
    }
}

/// What one piece of the stream becomes.
#[derive(Default)]
struct Pages {
    finished: Vec<Page>,
    events: Vec<u8>,
}

impl Pages {
    /// Tells something behind the events so far.
    fn tell(&mut self, text: String) {
        self.close();
        self.finished.push(Page::Told(text));
    }

    fn close(&mut self) {
        if !self.events.is_empty() {
            self.finished.push(Page::Events(std::mem::take(&mut self.events)));
        }
    }

    fn finish(mut self) -> Vec<Page> {
        self.close();
        self.finished
    }
}

#[cfg(test)]
mod tests;
