//! What an expression says about one event.

use std::cmp::Ordering;

use fluentcast_event::EventTime;
use memchr::memmem;

use crate::expression::Outcome;
use crate::literal::Number;
use crate::node::{Comparison, Node, Search};
use crate::steps::{Fault, Steps};
use crate::value::{Value, walk};

/// Evaluates a whole expression, within the steps given.
pub(crate) fn outcome(node: &Node, tag: &str, time: EventTime, record: &[u8], steps: &mut Steps) -> Outcome {
    match (Evaluation { tag, time, record, steps }).truth(node) {
        Ok(true) => Outcome::True,
        Ok(false) => Outcome::False,
        Err(Fault::Error) => Outcome::Error,
        Err(Fault::OverBudget) => Outcome::OverBudget,
    }
}

struct Evaluation<'a, 's> {
    tag: &'a str,
    time: EventTime,
    record: &'a [u8],
    steps: &'s mut Steps,
}

impl<'a> Evaluation<'a, '_> {
    fn value(&mut self, node: &'a Node) -> Result<Value<'a>, Fault> {
        self.steps.spend(1)?;
        match node {
            Node::Literal(literal) => Ok(literal.into()),
            Node::Tag => Ok(Value::String(self.tag.as_bytes())),
            Node::Time => Ok(Value::Time(self.time)),
            Node::Record(path) => Value::read(walk::find(self.record, path, self.steps)?),
            Node::Size(of) => self.size(of).map(Value::Number),
            Node::Negate(of) => {
                let number = self.value(of)?.number()?;
                number.negated().map(Value::Number).ok_or(Fault::Error)
            }
            _ => self.truth(node).map(Value::Bool),
        }
    }

    fn truth(&mut self, node: &'a Node) -> Result<bool, Fault> {
        match node {
            Node::And(terms) => self.chain(terms, false),
            Node::Or(terms) => self.chain(terms, true),
            Node::Not(of) => Ok(!self.truth(of)?),
            Node::Compare(comparison, sides) => self.compare(*comparison, sides),
            Node::OneOf(of, list) => self.value(of)?.is_one_of(list, self.steps),
            Node::In(sides) => self.contained(sides),
            Node::Search(search, sides) => self.search(*search, sides),
            Node::Matches(text, pattern) => {
                let text = self.value(text)?.string()?;
                pattern.is_match(text, self.steps)
            }
            Node::Has(path) => {
                let Some((last, parents)) = path.split_last() else { return Err(Fault::Error) };
                let container = walk::find(self.record, parents, self.steps)?;
                Ok(walk::step(container, last, self.steps)?.is_some())
            }
            Node::Literal(_) | Node::Tag | Node::Time | Node::Record(_) | Node::Size(_) | Node::Negate(_) => {
                self.value(node)?.truth()
            }
        }
    }

    /// `&&` and `||`: one term may decide, whatever the others are, errors included.
    fn chain(&mut self, terms: &'a [Node], decisive: bool) -> Result<bool, Fault> {
        let mut result = Ok(!decisive);
        for term in terms {
            self.steps.spend(1)?;
            match self.truth(term) {
                Ok(truth) if truth == decisive => return Ok(decisive),
                Ok(_) => {}
                Err(Fault::OverBudget) => return Err(Fault::OverBudget),
                Err(Fault::Error) => result = Err(Fault::Error),
            }
        }
        result
    }

    fn compare(&mut self, comparison: Comparison, [left, right]: &'a [Node; 2]) -> Result<bool, Fault> {
        let (left, right) = (self.value(left)?, self.value(right)?);
        let ordered = match comparison {
            Comparison::Equal => return left.equals(right, self.steps),
            Comparison::NotEqual => return Ok(!left.equals(right, self.steps)?),
            Comparison::Less => Ordering::is_lt,
            Comparison::LessOrEqual => Ordering::is_le,
            Comparison::Greater => Ordering::is_gt,
            Comparison::GreaterOrEqual => Ordering::is_ge,
        };
        Ok(left.order(right, self.steps)?.is_some_and(ordered))
    }

    fn contained(&mut self, [left, right]: &'a [Node; 2]) -> Result<bool, Fault> {
        let (left, right) = (self.value(left)?, self.value(right)?);
        match (left, right) {
            (_, Value::List(list)) => walk::list_contains(list, left, self.steps),
            (Value::String(_) | Value::Number(_) | Value::Bool(_), Value::Map(map)) => {
                Ok(walk::entry(map, left, self.steps)?.is_some())
            }
            _ => Err(Fault::Error),
        }
    }

    fn search(&mut self, search: Search, [text, part]: &'a [Node; 2]) -> Result<bool, Fault> {
        let (text, part) = (self.value(text)?.string()?, self.value(part)?.string()?);
        Ok(match search {
            Search::StartsWith => text.starts_with(part),
            Search::EndsWith => text.ends_with(part),
            Search::Contains => {
                // What is looked for is prepared first, which takes longer than looking.
                self.steps.spend(text.len() / 4 + 2 * part.len())?;
                memmem::find(text, part).is_some()
            }
        })
    }

    fn size(&mut self, of: &'a Node) -> Result<Number, Fault> {
        let size = match self.value(of)? {
            Value::List(container) | Value::Map(container) => i128::from(walk::len(container)?),
            Value::String(text) => {
                self.steps.spend(text.len() / 2)?;
                // What is not UTF-8 counts as it is shown: as U+FFFD.
                let chunks = text.utf8_chunks();
                let characters = chunks
                    .map(|chunk| chunk.valid().chars().count() + usize::from(!chunk.invalid().is_empty()))
                    .sum::<usize>();
                i128::try_from(characters).map_err(|_| Fault::Error)?
            }
            _ => return Err(Fault::Error),
        };
        Ok(Number::Integer(size))
    }
}
