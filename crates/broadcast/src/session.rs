//! One client's connection without its socket: what to write next, what was read, when to end.
//!
//! Data is a cursor into the view's log. Control frames go between two data frames; what they displace
//! is at most the rest of one frame.

use std::io::IoSlice;

use fluentcast_event::limits::PONG_BACKLOG_BYTES_MAX;

use crate::close::CloseReason;
use crate::frame::{self, Opcode};
use crate::hub::Subscription;
use crate::inbound::{Inbound, Received};
use crate::log::Cursor;

/// A client's connection.
#[derive(Debug)]
pub struct Session {
    stream: Option<Stream>,
    /// Goes out before anything more of the log: the rest of a frame begun, and control frames.
    urgent: Vec<u8>,
    urgent_sent: usize,
    /// Bytes of pongs in `urgent`.
    pongs: usize,
    inbound: Inbound,
    /// Set once no more events are to be sent.
    closing: Option<CloseReason>,
    /// The client's close frame has come.
    peer_closed: bool,
    /// Close with this once the log is read to its end.
    close_at_end: Option<CloseReason>,
}

/// The client's place in its view.
#[derive(Debug)]
struct Stream {
    cursor: Cursor,
    subscription: Subscription,
}

impl Session {
    /// A connection without a stream yet that takes messages of at most so many bytes.
    #[must_use]
    pub fn new(inbound_bytes_max: u64) -> Self {
        Self {
            stream: None,
            urgent: Vec::new(),
            urgent_sent: 0,
            pongs: 0,
            inbound: Inbound::new(inbound_bytes_max),
            closing: None,
            peer_closed: false,
            close_at_end: None,
        }
    }

    /// A connection that is sent what the subscription asks for.
    #[must_use]
    pub fn subscribed(subscription: Subscription, cursor: Cursor, inbound_bytes_max: u64) -> Self {
        Self { stream: Some(Stream { cursor, subscription }), ..Self::new(inbound_bytes_max) }
    }

    /// Takes compressed messages too, if that was agreed on.
    #[must_use]
    pub fn inflating(mut self, agreed: bool) -> Self {
        self.inbound = self.inbound.inflating(agreed);
        self
    }

    /// The subscription, while events are sent.
    #[must_use]
    pub fn subscription(&self) -> Option<&Subscription> {
        self.stream.as_ref().map(|stream| &stream.subscription)
    }

    /// What to write next, as slices for one vectored write; empty when there is nothing.
    pub fn gather<'a>(&'a self, slices: &mut Vec<IoSlice<'a>>, slices_max: usize, bytes_max: usize) {
        let urgent = &self.urgent[self.urgent_sent..];
        if !urgent.is_empty() {
            slices.push(IoSlice::new(urgent));
        }
        if let Some(stream) = &self.stream
            && urgent.len() < bytes_max
        {
            stream.cursor.gather(slices, slices_max, bytes_max - urgent.len());
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
        }
        if let Some(stream) = &mut self.stream {
            stream.cursor.advance(bytes - urgent);
        }
        self.close_when_at_end();
    }

    /// Reads bytes from the client (unmasking them in place). Pings are answered, a close frame too.
    /// Data goes to `on_data`: whether it is text, a part of a message, whether it is the last part;
    /// frames that answer it can be appended to the buffer there.
    pub fn received(&mut self, bytes: &mut [u8], mut on_data: impl FnMut(bool, &[u8], bool, &mut Vec<u8>)) {
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

    /// Asks the client for a sign of life.
    pub fn ping(&mut self) {
        if self.closing.is_none() {
            let mut ping = Vec::new();
            frame::write(&mut ping, Opcode::Ping, b"");
            self.queue(&ping);
        }
    }

    /// Puts frames between the frame that is being written and the next one.
    fn queue(&mut self, frames: &[u8]) {
        if let Some(Stream { cursor, .. }) = &mut self.stream {
            let rest = cursor.rest_of_frame();
            let rest_bytes = rest.len();
            self.urgent.extend_from_slice(rest);
            cursor.advance(rest_bytes);
        }
        self.urgent.extend_from_slice(frames);
    }

    /// Stops sending events and begins the closing handshake. What the log still holds for the client
    /// is let go at once; returns how many bytes that were. Only the first reason counts.
    pub fn close(&mut self, reason: CloseReason) -> u64 {
        if self.closing.is_some() {
            return 0;
        }
        let mut close = Vec::new();
        if let Some(code) = reason.code() {
            match reason {
                CloseReason::ClosedByClient(None) => frame::write(&mut close, Opcode::Close, b""),
                _ => frame::write_close(&mut close, code, reason.text()),
            }
        }
        self.queue(&close);
        self.closing = Some(reason);
        self.stream.take().map_or(0, |stream| stream.unread())
    }

    /// Closes with this reason once the client has been sent everything.
    pub fn close_at_end(&mut self, reason: CloseReason) {
        self.close_at_end = Some(reason);
        self.close_when_at_end();
    }

    fn close_when_at_end(&mut self) {
        if let Some(reason) = self.close_at_end
            && self.stream.as_ref().is_none_or(|stream| stream.cursor.at_end())
        {
            self.close(reason);
        }
    }

    /// Why the connection is being closed, once it is.
    #[must_use]
    pub fn closing(&self) -> Option<CloseReason> {
        self.closing
    }

    /// Whether the closing handshake is over, or needs nobody else: the socket can be closed.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.closing
            .is_some_and(|reason| self.urgent.is_empty() && (self.peer_closed || reason.code().is_none()))
    }

    /// Whether the client is more than `limit` bytes of live events behind, in a log that ends at
    /// `log_end`. What it is still being replayed from the history does not count, nor does the frame it
    /// is receiving or is to receive next: one event larger than the limit is nobody's slowness.
    #[must_use]
    pub fn lags(&self, log_end: u64, limit: u64) -> bool {
        self.stream.as_ref().is_some_and(|Stream { cursor, subscription }| {
            let lag = log_end.saturating_sub(cursor.position().max(subscription.replay_end()));
            lag > limit && lag.saturating_sub(cursor.frame_ahead() as u64) > limit
        })
    }
}

impl Stream {
    /// Bytes of the log from the cursor on.
    fn unread(&self) -> u64 {
        self.subscription.view().end().saturating_sub(self.cursor.position())
    }
}

#[cfg(test)]
mod tests;
