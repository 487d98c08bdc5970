//! What of a record somebody is sent: of what there is what they may see, and of that what they asked for.

use crate::msgpack::ReadError;
use crate::projection::Projection;
use crate::redaction::Redaction;

/// How a record is reduced. Equal ones leave the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reduction {
    /// What may be seen,
    only: Option<Projection>,
    /// but for this;
    without: Option<Redaction>,
    /// and of that,
    asked: Option<Projection>,
}

impl Reduction {
    /// Only these fields, and of them not those; `None` when that is everything.
    #[must_use]
    pub fn new(only: Option<Projection>, without: Option<Redaction>) -> Option<Self> {
        (only.is_some() || without.is_some()).then_some(Self { only, without, asked: None })
    }

    /// Of what `allowed` leaves only what is asked for; `None` when that is everything.
    #[must_use]
    pub fn asked(allowed: Option<&Self>, asked: Option<Projection>) -> Option<Self> {
        let allowed = allowed.cloned();
        match asked {
            None => allowed,
            asked => {
                Some(Self { asked, ..allowed.unwrap_or(Self { only: None, without: None, asked: None }) })
            }
        }
    }

    /// Appends what is left of the record.
    ///
    /// # Errors
    /// When the record is broken; then nothing is appended.
    pub fn write(&self, record: &[u8], out: &mut Vec<u8>) -> Result<(), ReadError> {
        match (&self.asked, self.only.is_some() || self.without.is_some()) {
            (Some(asked), false) => asked.write(record, out),
            (Some(asked), true) => {
                let mut allowed = Vec::new();
                self.write_allowed(record, &mut allowed)?;
                asked.write(&allowed, out)
            }
            (None, _) => self.write_allowed(record, out),
        }
    }

    fn write_allowed(&self, record: &[u8], out: &mut Vec<u8>) -> Result<(), ReadError> {
        match (&self.only, &self.without) {
            (Some(only), None) => only.write(record, out),
            (None, Some(without)) => without.write(record, out),
            (Some(only), Some(without)) => {
                let mut some = Vec::new();
                only.write(record, &mut some)?;
                without.write(&some, out)
            }
            (None, None) => {
                out.extend_from_slice(record);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{from_json, json};

    #[test]
    fn both_hold() {
        let names = |list: &str| list.split(',').map(str::to_owned).collect::<Vec<_>>();
        let only = Projection::of(names("a,b")).unwrap();
        let without = Redaction::of(names("b.c")).unwrap();
        let mut record = Vec::new();
        from_json::append(&mut record, br#"{"a":1,"b":{"c":2,"d":3},"e":4}"#).unwrap();
        for (only, without, left) in [
            (Some(&only), None, r#"{"a":1,"b":{"c":2,"d":3}}"#),
            (None, Some(&without), r#"{"a":1,"b":{"d":3},"e":4}"#),
            (Some(&only), Some(&without), r#"{"a":1,"b":{"d":3}}"#),
        ] {
            let (mut out, mut text) = (Vec::new(), Vec::new());
            let reduction = Reduction::new(only.cloned(), without.cloned()).unwrap();
            reduction.write(&record, &mut out).unwrap();
            json::write_value(&mut text, &out).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), left);
        }
        assert_eq!(Reduction::new(None, None), None);
        // What is asked for is never more than what is allowed.
        let allowed = Reduction::new(Some(only), Some(without)).unwrap();
        let asked =
            |list| Reduction::asked(Some(&allowed), Some(Projection::of(names(list)).unwrap())).unwrap();
        for (list, left) in [("a,e", r#"{"a":1}"#), ("b.c", "{}"), ("b", r#"{"b":{"d":3}}"#)] {
            let (mut out, mut text) = (Vec::new(), Vec::new());
            asked(list).write(&record, &mut out).unwrap();
            json::write_value(&mut text, &out).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), left, "{list}");
        }
        assert_eq!(Reduction::asked(None, None), None);
    }
}
