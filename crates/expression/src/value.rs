//! Values of an event, still the bytes they are, and what CEL does with two of them.
//!
//! Everything that goes over a record pays its steps first, so that no record can make an expression
//! expensive.

use std::cmp::Ordering;

use fluentcast_event::EventTime;
use fluentcast_event::msgpack::{self, Reader};

use crate::literal::{Literal, Number};
use crate::steps::{Fault, Steps};

pub(crate) mod walk;

#[cfg(test)]
mod tests;

/// A value. Lists, maps and extensions are their whole MessagePack.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(Number),
    /// A str or a bin, which senders take for each other. Not necessarily UTF-8.
    String(&'a [u8]),
    Time(EventTime),
    List(&'a [u8]),
    Map(&'a [u8]),
    /// A MessagePack extension; equals the same bytes and nothing else.
    Extension(&'a [u8]),
}

impl<'a> Value<'a> {
    /// What whole MessagePack says.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        Ok(match Reader::new(bytes).read()? {
            msgpack::Value::Nil => Self::Null,
            msgpack::Value::Bool(truth) => Self::Bool(truth),
            msgpack::Value::UInt(integer) => Self::Number(Number::Integer(integer.into())),
            msgpack::Value::Int(integer) => Self::Number(Number::Integer(integer.into())),
            msgpack::Value::F32(double) => Self::Number(Number::Double(double.into())),
            msgpack::Value::F64(double) => Self::Number(Number::Double(double)),
            msgpack::Value::Str(text) | msgpack::Value::Bin(text) => Self::String(text),
            msgpack::Value::Array(_) => Self::List(bytes),
            msgpack::Value::Map(_) => Self::Map(bytes),
            msgpack::Value::Ext(..) => Self::Extension(bytes),
        })
    }

    pub(crate) fn truth(self) -> Result<bool, Fault> {
        if let Self::Bool(truth) = self { Ok(truth) } else { Err(Fault::Error) }
    }

    pub(crate) fn number(self) -> Result<Number, Fault> {
        if let Self::Number(number) = self { Ok(number) } else { Err(Fault::Error) }
    }

    pub(crate) fn string(self) -> Result<&'a [u8], Fault> {
        if let Self::String(text) = self { Ok(text) } else { Err(Fault::Error) }
    }

    /// `==`: false between types.
    pub(crate) fn equals(self, other: Self, steps: &mut Steps) -> Result<bool, Fault> {
        match (self, other) {
            (Self::Null, Self::Null) => Ok(true),
            (Self::Bool(left), Self::Bool(right)) => Ok(left == right),
            (Self::Number(left), Self::Number(right)) => Ok(left == right),
            (Self::Time(left), Self::Time(right)) => Ok(left == right),
            (Self::String(left), Self::String(right)) | (Self::Extension(left), Self::Extension(right)) => {
                spend_comparison(left, right, steps)?;
                Ok(left == right)
            }
            (Self::List(left), Self::List(right)) => walk::lists_equal(left, right, steps),
            (Self::Map(left), Self::Map(right)) => walk::maps_equal(left, right, steps),
            _ => Ok(false),
        }
    }

    /// How it stands to a value of its own type; `None` beside NaN. Between types an error.
    pub(crate) fn order(self, other: Self, steps: &mut Steps) -> Result<Option<Ordering>, Fault> {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => Ok(Some(left.cmp(&right))),
            (Self::Number(left), Self::Number(right)) => Ok(left.partial_cmp(&right)),
            (Self::Time(left), Self::Time(right)) => Ok(Some(left.cmp(&right))),
            // UTF-8 sorts by bytes as its code points do.
            (Self::String(left), Self::String(right)) => {
                spend_comparison(left, right, steps)?;
                Ok(Some(left.cmp(right)))
            }
            _ => Err(Fault::Error),
        }
    }

    /// Whether it is in a sorted list of literals.
    pub(crate) fn is_one_of(self, list: &[Literal], steps: &mut Steps) -> Result<bool, Fault> {
        steps.spend(1 + list.len().checked_ilog2().map_or(0, |halvings| halvings as usize))?;
        let found = list.binary_search_by(|literal| match (literal, self) {
            (Literal::String(left), Self::String(right)) => left.as_bytes().cmp(right),
            (Literal::Number(left), Self::Number(right)) => {
                left.partial_cmp(&right).unwrap_or(Ordering::Less)
            }
            (Literal::Bool(left), Self::Bool(right)) => left.cmp(&right),
            (Literal::Time(left), Self::Time(right)) => left.cmp(&right),
            _ => literal.rank().cmp(&self.rank()),
        });
        Ok(found.is_ok())
    }

    /// The place of its type in a sorted list of literals.
    fn rank(self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Number(_) => 2,
            Self::String(_) => 3,
            Self::Time(_) => 4,
            Self::List(_) | Self::Map(_) | Self::Extension(_) => 5,
        }
    }
}

impl<'a> From<&'a Literal> for Value<'a> {
    fn from(literal: &'a Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(truth) => Self::Bool(*truth),
            Literal::Number(number) => Self::Number(*number),
            Literal::String(text) => Self::String(text.as_bytes()),
            Literal::Time(time) => Self::Time(*time),
        }
    }
}

/// Comparing bytes is quick, but strings may be long.
fn spend_comparison(left: &[u8], right: &[u8], steps: &mut Steps) -> Result<(), Fault> {
    steps.spend(left.len().min(right.len()) / 64)
}
