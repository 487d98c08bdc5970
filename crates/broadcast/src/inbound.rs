//! Reading frames from client to server (RFC 6455 section 5, RFC 7692), strictly, over any split of the
//! bytes.
//!
//! Payloads are unmasked in the caller's read buffer and handed on as they come; only a frame's head,
//! a control frame's payload (125 bytes) and, inside a compressed message, its inflater are ever held.
//! An idle connection holds no buffer.

use crate::close::CloseReason;
use crate::frame::RSV1;

mod inflate;
mod utf8;

use inflate::Inflater;
use utf8::Utf8Check;

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// A part of a text or binary message.
    Data {
        /// Text (already checked as UTF-8, as far as it has come) or binary.
        text: bool,
        /// The part, unmasked and inflated; may be empty.
        payload: &'a [u8],
        /// The message ends here.
        last: bool,
    },
    /// A ping, to be answered with the same payload.
    Ping(&'a [u8]),
    /// A pong.
    Pong(&'a [u8]),
    /// A close frame and its code. Nothing after it counts.
    Close(Option<u16>),
}

/// Longest head of a client's frame: 2 bytes, a 64-bit length, a mask.
const HEAD_BYTES_MAX: usize = 14;

/// Payload of a control frame at most (RFC 6455 section 5.5).
const CONTROL_PAYLOAD_BYTES_MAX: u64 = 125;

/// The three bits that mean what extensions say.
const RESERVED: u8 = 0x70;

/// The reading end of a connection.
#[derive(Debug)]
pub struct Inbound {
    message_bytes_max: u64,
    /// Messages may be compressed.
    inflating: bool,
    head: [u8; HEAD_BYTES_MAX],
    head_bytes: usize,
    /// The frame whose payload is being read.
    frame: Option<Frame>,
    /// The message whose frames are being read.
    message: Option<Message>,
    /// Payload of the control frame being read.
    control: Vec<u8>,
    /// Nothing counts any more: a close frame has come, or something that cannot be understood.
    closed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: Kind,
    last: bool,
    mask: [u8; 4],
    /// Payload bytes read so far and still to come.
    read: u64,
    rest: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Data,
    Close,
    Ping,
    Pong,
}

#[derive(Debug)]
struct Message {
    /// `None` for binary.
    text: Option<Utf8Check>,
    /// Of a compressed message. In a box, for idle clients are many.
    inflater: Option<Box<Inflater>>,
    /// Payload bytes of its frames so far.
    bytes: u64,
}

impl Inbound {
    /// Takes messages of at most so many bytes.
    #[must_use]
    pub fn new(message_bytes_max: u64) -> Self {
        Self {
            message_bytes_max,
            inflating: false,
            head: [0; HEAD_BYTES_MAX],
            head_bytes: 0,
            frame: None,
            message: None,
            control: Vec::new(),
            closed: false,
        }
    }

    /// Takes compressed messages too, if that was agreed on; each must begin the window anew. The limit
    /// is on what they inflate to.
    #[must_use]
    pub fn inflating(mut self, agreed: bool) -> Self {
        self.inflating = agreed;
        self
    }

    /// Reads bytes as they came from the connection; `bytes` is unmasked in place. After an error or a
    /// close frame, whatever else comes is ignored.
    ///
    /// # Errors
    /// The reason to close the connection with.
    pub fn feed(&mut self, bytes: &mut [u8], on: impl FnMut(Received<'_>)) -> Result<(), CloseReason> {
        let fed = self.read(bytes, on);
        self.closed |= fed.is_err();
        fed
    }

    fn read(&mut self, mut bytes: &mut [u8], mut on: impl FnMut(Received<'_>)) -> Result<(), CloseReason> {
        while !self.closed {
            let Some(mut frame) = self.frame.take() else {
                let used = self.read_head(bytes)?;
                bytes = &mut bytes[used..];
                if self.frame.is_none() {
                    return Ok(());
                }
                continue;
            };
            let here = usize::try_from(frame.rest).unwrap_or(usize::MAX).min(bytes.len());
            let (payload, rest) = bytes.split_at_mut(here);
            bytes = rest;
            unmask(payload, frame.mask, frame.read);
            frame.read += here as u64;
            frame.rest -= here as u64;
            self.read_payload(frame, payload, &mut on)?;
            if frame.rest > 0 {
                self.frame = Some(frame);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads as much of a head as there is; sets `frame` when it is whole. Returns the bytes used.
    fn read_head(&mut self, bytes: &[u8]) -> Result<usize, CloseReason> {
        let mut used = 0;
        loop {
            let wanted = head_bytes(&self.head[..self.head_bytes]);
            let more = (wanted - self.head_bytes).min(bytes.len() - used);
            self.head[self.head_bytes..self.head_bytes + more].copy_from_slice(&bytes[used..used + more]);
            self.head_bytes += more;
            used += more;
            if self.head_bytes >= 2 {
                // What the first two bytes forbid is said at once, though the rest may never come.
                self.check_head()?;
            }
            if self.head_bytes < wanted {
                return Ok(used);
            }
            if head_bytes(&self.head[..self.head_bytes]) == wanted {
                self.head_bytes = 0;
                self.start_frame(wanted)?;
                return Ok(used);
            }
        }
    }

    fn check_head(&self) -> Result<(), CloseReason> {
        let [first, second, ..] = self.head;
        let (last, opcode) = (first & 0x80 != 0, first & 0x0f);
        let reserved = first & RESERVED;
        let compressed = self.inflating && reserved == RSV1 && matches!(opcode, 1 | 2);
        let problem = if reserved != 0 && !compressed {
            "reserved bits are set that no extension agreed on gives a meaning here"
        } else if second & 0x80 == 0 {
            "frames from a client must be masked"
        } else {
            match opcode {
                0 if self.message.is_none() => "a continuation without a message to continue",
                1 | 2 if self.message.is_some() => "a new message inside a fragmented one",
                0..=2 => return Ok(()),
                8..=10 if !last => "a control frame must not be fragmented",
                8..=10 if u64::from(second & 0x7f) > CONTROL_PAYLOAD_BYTES_MAX => {
                    "a control frame is too long"
                }
                8..=10 => return Ok(()),
                _ => "reserved opcode",
            }
        };
        Err(CloseReason::Protocol(problem))
    }

    /// Begins the frame whose head is complete.
    fn start_frame(&mut self, head_bytes: usize) -> Result<(), CloseReason> {
        let head = self.head;
        let payload_bytes = match head[1] & 0x7f {
            126 => u64::from(u16::from_be_bytes([head[2], head[3]])),
            127 => {
                u64::from_be_bytes([head[2], head[3], head[4], head[5], head[6], head[7], head[8], head[9]])
            }
            short => u64::from(short),
        };
        let shortest = match payload_bytes {
            0..126 => 6,
            126..0x1_0000 => 8,
            _ => 14,
        };
        if head_bytes != shortest || payload_bytes > i64::MAX as u64 {
            return Err(CloseReason::Protocol("the length is not in its shortest form"));
        }
        let kind = match head[0] & 0x0f {
            8 => Kind::Close,
            9 => Kind::Ping,
            10 => Kind::Pong,
            opcode => {
                self.grow_message(opcode, head[0] & RSV1 != 0, payload_bytes)?;
                Kind::Data
            }
        };
        let mut mask = [0; 4];
        mask.copy_from_slice(&head[head_bytes - 4..head_bytes]);
        self.frame = Some(Frame { kind, last: head[0] & 0x80 != 0, mask, read: 0, rest: payload_bytes });
        Ok(())
    }

    /// Counts a data frame, and begins the message if this is its first.
    fn grow_message(&mut self, opcode: u8, compressed: bool, payload_bytes: u64) -> Result<(), CloseReason> {
        let bytes_max = self.message_bytes_max;
        let message = self.message.get_or_insert_with(|| Message {
            text: (opcode == 1).then(Utf8Check::default),
            inflater: compressed.then(|| Box::new(Inflater::new(bytes_max))),
            bytes: 0,
        });
        let bytes_max = match message.inflater {
            None => bytes_max,
            Some(_) => compressed_bytes_max(bytes_max),
        };
        message.bytes = message.bytes.saturating_add(payload_bytes);
        if message.bytes > bytes_max { Err(CloseReason::TooBig) } else { Ok(()) }
    }

    /// Hands on a part of a payload, or the whole of a control frame.
    fn read_payload(
        &mut self,
        frame: Frame,
        payload: &[u8],
        on: &mut impl FnMut(Received<'_>),
    ) -> Result<(), CloseReason> {
        if frame.kind == Kind::Data {
            let Some(message) = &mut self.message else { return Ok(()) };
            let last = frame.last && frame.rest == 0;
            message.read(payload, last, on)?;
            if last {
                self.message = None;
            }
            return Ok(());
        }
        self.control.extend_from_slice(payload);
        if frame.rest > 0 {
            return Ok(());
        }
        // Taken out, so that an idle connection does not keep the buffer of its last pong.
        let control = std::mem::take(&mut self.control);
        match frame.kind {
            Kind::Ping => on(Received::Ping(&control)),
            Kind::Pong => on(Received::Pong(&control)),
            Kind::Data | Kind::Close => {
                self.closed = true;
                on(Received::Close(close_code(&control)?));
            }
        }
        Ok(())
    }
}

impl Message {
    /// Hands on a part of the payload, inflated if need be.
    fn read(
        &mut self,
        payload: &[u8],
        last: bool,
        on: &mut impl FnMut(Received<'_>),
    ) -> Result<(), CloseReason> {
        let Self { text, inflater, .. } = self;
        let mut hand_on = |payload: &[u8], last: bool| {
            if let Some(text) = text
                && (!text.push(payload) || (last && !text.is_complete()))
            {
                return Err(CloseReason::InvalidUtf8);
            }
            on(Received::Data { text: text.is_some(), payload, last });
            Ok(())
        };
        let Some(inflater) = inflater else { return hand_on(payload, last) };
        inflater.push(payload, &mut |part| hand_on(part, false))?;
        if last {
            inflater.finish(&mut |part| hand_on(part, false))?;
            // Only now is it known that nothing more comes of the message.
            hand_on(&[], true)?;
        }
        Ok(())
    }
}

/// Bytes of a compressed message's payloads at most, when so many may come of them: what cannot be
/// compressed grows, with zlib's smallest tables by an eighth and a bit.
fn compressed_bytes_max(message_bytes_max: u64) -> u64 {
    message_bytes_max.saturating_add(message_bytes_max / 4).saturating_add(64)
}

/// The length of a head of which these bytes are known: what is known to be needed so far.
fn head_bytes(known: &[u8]) -> usize {
    match known {
        [] | [_] => 2,
        [_, second, ..] => {
            let length = match second & 0x7f {
                126 => 2,
                127 => 8,
                _ => 0,
            };
            let mask = if second & 0x80 == 0 { 0 } else { 4 };
            2 + length + mask
        }
    }
}

/// Undoes the mask (RFC 6455 section 5.3) of a part of a payload that starts at `offset`.
fn unmask(payload: &mut [u8], mask: [u8; 4], offset: u64) {
    let mut turned = mask;
    turned.rotate_left((offset % 4) as usize);
    let mut words = payload.chunks_exact_mut(4);
    for word in &mut words {
        for (byte, mask) in word.iter_mut().zip(turned) {
            *byte ^= mask;
        }
    }
    for (byte, mask) in words.into_remainder().iter_mut().zip(turned) {
        *byte ^= mask;
    }
}

/// The code in a close frame's payload (RFC 6455 sections 5.5.1 and 7.4).
fn close_code(payload: &[u8]) -> Result<Option<u16>, CloseReason> {
    let (code, text) = match payload {
        [] => return Ok(None),
        [_] => return Err(CloseReason::Protocol("a close frame with half a status code")),
        [high, low, text @ ..] => (u16::from_be_bytes([*high, *low]), text),
    };
    // 1004 to 1006 and 1015 must never be sent; below 1000 and 1016 to 2999 mean nothing.
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(CloseReason::Protocol("a status code that must not be sent"));
    }
    match std::str::from_utf8(text) {
        Ok(_) => Ok(Some(code)),
        Err(_) => Err(CloseReason::InvalidUtf8),
    }
}

#[cfg(test)]
mod tests;
