//! The handshake of `<security>`: HELO, PING, PONG, without sockets, clocks or randomness.
//!
//! Server and sender prove to each other that they know the shared key, and the sender that it knows a
//! user's password, by digests over numbers used once. Neither secret may ever get into anything that is
//! sent or shown, and digests are compared in constant time. There is no unauthenticated data: whatever
//! a sender says first is a PING or a reason to refuse it.

use std::fmt;
use std::net::IpAddr;

use fluentcast_event::limits::FORWARD_PING_BYTES_MAX;
use fluentcast_event::msgpack::{self, Reader, Value};
use sha2::{Digest as _, Sha512};
use subtle::{Choice, ConstantTimeEq};

use crate::scan::Scanner;

#[cfg(test)]
mod tests;

/// Bytes of a number used once.
pub const NONCE_BYTES: usize = 16;

const _: () = assert!(NONCE_BYTES == 16);

/// Characters of a digest in hexadecimal.
const DIGEST_CHARACTERS: usize = 128;

/// Elements of a PING.
const PING_ELEMENTS: u32 = 6;

/// What the sender has to work into its digests: fresh random bytes for every connection.
#[derive(Clone, Copy, Debug)]
pub struct Challenge {
    /// For the shared key.
    pub nonce: [u8; NONCE_BYTES],
    /// For the password.
    pub auth: [u8; NONCE_BYTES],
}

/// What a sender from a certain address is asked for. Holds secrets: never to be shown.
pub struct Terms<'a> {
    /// What the server calls itself.
    pub server_hostname: &'a str,
    /// Who it may be.
    pub source: Source<'a>,
}

/// Where a sender comes from.
pub enum Source<'a> {
    /// Nobody is expected there.
    Unexpected(IpAddr),
    /// Somebody who knows this.
    Expected {
        /// The shared key.
        shared_key: &'a [u8],
        /// Names and passwords of those who may send; `None`: nobody is asked for one.
        users: Option<Vec<(&'a str, &'a [u8])>>,
    },
}

/// Why a sender is refused, in Fluentd's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// What it said is no PING, or one larger than [`FORWARD_PING_BYTES_MAX`].
    InvalidPing,
    /// Nobody is expected at this address.
    AnonymousSource(IpAddr),
    /// It does not know the shared key.
    SharedKeyMismatch,
    /// It is none of the users.
    UserMismatch,
    /// It said nothing for too long (Fluentd would wait for ever).
    TooLate,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidPing => f.write_str("invalid ping message"),
            Self::AnonymousSource(address) => write!(f, "anonymous source host '{address}' denied"),
            Self::SharedKeyMismatch => f.write_str("shared_key mismatch"),
            Self::UserMismatch => f.write_str("username/password mismatch"),
            Self::TooLate => f.write_str("no ping message in time"),
        }
    }
}

/// What comes of a PING.
#[derive(Debug)]
pub struct Verdict {
    /// The answer.
    pub pong: Vec<u8>,
    /// Whether the sender may send.
    pub outcome: Result<(), Refusal>,
    /// What it sent behind its PING: the beginning of its messages.
    pub rest: Vec<u8>,
}

/// The answer that tells a sender why; the connection is to be closed behind it.
impl From<Refusal> for Verdict {
    fn from(refusal: Refusal) -> Self {
        Self { pong: pong(false, &refusal.to_string(), "", b""), outcome: Err(refusal), rest: Vec::new() }
    }
}

/// The handshake of one connection.
#[derive(Debug)]
pub struct Handshake {
    challenge: Challenge,
    scanner: Scanner,
    /// What came of the PING, at most [`FORWARD_PING_BYTES_MAX`] and one reading.
    received: Vec<u8>,
    looked_at: usize,
}

impl Handshake {
    /// A handshake that has not begun.
    #[must_use]
    pub fn new(challenge: Challenge) -> Self {
        Self { challenge, scanner: Scanner::default(), received: Vec::new(), looked_at: 0 }
    }

    /// What the server says first. `keepalive`: the sender may leave the connection open.
    #[must_use]
    pub fn hello(&self, keepalive: bool) -> Vec<u8> {
        let mut hello = Vec::new();
        msgpack::write_array_head(&mut hello, 2);
        msgpack::write_str(&mut hello, "HELO");
        msgpack::write_map_head(&mut hello, 3);
        for (name, bytes) in [("nonce", &self.challenge.nonce), ("auth", &self.challenge.auth)] {
            msgpack::write_str(&mut hello, name);
            // bin8 of so many bytes.
            hello.extend_from_slice(&[0xc4, 16]);
            hello.extend_from_slice(bytes);
        }
        msgpack::write_str(&mut hello, "keepalive");
        msgpack::write_bool(&mut hello, keepalive);
        hello
    }

