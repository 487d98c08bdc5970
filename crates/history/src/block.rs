//! The format of a block: one piece of the history, with everything needed to find, check and skip it.
//!
//! The head has a checksum of its own, so that one can walk from head to head without reading bodies, and
//! find the next one after damage. All checksums start from the salt of the segment, which no peer knows:
//! a record can hold the bytes of a block, but not of one that passes.
//!
//! ```text
//! offset  bytes  (integers are little-endian)
//!      0      4  magic "FCb1"
//!      4      4  CRC-32 of the rest of the head
//!      8      4  CRC-32 of the body
//!     12      4  length of the entries
//!     16      2  length of the tag
//!     18      2  0
//!     20      4  events, at least 1
//!     24      8  number of the first event, at least 1
//!     32      8  received: seconds
//!     40      4            nanoseconds
//!     44      4  newest time of an event: nanoseconds
//!     48      8                           seconds
//!     56         body: the tag, then the entries
//! ```

use fluentcast_event::EventTime;

#[cfg(test)]
mod tests;

/// How a block begins.
pub(crate) const MAGIC: [u8; 4] = *b"FCb1";

/// Length of a head, in bytes.
pub(crate) const HEAD_BYTES: usize = 56;

/// What stands before the body of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) first_seq: u64,
    pub(crate) events: u32,
    pub(crate) tag_len: u16,
    pub(crate) entries_len: u32,
    pub(crate) received: EventTime,
    pub(crate) newest_time: EventTime,
    /// Checksum of the body.
    pub(crate) body_sum: u32,
}

/// The checksum of several parts, as if they were one.
pub(crate) fn sum(salt: u32, parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(salt);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

impl Head {
    pub(crate) fn last_seq(&self) -> u64 {
        // Cannot overflow: `parse` and `Store::append` refuse such numbers.
        self.first_seq + u64::from(self.events) - 1
    }

    pub(crate) fn body_len(&self) -> u64 {
        u64::from(self.tag_len) + u64::from(self.entries_len)
    }

    /// Length of the whole block.
    pub(crate) fn block_len(&self) -> u64 {
        HEAD_BYTES as u64 + self.body_len()
    }

    pub(crate) fn body_is_sound(&self, body: &[u8], salt: u32) -> bool {
        body.len() as u64 == self.body_len() && sum(salt, &[body]) == self.body_sum
    }

    pub(crate) fn encode(&self, salt: u32) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        head[..4].copy_from_slice(&MAGIC);
        head[8..12].copy_from_slice(&self.body_sum.to_le_bytes());
        head[12..16].copy_from_slice(&self.entries_len.to_le_bytes());
        head[16..18].copy_from_slice(&self.tag_len.to_le_bytes());
        head[20..24].copy_from_slice(&self.events.to_le_bytes());
        head[24..32].copy_from_slice(&self.first_seq.to_le_bytes());
        head[32..40].copy_from_slice(&self.received.seconds.to_le_bytes());
        head[40..44].copy_from_slice(&self.received.nanos.to_le_bytes());
        head[44..48].copy_from_slice(&self.newest_time.nanos.to_le_bytes());
        head[48..56].copy_from_slice(&self.newest_time.seconds.to_le_bytes());
        let head_sum = sum(salt, &[&head[8..]]);
        head[4..8].copy_from_slice(&head_sum.to_le_bytes());
        head
    }

    /// The head at the beginning of `bytes`; `None` when there is none, or not a sound one.
    pub(crate) fn parse(bytes: &[u8], salt: u32) -> Option<Self> {
        let head: &[u8; HEAD_BYTES] = bytes.first_chunk()?;
        if head[..4] != MAGIC || u32_at(head, 4) != sum(salt, &[&head[8..]]) {
            return None;
        }
        let parsed = Self {
            body_sum: u32_at(head, 8),
            entries_len: u32_at(head, 12),
            tag_len: u16::from_le_bytes([head[16], head[17]]),
            events: u32_at(head, 20),
            first_seq: u64_at(head, 24),
            received: EventTime { seconds: u64_at(head, 32).cast_signed(), nanos: u32_at(head, 40) },
            newest_time: EventTime { nanos: u32_at(head, 44), seconds: u64_at(head, 48).cast_signed() },
        };
        let numbered = parsed.first_seq > 0
            && parsed.events > 0
            && parsed.first_seq.checked_add(parsed.events.into()).is_some();
        numbered.then_some(parsed)
    }
}

/// Four bytes of a fixed layout. The caller's buffer is long enough: its length is part of the layout.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(four)
}

/// Eight bytes, likewise.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}
