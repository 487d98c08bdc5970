//! Signed tokens (JWT, RFC 7519): whose are believed, until when, and what they allow.
//!
//! A token says of itself which key and which algorithm it was signed with. It is only asked which key; that knows
//! its one algorithm. Nothing it says counts before its signature is checked.

pub mod claims;
mod keys;
mod signature;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use fluentcast_config::settings::{Jwt, JwtKey, Secret};
use fluentcast_event::limits::JWT_BYTES_MAX;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::{Map, Value};

use self::claims::Allowed;
use self::keys::Keys;
use super::grants::{Standing, Subjects};

/// Somebody whose signed tokens are believed.
#[derive(Debug)]
pub struct Issuer {
    settings: Jwt,
    keys: RwLock<Arc<Keys>>,
    /// As the file with the keys was when they were read.
    seen: Mutex<Option<Stamp>>,
    /// How many clients each subject has.
    pub(super) subjects: Arc<Subjects>,
}

/// What tells that a file has changed.
type Stamp = (Option<SystemTime>, u64, u64);

/// What a token says that is believed.
#[derive(Debug)]
pub struct Believed {
    /// What its holder may see.
    pub allowed: Allowed,
    /// `exp` and the leeway: from then on it is worth nothing.
    pub expires: SystemTime,
    /// `sub`.
    pub subject: Option<String>,
    /// That of the key.
    pub standing: Standing,
}

/// Why a token is not believed. Only what is told of a sound signature says anything of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// It is longer than [`JWT_BYTES_MAX`].
    #[error("it is longer than {JWT_BYTES_MAX} bytes")]
    TooLong,
    /// It is none, or is signed otherwise.
    #[error("it is not signed with a key that is known here")]
    NotSigned,
    /// `exp` is past.
    #[error("it has expired")]
    Expired,
    /// `nbf` is to come.
    #[error("it is not valid yet (`nbf`)")]
    NotYet,
    /// A claim is missing or wrong.
    #[error("{0}")]
    Claim(String),
}

