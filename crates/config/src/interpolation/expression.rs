//! The expressions of `#{...}`: text to a small tree.

use std::ops::Range;

use fluentcast_event::limits::CONFIG_EXPRESSION_DEPTH_MAX;

use super::Mistake;

/// An expression and where it stood.
#[derive(Debug)]
pub(super) struct Expression {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// What an expression can be.
#[derive(Debug)]
pub(super) enum Kind {
    /// `'text'`
    Text(String),
    /// `5`
    Integer(i64),
    /// `ENV['X']`
    Variable(String),
    /// `ENV.fetch('X')`, with a default, and whether that is a block (only then it is lazy).
    Fetch { name: String, default: Option<Box<Expression>>, block: bool },
    /// `hostname`, `Socket.gethostname`
    Hostname,
    /// `worker_id`
    WorkerId,
    /// `use_nil`
    UseNil,
    /// `use_default`
    UseDefault,
    /// `File.read('path')`
    Read(String),
    /// `x.method`
    Call(Box<Expression>, Method),
    /// `a || b`
    Or(Box<Expression>, Box<Expression>),
    /// `a == b`, or with `false` `a != b`
    Equal(Box<Expression>, Box<Expression>, bool),
    /// `a ? b : c`
    Choice(Box<Expression>, Box<Expression>, Box<Expression>),
}

/// The methods there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    ToS,
    ToI,
    Downcase,
    Upcase,
    Strip,
    Chomp,
}

impl Method {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "to_s" => Self::ToS,
            "to_i" => Self::ToI,
            "downcase" => Self::Downcase,
            "upcase" => Self::Upcase,
            "strip" => Self::Strip,
            "chomp" => Self::Chomp,
            _ => return None,
        })
    }
}

type Parsed = Result<Expression, Mistake>;

/// Reads a whole expression.
pub(super) fn parse(code: &str) -> Parsed {
    let mut parser = Parser { code, at: 0 };
    let expression = parser.choice(0)?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.unknown()),
    }
}

