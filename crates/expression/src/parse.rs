//! From text to tree, by CEL's grammar as far as this language goes.
//!
//! Clients write the texts: length, depth, and the number of nodes are bounded, and every mistake says
//! where it is and what to write instead.

use fluentcast_event::limits::{EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX};

use crate::error::{ParseError, quoted};
use crate::literal::{Literal, Number};
use crate::node::{Comparison, Node};
use crate::token::{Kind, Lexer, Token};
use crate::types::Type;

mod call;
mod member;

/// A node and where it starts.
struct Operand {
    node: Node,
    at: usize,
}

type Parsed<T = Operand> = Result<T, ParseError>;

struct Parser<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    /// What comes next.
    next: Token<'a>,
    depth: usize,
    nodes: usize,
    regexes: usize,
    /// Whether the last step into the record was `.name`, not `["name"]`.
    step_was_dotted: bool,
}

/// Reads a whole expression.
pub(crate) fn parse(text: &str) -> Parsed<Node> {
    if text.len() > EXPRESSION_BYTES_MAX {
        let at = text.floor_char_boundary(EXPRESSION_BYTES_MAX);
        let message = format!("an expression has at most {EXPRESSION_BYTES_MAX} bytes");
        return Err(ParseError::new(text, at, message, ""));
    }
    let mut lexer = Lexer::new(text);
    let next = lexer.next()?;
    let mut parser = Parser { text, lexer, next, depth: 0, nodes: 0, regexes: 0, step_was_dotted: false };
    if parser.next.kind == Kind::End {
        return Err(parser.error(
            parser.next.at,
            "the expression is empty",
            "write record.level == \"error\"",
        ));
    }
    let whole = parser.expression()?;
    if parser.next.kind != Kind::End {
        return Err(parser.unexpected("an operator or the end"));
    }
    parser.expect_truth(&whole, "the expression")?;
    Ok(whole.node)
}

impl<'a> Parser<'a> {
    fn expression(&mut self) -> Parsed {
        self.nested(Self::either)
    }

    fn either(&mut self) -> Parsed {
        self.chain("||", Self::both, Node::Or, |node| match node {
            Node::Or(terms) => terms,
            other => vec![other],
        })
    }

    fn both(&mut self) -> Parsed {
        self.chain("&&", Self::relation, Node::And, |node| match node {
            Node::And(terms) => terms,
            other => vec![other],
        })
    }

    /// Terms with one operator between them. Chains within a chain of the same operator are flattened.
    fn chain(
        &mut self,
        symbol: &'static str,
        term: fn(&mut Self) -> Parsed,
        build: fn(Vec<Node>) -> Node,
        flatten: fn(Node) -> Vec<Node>,
    ) -> Parsed {
        let first = term(self)?;
        if self.next.kind != Kind::Symbol(symbol) {
            return Ok(first);
        }
        self.expect_truth(&first, symbol)?;
        let at = first.at;
        let mut terms = flatten(first.node);
        while self.take(symbol)? {
            let next = term(self)?;
            self.expect_truth(&next, symbol)?;
            terms.extend(flatten(next.node));
        }
        Ok(Operand { node: build(terms), at })
    }

    fn relation(&mut self) -> Parsed {
        let left = self.unary()?;
        let operator = self.next.at;
        let node = if self.next.kind == Kind::Name("in") {
            self.advance()?;
            self.count(operator)?;
            self.membership(left.node, operator)?
        } else if let Some(comparison) = self.comparison() {
            self.advance()?;
            self.count(operator)?;
            let right = self.unary()?;
            self.check_comparison(comparison, &left, &right, operator)?;
            Node::Compare(comparison, Box::new([left.node, right.node]))
        } else {
            return Ok(left);
        };
        if self.comparison().is_some() || self.next.kind == Kind::Name("in") {
            let hint = "write `a < b && b < c`, or use parentheses";
            return Err(self.error(self.next.at, "comparisons do not chain", hint));
        }
        Ok(Operand { node, at: left.at })
    }

    fn comparison(&self) -> Option<Comparison> {
        match self.next.kind {
            Kind::Symbol(symbol) => Comparison::from_symbol(symbol),
            _ => None,
        }
    }

    fn check_comparison(
        &self,
        comparison: Comparison,
        left: &Operand,
        right: &Operand,
        operator: usize,
    ) -> Parsed<()> {
        let (left, right) = (Type::of(&left.node), Type::of(&right.node));
        let ordered = [Type::Bool, Type::Number, Type::String, Type::Time];
        let needs_order = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        let orderless = [left, right].into_iter().find(|side| needs_order && !side.may_be(&ordered));
        let message = if let Some(side) = orderless {
            format!("`{}` cannot order {}", comparison.symbol(), side.name())
        } else if left.may_be(&[right]) || right.may_be(&[left]) {
            return Ok(());
        } else {
            format!("`{}` compares {} with {}", comparison.symbol(), left.name(), right.name())
        };
        let hint = if left == Type::Time || right == Type::Time {
            "a time is written timestamp(\"2026-01-31T12:00:00Z\")"
        } else {
            "both sides must be of one type"
        };
        Err(self.error(operator, message, hint))
    }

