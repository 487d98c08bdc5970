//! The value of an expression, by Ruby's rules for nil and text.

use std::fs::File;
use std::io::Read as _;

use fluentcast_event::limits::CONFIG_READ_BYTES_MAX;

use super::expression::{Expression, Kind, Method};
use super::{Mistake, Piece};
use crate::load::Environment;

/// A value of Ruby's.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ruby {
    Nil,
    Text(String),
    Integer(i64),
    Bool(bool),
}

/// Why there is no value.
enum Stop {
    /// `use_nil` or `use_default` was reached: the whole parameter is that.
    Special(Piece),
    Mistake(Mistake),
}

/// What is put in place of the expression.
pub(super) fn text_of(expression: &Expression, environment: &Environment) -> Result<Piece, Mistake> {
    match value_of(expression, environment) {
        Ok(value) => Ok(Piece::Text(to_s(value))),
        Err(Stop::Special(piece)) => Ok(piece),
        Err(Stop::Mistake(mistake)) => Err(mistake),
    }
}

fn to_s(value: Ruby) -> String {
    match value {
        Ruby::Nil => String::new(),
        Ruby::Text(text) => text,
        Ruby::Integer(number) => number.to_string(),
        Ruby::Bool(truth) => truth.to_string(),
    }
}

fn value_of(expression: &Expression, environment: &Environment) -> Result<Ruby, Stop> {
    let value = |inner: &Expression| value_of(inner, environment);
    Ok(match &expression.kind {
        Kind::Text(text) => Ruby::Text(text.clone()),
        Kind::Integer(number) => Ruby::Integer(*number),
        Kind::Variable(name) => variable(environment, name).map_or(Ruby::Nil, Ruby::Text),
        Kind::Fetch { name, default, block } => {
            let default = default.as_deref();
            // A default that is an argument is evaluated first, needed or not; a block only when needed.
            let eager = default.filter(|_| !block).map(value).transpose()?;
            match (variable(environment, name), eager, default) {
                (Some(text), ..) => Ruby::Text(text),
                (None, Some(default), _) => default,
                (None, None, Some(block)) => value(block)?,
                (None, None, None) => return Err(Stop::Mistake(unset(expression, name))),
            }
        }
        Kind::Hostname => Ruby::Text(environment.hostname.clone()),
        Kind::WorkerId => Ruby::Text(environment.worker_id.clone()),
        Kind::UseNil => return Err(Stop::Special(Piece::Nil)),
        Kind::UseDefault => return Err(Stop::Special(Piece::Default)),
        Kind::Read(path) => {
            Ruby::Text(read(path).map_err(|reason| Stop::Mistake(unreadable(expression, path, &reason)))?)
        }
        Kind::Call(receiver, method) => call(value(receiver)?, *method).ok_or_else(|| nothing(receiver))?,
        Kind::Or(left, right) => match value(left)? {
            Ruby::Nil | Ruby::Bool(false) => value(right)?,
            given => given,
        },
        Kind::Equal(left, right, same) => Ruby::Bool((value(left)? == value(right)?) == *same),
        Kind::Choice(condition, yes, no) => match value(condition)? {
            Ruby::Nil | Ruby::Bool(false) => value(no)?,
            _ => value(yes)?,
        },
    })
}

fn variable(environment: &Environment, name: &str) -> Option<String> {
    environment.variables.get(name).cloned()
}

/// The method's value; nothing where Ruby has no such method (on nil, or text methods on a number).
fn call(receiver: Ruby, method: Method) -> Option<Ruby> {
    let text = match (receiver, method) {
        (receiver, Method::ToS) => return Some(Ruby::Text(to_s(receiver))),
        (Ruby::Nil, Method::ToI) => return Some(Ruby::Integer(0)),
        (Ruby::Integer(number), Method::ToI) => return Some(Ruby::Integer(number)),
        (Ruby::Text(text), _) => text,
        _ => return None,
    };
    Some(Ruby::Text(match method {
        Method::ToS => text,
        Method::ToI => return Some(Ruby::Integer(leading_integer(&text))),
        Method::Downcase => text.to_lowercase(),
        Method::Upcase => text.to_uppercase(),
        Method::Strip => {
            text.trim_matches(|c: char| c.is_ascii_whitespace() || matches!(c, '\0' | '\u{b}')).to_owned()
        }
        Method::Chomp => {
            let chomped = text.strip_suffix("\r\n").or_else(|| text.strip_suffix(['\n', '\r']));
            chomped.map_or(text.clone(), str::to_owned)
        }
    }))
}

/// Ruby's `to_i`: a sign and digits, with single `_` between them, at the start; else 0. Saturates.
fn leading_integer(text: &str) -> i64 {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut value: i64 = 0;
    let mut bytes = digits.bytes().peekable();
    let mut after_digit = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'0'..=b'9' => value = value.saturating_mul(10).saturating_add(i64::from(byte - b'0')),
            b'_' if after_digit && bytes.peek().is_some_and(u8::is_ascii_digit) => {}
            _ => break,
        }
        after_digit = byte != b'_';
    }
    if negative { -value } else { value }
}

fn read(path: &str) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let limit = CONFIG_READ_BYTES_MAX as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() > CONFIG_READ_BYTES_MAX {
        return Err(format!("it is larger than {CONFIG_READ_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

fn unset(expression: &Expression, name: &str) -> Mistake {
    Mistake {
        code: "env-unset",
        range: expression.range.clone(),
        message: format!("the environment variable `{name}` is not set"),
        help: format!("set it, or give a default: ENV.fetch('{name}', 'default')"),
    }
}

fn unreadable(expression: &Expression, path: &str, reason: &str) -> Mistake {
    Mistake {
        code: "file-read",
        range: expression.range.clone(),
        message: format!("cannot read `{path}`: {reason}"),
        help: "the file must exist, be readable by this user, and hold a short UTF-8 text".to_owned(),
    }
}

/// A method was called on what has no such method.
fn nothing(receiver: &Expression) -> Stop {
    let range = receiver.range.clone();
    Stop::Mistake(match &receiver.kind {
        Kind::Variable(name) => Mistake {
            help: format!("set it, or give a default: ENV.fetch('{name}', 'default')"),
            ..unset(receiver, name)
        },
        _ => Mistake::ruby(range, "this has no such method"),
    })
}
