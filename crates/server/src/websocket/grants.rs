//! The tokens of an output: who presents one, and what follows from it.
//!
//! Who may watch can change while clients are connected ([`Grants::replace`], a changed `jwks_file`, a renewed
//! token). Each client holds the [`Standing`] of what it came by; who takes that away marks it, and wakes the workers
//! to look.

mod places;

use std::io::{self, Read as _};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use fluentcast_config::settings::{Jwt, Origin, Secret, Token, TokenSecret};
use fluentcast_event::limits::TOKEN_FILE_BYTES_MAX;
use hyper::StatusCode;
use subtle::ConditionallySelectable as _;

use super::admit::Refusal;
use super::digest::Digest;
use super::jwt::{Believed, Issuer, JwtError};
use super::rights::Rights;
use super::worker::WorkerPool;
use crate::build::BuildError;
use crate::metrics::Metrics;

pub(super) use places::{Place, Subjects};

/// Who may watch an output. Without tokens and issuers everybody may watch everything.
#[derive(Debug, Default)]
pub struct Grants {
    set: RwLock<Arc<Set>>,
}

/// All of them at one moment.
#[derive(Debug, Default)]
struct Set {
    tokens: Vec<Grant>,
    issuers: Vec<Issuer>,
    /// Of those who came while no token was needed.
    open: Standing,
}

/// A token and what it allows.
#[derive(Debug)]
struct Grant {
    digest: Digest,
    rights: Arc<Rights>,
    connection_limit: Option<u32>,
    connected: Arc<AtomicU32>,
    expires: Option<SystemTime>,
    standing: Standing,
}

/// Whether what a client came by still counts.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    revoked: Arc<AtomicBool>,
}

/// What a client may do.
#[derive(Debug)]
pub struct Granted {
    pub(super) rights: Arc<Rights>,
    /// Its connection ends then.
    pub(super) expires: Option<SystemTime>,
    /// Counts it among those with its token.
    pub(super) place: Option<Place>,
    /// Its connection ends when this is revoked.
    pub(super) standing: Standing,
}

impl Granted {
    /// Everything, for ever: what nobody needs a token for.
    #[must_use]
    pub fn everything() -> Self {
        Self { rights: Arc::default(), expires: None, place: None, standing: Standing::default() }
    }

    /// Whole seconds until it ends, if it does.
    pub(super) fn seconds_left(&self, now: SystemTime) -> Option<u64> {
        self.expires.map(|at| at.duration_since(now).unwrap_or_default().as_secs())
    }
}

impl Standing {
    /// Whether it was taken away.
    pub(super) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::SeqCst)
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.revoked, &other.revoked)
    }

    /// Revokes those that are not among these; returns whether there are any.
    pub(super) fn revoke_those_without<'a>(
        before: impl IntoIterator<Item = &'a Self>,
        kept: &[&Self],
    ) -> bool {
        let mut any = false;
        for standing in before {
            if !kept.iter().any(|kept| kept.is(standing)) {
                standing.revoked.store(true, Ordering::SeqCst);
                any = true;
            }
        }
        any
    }
}

impl Grants {
    /// The tokens of an output, one that allows everything among them, and with those that stand in files; and those
    /// whose signed tokens open it.
    ///
    /// # Errors
    /// When a file cannot be read, holds no token or key, or the token of another section.
    pub fn of(token: Option<&Secret>, tokens: &[Token], jwts: &[Jwt]) -> Result<Self, BuildError> {
        let mut set = Set::default();
        set.tokens.extend(token.map(Grant::of_all));
        for token in tokens {
            let grant = Grant::of(token)?;
            if set.tokens.iter().any(|known| known.digest.equals(&grant.digest).into()) {
                let told =
                    "it is the same as another token of this output: who presents it must be one of them";
                return Err(failure(token, io::Error::other(told)));
            }
            set.tokens.push(grant);
        }
        for jwt in jwts {
            set.issuers.push(Issuer::new(jwt).map_err(|error| BuildError {
                origin: jwt.origin.clone(),
                what: format!("cannot use the keys of <jwt> `{}`", jwt.name),
                error,
            })?);
        }
        Ok(Self { set: RwLock::new(Arc::new(set)) })
    }

    fn set(&self) -> Arc<Set> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether nobody may watch without a token.
    pub(super) fn are_needed(&self) -> bool {
        self.set().are_needed()
    }

    /// Whether some of them must be looked at from time to time: [`Grants::look`].
    pub(super) fn may_change(&self) -> bool {
        self.set().issuers.iter().any(Issuer::may_change)
    }

    /// What a client that presents this may do, which counts as one of its token from now on. One that renews holds a
    /// place already, which it gives back then.
    pub(super) fn grant(
        &self,
        presented: Option<&Secret>,
        held: Option<&Place>,
        now: SystemTime,
        metrics: &Metrics,
    ) -> Result<Granted, Refusal> {
        let set = self.set();
        if !set.are_needed() {
            return Ok(Granted { standing: set.open.clone(), ..Granted::everything() });
        }
        let granted = match presented {
            None => Err((StatusCode::UNAUTHORIZED, NEEDED.to_owned())),
            Some(presented) => match set.find(presented) {
                Some(grant) => grant.granted(held, now),
                None => set.believed(presented, held, now),
            },
        };
        granted.inspect_err(|(status, _)| match *status {
            StatusCode::SERVICE_UNAVAILABLE => _ = metrics.websocket_tokens_busy.inc(),
            _ => _ = metrics.websocket_tokens_refused.inc(),
        })
    }

