//! A publisher: one connection on which blocks go out, with a bounded number of them unanswered.

use std::collections::VecDeque;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::block::{Block, forward_ack};
use crate::record::now_ns;

/// The time that [`Plan::rate_max`] is about.
pub const RATE_WINDOW: Duration = Duration::from_millis(100);

/// How long an answer may take. Only a broken server needs that long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How the server answers a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Not at all.
    None,
    /// With a Forward ack that names the chunk.
    ForwardAck,
    /// With one byte.
    Byte,
    /// With an HTTP response.
    Http,
}

/// What a publisher sends, and how it is answered.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where to.
    pub address: SocketAddr,
    /// What.
    pub block: Block,
    /// How it is answered.
    pub answer: Answer,
    /// Blocks that may be unanswered.
    pub window: usize,
    /// Blocks that may be sent in [`RATE_WINDOW`], where a server breaks beyond.
    pub rate_max: Option<u32>,
}

/// A connected publisher.
#[derive(Debug)]
pub struct Publisher {
    reader: BufReader<TcpStream>,
    plan: Plan,
    sent_blocks: u64,
    /// Numbers of the blocks that have no answer yet.
    unanswered: VecDeque<u64>,
    /// Number of the last event sent.
    pub last_seq: u64,
    /// Since when, and how many blocks were sent since then.
    rate: (Instant, u32),
    /// It had to wait for the rate's sake.
    held_back: bool,
    deadline: Instant,
}

impl Publisher {
    /// Connects; nothing is waited for beyond the deadline.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn connect(plan: Plan, deadline: Instant) -> Result<Self> {
        let stream = TcpStream::connect(plan.address).context("the publisher cannot connect")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        let reader = BufReader::new(stream);
        Ok(Self {
            reader,
            plan,
            sent_blocks: 0,
            unanswered: VecDeque::new(),
            last_seq: 0,
            rate: (Instant::now(), 0),
            held_back: false,
            deadline,
        })
    }

    /// Events per block.
    #[must_use]
    pub fn block_events(&self) -> u64 {
        self.plan.block.events()
    }

    /// Sends the next block; first waits for answers if too many are due.
    ///
    /// # Errors
    /// When the server does not take it or refuses an earlier one.
    pub fn send(&mut self) -> Result<()> {
        self.wait_until_unanswered(self.plan.window.saturating_sub(1))?;
        self.keep_rate();
        self.plan.block.stamp(self.last_seq + 1, now_ns());
        self.reader
            .get_mut()
            .write_all(self.plan.block.bytes())
            .context("the server takes no more events")?;
        self.last_seq += self.plan.block.events();
        self.sent_blocks += 1;
        if self.plan.answer != Answer::None {
            self.unanswered.push_back(self.sent_blocks);
        }
        Ok(())
    }

    fn keep_rate(&mut self) {
        let Some(rate_max) = self.plan.rate_max else { return };
        let (since, blocks) = &mut self.rate;
        if *blocks >= rate_max {
            let rest = RATE_WINDOW.saturating_sub(since.elapsed());
            self.held_back |= !rest.is_zero();
            std::thread::sleep(rest);
            (*since, *blocks) = (Instant::now(), 0);
        }
        *blocks += 1;
    }

    /// What whoever reads the numbers must know.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        let rate_max = self.plan.rate_max.filter(|_| self.held_back)?;
        Some(format!("held to {rate_max} messages in {} ms: it loses some beyond", RATE_WINDOW.as_millis()))
    }

    /// Waits until everything sent is answered.
    ///
    /// # Errors
    /// When it is not, or refused.
    pub fn flush(&mut self) -> Result<()> {
        self.wait_until_unanswered(0)
    }

    fn wait_until_unanswered(&mut self, blocks_max: usize) -> Result<()> {
        while self.unanswered.len() > blocks_max {
            let Some(block) = self.unanswered.pop_front() else { break };
            ensure!(
                Instant::now() < self.deadline,
                "it takes too long: {} events were sent by now",
                self.last_seq
            );
            self.read_answer(block).context("while waiting for the server's answer")?;
        }
        Ok(())
    }

    fn read_answer(&mut self, block: u64) -> Result<()> {
        match self.plan.answer {
            Answer::None => {}
            Answer::Byte => self.reader.read_exact(&mut [0])?,
            Answer::ForwardAck => {
                let expected = forward_ack(block);
                let mut ack = vec![0; expected.len()];
                self.reader.read_exact(&mut ack)?;
                ensure!(ack == expected, "the ack is not the one of chunk {block}: {ack:02x?}");
            }
            Answer::Http => self.read_response()?,
        }
        Ok(())
    }

    fn read_response(&mut self) -> Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.reader.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        if !head.starts_with("http/1.1 20") {
            bail!("an event was refused: {head}");
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length = length.map_or(Ok(0), |length| length.trim().parse::<u64>())?;
        std::io::copy(&mut self.reader.by_ref().take(length), &mut std::io::sink())?;
        Ok(())
    }
}
