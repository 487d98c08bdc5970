//! The words of an expression, by CEL's lexis.

use crate::error::{ParseError, quoted};

mod number;
mod string;

/// What can be read next, and where it starts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind<'a>,
    /// In bytes from the beginning of the expression.
    pub(crate) at: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind<'a> {
    /// A name or a word such as `true`.
    Name(&'a str),
    /// Without its sign, which is an operator.
    Integer {
        magnitude: u64,
        /// Written with `u`.
        unsigned: bool,
    },
    Double(f64),
    /// A string, escapes resolved.
    Text(String),
    /// An operator or bracket.
    Symbol(&'static str),
    End,
}

/// Longer symbols before those that they begin with.
const SYMBOLS: [&str; 16] =
    ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "-", "(", ")", "[", "]", ",", "."];

/// Hands out one token after the other.
#[derive(Debug)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    pub(crate) fn next(&mut self) -> Result<Token<'a>, ParseError> {
        self.skip_blank();
        let at = self.position;
        Ok(Token { kind: self.read(at)?, at })
    }

    fn read(&mut self, at: usize) -> Result<Kind<'a>, ParseError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Kind::End) };
        if let Some(string) = string::read(rest) {
            let (text, bytes) =
                string.map_err(|mistake| self.error(at + mistake.offset, mistake.message, mistake.hint))?;
            self.position += bytes;
            return Ok(Kind::Text(text));
        }
        if first.is_ascii_digit() || first == '.' && rest[1..].starts_with(|next: char| next.is_ascii_digit())
        {
            let (number, bytes) = number::read(rest).map_err(|message| self.error(at, message, ""))?;
            self.position += bytes;
            return Ok(number);
        }
        if is_name_start(first) {
            let end = rest.find(|next: char| !is_name_part(next)).unwrap_or(rest.len());
            self.position += end;
            return Ok(Kind::Name(&rest[..end]));
        }
        match SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            Some(symbol) => {
                self.position += symbol.len();
                Ok(Kind::Symbol(symbol))
            }
            None => Err(self.unexpected(at, first)),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    /// White space, and comments from `//` to the end of the line.
    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let text = rest.trim_start_matches(['\t', '\n', '\x0c', '\r', ' ']);
            self.position += rest.len() - text.len();
            if !text.starts_with("//") {
                return;
            }
            self.position += text.find('\n').unwrap_or(text.len());
        }
    }

    fn unexpected(&self, at: usize, first: char) -> ParseError {
        let hint = match first {
            '=' => "equality is written `==`",
            '&' => "both must hold is written `&&`",
            '|' => "either may hold is written `||`",
            '+' | '*' | '/' | '%' => "there is no arithmetic",
            '?' | ':' => "there is no conditional; use `&&` and `||`",
            '{' | '}' => "there are no map literals",
            '`' => "a field with an unusual name is written record[\"a-b\"]",
            _ if first.is_alphanumeric() => "a field with an unusual name is written record[\"a-b\"]",
            _ => "",
        };
        self.error(at, format!("unexpected {}", quoted(first.encode_utf8(&mut [0; 4]))), hint)
    }

    fn error(&self, at: usize, message: impl Into<String>, hint: impl Into<String>) -> ParseError {
        ParseError::new(self.text, at, message, hint)
    }
}

/// Whether a text can stand behind a dot as it is.
pub(crate) fn is_selector(text: &str) -> bool {
    text.starts_with(is_name_start)
        && text.chars().all(is_name_part)
        && !matches!(text, "true" | "false" | "null" | "in")
}

fn is_name_start(character: char) -> bool {
    character == '_' || character.is_ascii_alphabetic()
}

fn is_name_part(character: char) -> bool {
    character == '_' || character.is_ascii_alphanumeric()
}