    /// What stands to the right of `in`.
    fn membership(&mut self, left: Node, operator: usize) -> Parsed<Node> {
        if self.next.kind == Kind::Symbol("[") {
            let mut list = self.list()?;
            list.sort_by(Literal::order);
            list.dedup_by(|one, other| one.order(other).is_eq());
            return Ok(Node::OneOf(Box::new(left), list));
        }
        let right = self.unary()?;
        if Type::of(&right.node).may_be(&[Type::Map]) {
            return Ok(Node::In(Box::new([left, right.node])));
        }
        let message = format!("`in` looks into a list or a map, not into {}", Type::of(&right.node).name());
        Err(self.error(operator, message, "a part of a string is found by `.contains(\"...\")`"))
    }

    /// `[literal, ...]`
    fn list(&mut self) -> Parsed<Vec<Literal>> {
        self.expect("[")?;
        let mut list = Vec::new();
        while !self.take("]")? {
            let element = self.nested(Self::unary)?;
            let Node::Literal(literal) = element.node else {
                return Err(self.error(element.at, "a list holds literals only", "use `==` and `||`"));
            };
            list.push(literal);
            if !self.take(",")? && self.next.kind != Kind::Symbol("]") {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
        Ok(list)
    }

    fn unary(&mut self) -> Parsed {
        let at = self.next.at;
        if self.take("!")? {
            self.count(at)?;
            let operand = self.nested(Self::unary)?;
            self.expect_truth(&operand, "!")?;
            return Ok(Operand { node: Node::Not(Box::new(operand.node)), at });
        }
        if !self.take("-")? {
            return self.member();
        }
        self.count(at)?;
        if let Kind::Integer { magnitude, unsigned } = self.next.kind {
            self.advance()?;
            if unsigned {
                return Err(self.error(at, "a uint has no negative", "leave the `u` out"));
            }
            return Ok(Operand { node: self.integer(-i128::from(magnitude), at)?, at });
        }
        let operand = self.nested(Self::unary)?;
        self.expect_type(&operand, "-", &[Type::Number])?;
        let node = match operand.node {
            Node::Literal(Literal::Number(number)) => match number.negated() {
                Some(negated) => Node::Literal(Literal::Number(negated)),
                None => return Err(self.error(at, "this has no negative among 64-bit ints", "")),
            },
            other => Node::Negate(Box::new(other)),
        };
        Ok(Operand { node, at })
    }

    /// An int, which must be one of 64 bits.
    fn integer(&self, integer: i128, at: usize) -> Parsed<Node> {
        match i64::try_from(integer) {
            Ok(_) => Ok(Node::Literal(Literal::Number(Number::Integer(integer)))),
            Err(_) => Err(self.error(
                at,
                format!("{integer} is no 64-bit int"),
                "write a uint, `5u`, or a double, `5.0`",
            )),
        }
    }

    fn expect_truth(&self, operand: &Operand, what: &str) -> Parsed<()> {
        self.expect_type(operand, what, &[Type::Bool])
    }

    /// Refuses an operand that is certainly of none of these types.
    fn expect_type(&self, operand: &Operand, what: &str, types: &[Type]) -> Parsed<()> {
        let found = Type::of(&operand.node);
        if found.may_be(types) {
            return Ok(());
        }
        let wanted = types.iter().map(|wanted| wanted.name()).collect::<Vec<_>>().join(" or ");
        let what = if what.starts_with(char::is_alphabetic) { what.to_owned() } else { format!("`{what}`") };
        let hint = if types == [Type::Bool] { "compare it with something, such as `== 5`" } else { "" };
        Err(self.error(operand.at, format!("{what} needs {wanted}, this is {}", found.name()), hint))
    }

    /// Goes one level deeper.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == EXPRESSION_DEPTH_MAX {
            let message = format!("nested deeper than {EXPRESSION_DEPTH_MAX} levels");
            return Err(self.error(self.next.at, message, ""));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// One more node.
    fn count(&mut self, at: usize) -> Parsed<()> {
        self.nodes += 1;
        if self.nodes <= EXPRESSION_NODES_MAX {
            return Ok(());
        }
        let message = format!("more than {EXPRESSION_NODES_MAX} operators, names and literals");
        Err(self.error(at, message, ""))
    }

    fn advance(&mut self) -> Parsed<Token<'a>> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    /// Whether this symbol comes next; then it is passed over.
    fn take(&mut self, symbol: &'static str) -> Parsed<bool> {
        let found = self.next.kind == Kind::Symbol(symbol);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, symbol: &'static str) -> Parsed<()> {
        if self.take(symbol)? { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    /// What comes next is not what should.
    fn unexpected(&self, expected: &str) -> ParseError {
        let hint = match &self.next.kind {
            Kind::Name("and" | "AND") => "write `&&`",
            Kind::Name("or" | "OR") => "write `||`",
            Kind::Name("not" | "NOT") => "write `!`",
            Kind::Symbol("-") => {
                "there is no arithmetic; a field with an unusual name is written record[\"a-b\"]"
            }
            Kind::Symbol("[") => "a list stands to the right of `in` only",
            _ => "",
        };
        let found = match &self.next.kind {
            Kind::End => "this is the end".to_owned(),
            Kind::Text(_) => "found a string".to_owned(),
            Kind::Integer { .. } | Kind::Double(_) => "found a number".to_owned(),
            Kind::Name(name) => format!("found {}", quoted(name)),
            Kind::Symbol(symbol) => format!("found `{symbol}`"),
        };
        self.error(self.next.at, format!("expected {expected}, {found}"), hint)
    }

    fn error(&self, at: usize, message: impl Into<String>, hint: impl Into<String>) -> ParseError {
        ParseError::new(self.text, at, message, hint)
    }
}