struct Parser<'a> {
    code: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&mut self) -> Option<char> {
        let rest = &self.code[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.code[self.at..].chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        self.peek();
        let found = self.code[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str) -> Result<(), Mistake> {
        if self.eat(token) { Ok(()) } else { Err(self.unknown()) }
    }

    /// An identifier, empty when none comes next.
    fn word(&mut self) -> &'a str {
        self.peek();
        let rest = &self.code[self.at..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// The mistake of what comes next, a word or a character.
    fn unknown(&mut self) -> Mistake {
        self.peek();
        let start = self.at;
        if self.word().is_empty() {
            self.at += self.code[self.at..].chars().next().map_or(0, char::len_utf8);
        }
        let range = start..self.at;
        match &self.code[range.clone()] {
            "" => Mistake::ruby(range, "this expression is not complete"),
            "`" => Mistake::ruby(range, "a command in backticks is never run"),
            word => Mistake::ruby(range, format!("`{word}` is Ruby code that is not understood here")),
        }
    }

    fn choice(&mut self, depth: usize) -> Parsed {
        if depth >= CONFIG_EXPRESSION_DEPTH_MAX {
            return Err(Mistake::ruby(self.at..self.code.len(), "this expression is nested too deeply"));
        }
        let condition = self.or(depth)?;
        if !self.eat("?") {
            return Ok(condition);
        }
        let yes = self.choice(depth + 1)?;
        self.expect(":")?;
        let no = self.choice(depth + 1)?;
        let range = condition.range.start..no.range.end;
        Ok(Expression { kind: Kind::Choice(Box::new(condition), Box::new(yes), Box::new(no)), range })
    }

    fn or(&mut self, depth: usize) -> Parsed {
        let left = self.equal(depth)?;
        if !self.eat("||") {
            return Ok(left);
        }
        if depth >= CONFIG_EXPRESSION_DEPTH_MAX {
            return Err(Mistake::ruby(self.at..self.code.len(), "this expression is nested too deeply"));
        }
        let right = self.or(depth + 1)?;
        let range = left.range.start..right.range.end;
        Ok(Expression { kind: Kind::Or(Box::new(left), Box::new(right)), range })
    }

    fn equal(&mut self, depth: usize) -> Parsed {
        let left = self.calls(depth)?;
        let same = self.eat("==");
        if !same && !self.eat("!=") {
            return Ok(left);
        }
        let right = self.calls(depth)?;
        let range = left.range.start..right.range.end;
        Ok(Expression { kind: Kind::Equal(Box::new(left), Box::new(right), same), range })
    }

    /// Something, with methods behind it.
    fn calls(&mut self, depth: usize) -> Parsed {
        let mut inner = self.primary(depth)?;
        let mut count = 0;
        while self.eat(".") {
            self.peek();
            let start = self.at;
            let word = self.word();
            count += 1;
            let method = Method::named(word).filter(|_| count <= CONFIG_EXPRESSION_DEPTH_MAX);
            let Some(method) = method else {
                self.at = start;
                return Err(self.unknown());
            };
            let range = inner.range.start..self.at;
            inner = Expression { kind: Kind::Call(Box::new(inner), method), range };
        }
        Ok(inner)
    }

    fn primary(&mut self, depth: usize) -> Parsed {
        let first = self.peek();
        let start = self.at;
        let kind = match first {
            Some('(') => {
                self.at += 1;
                let inner = self.choice(depth + 1)?;
                self.expect(")")?;
                return Ok(inner);
            }
            Some('\'' | '"') => Kind::Text(self.string()?),
            Some(c) if c.is_ascii_digit() => {
                let word = self.word();
                let number = word.parse();
                Kind::Integer(number.map_err(|_| {
                    Mistake::ruby(start..self.at, format!("`{word}` is not a number that is understood here"))
                })?)
            }
            _ => self.named(depth)?,
        };
        Ok(Expression { kind, range: start..self.at })
    }

    /// What starts with a word.
    fn named(&mut self, depth: usize) -> Result<Kind, Mistake> {
        self.peek();
        let start = self.at;
        match self.word() {
            "ENV" if self.eat("[") => {
                let name = self.string()?;
                self.expect("]")?;
                Ok(Kind::Variable(name))
            }
            "ENV" if self.eat(".") => self.fetch(depth),
            "Socket" if self.eat(".") => {
                self.expect("gethostname")?;
                Ok(Kind::Hostname)
            }
            "File" if self.eat(".") => {
                self.expect("read")?;
                self.expect("(")?;
                let path = self.string()?;
                self.expect(")")?;
                Ok(Kind::Read(path))
            }
            "hostname" => Ok(Kind::Hostname),
            "worker_id" => Ok(Kind::WorkerId),
            "use_nil" => Ok(Kind::UseNil),
            "use_default" => Ok(Kind::UseDefault),
            _ => {
                self.at = start;
                Err(self.unknown())
            }
        }
    }

    fn fetch(&mut self, depth: usize) -> Result<Kind, Mistake> {
        self.expect("fetch")?;
        self.expect("(")?;
        let name = self.string()?;
        let mut default = None;
        if self.eat(",") {
            default = Some(Box::new(self.choice(depth + 1)?));
        }
        self.expect(")")?;
        let block = default.is_none() && self.eat("{");
        if block {
            default = Some(Box::new(self.choice(depth + 1)?));
            self.expect("}")?;
        }
        Ok(Kind::Fetch { name, default, block })
    }

    /// Quoted text. Ruby's own `#{...}` and rarer escapes within it are not understood.
    fn string(&mut self) -> Result<String, Mistake> {
        let first = self.peek();
        let start = self.at;
        let Some(quote @ ('\'' | '"')) = first else {
            return Err(self.unknown());
        };
        let mut out = String::new();
        let mut chars = self.code[start + 1..].char_indices().peekable();
        while let Some((offset, c)) = chars.next() {
            let at = start + 1 + offset;
            match c {
                c if c == quote => {
                    self.at = at + 1;
                    return Ok(out);
                }
                '\\' => {
                    let next = chars.next().map_or('\\', |(_, next)| next);
                    match (quote, next) {
                        (_, '\\' | '\'' | '"') if next == quote || next == '\\' => out.push(next),
                        ('"', 'n') => out.push('\n'),
                        ('"', 't') => out.push('\t'),
                        ('"', next) if next.is_alphanumeric() => {
                            let range = at..at + 1 + next.len_utf8();
                            return Err(Mistake::ruby(range, format!("`\\{next}` is not understood here")));
                        }
                        ('"', next) => out.push(next),
                        (_, next) => out.extend(['\\', next]),
                    }
                }
                '#' if quote == '"' && chars.peek().is_some_and(|(_, next)| *next == '{') => {
                    return Err(Mistake::ruby(at..at + 2, "`#{` within `#{...}` is not understood here"));
                }
                _ => out.push(c),
            }
        }
        Err(Mistake::ruby(start..self.code.len(), "this quoted text is not closed"))
    }
}