    /// Takes these instead, at once and for everybody: clients whose token is gone, or allows something else now (a
    /// JWT: whose key, issuer or audience did), are closed with 3000; those whose token stays as it was go on
    /// undisturbed, and count against a changed `connection_limit`. Where no token was needed before and one is now,
    /// everybody is closed. `next` is new and used nowhere else; it must have been made ([`Grants::of`]) before
    /// anything is changed, as that is what fails.
    pub fn replace(&self, next: Self, pool: &WorkerPool) {
        let Ok(mut next) = Arc::try_unwrap(next.set.into_inner().unwrap_or_else(PoisonError::into_inner))
        else {
            debug_assert!(false, "these are in use already");
            return;
        };
        let before = {
            let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
            next.inherit(&set);
            std::mem::replace(&mut *set, Arc::new(next))
        };
        let now = self.set();
        if Standing::revoke_those_without(&before.standings(), &now.standings().iter().collect::<Vec<_>>()) {
            pool.judge_again();
        }
    }

    /// Looks whether files with keys have changed, and closes who came by one that is gone. May block.
    pub(super) fn look(&self, pool: &WorkerPool, metrics: &Metrics) {
        let mut anybody = false;
        for issuer in &self.set().issuers {
            match issuer.look() {
                Ok(gone) => anybody |= gone,
                Err(error) => {
                    metrics.websocket_jwks_unreadable.inc();
                    tracing::error!(
                        issuer = issuer.name(),
                        %error,
                        "the changed `jwks_file` of a <jwt> cannot be used; the keys it had before go on"
                    );
                }
            }
        }
        if anybody {
            pool.judge_again();
        }
    }
}

const NEEDED: &str = "This stream needs a token: open it with ?token=... in the URL.";

impl Set {
    fn are_needed(&self) -> bool {
        !self.tokens.is_empty() || !self.issuers.is_empty()
    }

    /// The one that was presented. How long that takes does not tell which, or how much of one was right.
    fn find(&self, presented: &Secret) -> Option<&Grant> {
        let presented = Digest::of(presented);
        let mut found = u32::MAX;
        for (index, grant) in (0..).zip(&self.tokens) {
            found.conditional_assign(&index, grant.digest.equals(&presented));
        }
        self.tokens.get(usize::try_from(found).unwrap_or(usize::MAX))
    }

    /// What a signed token allows, by whoever has signed it.
    fn believed(&self, token: &Secret, held: Option<&Place>, now: SystemTime) -> Result<Granted, Refusal> {
        let mut refused = None;
        // Others would not be tried for it.
        if token.expose().split('.').count() == 3 {
            for issuer in &self.issuers {
                match issuer.believe(token, now) {
                    Ok(believed) => return believed.granted(issuer, held),
                    // What is wrong with a sound signature says more than that it is none of the others'.
                    Err(error) => {
                        refused = Some(refused.filter(|known| *known != JwtError::NotSigned).unwrap_or(error))
                    }
                }
            }
        }
        let told =
            refused.map_or_else(|| NEEDED.to_owned(), |error| format!("This token cannot be used: {error}."));
        Err((StatusCode::UNAUTHORIZED, told))
    }

    /// Takes over from another what both have.
    fn inherit(&mut self, before: &Self) {
        for grant in &mut self.tokens {
            let same = before.tokens.iter().find(|known| known.digest.equals(&grant.digest).into());
            if let Some(same) = same {
                grant.connected = Arc::clone(&same.connected);
                if same.rights == grant.rights && same.expires == grant.expires {
                    grant.standing = same.standing.clone();
                }
            }
        }
        for issuer in &mut self.issuers {
            before.issuers.iter().for_each(|known| issuer.inherit(known));
        }
        if !self.are_needed() && !before.are_needed() {
            self.open = before.open.clone();
        }
    }

    /// All that somebody may have come by.
    fn standings(&self) -> Vec<Standing> {
        let tokens = self.tokens.iter().map(|grant| grant.standing.clone());
        let issuers = self.issuers.iter().flat_map(Issuer::standings);
        tokens.chain(issuers).chain([self.open.clone()]).collect()
    }
}

impl Believed {
    fn granted(self, issuer: &Issuer, held: Option<&Place>) -> Result<Granted, Refusal> {
        let Self { allowed, expires, subject, standing } = self;
        let limit = allowed.connection_limit.unwrap_or(u32::MAX);
        let place = match subject {
            None => None,
            Some(subject) => {
                let subject = Digest::of(&Secret::new(subject)).into_bytes();
                let place = Place::of_subject(&issuer.subjects, subject, limit, held);
                let told = "Too many clients of this subject (connection_limit of its token).";
                Some(place.ok_or_else(|| (StatusCode::SERVICE_UNAVAILABLE, told.to_owned()))?)
            }
        };
        Ok(Granted { rights: Arc::new(allowed.rights), expires: Some(expires), place, standing })
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
            standing: Standing::default(),
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
            standing: Standing::default(),
        })
    }

    fn granted(&self, held: Option<&Place>, now: SystemTime) -> Result<Granted, Refusal> {
        if self.expires.is_some_and(|at| at <= now) {
            let told = "This token has expired: ask for another one.";
            return Err((StatusCode::UNAUTHORIZED, told.to_owned()));
        }
        let limit = self.connection_limit.unwrap_or(u32::MAX);
        let Some(place) = Place::of_token(&self.connected, limit, held) else {
            let told = "Too many clients with this token (connection_limit of its <token>).";
            return Err((StatusCode::SERVICE_UNAVAILABLE, told.to_owned()));
        };
        Ok(Granted {
            rights: Arc::clone(&self.rights),
            expires: self.expires,
            place: Some(place),
            standing: self.standing.clone(),
        })
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
