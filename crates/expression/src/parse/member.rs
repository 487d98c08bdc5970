//! Literals, names, and what follows them: fields, indexes, methods.

use super::{Operand, Parsed, Parser, call};
use crate::error::quoted;
use crate::literal::{Literal, Number};
use crate::node::{Key, Node};
use crate::token::{Kind, is_selector};
use crate::types::Type;

impl Parser<'_> {
    /// A primary and all that clings to it.
    pub(super) fn member(&mut self) -> Parsed {
        let mut operand = self.primary()?;
        loop {
            let at = self.next.at;
            if self.take(".")? {
                self.count(at)?;
                operand = self.dotted(operand)?;
            } else if self.next.kind == Kind::Symbol("[") {
                self.advance()?;
                self.count(at)?;
                let key = self.key()?;
                self.expect("]")?;
                self.step(&mut operand, key, at)?;
                self.step_was_dotted = false;
            } else {
                return Ok(operand);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let at = self.next.at;
        if self.next.kind == Kind::Symbol("(") {
            self.advance()?;
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(Operand { node: inner.node, at });
        }
        self.count(at)?;
        if !matches!(self.next.kind, Kind::Name(_) | Kind::Integer { .. } | Kind::Double(_) | Kind::Text(_)) {
            return Err(self.unexpected("a value"));
        }
        let node = match self.advance()?.kind {
            Kind::Name(name) if self.next.kind == Kind::Symbol("(") => self.function(name, at)?,
            Kind::Name(name) => self.name(name, at)?,
            Kind::Integer { magnitude, unsigned: true } => {
                Node::Literal(Literal::Number(Number::Integer(magnitude.into())))
            }
            Kind::Integer { magnitude, unsigned: false } => self.integer(magnitude.into(), at)?,
            Kind::Double(double) => Node::Literal(Literal::Number(Number::Double(double))),
            Kind::Text(text) => Node::Literal(Literal::String(text.into())),
            Kind::Symbol(_) | Kind::End => return Err(self.unexpected("a value")),
        };
        Ok(Operand { node, at })
    }

    fn name(&self, name: &str, at: usize) -> Parsed<Node> {
        Ok(match name {
            "tag" => Node::Tag,
            "time" => Node::Time,
            "record" => Node::Record(Vec::new()),
            "null" => Node::Literal(Literal::Null),
            "true" => Node::Literal(Literal::Bool(true)),
            "false" => Node::Literal(Literal::Bool(false)),
            "in" => return Err(self.error(at, "expected a value, found `in`", "write `value in list`")),
            "not" | "NOT" => {
                return Err(self.error(at, format!("unknown name {}", quoted(name)), "write `!`"));
            }
            _ => {
                let field = if name.len() < 40 { name } else { "NAME" };
                let hint = format!(
                    "an expression may use `tag`, `time` and `record`; fields are written `record.{field}`"
                );
                return Err(self.error(at, format!("unknown name {}", quoted(name)), hint));
            }
        })
    }

    /// A field or a method, behind its dot.
    fn dotted(&mut self, mut operand: Operand) -> Parsed {
        let at = self.next.at;
        let Kind::Name(name) = self.next.kind else {
            let mut error = self.unexpected("a field's name");
            error.hint =
                "an unusual name is written record[\"a-b\"], an element of a list record.list[0]".to_owned();
            return Err(error);
        };
        self.advance()?;
        if self.next.kind == Kind::Symbol("(") {
            return self.method(operand, name, at);
        }
        if !is_selector(name) {
            let hint = format!("write record[\"{name}\"]");
            return Err(self.error(at, format!("{} is a word of the language", quoted(name)), hint));
        }
        self.step(&mut operand, Key::Name(name.into()), at)?;
        self.step_was_dotted = true;
        Ok(operand)
    }

    /// What stands between `[` and `]`.
    fn key(&mut self) -> Parsed<Key> {
        let operand = self.nested(Self::unary)?;
        match operand.node {
            Node::Literal(Literal::String(name)) => Ok(Key::Name(name)),
            Node::Literal(Literal::Number(Number::Integer(number))) => Ok(Key::Number(number)),
            _ => {
                let hint = "write record[\"name\"] or record.list[0]";
                Err(self.error(operand.at, "a key is a string or a whole number, as a literal", hint))
            }
        }
    }

    fn step(&self, operand: &mut Operand, key: Key, at: usize) -> Parsed<()> {
        if let Node::Record(path) = &mut operand.node {
            path.push(key);
            return Ok(());
        }
        let what = match operand.node {
            Node::Tag => "`tag` is a string",
            Node::Time => "`time` is a time",
            _ if Type::of(&operand.node) == Type::Any => "this is no field",
            _ => "this is no map",
        };
        Err(self.error(at, format!("{what} and has no fields"), call::METHODS_HINT))
    }
}
