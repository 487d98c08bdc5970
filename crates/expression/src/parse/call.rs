//! Functions and methods: a closed set, each with its arguments.

use fluentcast_event::EventTime;
use fluentcast_event::limits::EXPRESSION_REGEXES_MAX;
use jiff::Timestamp;

use super::{Operand, Parsed, Parser};
use crate::error::{ParseError, quoted};
use crate::literal::Literal;
use crate::node::{Node, Search};
use crate::pattern::Pattern;
use crate::types::Type;

pub(super) const METHODS_HINT: &str =
    "fields are written `record.name`; strings have contains, startsWith, endsWith, matches and size";

/// The first time CEL knows: the year 1. The last one is the end of the year 9999.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

impl Parser<'_> {
    /// `name(...)`
    pub(super) fn function(&mut self, name: &str, at: usize) -> Parsed<Node> {
        match name {
            "has" => self.has(at),
            "size" => {
                let [of] = self.arguments("size(record.name)")?;
                self.size(of)
            }
            "matches" => {
                let [text, pattern] = self.arguments("matches(record.name, \"^a\")")?;
                self.matches(text, pattern)
            }
            "timestamp" => {
                let [text] = self.arguments("timestamp(\"2026-01-31T12:00:00Z\")")?;
                self.timestamp(&text)
            }
            _ => {
                let hint = if Search::from_name(name).is_some() {
                    format!("write record.name.{name}(\"...\")")
                } else {
                    "there are has, size, matches and timestamp".to_owned()
                };
                Err(self.error(at, format!("unknown function {}", quoted(name)), hint))
            }
        }
    }

    /// `value.name(...)`
    pub(super) fn method(&mut self, receiver: Operand, name: &str, at: usize) -> Parsed {
        let start = receiver.at;
        let node = match (name, Search::from_name(name)) {
            (_, Some(search)) => {
                let [part] = self.arguments(&format!(".{name}(\"...\")"))?;
                self.expect_type(&receiver, name, &[Type::String])?;
                self.expect_type(&part, name, &[Type::String])?;
                Node::Search(search, Box::new([receiver.node, part.node]))
            }
            ("matches", _) => {
                let [pattern] = self.arguments(".matches(\"^a\")")?;
                self.matches(receiver, pattern)?
            }
            ("size", _) => {
                let [] = self.arguments(".size()")?;
                self.size(receiver)?
            }
            _ => return Err(self.error(at, format!("unknown method {}", quoted(name)), METHODS_HINT)),
        };
        Ok(Operand { node, at: start })
    }

    /// As many arguments as the function takes, with both parentheses. `usage` is what a person should
    /// have written.
    fn arguments<const N: usize>(&mut self, usage: &str) -> Parsed<[Operand; N]> {
        let at = self.next.at;
        self.expect("(")?;
        let mut arguments = Vec::new();
        while !(arguments.is_empty() && self.take(")")?) {
            arguments.push(self.expression()?);
            if self.take(",")? {
                continue;
            }
            if self.take(")")? {
                break;
            }
            return Err(self.unexpected("`,` or `)`"));
        }
        arguments.try_into().map_err(|found: Vec<_>| {
            let message =
                format!("{N} argument{} expected, found {}", if N == 1 { "" } else { "s" }, found.len());
            self.error(at, message, format!("write `{usage}`"))
        })
    }

    /// `has(record.a.b)`: CEL wants the last step with a dot.
    fn has(&mut self, at: usize) -> Parsed<Node> {
        let [field] = self.arguments("has(record.name)")?;
        match field.node {
            Node::Record(path) if self.step_was_dotted && !path.is_empty() => Ok(Node::Has(path)),
            _ => Err(self.error(at, "has() takes a field", "write has(record.name), or \"a-b\" in record")),
        }
    }

    fn size(&self, of: Operand) -> Parsed<Node> {
        self.expect_type(&of, "size", &[Type::String, Type::Map])?;
        Ok(Node::Size(Box::new(of.node)))
    }

    fn matches(&mut self, text: Operand, pattern: Operand) -> Parsed<Node> {
        self.expect_type(&text, "matches", &[Type::String])?;
        let Node::Literal(Literal::String(expression)) = pattern.node else {
            return Err(self.error(
                pattern.at,
                "the regular expression must be a string literal",
                "write matches(\"^a\")",
            ));
        };
        self.regexes += 1;
        if self.regexes > EXPRESSION_REGEXES_MAX {
            let message = format!("more than {EXPRESSION_REGEXES_MAX} regular expressions");
            return Err(self.error(pattern.at, message, "put them together as `a|b`"));
        }
        let pattern = Pattern::new(&expression).map_err(|message| self.regex_error(pattern.at, &message))?;
        Ok(Node::Matches(Box::new(text.node), Box::new(pattern)))
    }

    fn regex_error(&self, at: usize, message: &str) -> ParseError {
        self.error(
            at,
            format!("regular expression: {message}"),
            "its syntax is RE2's; r\"...\" needs no doubled `\\`",
        )
    }

    fn timestamp(&self, text: &Operand) -> Parsed<Node> {
        let hint = "write timestamp(\"2026-01-31T12:00:00Z\")";
        let Node::Literal(Literal::String(text_of_time)) = &text.node else {
            return Err(self.error(text.at, "timestamp() takes a string literal", hint));
        };
        let time = text_of_time.parse::<Timestamp>().ok().filter(|time| SECONDS.contains(&time.as_second()));
        let time = time.ok_or_else(|| {
            self.error(text.at, format!("{} is no RFC 3339 time", quoted(text_of_time)), hint)
        })?;
        Ok(Node::Literal(Literal::Time(event_time(time))))
    }
}

/// jiff's fraction has the sign of the whole; an event's counts upwards.
fn event_time(time: Timestamp) -> EventTime {
    let (seconds, nanos) = (time.as_second(), time.subsec_nanosecond());
    match u32::try_from(nanos) {
        Ok(nanos) => EventTime { seconds, nanos },
        Err(_) => EventTime { seconds: seconds - 1, nanos: 1_000_000_000 - nanos.unsigned_abs() },
    }
}
