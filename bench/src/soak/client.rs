//! One client: a socket, its reader and judge, and what it does with its life.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use socket2::{Domain, SockRef, Socket, Type};

use super::event::Want;
use super::judge::{Judge, Numbers, Told};
use super::sources::Progress;
use super::wire::{Sign, Way, Wire};

/// How far a client may be behind that means to be slow: little, so that it comes to that.
const SLOW_LAG_BYTES: u32 = 64 * 1024;

/// Receive buffer of such a client, in bytes. Not less: a window that is smaller than a segment, which is large on
/// the loopback, is filled five times a second and no more (Linux's persist timer), and nobody catches up so.
const SLOW_BUFFER_BYTES: usize = 64 * 1024;

/// How long whatever is due may take to come, or an end that was asked for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a client does at the end of its life, or in the middle of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Stays until it has everything, and closes in order.
    Leave,
    /// Is killed: a reset.
    Reset,
    /// Is killed, and comes back where it was.
    Resume,
    /// Stops reading for so long, then reads on, and leaves.
    Deafen(Duration),
    /// Stops reading and never comes back; killed after so long.
    Abandon(Duration),
    /// Says that it sends nothing more, and waits for the server to end it.
    HalfClose,
}

/// What a client is going to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) way: Way,
    pub(super) want: Want,
    pub(super) life: Duration,
    pub(super) fate: Fate,
}

impl Plan {
    fn is_slow(&self) -> bool {
        matches!(self.fate, Fate::Deafen(_) | Fate::Abandon(_))
    }
}

/// Where a client is in its life.
#[derive(Debug)]
enum Stage {
    /// The handshake is not answered.
    Asking,
    Watching,
    /// Does not read.
    Deaf,
    /// Waits for all events before these numbers.
    Finishing(Numbers),
    /// Waits for the server's end of the connection.
    Closing,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As it wanted.
    Wanted,
    /// Closed with 1013, being slow on purpose.
    Lagged,
    /// It was not answered, cut, or nothing came that was due.
    Failed,
}

/// What a step came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Stay,
    /// Reads, or does not read, from now on.
    Listen(bool),
    /// It is over; with the place to go on from.
    Over(End, Option<String>),
}

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) stream: TcpStream,
    pub(super) plan: Plan,
    /// It is judged from the answer to its handshake on.
    pub(super) judge: Option<Judge>,
    wire: Wire,
    stage: Stage,
    /// When the stage ends.
    until: Instant,
    /// Its stream ended with this code, or (0) without one.
    closed: Option<u16>,
    /// Why it failed.
    pub(super) trouble: Option<String>,
}