    /// True when nothing has come yet.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.received.is_empty()
    }

    /// Takes the next bytes from the sender; `None` when its PING goes on. Not to be called again after a
    /// verdict.
    pub fn receive(&mut self, bytes: &[u8], terms: &Terms<'_>) -> Option<Verdict> {
        self.received.extend_from_slice(bytes);
        let Ok(progress) = self.scanner.advance(&self.received[self.looked_at..]) else {
            return Some(Refusal::InvalidPing.into());
        };
        self.looked_at += progress.used;
        let bytes_min = self.scanner.bytes_min().max(self.looked_at as u64);
        if bytes_min > FORWARD_PING_BYTES_MAX {
            return Some(Refusal::InvalidPing.into());
        }
        progress.complete.then(|| self.judge(terms))
    }

    fn judge(&mut self, terms: &Terms<'_>) -> Verdict {
        let rest = self.received.split_off(self.looked_at);
        match self.check(terms) {
            Ok(digest) => {
                Verdict { pong: pong(true, "", terms.server_hostname, &digest), outcome: Ok(()), rest }
            }
            Err(refusal) => refusal.into(),
        }
    }

    /// The server's own digest, if all of the sender's are right. In Fluentd's order: it decides which
    /// reason is told.
    fn check(&self, terms: &Terms<'_>) -> Result<HexDigest, Refusal> {
        let ping = Ping::read(&self.received).ok_or(Refusal::InvalidPing)?;
        let (shared_key, users) = match &terms.source {
            Source::Unexpected(address) => return Err(Refusal::AnonymousSource(*address)),
            Source::Expected { shared_key, users } => (shared_key, users),
        };
        let Challenge { nonce, auth } = &self.challenge;
        let expected = digest(&[ping.salt, ping.client_hostname, nonce, shared_key]);
        if !bool::from(expected.ct_eq(ping.key_digest)) {
            return Err(Refusal::SharedKeyMismatch);
        }
        if let Some(users) = users {
            let mut proved = Choice::from(0);
            // All of them, whatever the name: how long it takes must not tell which names there are.
            for (name, password) in users {
                let expected = digest(&[auth, ping.username, password]);
                let is_called_so = Choice::from(u8::from(name.as_bytes() == ping.username));
                proved |= expected.ct_eq(ping.password_digest) & is_called_so;
            }
            if !bool::from(proved) {
                return Err(Refusal::UserMismatch);
            }
        }
        Ok(digest(&[ping.salt, terms.server_hostname.as_bytes(), nonce, shared_key]))
    }
}

/// What a sender says of itself. All as raw bytes: Fluent Bit's salt is a str that is no UTF-8.
struct Ping<'a> {
    client_hostname: &'a [u8],
    salt: &'a [u8],
    key_digest: &'a [u8],
    username: &'a [u8],
    password_digest: &'a [u8],
}

impl<'a> Ping<'a> {
    /// `None` when it is none.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.read().ok()? != Value::Array(PING_ELEMENTS) || text(&mut reader)? != b"PING" {
            return None;
        }
        Some(Self {
            client_hostname: text(&mut reader)?,
            salt: text(&mut reader)?,
            key_digest: text(&mut reader)?,
            username: text(&mut reader)?,
            password_digest: text(&mut reader)?,
        })
    }
}

/// A str or a bin; nil, which some send for a user that they have not, is an empty one.
fn text<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    match reader.read().ok()? {
        Value::Str(text) | Value::Bin(text) => Some(text),
        Value::Nil => Some(b""),
        _ => None,
    }
}

type HexDigest = [u8; DIGEST_CHARACTERS];

/// SHA-512 of the parts one after the other, in lower-case hexadecimal.
fn digest(parts: &[&[u8]]) -> HexDigest {
    let mut hash = Sha512::new();
    for part in parts {
        hash.update(part);
    }
    let mut hexadecimal = [0; DIGEST_CHARACTERS];
    for (pair, byte) in hexadecimal.chunks_exact_mut(2).zip(hash.finalize()) {
        for (character, half) in pair.iter_mut().zip([byte >> 4, byte & 0x0f]) {
            *character = if half < 10 { b'0' + half } else { b'a' + half - 10 };
        }
    }
    hexadecimal
}

fn pong(accepted: bool, reason: &str, server_hostname: &str, digest: &[u8]) -> Vec<u8> {
    let mut pong = Vec::new();
    msgpack::write_array_head(&mut pong, 5);
    msgpack::write_str(&mut pong, "PONG");
    msgpack::write_bool(&mut pong, accepted);
    msgpack::write_str(&mut pong, reason);
    msgpack::write_str(&mut pong, server_hostname);
    msgpack::write_str(&mut pong, &String::from_utf8_lossy(digest));
    pong
}
