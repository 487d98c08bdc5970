//! UTF-8 checked as it comes, in parts that may split a character, failing at the first wrong byte.

/// The beginning of a character whose end has not come yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Utf8Check {
    begun: [u8; 4],
    begun_bytes: usize,
}

impl Utf8Check {
    /// Takes the next part; `false` when it cannot be UTF-8 whatever follows.
    pub(super) fn push(&mut self, mut part: &[u8]) -> bool {
        while self.begun_bytes > 0 {
            let [next, rest @ ..] = part else { return true };
            part = rest;
            self.begun[self.begun_bytes] = *next;
            self.begun_bytes += 1;
            match std::str::from_utf8(&self.begun[..self.begun_bytes]) {
                Ok(_) => self.begun_bytes = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        match std::str::from_utf8(part) {
            Ok(_) => true,
            Err(error) if error.error_len().is_some() => false,
            Err(error) => {
                let begun = &part[error.valid_up_to()..];
                self.begun[..begun.len()].copy_from_slice(begun);
                self.begun_bytes = begun.len();
                true
            }
        }
    }

    /// Whether the text may end here.
    pub(super) fn is_complete(self) -> bool {
        self.begun_bytes == 0
    }
}