impl Client {
    /// Connects and asks. `resumed`: what it had, and the place after that.
    pub(super) fn open(address: SocketAddr, plan: Plan, resumed: Option<(Judge, String)>) -> Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        let mut query = plan.want.query();
        if plan.is_slow() {
            socket.set_recv_buffer_size(SLOW_BUFFER_BYTES)?;
            query.push_str(&format!("&$client_lag_limit={SLOW_LAG_BYTES}"));
        }
        let judge = resumed.map(|(judge, position)| {
            query.push_str(&format!("&$since={position}"));
            judge
        });
        socket.connect_timeout(&address.into(), PATIENCE).context("a client cannot connect")?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        // The first bytes of a connection: the system has room for them.
        (&stream).write_all(plan.way.request(&query).as_bytes())?;
        let wire = Wire::new(plan.way);
        let until = Instant::now() + PATIENCE;
        Ok(Self { stream, plan, judge, wire, stage: Stage::Asking, until, closed: None, trouble: None })
    }

    /// Reads what is there.
    pub(super) fn read(&mut self, buffer: &mut [u8], progress: &Progress) -> Step {
        let read = match (&self.stream).read(buffer) {
            Ok(read) => read,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Step::Stay;
            }
            Err(error) => return self.ended(&format!("the connection failed: {error}")),
        };
        if read == 0 {
            return self.ended("the server ended the connection");
        }
        if let Err(error) = self.take(&buffer[..read], progress) {
            return self.fail(format!("{error:#}"));
        }
        if matches!(self.stage, Stage::Asking) && self.wire.is_answered() {
            self.stage = Stage::Watching;
            self.until = Instant::now() + self.plan.life;
        }
        self.look()
    }

    fn take(&mut self, read: &[u8], progress: &Progress) -> Result<()> {
        let Self { wire, judge, closed, plan, stream, .. } = self;
        let mut pongs = Vec::new();
        wire.push(read, |sign| match sign {
            Sign::Told(told) => {
                // Before this is known, no event has been looked at: what is sent from now on is due.
                let due = || Judge::new(plan.want, plan.is_slow(), progress.begun());
                let is_late = closed.is_some();
                let told = if is_late { Told::Strange("something after the end".to_owned()) } else { told };
                judge.get_or_insert_with(due).hear(told);
            }
            Sign::Ping(payload) => pongs.push(payload),
            Sign::Close(code) => *closed = Some(code.unwrap_or(0)),
        })?;
        if wire.is_answered() {
            judge.get_or_insert_with(|| Judge::new(plan.want, plan.is_slow(), progress.begun()));
        }
        for payload in pongs {
            answer_ping(stream, &payload);
        }
        Ok(())
    }

    /// Whether something is over with what has come.
    fn look(&mut self) -> Step {
        if let Some(code) = self.closed {
            return self.ended(&format!("closed with {code}"));
        }
        if let (Stage::Finishing(numbers), Some(judge)) = (&self.stage, &self.judge)
            && judge.has_all_before(numbers)
        {
            return self.close();
        }
        Step::Stay
    }

    /// Looks whether its time has come.
    pub(super) fn tick(&mut self, now: Instant, progress: &Progress) -> Step {
        if self.until <= now { self.wake(progress) } else { self.look() }
    }

    fn wake(&mut self, progress: &Progress) -> Step {
        match (&self.stage, self.plan.fate) {
            (Stage::Watching, Fate::Leave) => self.finish(progress),
            (Stage::Watching, Fate::Reset) => self.reset(None),
            (Stage::Watching, Fate::Resume) => {
                let position = self.judge.as_ref().and_then(Judge::position);
                self.reset(position)
            }
            (Stage::Watching, Fate::Deafen(pause) | Fate::Abandon(pause)) => {
                self.stage = Stage::Deaf;
                self.until = Instant::now() + pause;
                Step::Listen(false)
            }
            (Stage::Watching, Fate::HalfClose) => {
                self.begin_closing();
                // A server that has ended it already is as good.
                let _ = self.stream.shutdown(Shutdown::Write);
                Step::Stay
            }
            (Stage::Deaf, Fate::Abandon(_)) => self.reset(None),
            (Stage::Deaf, _) => {
                // Whether it has everything shows once it reads again.
                self.expect(progress);
                Step::Listen(true)
            }
            (Stage::Asking, _) => self.fail("the handshake was not answered".to_owned()),
            (Stage::Closing, _) => self.fail("the server does not end the connection".to_owned()),
            (Stage::Finishing(numbers), _) => {
                if let Some(judge) = &mut self.judge {
                    judge.give_up(numbers);
                }
                self.fail("what was due did not come".to_owned())
            }
        }
    }

    /// Ends its life early: whoever listens stays until it has everything.
    pub(super) fn hurry(&mut self, progress: &Progress) -> Step {
        match (&self.stage, self.plan.fate) {
            (Stage::Watching, Fate::Leave | Fate::Reset | Fate::Resume | Fate::HalfClose) => {
                self.finish(progress)
            }
            (Stage::Watching, Fate::Deafen(_) | Fate::Abandon(_)) | (Stage::Deaf, _) => self.reset(None),
            _ => Step::Stay,
        }
    }

    fn finish(&mut self, progress: &Progress) -> Step {
        self.expect(progress);
        self.look()
    }

    /// All that is acked by now is due.
    fn expect(&mut self, progress: &Progress) {
        self.stage = Stage::Finishing(progress.acked());
        self.until = Instant::now() + PATIENCE;
    }

    fn begin_closing(&mut self) {
        self.stage = Stage::Closing;
        self.until = Instant::now() + PATIENCE;
    }

    /// Closes in order; a stream over HTTP has no other way than to hang up.
    fn close(&mut self) -> Step {
        if !self.plan.way.is_websocket() {
            return Step::Over(End::Wanted, None);
        }
        self.begin_closing();
        // Close, 1000, with a mask of zeros.
        match (&self.stream).write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]) {
            Ok(()) => Step::Stay,
            Err(error) => self.fail(format!("the close frame is not taken: {error}")),
        }
    }

    fn reset(&self, position: Option<String>) -> Step {
        // Without it the connection ends in order, which is another fate.
        match SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)) {
            Ok(()) => Step::Over(End::Wanted, position),
            Err(_) => Step::Over(End::Failed, None),
        }
    }

    fn ended(&mut self, how: &str) -> Step {
        match self.stage {
            Stage::Closing => Step::Over(End::Wanted, None),
            // The classic stream has no other way to say that events are missing.
            Stage::Watching | Stage::Deaf | Stage::Finishing(_)
                if self.plan.is_slow() && !self.plan.way.is_numbered() =>
            {
                Step::Over(End::Lagged, None)
            }
            _ => self.fail(how.to_owned()),
        }
    }

    fn fail(&mut self, how: String) -> Step {
        self.trouble.get_or_insert(how);
        Step::Over(End::Failed, None)
    }
}

/// A pong with a mask of zeros. One that finds no room is missing: then the server says so by ending it.
fn answer_ping(mut stream: &TcpStream, payload: &[u8]) {
    let length = u8::try_from(payload.len().min(125)).unwrap_or(125);
    let pong = [&[0x8a, 0x80 | length, 0, 0, 0, 0], &payload[..usize::from(length)]].concat();
    let _ = stream.write_all(&pong);
}
