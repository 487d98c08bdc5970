//! One client's connection without its socket: what to write next, what was read, when to end.
//!
//! Data is a cursor into a log. What is told besides (control frames, notices, signs of life) goes
//! between two pieces of data; what it displaces is at most the rest of one.

use std::io::IoSlice;

use fluentcast_event::limits::{ANSWERS_BYTES_MAX, PONG_BACKLOG_BYTES_MAX};

use crate::close::CloseReason;
use crate::deflate::Sum;
use crate::encode::{Protocol, Shape};
use crate::envelope::{self, LAST_CHUNK};
use crate::frame::{self, Opcode};
use crate::hub::{self, Hello, Subscription};
use crate::inbound::{Inbound, Received};
use crate::log::Skipped;
use crate::notice;
use crate::replay::Replay;

mod stream;

use stream::{FAREWELL_BYTES_MAX, Stream};

/// A client's connection.
///
/// What a sweep looks at comes last and lies together: with thousands of clients each of its cache lines
/// is fetched from memory again at each sweep.
#[derive(Debug)]
#[repr(C)]
pub struct Session {
    shape: Shape,
    /// Bytes of pongs in `urgent`.
    pongs: usize,
    /// Bytes of answers to the client's messages in `urgent`.
    answers: usize,
    inbound: Inbound,
    /// The client's close frame has come.
    peer_closed: bool,
    /// Of what was sent or is certain to be, where the answer is a gzip stream.
    sum: Option<Box<Sum>>,
    /// Set once no more events are to be sent.
    closing: Option<CloseReason>,
    /// Close with this once the log is read to its end.
    close_at_end: Option<CloseReason>,
    /// Goes out before anything more of the log: the rest of a frame begun, and what goes between.
    urgent: Vec<u8>,
    urgent_sent: usize,
    stream: Option<Stream>,
}

/// What a sweep looks at, in bytes.
const SWEPT_BYTES: usize = size_of::<Session>() - std::mem::offset_of!(Session, sum);
const _: () = assert!(SWEPT_BYTES <= 160, "a sweep would touch more than three cache lines of a client");

/// What is said when a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// It is the connection's first.
    Hello,
    /// The client asked for it in a message.
    Subscribed,
    /// It is still the same to the client.
    None,
}

impl Session {
    /// A connection without a stream yet that takes messages of at most so many bytes.
    #[must_use]
    pub fn new(shape: Shape, inbound_bytes_max: u64) -> Self {
        let is_gzip = shape.compress.is_some() && !shape.protocol.is_websocket();
        Self {
            shape,
            stream: None,
            sum: is_gzip.then(Box::default),
            urgent: Vec::new(),
            urgent_sent: 0,
            pongs: 0,
            answers: 0,
            inbound: Inbound::new(inbound_bytes_max),
            closing: None,
            peer_closed: false,
            close_at_end: None,
        }
    }

    /// Sends these bytes before anything else: the head of an HTTP answer.
    pub fn preface(&mut self, head: &[u8]) {
        self.urgent.extend_from_slice(head);
    }

    /// Takes compressed messages too, if that was agreed on.
    #[must_use]
    pub fn inflating(mut self, agreed: bool) -> Self {
        self.inbound = self.inbound.inflating(agreed);
        self
    }

    /// The form of what it is sent.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Sends what the stream has from now on; of the present one, if there is one, only what is still to
    /// be told: what is readable up to where the new one begins if that is little, or a gap. The view it
    /// leaves was named to [`hub::Hub::subscribe`].
    pub fn begin(&mut self, (hello, next): (Hello, hub::Stream), greeting: Greeting) {
        if self.closing.is_some() {
            return;
        }
        self.queue(&[]);
        if let Some(stream) = self.stream.take() {
            let bytes_max = FAREWELL_BYTES_MAX.saturating_sub(self.answers);
            let next = (&next, greeting == Greeting::None);
            self.answer(stream.farewell(&self.shape, &hello, next, bytes_max));
        }
        self.answer(match greeting {
            Greeting::Hello => notice::hello(&self.shape, &hello, matches!(next, hub::Stream::Live(..))),
            Greeting::Subscribed => notice::subscribed(&self.shape, &hello),
            Greeting::None => None,
        });
        self.stream = Some(Stream::new(next));
        self.go_on();
    }

    /// Says something that counts among the answers.
    fn answer(&mut self, message: Option<Vec<u8>>) {
        let message = message.unwrap_or_default();
        self.answers += message.len();
        self.say(&message);
    }

