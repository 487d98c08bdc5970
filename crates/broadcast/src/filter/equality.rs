//! Equality of a field with what a client wrote, asked directly and by the key of a hash table.
//!
//! The two must never disagree: a value that equals has a key in common, and where keys alone decide,
//! a value with a key in common equals.

use fluentcast_event::msgpack::Value;

/// Integers from here on share their double with others.
const DOUBLES_END: u128 = 1 << 53;

/// One equality that a filter asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Equality<'a> {
    /// Of this field,
    pub(super) name: &'a str,
    /// with any of these.
    pub(super) any_of: &'a AnyOf,
}

/// Values of which any will do. Sorted, without duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct AnyOf(Vec<Expected>);

/// A value as a client wrote it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Expected {
    /// `?k`: null, or no such field (what the original's comparison with nil gives).
    Null,
    /// `?k=text`: that text, or the number or boolean that the text reads as.
    Text(String),
}

/// What a record's value and an expected one have in common when they may be equal. `B` holds the bytes
/// of text: owned in an index, borrowed from a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key<B> {
    /// Null, or no such field.
    Null,
    Bool(bool),
    /// The bits of a double.
    Number(u64),
    Text(B),
}

/// How many records an equality may be expected to let through, the fewest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Breadth {
    /// Text and numbers differ from record to record.
    Values,
    /// Every other record.
    Bool,
    /// Most records lack most fields that a client can think of.
    Null,
}

impl AnyOf {
    pub(super) fn add(&mut self, expected: Expected) {
        if let Err(at) = self.0.binary_search(&expected) {
            self.0.insert(at, expected);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the record's value is one of these.
    pub(super) fn contains(&self, value: Option<Value<'_>>) -> bool {
        self.0.iter().any(|expected| expected.equals(value))
    }

    /// The keys of all values that are one of these, each key once.
    pub(super) fn keys(&self) -> Vec<Key<&[u8]>> {
        let mut keys = Vec::new();
        for key in self.0.iter().flat_map(Expected::keys) {
            // `6` and `6.0` are the same number.
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// Whether every value that has one of [`AnyOf::keys`] is one of these. Else it may be.
    pub(super) fn keys_decide(&self) -> bool {
        self.0.iter().all(|expected| match expected {
            Expected::Null => true,
            Expected::Text(text) => {
                text.parse().is_ok_and(|integer: i128| integer.unsigned_abs() < DOUBLES_END)
                    || text.parse::<i128>().is_err()
            }
        })
    }

    pub(super) fn breadth(&self) -> Breadth {
        let breadth = self.0.iter().map(|expected| match expected {
            Expected::Null => Breadth::Null,
            Expected::Text(text) if text.parse::<bool>().is_ok() => Breadth::Bool,
            Expected::Text(_) => Breadth::Values,
        });
        breadth.max().unwrap_or(Breadth::Values)
    }
}

impl Expected {
    fn keys(&self) -> impl Iterator<Item = Key<&[u8]>> {
        let (null, text) = match self {
            Self::Null => (Some(Key::Null), None),
            Self::Text(text) => (None, Some(text)),
        };
        let readings = text.into_iter().flat_map(|text| {
            let number = text.parse().ok().filter(|number: &f64| !number.is_nan());
            [Some(Key::Text(text.as_bytes())), text.parse().ok().map(Key::Bool), number.map(Key::number)]
        });
        null.into_iter().chain(readings.flatten())
    }

    /// Whether the record's value is this one.
    fn equals(&self, value: Option<Value<'_>>) -> bool {
        let text = match self {
            Self::Null => return matches!(value, None | Some(Value::Nil)),
            Self::Text(text) => text,
        };
        match value {
            Some(Value::Str(bytes) | Value::Bin(bytes)) => bytes == text.as_bytes(),
            Some(Value::Bool(truth)) => text.parse() == Ok(truth),
            // Integers compare exactly while the text is one; `6.0` and `6e0` are 6 as well.
            Some(Value::UInt(number)) => match text.parse::<i128>() {
                Ok(integer) => integer == i128::from(number),
                Err(_) => float_equals(text, number as f64),
            },
            Some(Value::Int(number)) => match text.parse::<i128>() {
                Ok(integer) => integer == i128::from(number),
                Err(_) => float_equals(text, number as f64),
            },
            Some(Value::F32(number)) => float_equals(text, f64::from(number)),
            Some(Value::F64(number)) => float_equals(text, number),
            None | Some(Value::Nil | Value::Array(_) | Value::Map(_) | Value::Ext(..)) => false,
        }
    }
}

fn float_equals(text: &str, number: f64) -> bool {
    text.parse() == Ok(number)
}

impl<B> Key<B> {
    /// The key of a number; -0.0 equals 0.0.
    fn number(number: f64) -> Self {
        Self::Number((number + 0.0).to_bits())
    }
}

impl<'a> Key<&'a [u8]> {
    /// The key of a record's value; `None` when no filter can equal it.
    pub(super) fn of(value: Value<'a>) -> Option<Self> {
        match value {
            Value::Nil => Some(Self::Null),
            Value::Bool(truth) => Some(Self::Bool(truth)),
            Value::UInt(number) => Some(Self::number(number as f64)),
            Value::Int(number) => Some(Self::number(number as f64)),
            Value::F32(number) => Some(Self::number(f64::from(number))),
            Value::F64(number) => Some(Self::number(number)),
            Value::Str(bytes) | Value::Bin(bytes) => Some(Self::Text(bytes)),
            Value::Array(_) | Value::Map(_) | Value::Ext(..) => None,
        }
    }

    pub(super) fn to_owned(self) -> Key<Box<[u8]>> {
        match self {
            Self::Null => Key::Null,
            Self::Bool(truth) => Key::Bool(truth),
            Self::Number(bits) => Key::Number(bits),
            Self::Text(bytes) => Key::Text(bytes.into()),
        }
    }
}

impl Key<Box<[u8]>> {
    pub(super) fn borrowed(&self) -> Key<&[u8]> {
        match self {
            Self::Null => Key::Null,
            Self::Bool(truth) => Key::Bool(*truth),
            Self::Number(bits) => Key::Number(*bits),
            Self::Text(bytes) => Key::Text(bytes),
        }
    }
}
