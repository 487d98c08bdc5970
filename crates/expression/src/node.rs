//! The tree of a parsed expression, and its canonical text.

use std::fmt;

use crate::literal::{Literal, write_string};
use crate::pattern::Pattern;
use crate::token::is_selector;

/// A place in the record.
pub(crate) type Path = Vec<Key>;

/// One step into a map or a list.
#[derive(Debug)]
pub(crate) enum Key {
    /// `.name` or `["name"]`
    Name(Box<str>),
    /// `[5]`: the index of a list, or a number that is a key of a map.
    Number(i128),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// How one string is looked for in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Debug)]
pub(crate) enum Node {
    Literal(Literal),
    Tag,
    Time,
    /// The record, or with steps what is in it.
    Record(Path),
    Has(Path),
    Size(Box<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    /// Two or more terms, none of them an `And`.
    And(Vec<Node>),
    /// Two or more terms, none of them an `Or`.
    Or(Vec<Node>),
    Compare(Comparison, Box<[Node; 2]>),
    /// `in` a list of literals, which is sorted and holds none twice.
    OneOf(Box<Node>, Vec<Literal>),
    /// `in` a list or map of the record.
    In(Box<[Node; 2]>),
    Search(Search, Box<[Node; 2]>),
    Matches(Box<Node>, Box<Pattern>),
}

impl Comparison {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    pub(crate) fn from_symbol(symbol: &str) -> Option<Self> {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let all = [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual];
        all.into_iter().find(|comparison| comparison.symbol() == symbol)
    }
}

impl Search {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Contains, Self::StartsWith, Self::EndsWith].into_iter().find(|search| search.name() == name)
    }
}

/// How tightly a node binds; one that binds less than its place asks for needs parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Relation,
    Unary,
    Member,
}

impl Node {
    fn binding(&self) -> Binding {
        match self {
            Self::Or(_) => Binding::Or,
            Self::And(_) => Binding::And,
            Self::Compare(..) | Self::OneOf(..) | Self::In(_) => Binding::Relation,
            Self::Not(_) | Self::Negate(_) => Binding::Unary,
            _ => Binding::Member,
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, place: Binding) -> fmt::Result {
        if self.binding() < place { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => write!(f, "{literal}"),
            Self::Tag => f.write_str("tag"),
            Self::Time => f.write_str("time"),
            Self::Record(path) => write_path(f, path),
            Self::Has(path) => {
                f.write_str("has(")?;
                write_path(f, path)?;
                f.write_str(")")
            }
            Self::Size(of) => write!(f, "size({of})"),
            Self::Not(of) => {
                f.write_str("!")?;
                of.write(f, Binding::Unary)
            }
            Self::Negate(of) => {
                f.write_str("-")?;
                of.write(f, Binding::Unary)
            }
            Self::And(terms) => write_chain(f, terms, " && ", Binding::Relation),
            Self::Or(terms) => write_chain(f, terms, " || ", Binding::And),
            Self::Compare(comparison, sides) => write_relation(f, sides, comparison.symbol()),
            Self::In(sides) => write_relation(f, sides, "in"),
            Self::OneOf(of, list) => {
                of.write(f, Binding::Unary)?;
                f.write_str(" in [")?;
                for (index, literal) in list.iter().enumerate() {
                    write!(f, "{}{literal}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Search(search, sides) => {
                sides[0].write(f, Binding::Member)?;
                write!(f, ".{}({})", search.name(), sides[1])
            }
            Self::Matches(text, pattern) => {
                text.write(f, Binding::Member)?;
                f.write_str(".matches(")?;
                write_string(f, pattern.text())?;
                f.write_str(")")
            }
        }
    }
}

fn write_chain(f: &mut fmt::Formatter<'_>, terms: &[Node], symbol: &str, place: Binding) -> fmt::Result {
    for (index, term) in terms.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { symbol })?;
        term.write(f, place)?;
    }
    Ok(())
}

fn write_relation(f: &mut fmt::Formatter<'_>, sides: &[Node; 2], symbol: &str) -> fmt::Result {
    sides[0].write(f, Binding::Unary)?;
    write!(f, " {symbol} ")?;
    sides[1].write(f, Binding::Unary)
}

fn write_path(f: &mut fmt::Formatter<'_>, path: &[Key]) -> fmt::Result {
    f.write_str("record")?;
    for key in path {
        match key {
            Key::Name(name) if is_selector(name) => write!(f, ".{name}")?,
            Key::Name(name) => {
                f.write_str("[")?;
                write_string(f, name)?;
                f.write_str("]")?;
            }
            Key::Number(number) => {
                write!(f, "[{}]", Literal::Number(crate::literal::Number::Integer(*number)))?
            }
        }
    }
    Ok(())
}