    /// Appends messages to what goes out first.
    fn say(&mut self, messages: &[u8]) {
        if let Some(sum) = &mut self.sum {
            sum.add(Sum::of_chunks(messages));
        }
        self.urgent.extend_from_slice(messages);
    }

    /// So many bytes of the log are written, or are to be before anything else.
    fn advance(&mut self, bytes: usize) {
        let Self { stream: Some(stream), sum, .. } = self else { return };
        match sum {
            None => stream.cursor.advance(bytes),
            Some(sum) => stream.cursor.advance_over(bytes, |segment| sum.add(segment)),
        }
    }

    /// The client's place on a view, once it has one.
    #[must_use]
    pub fn subscription(&self) -> Option<&Subscription> {
        self.stream.as_ref()?.subscription()
    }

    /// Whether it is being sent live events: no replay comes before them.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_live)
    }

    /// Whether [`Session::next_step`] has a replay.
    #[must_use]
    pub fn wants_step(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::wants_step)
    }

    /// The replay of the stream if it should make its next step, which may block. It comes back by
    /// [`Session::replayed`]. Asked after everything that the session was told.
    pub fn next_step(&mut self) -> Option<Box<Replay>> {
        self.stream.as_mut()?.next_step()
    }

    /// A replay that [`Session::next_step`] gave has made its step. If the client has left that stream in
    /// between, the replay is let go.
    pub fn replayed(&mut self, replay: Box<Replay>) {
        if self.stream.as_mut().is_some_and(|stream| stream.replayed(replay)) {
            self.go_on();
        }
    }

    /// Whether it is still sent what was.
    #[must_use]
    pub fn is_in_the_past(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_in_the_past)
    }

    /// What to write next, as slices for one vectored write: returns how many of `slices` were filled.
    pub fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>], bytes_max: usize) -> usize {
        let urgent = &self.urgent[self.urgent_sent..];
        let mut used = 0;
        if !urgent.is_empty() {
            slices[0] = IoSlice::new(urgent);
            used = 1;
        }
        match &self.stream {
            Some(stream) if urgent.len() < bytes_max && !stream.gap_is_next() => {
                used + stream.cursor.gather(&mut slices[used..], bytes_max - urgent.len())
            }
            _ => used,
        }
    }

    /// So many bytes of what [`Session::gather`] gave were written.
    pub fn written(&mut self, bytes: usize) {
        let urgent = bytes.min(self.urgent.len() - self.urgent_sent);
        self.urgent_sent += urgent;
        if self.urgent_sent == self.urgent.len() {
            // Freed, not kept: thousands of idle clients each had a ping to answer once.
            self.urgent = Vec::new();
            self.urgent_sent = 0;
            self.pongs = 0;
            self.answers = 0;
        }
        self.advance(bytes - urgent);
        self.go_on();
    }

    /// Does what is due at the place the client has reached.
    fn go_on(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        if stream.move_on() {
            self.close_at_end.get_or_insert(CloseReason::Complete);
        }
        self.tell_gap();
        if let Some(reason) = self.close_at_end
            && self.stream.as_ref().is_none_or(Stream::is_read)
        {
            self.close(reason);
        }
    }

    /// Tells what was skipped, as soon as nothing else waits: one notice, however often that was.
    fn tell_gap(&mut self) {
        if self.urgent.is_empty()
            && let Some(stream) = &mut self.stream
            && let Some(gap) = stream.take_gap(&self.shape)
        {
            self.say(&gap);
        }
    }

    /// Passes over everything live up to the newest event; the client is told if its protocol allows. What
    /// it is still being replayed comes before that.
    pub fn skip(&mut self) -> Skipped {
        self.queue(&[]);
        let skipped = self.stream.as_mut().map_or_else(Skipped::default, Stream::skip);
        self.tell_gap();
        skipped
    }

    /// Reads bytes from the client (unmasking them in place). Pings are answered, a close frame too.
    /// Data goes to `on_data`: whether it is text, a part of a message, whether it is the last part;
    /// frames that answer it can be appended to the buffer there. What an HTTP client sends after its
    /// request means nothing.
    pub fn received(&mut self, bytes: &mut [u8], mut on_data: impl FnMut(bool, &[u8], bool, &mut Vec<u8>)) {
        if !self.shape.protocol.is_websocket() {
            return;
        }
        let mut replies = Vec::new();
        let mut peer_close = None;
        let pongs = &mut self.pongs;
        let fed = self.inbound.feed(bytes, |received| match received {
            Received::Data { text, payload, last } => on_data(text, payload, last, &mut replies),
            Received::Ping(payload) if *pongs < PONG_BACKLOG_BYTES_MAX => {
                let before = replies.len();
                frame::write(&mut replies, Opcode::Pong, payload);
                *pongs += replies.len() - before;
            }
            Received::Ping(_) | Received::Pong(_) => {}
            Received::Close(code) => peer_close = Some(code),
        });
        if !replies.is_empty() && self.closing.is_none() {
            self.queue(&replies);
        }
        match (fed, peer_close) {
            (Err(reason), _) => {
                // Whatever it sends now cannot be understood: no close frame of its own is awaited.
                self.close(reason);
                self.peer_closed = true;
            }
            (Ok(()), Some(code)) => {
                self.close(CloseReason::ClosedByClient(code));
                self.peer_closed = true;
            }
            (Ok(()), None) => {}
        }
    }

    /// Answers a message that makes no sense.
    pub fn refuse(&mut self, text: &str) {
        if self.closing.is_none() {
            self.queue(&[]);
            self.answer(notice::error(&self.shape, text));
        }
    }

    /// Whether the client asks on and on without reading the answers.
    #[must_use]
    pub fn is_flooding(&self) -> bool {
        self.answers > ANSWERS_BYTES_MAX
    }

    /// A sign of life: asks a WebSocket client for one of its own, and keeps what lies between from
    /// cutting an idle HTTP connection.
    pub fn ping(&mut self) {
        if self.closing.is_none() {
            let mut ping = Vec::new();
            match self.shape.protocol {
                Protocol::Classic | Protocol::Resumable => frame::write(&mut ping, Opcode::Ping, b""),
                Protocol::EventStream => notice::write_part(&self.shape, &mut ping, b":\n\n"),
                Protocol::Lines => notice::write_part(&self.shape, &mut ping, b"\n"),
            }
            self.queue(&ping);
        }
    }

    /// Puts messages between the frame that is being written and the next one.
    fn queue(&mut self, messages: &[u8]) {
        if let Some(Stream { cursor, .. }) = &self.stream {
            let rest = cursor.rest_of_frame();
            let rest_bytes = rest.len();
            self.urgent.extend_from_slice(rest);
            self.advance(rest_bytes);
        }
        self.say(messages);
    }

    /// Stops sending events and begins the closing handshake. What the log still holds for the client
    /// is let go at once; returns how many bytes that were. Only the first reason counts.
    pub fn close(&mut self, reason: CloseReason) -> u64 {
        if self.closing.is_some() {
            return 0;
        }
        let mut close = Vec::new();
        let mut ends_well = false;
        let is_websocket = self.shape.protocol.is_websocket();
        if let Some(code) = reason.code() {
            match reason {
                CloseReason::Complete | CloseReason::GoingAway | CloseReason::Expired if !is_websocket => {
                    ends_well = true;
                }
                // An answer that breaks off is known for one.
                _ if !is_websocket => {}
                CloseReason::ClosedByClient(None) => frame::write(&mut close, Opcode::Close, b""),
                _ => frame::write_close(&mut close, code, reason.text()),
            }
        }
        self.queue(&close);
        if ends_well {
            if let Some(sum) = self.sum.take() {
                envelope::write_chunk(&mut self.urgent, &sum.end_of_stream());
            }
            self.urgent.extend_from_slice(LAST_CHUNK);
        }
        self.closing = Some(reason);
        self.stream.take().map_or(0, |stream| stream.unread())
    }

    /// Closes with this reason once the client has been sent everything there is now.
    pub fn close_at_end(&mut self, reason: CloseReason) {
        self.close_at_end = Some(reason);
        if let Some(subscription) = self.subscription() {
            // What no sweep has made readable yet is there, too.
            subscription.view().tell();
        }
        self.go_on();
    }

    /// Why the connection is being closed, once it is.
    #[must_use]
    pub fn closing(&self) -> Option<CloseReason> {
        self.closing
    }

    /// Whether the closing handshake is over, or needs nobody else: the socket can be closed.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.closing.is_some_and(|reason| {
            let nobody_else =
                self.peer_closed || reason.code().is_none() || !self.shape.protocol.is_websocket();
            self.urgent.is_empty() && nobody_else
        })
    }

    /// Whether the client is more than `limit` bytes of live events behind, in a view's log that ends at
    /// `log_end`. What it is still being replayed from the history does not count, nor does the frame it
    /// is receiving or is to receive next: one event larger than the limit is nobody's slowness.
    #[must_use]
    pub fn lags(&self, log_end: u64, limit: u64) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.lags(log_end, limit))
    }
}

#[cfg(test)]
mod tests;
