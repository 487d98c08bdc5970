//! One client: its handshake, then the heads of the frames it gets.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use crate::record::Layout;

/// Longest handshake answer, in bytes.
const ANSWER_BYTES_MAX: usize = 4096;

/// How much of a frame must be at hand before anything is made of it: a head, and what of the message is
/// looked at, or a whole control frame.
pub(super) const CARRY_BYTES_MAX: usize = 256;

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Handshaking,
    Open,
    /// Cut, or closed by the server.
    Over,
}

/// One client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) stream: TcpStream,
    pub(super) state: State,
    /// The beginning of what is not yet enough.
    pub(super) carry: Vec<u8>,
    /// Bytes of the current message still to come.
    skip: u64,
    /// The current message counts once it is all here.
    message_open: bool,
    /// The event that must come next.
    pub(super) expected: Option<u64>,
    pub(super) step: u64,
    pub(super) received: u64,
    pub(super) lost: u64,
    pub(super) duplicated: u64,
    pub(super) strange: u64,
    /// See [`super::progress`].
    pub(super) next_milestone: u64,
}

impl Client {
    /// Sends the request for an upgrade; the answer is read later.
    pub(super) fn open(stream: TcpStream, target: &str, first: Option<u64>, step: u64) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        (&stream).write_all(request.as_bytes())?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            state: State::Handshaking,
            carry: Vec::new(),
            skip: 0,
            message_open: false,
            expected: first,
            step,
            received: 0,
            lost: 0,
            duplicated: 0,
            strange: 0,
            next_milestone: 1,
        })
    }

    /// Reads some of the answer to the handshake. An error: the server turned it away.
    pub(super) fn read_answer(&mut self) -> io::Result<()> {
        let mut buffer = [0; ANSWER_BYTES_MAX];
        let read = self.stream.read(&mut buffer)?;
        self.carry.extend_from_slice(&buffer[..read]);
        let Some(end) = self.carry.windows(4).position(|end| end == b"\r\n\r\n") else {
            if read == 0 || self.carry.len() > ANSWER_BYTES_MAX {
                return Err(io::Error::other("no answer to the handshake"));
            }
            return Ok(());
        };
        if !self.carry.starts_with(b"HTTP/1.1 101 ") {
            return Err(io::Error::other(format!("turned away: {}", String::from_utf8_lossy(&self.carry))));
        }
        self.carry.drain(..end + 4);
        self.state = State::Open;
        Ok(())
    }

    /// Every event up to here has come.
    pub(super) fn has(&self) -> u64 {
        self.expected.map_or(0, |expected| expected - 1)
    }

    /// Takes bytes of frames; `sample` is called with every message whose place it is, for its latency.
    /// Returns how many messages are complete with these bytes.
    pub(super) fn take(&mut self, mut bytes: &[u8], layout: &Layout, mut sample: impl FnMut(&[u8])) -> u64 {
        let mut complete = 0;
        self.carry.clear();
        while self.state == State::Open {
            if self.skip > 0 {
                let skipped = bytes.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
                bytes = &bytes[skipped..];
                self.skip -= skipped as u64;
            }
            if self.skip == 0 && std::mem::take(&mut self.message_open) {
                complete += 1;
            }
            if bytes.is_empty() {
                break;
            }
            let Some((head, payload)) = head(bytes) else {
                self.carry.extend_from_slice(bytes);
                break;
            };
            let is_control = bytes[0] & 0x08 != 0;
            let looked_at = payload.min(if is_control { u64::MAX } else { layout.bytes_min as u64 });
            let needed = head + usize::try_from(looked_at).unwrap_or(usize::MAX);
            let Some(beginning) = bytes.get(head..needed) else {
                self.carry.extend_from_slice(bytes);
                break;
            };
            if is_control {
                self.answer(bytes[0] & 0x0f, beginning);
            } else {
                self.check(layout, beginning);
                sample(beginning);
                self.message_open = true;
            }
            self.skip = payload - looked_at;
            bytes = &bytes[needed..];
        }
        complete
    }

    fn check(&mut self, layout: &Layout, message: &[u8]) {
        let Some(seq) = layout.seq(message) else {
            self.strange += 1;
            return;
        };
        let expected = self.expected.unwrap_or(seq);
        if seq < expected {
            self.duplicated += 1;
            return;
        }
        self.lost += (seq - expected) / self.step;
        self.expected = Some(seq + self.step);
    }

    fn answer(&mut self, opcode: u8, payload: &[u8]) {
        match opcode {
            0x8 => self.state = State::Over,
            0x9 => {
                // A mask of zeros leaves the payload as it is.
                let length = u8::try_from(payload.len().min(125)).unwrap_or(125);
                let pong = [&[0x8a, 0x80 | length, 0, 0, 0, 0], &payload[..usize::from(length)]].concat();
                if self.stream.write_all(&pong).is_err() {
                    self.state = State::Over;
                }
            }
            _ => {}
        }
    }

    /// Events up to `last_seq` that never came, with those that were left out before.
    pub(super) fn lost_of(&self, last_seq: u64, message_events: u64) -> u64 {
        let missing = match self.expected {
            Some(expected) if expected <= last_seq => (last_seq - expected) / self.step + 1,
            _ => 0,
        };
        (self.lost + missing + u64::from(self.message_open)) * message_events
    }
}

