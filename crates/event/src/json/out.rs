//! A vector that is written into behind its end.
//!
//! Appending to a vector piece by piece costs a look at its capacity and a call to copy for each piece,
//! which for JSON is most of the work. Here the vector is filled up with zeros ahead, so that pieces of a
//! fixed size are stored over them, too long at times, and only what counts of them is counted.

/// Zeros filled in at once when there are too few.
const ROOM_BYTES: usize = 512;

/// The end of a vector that grows.
#[derive(Debug)]
pub(super) struct Out {
    bytes: Vec<u8>,
    /// Where what is written ends. Behind it is room.
    len: usize,
}

impl Out {
    /// Goes on behind what the vector holds, with room for so many bytes.
    pub(super) fn new(mut bytes: Vec<u8>, room: usize) -> Self {
        let len = bytes.len();
        bytes.resize(len + room, 0);
        Self { bytes, len }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// What was written from `start` on.
    pub(super) fn since(&self, start: usize) -> &[u8] {
        self.bytes.get(start..self.len).unwrap_or_default()
    }

    /// The vector with what was written up to `len`.
    pub(super) fn finish(mut self, len: usize) -> Vec<u8> {
        self.bytes.truncate(len);
        self.bytes
    }

    /// Lets `write` write into the next `N` bytes and say how many of them count.
    #[inline(always)]
    pub(super) fn write<const N: usize>(&mut self, write: impl FnOnce(&mut [u8; N]) -> usize) {
        loop {
            if let Some(room) = self.bytes.get_mut(self.len..self.len + N)
                && let Some(room) = room.first_chunk_mut()
            {
                self.len += write(room);
                return;
            }
            self.grow(N);
        }
    }

    #[inline(always)]
    pub(super) fn push<const N: usize>(&mut self, bytes: [u8; N]) {
        self.write(move |room| {
            *room = bytes;
            N
        });
    }

    /// Appends bytes of any number.
    #[inline(always)]
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        loop {
            if let Some(room) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
                return;
            }
            self.grow(bytes.len());
        }
    }

    /// Lets `append` have the vector as it would be without room.
    pub(super) fn append<T>(&mut self, append: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.bytes.truncate(self.len);
        let appended = append(&mut self.bytes);
        self.len = self.bytes.len();
        appended
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, bytes: usize) {
        self.bytes.resize(self.len + bytes.max(ROOM_BYTES), 0);
    }
}
