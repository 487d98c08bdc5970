//! Epochs: under which name numbers were given out, and what a client's old position means today.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;

/// The name of a stretch of numbering. Within one epoch a number means one event for ever. Shown as 16
/// hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// A name that was never used before.
    #[must_use]
    pub fn random() -> Self {
        Self(random())
    }
}

/// 64 bits from the system's randomness, by way of the standard library's hash keys.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not the name of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an epoch is 16 hexadecimal digits, as `hello` gives it")]
pub struct ParseEpochError;

impl FromStr for Epoch {
    type Err = ParseEpochError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ParseEpochError);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| ParseEpochError)
    }
}

/// An epoch that has ended, and the last of its numbers whose event is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Former {
    /// Its name.
    pub epoch: Epoch,
    /// Its events have numbers up to this; higher ones were given out, if at all, for events that are lost.
    pub last_seq: u64,
}

/// What a position of a client, epoch and number, means in this history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// The same number here: what the client misses begins with the next one.
    At(u64),
    /// The epoch is known, but the number is not: the client has seen events that are lost here.
    Beyond {
        /// Up to this number the epoch's events are known; from the next number on this history's events
        /// may be others than those that the client has seen.
        known_up_to: u64,
    },
    /// An epoch that this history does not know, or has forgotten.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_sixteen_digits_both_ways() {
        assert_eq!(Epoch(0x2a).to_string(), "000000000000002a");
        assert_eq!("000000000000002A".parse(), Ok(Epoch(0x2a)));
        for wrong in
            ["", "2a", "+00000000000002a", "000000000000002g", "0000000000000002a", "00000000000000é"]
        {
            assert_eq!(wrong.parse::<Epoch>(), Err(ParseEpochError), "{wrong}");
        }
        assert_ne!(Epoch::random(), Epoch::random());
    }
}
