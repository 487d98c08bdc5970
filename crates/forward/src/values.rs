//! A stream of MessagePack values, split into them: in pieces of any size, each byte looked at once.
//!
//! One value is held, and of that no more than was allowed: what is longer is passed over.

use fluentcast_event::msgpack::ReadError;

use crate::scan::Scanner;

/// One value of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamValue<'a> {
    /// Its bytes, structurally sound.
    Whole(&'a [u8]),
    /// It had more bytes than are allowed.
    TooLong,
}

/// The splitter of one stream.
#[derive(Debug)]
pub struct Values {
    bytes_max: usize,
    scanner: Scanner,
    /// Of the present value what came in earlier pieces.
    held: Vec<u8>,
    /// Its end, where that is the first part of a head: to be shown to the scanner again.
    again: usize,
    /// The present value is passed over.
    passing: bool,
}

impl Values {
    /// For values of so many bytes at most.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, scanner: Scanner::default(), held: Vec::new(), again: 0, passing: false }
    }

    /// Takes the next piece of the stream and hands out the values that end in it.
    ///
    /// # Errors
    /// When the stream is no MessagePack, or nested too deep: nothing after this point can be read.
    pub fn push(&mut self, piece: &[u8], mut each: impl FnMut(StreamValue<'_>)) -> Result<(), ReadError> {
        let joined;
        let mut rest = if self.again > 0 {
            let begun = self.held.split_off(self.held.len() - std::mem::take(&mut self.again));
            joined = [&begun, piece].concat();
            &joined[..]
        } else {
            piece
        };
        while !rest.is_empty() {
            let progress = self.scanner.advance(rest)?;
            let (value, after) = rest.split_at(progress.used);
            if !progress.complete {
                self.keep(value);
                // A few bytes; they are kept even when the value is passed over.
                self.held.extend_from_slice(after);
                self.again = after.len();
                return Ok(());
            }
            self.scanner.finish();
            if self.held.is_empty() && !self.passing && value.len() <= self.bytes_max {
                each(StreamValue::Whole(value));
            } else {
                self.keep(value);
                each(if self.passing { StreamValue::TooLong } else { StreamValue::Whole(&self.held) });
                self.held.clear();
                self.passing = false;
            }
            rest = after;
        }
        Ok(())
    }

    /// Whether the stream ends within a value.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        !self.held.is_empty() || self.passing
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.passing |= self.held.len() + bytes.len() > self.bytes_max;
        if self.passing {
            self.held = Vec::new();
        } else {
            self.held.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(values: &mut Values, piece: &[u8]) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        let mut got = Vec::new();
        values.push(piece, |value| {
            got.push(match value {
                StreamValue::Whole(bytes) => Some(bytes.to_vec()),
                StreamValue::TooLong => None,
            });
        })?;
        Ok(got)
    }

    /// A few values, one of them longer than is allowed.
    const STREAM: [&[u8]; 6] = [
        b"\x81\xa1k\xa1v",
        b"\xc0",
        b"\xdd\0\0\0\x02\x01\xcd\x01\0",
        b"\xd9\x14twenty bytes, really",
        b"\x80",
        b"\xa1x",
    ];
    const BYTES_MAX: usize = 16;

    proptest! {
        #[test]
        fn values_come_whole_however_the_stream_is_cut(cuts in proptest::collection::vec(0..60usize, 0..8)) {
            let stream = STREAM.concat();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let mut values = Values::new(BYTES_MAX);
            let mut got = Vec::new();
            for cut in cuts.windows(2) {
                got.extend(split(&mut values, &stream[cut[0]..cut[1]]).unwrap());
            }
            let due: Vec<_> =
                STREAM.iter().map(|value| (value.len() <= BYTES_MAX).then(|| value.to_vec())).collect();
            prop_assert_eq!(got, due);
            prop_assert!(!values.is_cut());
        }
    }

    #[test]
    fn what_is_no_messagepack_ends_it_and_a_cut_value_is_noticed() {
        let mut values = Values::new(BYTES_MAX);
        assert_eq!(split(&mut values, b"\xc0\xc1"), Err(ReadError::Reserved));
        let mut values = Values::new(BYTES_MAX);
        assert_eq!(split(&mut values, b"\xc0\xcd\x01"), Ok(vec![Some(b"\xc0".to_vec())]));
        assert!(values.is_cut());
        let mut values = Values::new(BYTES_MAX);
        assert_eq!(split(&mut values, b"\xdb\xff\xff\xff\xff"), Ok(vec![]));
        for _ in 0..1000 {
            assert_eq!(split(&mut values, &[0; 1000]), Ok(vec![]));
            assert!(values.held.len() <= BYTES_MAX);
        }
        assert!(values.is_cut());
    }
}
