//! What a gzip stream says of its content at its end (RFC 1952 section 2.3.1), put together from what is known of its
//! parts: they are shared by all clients, and each client is sent its own choice of them.

use crc32fast::Hasher;
use flate2::{Decompress, FlushDecompress, Status};

use super::LAST_BLOCK;
use crate::envelope::CHUNK_HEAD_BYTES;

/// Content that is looked at at a time, in bytes.
const ROOM_BYTES: usize = 4096;

/// Checksum and length of plain content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    crc: u32,
    bytes: u64,
}

impl Sum {
    /// Of this content.
    pub(crate) fn of(content: &[u8]) -> Self {
        Self { crc: crc32fast::hash(content), bytes: content.len() as u64 }
    }

    /// Of the content of such chunks as make up a compressed answer. It unpacks them: for the few that are not
    /// shared.
    pub(crate) fn of_chunks(mut chunks: &[u8]) -> Self {
        let mut sum = Self::default();
        let mut inflate = Decompress::new(false);
        let mut room = [0; ROOM_BYTES];
        while let Some((head, rest)) = chunks.split_at_checked(CHUNK_HEAD_BYTES) {
            let part_bytes = std::str::from_utf8(&head[..CHUNK_HEAD_BYTES - 2])
                .ok()
                .and_then(|digits| usize::from_str_radix(digits, 16).ok());
            let Some((mut part, rest)) = part_bytes.and_then(|bytes| rest.split_at_checked(bytes)) else {
                break;
            };
            chunks = rest.get(2..).unwrap_or_default();
            loop {
                let (taken, made) = (inflate.total_in(), inflate.total_out());
                let status = inflate.decompress(part, &mut room, FlushDecompress::Sync);
                let taken = usize::try_from(inflate.total_in() - taken).unwrap_or(usize::MAX);
                let made = usize::try_from(inflate.total_out() - made).unwrap_or_default();
                sum.add(Self::of(&room[..made]));
                part = part.get(taken..).unwrap_or_default();
                // Room that is left says that there is no more of it.
                if !matches!(status, Ok(Status::Ok)) || (part.is_empty() && made < ROOM_BYTES) {
                    break;
                }
            }
        }
        sum
    }

    /// This and then that.
    pub(crate) fn add(&mut self, next: Self) {
        if next.bytes > 0 {
            let mut both = Hasher::new_with_initial_len(self.crc, self.bytes);
            both.combine(&Hasher::new_with_initial_len(next.crc, next.bytes));
            *self = Self { crc: both.finalize(), bytes: self.bytes + next.bytes };
        }
    }

    /// The end of a gzip stream of this content: its length is told modulo 2^32.
    pub(crate) fn end_of_stream(self) -> Vec<u8> {
        let length = &self.bytes.to_le_bytes()[..4];
        [&LAST_BLOCK[..], &self.crc.to_le_bytes(), length].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deflate::{Deflater, stored};
    use crate::envelope::write_chunk;

    #[test]
    fn parts_add_up() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(|number| number.to_le_bytes()).collect();
        for parts in [vec![], vec![0], vec![1, 0, 2], vec![70_000, 5, 4096, 8192]] {
            let (mut added, mut chunks, mut rest, mut whole) =
                (Sum::default(), Vec::new(), &text[..], Vec::new());
            for (index, bytes) in parts.into_iter().enumerate() {
                let (part, after) = rest.split_at(bytes);
                rest = after;
                whole.extend_from_slice(part);
                added.add(Sum::of(part));
                let mut packed = Vec::new();
                if index % 2 == 0 {
                    Deflater::default().compress_part(&mut packed, part);
                } else {
                    packed = stored(part);
                }
                write_chunk(&mut chunks, &packed);
            }
            assert_eq!((added, Sum::of_chunks(&chunks)), (Sum::of(&whole), Sum::of(&whole)));
        }
    }
}
