//! A place in a text, and the few moves the language is made of. Moves only forward, except by
//! [`Cursor::back_to`].

/// Reads a text from left to right.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// What ends a line: `\n` or `\r` (so `\r\n` too).
pub(crate) fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Blanks within a line.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// What is left of the line.
    pub(crate) fn rest_of_line(&self) -> &'a str {
        let rest = self.rest();
        rest.split(['\n', '\r']).next().unwrap_or(rest)
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes to a later (or, to try again, an earlier) place.
    pub(crate) fn back_to(&mut self, at: usize) {
        self.at = at.min(self.text.len());
    }

    pub(crate) fn advance(&mut self, bytes: usize) {
        self.back_to(self.at + bytes);
    }

    /// Takes `token` if it comes next.
    pub(crate) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.advance(token.len());
        }
        found
    }

    /// Takes bytes as long as they are wanted. What is not wanted must be ASCII (or all that is not).
    pub(crate) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().position(|byte| !wanted(byte)).unwrap_or(rest.len());
        self.advance(length);
        &rest[..length]
    }

    pub(crate) fn skip_blanks(&mut self) {
        self.take_while(is_blank);
    }

    /// Skips to the line's end, not over it.
    pub(crate) fn skip_line(&mut self) {
        self.advance(self.rest_of_line().len());
    }

    /// Skips blanks, line ends and comments.
    pub(crate) fn skip_spacing(&mut self) {
        loop {
            self.take_while(|byte| is_blank(byte) || is_line_end(byte));
            if self.peek() != Some(b'#') {
                return;
            }
            self.skip_line();
        }
    }

    /// Takes blanks and a comment up to the line's end; says whether nothing else stood there.
    pub(crate) fn at_line_end(&mut self) -> bool {
        self.skip_blanks();
        match self.peek() {
            None => true,
            Some(b'#') => {
                self.skip_line();
                true
            }
            Some(byte) => is_line_end(byte),
        }
    }
}
