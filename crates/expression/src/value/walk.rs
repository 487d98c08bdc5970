//! Going over the maps and lists of a record.

use fluentcast_event::msgpack::{self, ReadError, Reader};

use super::Value;
use crate::literal::Number;
use crate::node::Key;
use crate::steps::{Fault, Steps};

/// The whole value at a path; an error when it is not there.
pub(crate) fn find<'a>(record: &'a [u8], path: &[Key], steps: &mut Steps) -> Result<&'a [u8], Fault> {
    path.iter().try_fold(record, |container, key| step(container, key, steps)?.ok_or(Fault::Error))
}

/// The whole value at a key, or `None`. An error when this can have no such key.
pub(crate) fn step<'a>(container: &'a [u8], key: &Key, steps: &mut Steps) -> Result<Option<&'a [u8]>, Fault> {
    match (Reader::new(container).read()?, key) {
        (msgpack::Value::Map(_), Key::Name(name)) => field(container, name.as_bytes(), steps),
        (msgpack::Value::Map(_), Key::Number(number)) => {
            entry(container, Value::Number(Number::Integer(*number)), steps)
        }
        (msgpack::Value::Array(len), Key::Number(index)) if (0..i128::from(len)).contains(index) => {
            let mut elements = Contents::of(container)?;
            let mut element = elements.next(steps)?;
            for _ in 0..*index {
                element = elements.next(steps)?;
            }
            Ok(element)
        }
        _ => Err(Fault::Error),
    }
}

/// The value of a field of a map; of duplicates the last. The hot path of every expression.
fn field<'a>(map: &'a [u8], name: &[u8], steps: &mut Steps) -> Result<Option<&'a [u8]>, Fault> {
    let Contents { mut rest, left } = Contents::of(map)?;
    let mut found = None;
    for _ in 0..left / 2 {
        let key = take(&mut rest, steps)?;
        let value = take(&mut rest, steps)?;
        let is_wanted = match key {
            [0xa0..=0xbf, key @ ..] => key == name,
            _ => matches!(Value::read(key)?, Value::String(key) if key == name),
        };
        if is_wanted {
            found = Some(value);
        }
    }
    Ok(found)
}

/// The value of a key of any type; of duplicates the last.
pub(crate) fn entry<'a>(
    map: &'a [u8],
    wanted: Value<'_>,
    steps: &mut Steps,
) -> Result<Option<&'a [u8]>, Fault> {
    let mut contents = Contents::of(map)?;
    let mut found = None;
    while let Some((key, value)) = contents.next_entry(steps)? {
        if Value::read(key)?.equals(wanted, steps)? {
            found = Some(value);
        }
    }
    Ok(found)
}

/// Whether a list holds a value.
pub(crate) fn list_contains(list: &[u8], wanted: Value<'_>, steps: &mut Steps) -> Result<bool, Fault> {
    let mut elements = Contents::of(list)?;
    while let Some(element) = elements.next(steps)? {
        if Value::read(element)?.equals(wanted, steps)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Elements of a list, or entries of a map.
pub(crate) fn len(container: &[u8]) -> Result<u32, Fault> {
    match Reader::new(container).read()? {
        msgpack::Value::Array(len) | msgpack::Value::Map(len) => Ok(len),
        _ => Err(Fault::Error),
    }
}

pub(super) fn lists_equal(left: &[u8], right: &[u8], steps: &mut Steps) -> Result<bool, Fault> {
    let (mut left, mut right) = (Contents::of(left)?, Contents::of(right)?);
    if left.left != right.left {
        return Ok(false);
    }
    while let (Some(one), Some(other)) = (left.next(steps)?, right.next(steps)?) {
        if !Value::read(one)?.equals(Value::read(other)?, steps)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The same keys, with equal values. Looks up every key in both: quadratic, which the steps bound.
pub(super) fn maps_equal(left: &[u8], right: &[u8], steps: &mut Steps) -> Result<bool, Fault> {
    let mut contents = Contents::of(left)?;
    while let Some((key, _)) = contents.next_entry(steps)? {
        let key = Value::read(key)?;
        let (Some(one), Some(other)) = (entry(left, key, steps)?, entry(right, key, steps)?) else {
            return Ok(false);
        };
        if !Value::read(one)?.equals(Value::read(other)?, steps)? {
            return Ok(false);
        }
    }
    let mut contents = Contents::of(right)?;
    while let Some((key, _)) = contents.next_entry(steps)? {
        if entry(left, Value::read(key)?, steps)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A whole key and a whole value.
type Entry<'a> = (&'a [u8], &'a [u8]);

/// What a list or a map holds, one whole value after the other; of a map keys and values in turn.
struct Contents<'a> {
    rest: &'a [u8],
    left: u64,
}

impl<'a> Contents<'a> {
    fn of(container: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(container);
        let left = match reader.read()? {
            msgpack::Value::Array(len) => u64::from(len),
            msgpack::Value::Map(len) => 2 * u64::from(len),
            _ => return Err(Fault::Error),
        };
        Ok(Self { rest: reader.rest(), left })
    }

    fn next(&mut self, steps: &mut Steps) -> Result<Option<&'a [u8]>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        take(&mut self.rest, steps).map(Some)
    }

    fn next_entry(&mut self, steps: &mut Steps) -> Result<Option<Entry<'a>>, Fault> {
        let (Some(key), Some(value)) = (self.next(steps)?, self.next(steps)?) else { return Ok(None) };
        Ok(Some((key, value)))
    }
}

/// Passes over one whole value.
#[inline]
fn take<'a>(rest: &mut &'a [u8], steps: &mut Steps) -> Result<&'a [u8], Fault> {
    let (size, cost) = match **rest {
        // Short strings and small numbers are most of what records hold.
        [head @ 0xa0..=0xbf, ..] => (1 + usize::from(head & 0x1f), 1),
        [0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff, ..] => (1, 1),
        [0x80..=0x9f | 0xdc..=0xdf, ..] => skip_container(rest, steps)?,
        // A scalar is passed over in one go, whatever its length.
        _ => (Reader::new(rest).skip()?.len(), 1),
    };
    steps.spend(cost)?;
    let value;
    (value, *rest) = rest.split_at_checked(size).ok_or(Fault::Error)?;
    Ok(value)
}

/// Bytes of a list or map that are passed over for one step.
const BYTES_PER_STEP: usize = 4;

/// The size of a list or a map, and the steps to pass over it; looks no further than can be paid.
fn skip_container(rest: &[u8], steps: &Steps) -> Result<(usize, usize), Fault> {
    let affordable = steps.left().saturating_mul(BYTES_PER_STEP);
    match Reader::new(rest.get(..affordable).unwrap_or(rest)).skip() {
        Ok(container) => Ok((container.len(), 1 + container.len() / BYTES_PER_STEP)),
        Err(ReadError::Incomplete) if affordable < rest.len() => Err(Fault::OverBudget),
        Err(error) => Err(error.into()),
    }
}
