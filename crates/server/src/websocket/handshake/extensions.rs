//! What extensions a client offers (RFC 6455 section 9.1), and what to answer: permessage-deflate
//! (RFC 7692) or nothing.
//!
//! A frame is compressed once and sent to many, so there are few windows to choose from; a client whose
//! offers are all declined is served uncompressed.

use std::borrow::Cow;

use fluentcast_broadcast::deflate::Window;
use hyper::header::{HeaderMap, SEC_WEBSOCKET_EXTENSIONS};

/// The answer: each message is on its own, in both directions.
const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// The header does not follow the grammar; RFC 6455 wants such a connection failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What was agreed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    /// The header's value.
    pub(super) answer: String,
    /// How far back the server's messages may refer.
    pub(super) window: Window,
}

/// The answer to the first offer that can be accepted, if there is one.
pub(super) fn agree(headers: &HeaderMap) -> Result<Option<Agreed>, Malformed> {
    let mut agreed = None;
    for line in headers.get_all(SEC_WEBSOCKET_EXTENSIONS) {
        let mut text = Text { rest: line.to_str().map_err(|_| Malformed)? };
        while let Some(offer) = text.offer()? {
            agreed = agreed.or_else(|| accept(&offer));
        }
    }
    Ok(agreed)
}

/// One extension as offered: its name and its parameters.
#[derive(Debug, PartialEq, Eq)]
struct Offer<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, Option<Cow<'a, str>>)>,
}

/// The answer to an offer, unless it is declined: for an unknown, repeated or wrong parameter
/// (RFC 7692 section 7.1), or a window smaller than there is.
fn accept(offer: &Offer<'_>) -> Option<Agreed> {
    if offer.name != "permessage-deflate" {
        return None;
    }
    let (mut answer, mut window) = (AGREED.to_owned(), Window::Usual);
    for (position, (name, value)) in offer.parameters.iter().enumerate() {
        if offer.parameters[..position].iter().any(|(earlier, _)| earlier == name) {
            return None;
        }
        match (*name, value.as_deref()) {
            (
                "server_no_context_takeover" | "client_no_context_takeover" | "client_max_window_bits",
                None,
            ) => {}
            // Whatever the client keeps to: inflating with the largest window suits all.
            ("client_max_window_bits", Some(bits)) => {
                window_bits(bits)?;
            }
            ("server_max_window_bits", Some(bits)) => {
                window = Window::within(window_bits(bits)?)?;
                answer.push_str(&format!("; server_max_window_bits={}", window.bits()));
            }
            _ => return None,
        }
    }
    Some(Agreed { answer, window })
}

/// A number from 8 to 15, without leading zeros.
fn window_bits(text: &str) -> Option<u8> {
    (8..=15).find(|bits| *text == bits.to_string())
}

/// The rest of a header's line.
struct Text<'a> {
    rest: &'a str,
}

impl<'a> Text<'a> {
    /// The next of a list of offers, which may have empty places.
    fn offer(&mut self) -> Result<Option<Offer<'a>>, Malformed> {
        while self.takes(',') {}
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut offer = Offer { name: self.token()?, parameters: Vec::new() };
        while self.takes(';') {
            let name = self.token()?;
            let value = if self.takes('=') { Some(self.value()?) } else { None };
            offer.parameters.push((name, value));
        }
        if self.rest.is_empty() || self.takes(',') { Ok(Some(offer)) } else { Err(Malformed) }
    }

    /// Whether this comes next, spaces aside; both are taken.
    fn takes(&mut self, separator: char) -> bool {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        let after = self.rest.strip_prefix(separator);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        let end = self.rest.find(|letter| !is_token(letter)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        if token.is_empty() { Err(Malformed) } else { Ok(token) }
    }

    /// A token, or one in quotes.
    fn value(&mut self) -> Result<Cow<'a, str>, Malformed> {
        if !self.takes('"') {
            return self.token().map(Cow::Borrowed);
        }
        let mut value = String::new();
        let mut letters = self.rest.chars();
        loop {
            match letters.next().ok_or(Malformed)? {
                '"' => break,
                '\\' => value.push(letters.next().ok_or(Malformed)?),
                letter => value.push(letter),
            }
        }
        self.rest = letters.as_str();
        if !value.is_empty() && value.chars().all(is_token) { Ok(Cow::Owned(value)) } else { Err(Malformed) }
    }
}

/// A character of a token (RFC 9110 section 5.6.2).
fn is_token(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(letter)
}

#[cfg(test)]
mod tests;
