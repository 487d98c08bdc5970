//! `<token>`: what a client may present, and what it may then see.

use fluentcast_event::limits::{TAG_CHOICES_MAX, TOKEN_NAME_BYTES_MAX, TOKENS_MAX};
use fluentcast_event::pattern::TagPattern;
use fluentcast_event::projection::Projection;
use fluentcast_event::redaction::Redaction;
use fluentcast_expression::Expression;

use super::super::super::reader::Reader;
use crate::parameters::output::websocket::TOKEN;
use crate::settings::{Secret, Sha256, Token, TokenSecret};
use crate::source::Span;

/// Reads every `<token>`.
pub(super) fn read(output: &mut Reader<'_, '_>) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for element in output.children("token") {
        let mut section = Reader::new(output.ctx, &TOKEN, element);
        let (token, is_sound) = one(&mut section);
        let span = section.span();
        section.finish();
        if !is_sound {
            // What it is missing would look like what others are missing.
            continue;
        }
        if let Some(first) = tokens.iter().find(|known| known.is_like(&token)) {
            let message = format!(
                "<token>: `{}` has the name or the secret of the one at {}",
                token.name, first.origin
            );
            output
                .ctx
                .error("token-twice", span, message)
                .help("give each another name and another secret: who presents it must be one of them");
        } else if tokens.len() == TOKENS_MAX {
            let message = format!("more than {TOKENS_MAX} <token> sections");
            output.ctx.error("out-of-range", span, message).help("let some share a token");
            break;
        }
        tokens.push(token);
    }
    tokens
}

/// One of them, and whether its name and secret are there.
fn one(section: &mut Reader<'_, '_>) -> (Token, bool) {
    let name = name(section, "bad-token");
    let secret = secret(section);
    let is_sound = name.is_some() && secret.is_some();
    let token = Token {
        name: name.unwrap_or_default(),
        tags: tags(section),
        filter: filter(section),
        fields: fields(section),
        redact: redact(section),
        max_rate: section.opt("max_rate"),
        connection_limit: section.opt("connection_limit"),
        expires: expires(section),
        origin: section.ctx.origin(section.span()),
        // What comes of a section with errors is never used.
        secret: secret.unwrap_or(TokenSecret::Sha256(Sha256([0; 32]))),
    };
    (token, is_sound)
}

impl Token {
    /// Whether the two cannot be told apart, by those who configure or by those who present them.
    fn is_like(&self, other: &Self) -> bool {
        self.name == other.name || self.secret == other.secret
    }
}

/// A word that can stand in a message, a log or a label.
pub(super) fn name(section: &mut Reader<'_, '_>, code: &'static str) -> Option<String> {
    let name: String = section.opt("name")?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.is_empty() || name.len() > TOKEN_NAME_BYTES_MAX || !name.bytes().all(legal) {
        let span = section.place("name").unwrap_or(section.span());
        let message = format!("name: `{name}` cannot be a name");
        section
            .ctx
            .error(code, span, message)
            .help(format!("write letters, digits, `_`, `.` and `-`, at most {TOKEN_NAME_BYTES_MAX} of them"));
    }
    Some(name)
}

fn secret(section: &mut Reader<'_, '_>) -> Option<TokenSecret> {
    let text = section.secret("token").map(TokenSecret::Text);
    let digest: Option<Secret> = section.opt("sha256");
    let digest = digest.and_then(|digest| match sha256(digest.expose()) {
        Some(bytes) => Some(TokenSecret::Sha256(Sha256(bytes))),
        None => {
            let span = section.place("sha256").unwrap_or(section.span());
            let help = "write 64 hexadecimal digits, as `printf %s TOKEN | sha256sum` prints them";
            section.ctx.error("bad-token", span, "sha256: this is no SHA-256").help(help);
            None
        }
    });
    let file: Option<String> = section.opt("token_file");
    let file = file.map(|path| TokenSecret::File(path.into()));
    let names = ["token", "sha256", "token_file"];
    let written: Vec<&str> = names.into_iter().filter(|name| section.place(name).is_some()).collect();
    if written.len() != 1 {
        let message = match written.as_slice() {
            [] => "<token> does not say what the token is".to_owned(),
            several => format!("<token> says more than once what the token is: {}", several.join(", ")),
        };
        let span = section.span();
        section.ctx.error("bad-token", span, message).help("write one of `token`, `sha256` and `token_file`");
    }
    text.or(digest).or(file)
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// An empty list of what is allowed would allow everything, which nobody means by it.
fn tags(section: &mut Reader<'_, '_>) -> Vec<String> {
    let Some(written) = section.opt::<String>("tag") else { return Vec::new() };
    let span = section.place("tag").unwrap_or(section.span());
    let tags: Vec<_> = written.split_whitespace().map(str::to_owned).collect();
    if tags.is_empty() || tags.len() > TAG_CHOICES_MAX {
        let message = format!("tag: 1 to {TAG_CHOICES_MAX} patterns are needed");
        section.ctx.error("bad-token", span, message).help("remove `tag` to allow every tag");
    }
    for tag in &tags {
        let pattern = tag.strip_prefix('!').unwrap_or(tag);
        let problem = match TagPattern::parse(pattern) {
            Ok(_) if pattern.is_empty() => "`!` is no pattern".to_owned(),
            Ok(_) => continue,
            Err(error) => error.to_string(),
        };
        section.ctx.error("bad-pattern", span, format!("tag: {problem}"));
    }
    tags
}

fn filter(section: &mut Reader<'_, '_>) -> Option<Expression> {
    let text: String = section.opt("filter")?;
    match Expression::parse(&text) {
        Ok(expression) => Some(expression),
        Err(error) => {
            wrong(section, "filter", &error.to_string(), "docs/filters.md has the language");
            None
        }
    }
}

fn fields(section: &mut Reader<'_, '_>) -> Option<Projection> {
    let names: Vec<String> = section.opt("fields")?;
    match Projection::of(names) {
        Ok(fields) => Some(fields),
        Err(error) => {
            wrong(section, "fields", &error.to_string(), "remove `fields` to allow every field");
            None
        }
    }
}

fn redact(section: &mut Reader<'_, '_>) -> Option<Redaction> {
    let names: Vec<String> = section.opt("redact")?;
    match Redaction::of(names) {
        Ok(redaction) => Some(redaction),
        Err(error) => {
            wrong(section, "redact", &error.to_string(), "remove `redact` to leave every field");
            None
        }
    }
}

fn expires(section: &mut Reader<'_, '_>) -> Option<jiff::Timestamp> {
    let text: String = section.opt("expires")?;
    let time = text.parse();
    if time.is_err() {
        let message = format!("`{text}` is no time");
        wrong(section, "expires", &message, "write one such as `2027-01-31T12:00:00Z`");
    }
    time.ok()
}

fn wrong(section: &mut Reader<'_, '_>, name: &str, problem: &str, help: &str) {
    let span: Span = section.place(name).unwrap_or(section.span());
    section.ctx.error("bad-token", span, format!("{name}: {problem}")).help(help);
}