/// The length of a frame's head and of its payload, when all of the head is there.
fn head(bytes: &[u8]) -> Option<(usize, u64)> {
    match *bytes {
        [_, 126, a, b, ..] => Some((4, u16::from_be_bytes([a, b]).into())),
        [_, 127, ref rest @ ..] => Some((10, u64::from_be_bytes(*rest.first_chunk()?))),
        [_, 126, ..] => None,
        [_, short, ..] => Some((2, short.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::block::{Block, message_layout};
    use crate::record::{Form, LARGE_RECORD_BYTES, RECORD_BYTES};

    /// A client after its handshake, and what keeps its connection alive.
    fn client(step: u64) -> (Client, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
        let mut client = Client::open(stream, "/", Some(1), step).expect("written");
        client.state = State::Open;
        (client, listener)
    }

    /// Feeds the bytes in pieces, as the thread does: what was not enough comes again, before what is new.
    fn feed(client: &mut Client, bytes: &[u8], piece: usize, layout: &Layout) -> u64 {
        let mut complete = 0;
        for piece in bytes.chunks(piece) {
            let all = [std::mem::take(&mut client.carry), piece.to_vec()].concat();
            complete += client.take(&all, layout, |_| {});
            assert!(client.carry.len() <= CARRY_BYTES_MAX);
        }
        complete
    }

    fn frames(form: Form, record_bytes: usize, seqs: &[u64]) -> Vec<u8> {
        let mut block = Block::frames(form, record_bytes, 1, 1, false);
        seqs.iter()
            .flat_map(|seq| {
                block.stamp(*seq, 0);
                block.bytes()[4..].to_vec()
            })
            .collect()
    }

    #[test]
    fn every_event_is_counted_however_it_is_cut() {
        for (form, record_bytes) in
            [(Form::Json, RECORD_BYTES), (Form::Msgpack, RECORD_BYTES), (Form::Json, LARGE_RECORD_BYTES)]
        {
            let layout = message_layout(form, record_bytes, 1);
            let bytes = frames(form, record_bytes, &[1, 2, 3, 4, 5]);
            for piece in [1, 2, 3, 7, 100, 250, 1 << 20] {
                let (mut client, _listener) = client(1);
                assert_eq!(feed(&mut client, &bytes, piece, &layout), 5, "{form:?} {piece}");
                let counts = (client.has(), client.lost_of(5, 1), client.duplicated, client.strange);
                assert_eq!(counts, (5, 0, 0, 0), "{form:?} {piece}");
            }
        }
    }

    #[test]
    fn gaps_repetitions_and_a_missing_end_show() {
        let layout = message_layout(Form::Json, RECORD_BYTES, 1);
        let (mut client, _listener) = client(1);
        let bytes = frames(Form::Json, RECORD_BYTES, &[1, 2, 5, 5, 4, 6]);
        assert_eq!(feed(&mut client, &bytes[..bytes.len() - 1], 1000, &layout), 5);
        assert_eq!((client.lost_of(6, 1), client.duplicated), (3, 2), "3, 4, and the rest of 6");
        assert_eq!(client.lost_of(10, 1), 7);
    }

    #[test]
    fn pings_are_answered_and_a_close_ends_it() {
        let layout = message_layout(Form::Json, RECORD_BYTES, 1);
        let (mut client, _listener) = client(1);
        let bytes =
            [&[0x89, 2, b'h', b'i'], &frames(Form::Json, RECORD_BYTES, &[1])[..], &[0x88, 0]].concat();
        assert_eq!(feed(&mut client, &bytes, 3, &layout), 1);
        assert_eq!(client.state, State::Over);
    }
}
