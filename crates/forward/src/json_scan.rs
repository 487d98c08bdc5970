//! Finds where one JSON document ends, in pieces of any size, looking at every byte once.
//!
//! It knows brackets and strings, no more: what it calls a document is for the JSON reader to judge.

use crate::error::DecodeError;
use crate::scan::Progress;

/// The scan of one document.
#[derive(Debug, Default)]
pub(crate) struct JsonScanner {
    /// Open arrays and objects.
    depth: u64,
    in_string: bool,
    /// The last byte was a backslash within a string.
    escaped: bool,
}

impl JsonScanner {
    /// Goes on with the next piece of the document. A document begins with its bracket: the white space
    /// before it is not a part of it.
    pub(crate) fn advance(&mut self, piece: &[u8]) -> Result<Progress, DecodeError> {
        for (at, &byte) in piece.iter().enumerate() {
            if self.in_string {
                self.within_string(byte);
                continue;
            }
            match byte {
                b'[' | b'{' => self.depth += 1,
                _ if self.depth == 0 => return Err(DecodeError::JsonStart(byte)),
                b']' | b'}' => self.depth -= 1,
                b'"' => self.in_string = true,
                _ => {}
            }
            if self.depth == 0 {
                return Ok(Progress { used: at + 1, complete: true });
            }
        }
        Ok(Progress { used: piece.len(), complete: false })
    }

    fn within_string(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_string = false,
            _ => {}
        }
    }
}

/// How many bytes of JSON's white space stand at the start.
pub(crate) fn blank_prefix(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}
