//! How many clients there are with one token, or of one subject.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who somebody is, as the digest of the name: however long that is, it costs no more.
pub(super) type Subject = [u8; 32];

/// A client among those with the same token, or of the same subject, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Kind);

#[derive(Debug)]
enum Kind {
    Token(Arc<AtomicU32>),
    Subject(Arc<Subjects>, Subject),
}

/// The subjects of an issuer that have clients, and how many: no more of them than clients.
#[derive(Debug, Default)]
pub(crate) struct Subjects {
    connected: Mutex<HashMap<Subject, u32>>,
}

impl Subjects {
    fn connected(&self) -> MutexGuard<'_, HashMap<Subject, u32>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// One more with this token, if that stays within the limit. Who `held` one there is not one more.
    pub(super) fn of_token(connected: &Arc<AtomicU32>, limit: u32, held: Option<&Self>) -> Option<Self> {
        let is_held =
            held.is_some_and(|held| matches!(&held.0, Kind::Token(of) if Arc::ptr_eq(of, connected)));
        let limit = if is_held { limit.saturating_add(1) } else { limit };
        let more = |now: u32| (now < limit).then_some(now + 1);
        connected.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()?;
        Some(Self(Kind::Token(Arc::clone(connected))))
    }

    /// One more of this subject, likewise.
    pub(super) fn of_subject(
        subjects: &Arc<Subjects>,
        subject: Subject,
        limit: u32,
        held: Option<&Self>,
    ) -> Option<Self> {
        let is_held = held.is_some_and(
            |held| matches!(&held.0, Kind::Subject(of, who) if Arc::ptr_eq(of, subjects) && *who == subject),
        );
        let limit = if is_held { limit.saturating_add(1) } else { limit };
        let mut connected = subjects.connected();
        let now = connected.get(&subject).copied().unwrap_or(0);
        if now >= limit {
            return None;
        }
        connected.insert(subject, now + 1);
        drop(connected);
        Some(Self(Kind::Subject(Arc::clone(subjects), subject)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        match &self.0 {
            Kind::Token(connected) => _ = connected.fetch_sub(1, Ordering::SeqCst),
            Kind::Subject(subjects, subject) => {
                let mut connected = subjects.connected();
                if let Some(count) = connected.get_mut(subject) {
                    *count -= 1;
                    if *count == 0 {
                        connected.remove(subject);
                    }
                    if connected.is_empty() {
                        // A table keeps its room, however little is in it.
                        *connected = HashMap::new();
                    }
                }
            }
        }
    }
}
