//! `<jwt>`: whose signed tokens are believed. Files are read when the output is built.

use fluentcast_event::limits::{JWT_SECRET_BYTES_MIN, JWTS_MAX};

use super::super::super::reader::Reader;
use crate::parameters::output::websocket::JWT;
use crate::settings::{Jwt, JwtKey, Secret};

/// Reads every `<jwt>`.
pub(super) fn read(output: &mut Reader<'_, '_>) -> Vec<Jwt> {
    let mut jwts: Vec<Jwt> = Vec::new();
    for element in output.children("jwt") {
        let mut section = Reader::new(output.ctx, &JWT, element);
        let jwt = one(&mut section);
        let span = section.span();
        section.finish();
        let Some(jwt) = jwt else { continue };
        if let Some(first) = jwts.iter().find(|known| known.name == jwt.name) {
            let message = format!("<jwt>: `{}` has the name of the one at {}", jwt.name, first.origin);
            output.ctx.error("jwt-twice", span, message).help("give each another name");
        } else if jwts.len() == JWTS_MAX {
            let message = format!("more than {JWTS_MAX} <jwt> sections");
            output
                .ctx
                .error("out-of-range", span, message)
                .help("put keys that allow the same into one `jwks_file`");
            break;
        }
        jwts.push(jwt);
    }
    jwts
}

/// One of them, unless its name or its key is missing.
fn one(section: &mut Reader<'_, '_>) -> Option<Jwt> {
    let name = super::token::name(section, "bad-jwt");
    let key = key(section);
    let (issuers, audiences) = (names(section, "issuer"), names(section, "audience"));
    let claim: String = section.get("claim");
    if claim.is_empty() {
        let span = section.place("claim").unwrap_or(section.span());
        section
            .ctx
            .error("bad-jwt", span, "claim: a name is needed")
            .help("remove the line for `fluentcast`");
    }
    let leeway = section.get("leeway");
    let origin = section.ctx.origin(section.span());
    Some(Jwt { name: name?, key: key?, issuers, audiences, claim, leeway, origin })
}

fn key(section: &mut Reader<'_, '_>) -> Option<JwtKey> {
    let secret = section.secret("secret").inspect(|secret| long_enough(section, secret));
    let mut file = |name| section.opt::<String>(name).map(std::path::PathBuf::from);
    let (secret_file, public_key_file, jwks_file) =
        (file("secret_file"), file("public_key_file"), file("jwks_file"));
    let names = ["secret", "secret_file", "public_key_file", "jwks_file"];
    let written: Vec<&str> = names.into_iter().filter(|name| section.place(name).is_some()).collect();
    if written.len() != 1 {
        let message = match written.as_slice() {
            [] => "<jwt> does not say how a token is signed".to_owned(),
            several => format!("<jwt> says more than once how a token is signed: {}", several.join(", ")),
        };
        let span = section.span();
        section.ctx.error("bad-jwt", span, message).help(
            "write one of `secret`, `secret_file`, `public_key_file` and `jwks_file`; a second <jwt> takes another",
        );
    }
    secret
        .map(JwtKey::Secret)
        .or(secret_file.map(JwtKey::SecretFile))
        .or(public_key_file.map(JwtKey::PublicKeyFile))
        .or(jwks_file.map(JwtKey::JwksFile))
}

fn long_enough(section: &mut Reader<'_, '_>, secret: &Secret) {
    let bytes = secret.expose().len();
    if (1..JWT_SECRET_BYTES_MIN).contains(&bytes) {
        let span = section.place("secret").unwrap_or(section.span());
        let message = format!("secret: less than {JWT_SECRET_BYTES_MIN} bytes can be found by trying");
        section.ctx.error("bad-jwt", span, message).help("make one: `openssl rand -hex 32`");
    }
}

/// An empty list would be one that nobody is on, which nobody means by it.
fn names(section: &mut Reader<'_, '_>, name: &'static str) -> Vec<String> {
    let Some(names) = section.opt::<Vec<String>>(name) else { return Vec::new() };
    if names.is_empty() || names.iter().any(String::is_empty) {
        let span = section.place(name).unwrap_or(section.span());
        section
            .ctx
            .error("bad-jwt", span, format!("{name}: a name is missing"))
            .help("write them with one comma between two, or remove the line");
    }
    names
}