impl Issuer {
    /// Reads the keys.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn new(settings: &Jwt) -> io::Result<Self> {
        signature::install();
        let seen = jwks(settings).and_then(stamp);
        let keys = Keys::read(&settings.key)?;
        Ok(Self {
            settings: settings.clone(),
            keys: RwLock::new(Arc::new(keys)),
            seen: Mutex::new(seen),
            subjects: Arc::default(),
        })
    }

    /// What it is called.
    pub(super) fn name(&self) -> &str {
        &self.settings.name
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether [`Issuer::look`] has something to look at.
    pub(super) fn may_change(&self) -> bool {
        jwks(&self.settings).is_some()
    }

    /// What a token says, if it is signed by this issuer and valid now.
    ///
    /// # Errors
    /// See [`JwtError`].
    pub fn believe(&self, token: &Secret, now: SystemTime) -> Result<Believed, JwtError> {
        let token = token.expose();
        if token.len() > JWT_BYTES_MAX {
            return Err(JwtError::TooLong);
        }
        let header = decode_header(token).map_err(|_| JwtError::NotSigned)?;
        let keys = self.keys();
        let key = keys.choose(header.kid.as_deref()).ok_or(JwtError::NotSigned)?;
        let claims: Map<String, Value> = decode(token, &key.decoding, &self.validation(key.algorithm))
            .map_err(|error| refusal(error.into_kind()))?
            .claims;
        let expires = self.judge_times(&claims, now)?;
        let name = &self.settings.claim;
        let claim = claims.get(name).ok_or_else(|| {
            JwtError::Claim(format!("the claim `{name}`, which says what it allows, is missing"))
        })?;
        let claim = claim
            .as_object()
            .ok_or_else(|| JwtError::Claim(format!("the claim `{name}` must be an object")))?;
        let allowed = Allowed::read(claim)
            .map_err(|problem| JwtError::Claim(format!("the claim `{name}`: {problem}")))?;
        let subject = match claims.get("sub") {
            None => None,
            Some(Value::String(subject)) => Some(subject.clone()),
            Some(_) => return Err(JwtError::Claim("the claim `sub` must be a text".to_owned())),
        };
        if allowed.connection_limit.is_some() && subject.is_none() {
            let told = format!("the claim `{name}`: `connection_limit` counts by `sub`, which is missing");
            return Err(JwtError::Claim(told));
        }
        Ok(Believed { allowed, expires, subject, standing: key.standing.clone() })
    }

    /// What the library checks: the signature, by one algorithm; who issued it and whom it is for.
    fn validation(&self, algorithm: jsonwebtoken::Algorithm) -> Validation {
        let Jwt { issuers, audiences, .. } = &self.settings;
        let mut validation = Validation::new(algorithm);
        let mut required = vec!["exp"];
        if !issuers.is_empty() {
            validation.set_issuer(issuers);
            required.push("iss");
        }
        if !audiences.is_empty() {
            validation.set_audience(audiences);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        // By the clock that also ends connections.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }

    /// When it is over, if that is still to come and it has begun.
    fn judge_times(&self, claims: &Map<String, Value>, now: SystemTime) -> Result<SystemTime, JwtError> {
        let leeway = self.settings.leeway;
        let expires = moment(claims, "exp")?.and_then(|exp| exp.checked_add(leeway));
        let expires = expires.ok_or_else(|| no_time("exp"))?;
        if expires <= now {
            return Err(JwtError::Expired);
        }
        let begins = moment(claims, "nbf")?;
        if begins.is_some_and(|begins| now.checked_add(leeway).is_none_or(|now| begins > now)) {
            return Err(JwtError::NotYet);
        }
        Ok(expires)
    }

    /// Looks whether the file with the keys has changed, and takes them from it then. Returns whether somebody came
    /// by a key that is gone. An error is told once for each change, and the former keys go on.
    pub(super) fn look(&self) -> io::Result<bool> {
        let Some(path) = jwks(&self.settings) else { return Ok(false) };
        let now = stamp(path);
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == now {
                return Ok(false);
            }
            *seen = now;
        }
        let mut next = Keys::read(&self.settings.key)?;
        let before = self.keys();
        next.inherit(&before);
        let next = Arc::new(next);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&next);
        tracing::info!(issuer = self.name(), path = %path.display(), "read the keys of a <jwt> again");
        Ok(Standing::revoke_those_without(before.standings(), &next.standings().collect::<Vec<_>>()))
    }

    /// Takes over from one with the same settings: who came by a key that both have stands as before.
    pub(super) fn inherit(&mut self, before: &Self) {
        let (ours, theirs) = (&self.settings, &before.settings);
        let same = (&ours.issuers, &ours.audiences, &ours.claim, ours.leeway)
            == (&theirs.issuers, &theirs.audiences, &theirs.claim, theirs.leeway);
        if same && ours.name == theirs.name {
            self.subjects = Arc::clone(&before.subjects);
            let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            // Nobody else has it: it is not in use yet.
            if let Some(keys) = Arc::get_mut(&mut keys) {
                keys.inherit(&before.keys());
            }
        }
    }

    /// The standings of all who could come by its tokens.
    pub(super) fn standings(&self) -> Vec<Standing> {
        self.keys().standings().cloned().collect()
    }
}

/// How many keys a JSON Web Key Set has that are good for something here.
///
/// # Errors
/// When it is none, or has none.
pub fn keys_in_set(json: &[u8]) -> io::Result<usize> {
    Ok(Keys::of_set(json)?.standings().count())
}

/// The file that is looked at again and again.
fn jwks(settings: &Jwt) -> Option<&Path> {
    match &settings.key {
        JwtKey::JwksFile(path) => Some(path),
        _ => None,
    }
}

/// `None` for a file that is not there.
fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok(), metadata.len(), metadata.ino()))
}

fn refusal(error: ErrorKind) -> JwtError {
    let claim = |text: &str| JwtError::Claim(text.to_owned());
    match error {
        ErrorKind::InvalidIssuer => claim("it is by another issuer (`iss`)"),
        ErrorKind::InvalidAudience => claim("it is for another audience (`aud`)"),
        ErrorKind::MissingRequiredClaim(name) | ErrorKind::InvalidClaimFormat(name) => {
            JwtError::Claim(format!("the claim `{name}` is missing or wrong"))
        }
        _ => JwtError::NotSigned,
    }
}

/// A claim that is a time, in seconds; fractions do not count.
fn moment(claims: &Map<String, Value>, name: &str) -> Result<Option<SystemTime>, JwtError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = value.as_u64();
    let seconds = whole
        .map(Duration::from_secs)
        .or_else(|| value.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds.trunc()).ok()));
    let at = seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(seconds));
    at.map(Some).ok_or_else(|| no_time(name))
}

fn no_time(name: &str) -> JwtError {
    JwtError::Claim(format!("the claim `{name}` is no time in seconds"))
}

#[cfg(test)]
mod tests;
