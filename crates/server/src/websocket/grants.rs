//! The tokens of an output: who presents one, and what follows from it.

use std::io::{self, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use fluentcast_config::settings::{Origin, Secret, Token, TokenSecret};
use fluentcast_event::limits::TOKEN_FILE_BYTES_MAX;
use hyper::StatusCode;
use subtle::ConditionallySelectable as _;

use super::admit::Refusal;
use super::digest::Digest;
use super::rights::Rights;
use crate::build::BuildError;
use crate::metrics::Metrics;

/// The tokens of an output. Without any, everybody may watch everything.
#[derive(Debug, Default)]
pub struct Grants {
    grants: Vec<Grant>,
}

/// A token and what it allows.
#[derive(Debug)]
struct Grant {
    digest: Digest,
    rights: Arc<Rights>,
    connection_limit: Option<u32>,
    connected: Arc<AtomicU32>,
    expires: Option<SystemTime>,
}

/// What a client may do.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) rights: Arc<Rights>,
    /// Its connection ends then.
    pub(super) expires: Option<SystemTime>,
    /// Counts it among those with its token.
    pub(super) place: Option<Place>,
}

/// A client among those with the same token, until it is dropped.
#[derive(Debug)]
pub struct Place(Arc<AtomicU32>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Grants {
    /// The tokens of an output, one that allows everything among them, and with those that stand in files.
    ///
    /// # Errors
    /// When a file cannot be read, or holds no token or the token of another section.
    pub fn of(token: Option<&Secret>, tokens: &[Token]) -> Result<Self, BuildError> {
        let mut all = Self::default();
        all.grants.extend(token.map(Grant::of_all));
        for token in tokens {
            let grant = Grant::of(token)?;
            if all.grants.iter().any(|known| known.digest.equals(&grant.digest).into()) {
                let told =
                    "it is the same as another token of this output: who presents it must be one of them";
                return Err(failure(token, io::Error::other(told)));
            }
            all.grants.push(grant);
        }
        Ok(all)
    }

    /// Whether nobody may watch without a token.
    pub(super) fn are_needed(&self) -> bool {
        !self.grants.is_empty()
    }

    /// What a client that presents this may do, which counts as one of its token from now on.
    pub(super) fn grant(
        &self,
        presented: Option<&Secret>,
        now: SystemTime,
        metrics: &Metrics,
    ) -> Result<Granted, Refusal> {
        if !self.are_needed() {
            return Ok(Granted { rights: Arc::default(), expires: None, place: None });
        }
        let refuse = |text: &str| Err((StatusCode::UNAUTHORIZED, text.to_owned()));
        let Some(grant) = presented.and_then(|presented| self.find(presented)) else {
            metrics.websocket_tokens_refused.inc();
            return refuse("This stream needs a token: open it with ?token=... in the URL.");
        };
        if grant.expires.is_some_and(|at| at <= now) {
            metrics.websocket_tokens_refused.inc();
            return refuse("This token has expired: ask for another one.");
        }
        let Some(place) = grant.take_place() else {
            metrics.websocket_tokens_busy.inc();
            let text = "Too many clients with this token (connection_limit of its <token>).".to_owned();
            return Err((StatusCode::SERVICE_UNAVAILABLE, text));
        };
        Ok(Granted { rights: Arc::clone(&grant.rights), expires: grant.expires, place: Some(place) })
    }

    /// The one that was presented. How long that takes does not tell which, or how much of one was right.
    fn find(&self, presented: &Secret) -> Option<&Grant> {
        let presented = Digest::of(presented);
        let mut found = u32::MAX;
        for (index, grant) in (0..).zip(&self.grants) {
            found.conditional_assign(&index, grant.digest.equals(&presented));
        }
        self.grants.get(usize::try_from(found).unwrap_or(usize::MAX))
    }
}

impl Grant {
    fn of_all(token: &Secret) -> Self {
        Self {
            digest: Digest::of(token),
            rights: Arc::default(),
            connection_limit: None,
            connected: Arc::default(),
            expires: None,
        }
    }

    fn of(token: &Token) -> Result<Self, BuildError> {
        let digest = match &token.secret {
            TokenSecret::Text(text) => Digest::of(text),
            TokenSecret::Sha256(digest) => Digest::from_bytes(digest.0),
            TokenSecret::File(path) => Digest::of(&read(path).map_err(|error| failure(token, error))?),
        };
        let rights = Rights::of(token).map_err(|error| failure(token, io::Error::other(error)))?;
        Ok(Self {
            digest,
            rights: Arc::new(rights),
            connection_limit: token.connection_limit,
            connected: Arc::default(),
            expires: token.expires.map(moment),
        })
    }

    fn take_place(&self) -> Option<Place> {
        let limit = self.connection_limit.unwrap_or(u32::MAX);
        let more = |now: u32| (now < limit).then_some(now + 1);
        self.connected.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()?;
        Some(Place(Arc::clone(&self.connected)))
    }
}

/// To the second; what was before 1970 is past all the same.
fn moment(time: jiff::Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0))
}

/// What a `token_file` holds.
fn read(path: &std::path::Path) -> io::Result<Secret> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(TOKEN_FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > TOKEN_FILE_BYTES_MAX {
        return Err(io::Error::other(format!(
            "it is longer than {TOKEN_FILE_BYTES_MAX} bytes: that is no token"
        )));
    }
    match text.trim() {
        "" => Err(io::Error::other("it is empty: write the token into it")),
        token => Ok(Secret::new(token.to_owned())),
    }
}

fn failure(token: &Token, error: io::Error) -> BuildError {
    let origin: Origin = token.origin.clone();
    let what = match &token.secret {
        TokenSecret::File(path) => format!("cannot use the token `{}` in {}", token.name, path.display()),
        _ => format!("cannot use the token `{}`", token.name),
    };
    BuildError { origin, what, error }
}

#[cfg(test)]
mod tests;
