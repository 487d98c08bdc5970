//! Bytes in, whole lines out: what `tail` gets from the server and `send` from standard input. Holds one
//! line, and of that no more than was allowed.

/// One line, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Whole(&'a [u8]),
    /// It had more bytes than are allowed.
    TooLong,
}

#[derive(Debug)]
pub(crate) struct Lines {
    bytes_max: usize,
    /// The beginning of the present line.
    begun: Vec<u8>,
    /// The present line is passed over.
    passing: bool,
}

impl Lines {
    /// For lines of so many bytes at most.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, begun: Vec::new(), passing: false }
    }

    /// Takes the next piece and hands out the lines that end in it.
    pub(crate) fn push(&mut self, piece: &[u8], mut each: impl FnMut(Line<'_>)) {
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = &rest[..end];
            rest = &rest[end + 1..];
            if self.begun.is_empty() && !self.passing && line.len() <= self.bytes_max {
                each(Line::Whole(line));
            } else {
                self.keep(line);
                self.finish(&mut each);
            }
        }
        self.keep(rest);
    }

    /// Hands out what stands behind the last line's end, if anything does.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(Line<'_>)) {
        if self.passing {
            each(Line::TooLong);
        } else if !self.begun.is_empty() {
            each(Line::Whole(&self.begun));
        }
        self.passing = false;
        // The room for a long one is given back.
        self.begun = Vec::new();
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.passing |= self.begun.len() + bytes.len() > self.bytes_max;
        if self.passing {
            self.begun = Vec::new();
        } else {
            self.begun.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &mut Lines, piece: &[u8]) -> Vec<Option<String>> {
        let mut got = Vec::new();
        lines.push(piece, |line| {
            got.push(match line {
                Line::Whole(line) => Some(String::from_utf8_lossy(line).into_owned()),
                Line::TooLong => None,
            });
        });
        got
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = b"one\n\n12345678\n123456789\nlast";
        let due = [Some("one"), Some(""), Some("12345678"), None].map(|line| line.map(str::to_owned));
        for size in 1..=text.len() {
            let mut lines = Lines::new(8);
            let got: Vec<_> = text.chunks(size).flat_map(|piece| read(&mut lines, piece)).collect();
            assert_eq!(got, due, "in pieces of {size}");
            let mut rest = Vec::new();
            lines.finish(|line| rest.push(format!("{line:?}")));
            assert_eq!(rest, [format!("{:?}", Line::Whole(b"last"))], "in pieces of {size}");
        }
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let mut lines = Lines::new(1000);
        for _ in 0..100 {
            assert_eq!(read(&mut lines, &[b'x'; 999]), []);
            assert!(lines.begun.len() <= 1000);
        }
        assert_eq!(read(&mut lines, b"\nnext\n"), [None, Some("next".to_owned())]);
    }
}
