//! The constants of an expression, and numbers as CEL compares them: by value, whatever their type.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

use fluentcast_event::EventTime;
use jiff::Timestamp;

/// A constant as the expression has it.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An int, uint or double.
    Number(Number),
    /// A string. Equals a str and a bin of these bytes.
    String(Box<str>),
    /// `timestamp("...")`. No value of a record equals it.
    Time(EventTime),
}

/// A number. CEL's three types are one line of numbers, on which they compare exactly.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// An int or uint, so from -2^63 to 2^64 - 1.
    Integer(i128),
    /// A double; NaN equals nothing.
    Double(f64),
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (*self, *other) {
            (Self::Integer(left), Self::Integer(right)) => Some(left.cmp(&right)),
            (Self::Double(left), Self::Double(right)) => left.partial_cmp(&right),
            (Self::Integer(left), Self::Double(right)) => compare(left, right),
            (Self::Double(left), Self::Integer(right)) => compare(right, left).map(Ordering::reverse),
        }
    }
}

/// Exact also where neighbouring doubles are further apart than integers.
fn compare(integer: i128, double: f64) -> Option<Ordering> {
    /// 2^64: beyond every integer.
    const BEYOND: f64 = 18_446_744_073_709_551_616.0;
    if double.is_nan() {
        return None;
    }
    if double.abs() > BEYOND {
        return 0.0.partial_cmp(&double);
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 65 bits")]
    let whole = double.trunc() as i128;
    Some(integer.cmp(&whole).then_with(|| 0.0.partial_cmp(&double.fract()).unwrap_or(Ordering::Equal)))
}

impl Number {
    /// `-x`, unless it has no int.
    pub(crate) fn negated(self) -> Option<Self> {
        match self {
            Self::Integer(integer) => {
                let negated = integer.checked_neg()?;
                i64::try_from(negated).ok().map(|_| Self::Integer(negated))
            }
            Self::Double(double) => Some(Self::Double(-double)),
        }
    }
}

impl Literal {
    /// An order of all literals, by which a list is sorted and searched. There is no NaN among them.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Number(left), Self::Number(right)) => left.partial_cmp(right).unwrap_or(Ordering::Equal),
            (Self::String(left), Self::String(right)) => left.cmp(right),
            (Self::Time(left), Self::Time(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// The place of its type in that order.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Number(_) => 2,
            Self::String(_) => 3,
            Self::Time(_) => 4,
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Number(Number::Integer(integer)) if *integer > i128::from(i64::MAX) => {
                write!(f, "{integer}u")
            }
            Self::Number(Number::Integer(integer)) => write!(f, "{integer}"),
            Self::Number(Number::Double(double)) => write!(f, "{double:?}"),
            Self::String(text) => write_string(f, text),
            Self::Time(time) => {
                let nanos = i32::try_from(time.nanos).unwrap_or_default();
                match Timestamp::new(time.seconds, nanos) {
                    Ok(shown) => write!(f, "timestamp(\"{shown}\")"),
                    // No expression has such a time.
                    Err(_) => write!(f, "timestamp(\"{} s\")", time.seconds),
                }
            }
        }
    }
}

/// A string literal with as few escapes as can be.
pub(crate) fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            _ => f.write_char(character)?,
        }
    }
    f.write_char('"')
}
